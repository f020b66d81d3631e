"""A model, two derivatives, their merge, one sale, and everybody upstream paid.

    python -m anacostia_blockchain.examples.royalties

Alice trains a classifier of handwritten digits. Bob and Carol license it and train it further,
each on other digits; Dave licenses both and averages their weights; Eve buys a licence of the
result. All of it happens on a chain of its own, which ends with the example.
"""

from __future__ import annotations

import tempfile
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from anacostia_blockchain.client import Anacostia
from anacostia_blockchain.licensing.graph import Payment, draw, lineage, mermaid, payments
from anacostia_blockchain.licensing.terms import commercial_remix
from anacostia_blockchain.licensing.values import Price
from anacostia_blockchain.testing import LocalChain
from anacostia_blockchain.types import ModelVersion, Parent, Relation

if TYPE_CHECKING:
    from anacostia_blockchain.licensing.base import Licensing

TERMS = commercial_remix(royalty_bps=1000)
"""Derivatives under the same terms; a tenth of what they earn goes up."""

COIN = 10**18
_OWNERS = (("merge", "dave"), ("bob", "bob"), ("carol", "carol"), ("base", "alice"))
"""Models with who made them, youngest first: in that order the money goes up."""

PEOPLE = ("alice", "bob", "carol", "dave", "eve")


@dataclass(frozen=True, slots=True)
class Outcome:
    """What came of it.

    Attributes:
        accuracy: of each model on images that none of them saw.
        flow: every movement of money, in order.
        paid: what each person claimed in the end, in wei.
    """

    accuracy: Mapping[str, float]
    flow: Sequence[Payment]
    paid: Mapping[str, int]
    mermaid: str
    picture: Path


def main() -> None:
    """Run it, and leave the pictures in `royalties/`."""
    with LocalChain() as local, tempfile.TemporaryDirectory() as folder:
        deployment = local.deploy()
        hubs = {
            person: Anacostia(local.chain(account), deployment, home=Path(folder) / person)
            for account, person in enumerate(PEOPLE)
        }
        run(hubs, Path("royalties"))


def run(
    hubs: Mapping[str, Anacostia],
    target: Path,
    *,
    say: Callable[[str], None] = print,
    on_story: bool = False,
) -> Outcome:
    """Do all of it with the connections of five people.

    Args:
        hubs: by the names in `PEOPLE`.
        target: folder for the plot of the lineage, as PNG and as Mermaid.
        say: prints a line.
        on_story: licences through Story Protocol instead of our own contracts. There a share is one
            of every descendant's revenue, not of the next one's; what each is paid is said, not
            each movement on the way.
    """
    models, accuracy = _make_models(hubs, target)
    say("accuracy  " + ", ".join(f"{name} {value:.3f}" for name, value in accuracy.items()))
    ids = {name: version.model_id for name, version in models.items()}
    before = hubs["eve"].chain.block_number()
    backends: dict[str, Licensing] = {
        name: hub.story if on_story else hub.licenses for name, hub in hubs.items()
    }
    _license(backends, ids)
    paid = {person: backends[person].collect([ids[name]]) for name, person in _OWNERS}
    graph = lineage(hubs["eve"], [ids["merge"]], backends["eve"])
    flow = [] if on_story else payments(hubs["eve"], ids.values(), since=before)
    if on_story:
        for person, amount in paid.items():
            say(f"claim     {amount / COIN:6.3f}  {person} is paid")
    else:
        _tell(flow, graph.names, {str(hub.address): name for name, hub in hubs.items()}, say)
    target.mkdir(parents=True, exist_ok=True)
    chart = mermaid(graph)
    (target / "lineage.mmd").write_text(chart)
    picture = draw(graph, target / "lineage.png")
    say(f"lineage   {picture} and {target / 'lineage.mmd'}")
    return Outcome(accuracy, flow, paid, chart, picture)


def _license(licenses: Mapping[str, Licensing], ids: Mapping[str, int]) -> None:
    """The part that any backend of licensing can do."""
    licenses["alice"].offer(ids["base"], TERMS, Price.native(COIN // 10))
    for person in ("bob", "carol"):
        licenses[person].derive(ids[person], licenses[person].buy(ids["base"]))
        licenses[person].offer(ids[person], TERMS, Price.native(COIN // 5))
    both = [licenses["dave"].buy(ids[person])[0] for person in ("bob", "carol")]
    licenses["dave"].derive(ids["merge"], both)
    licenses["dave"].offer(ids["merge"], TERMS, Price.native(COIN))
    licenses["eve"].buy(ids["merge"])


def _make_models(
    hubs: Mapping[str, Anacostia], target: Path
) -> tuple[dict[str, ModelVersion], dict[str, float]]:
    """Train, publish with lineage, and score."""
    import numpy as np  # noqa: PLC0415 - an extra
    from sklearn.datasets import load_digits  # noqa: PLC0415 - loads scikit-learn

    images, labels = load_digits(return_X_y=True)
    table = np.column_stack([images / 16, np.ones(len(images))])
    order = np.random.default_rng(0).permutation(len(table))
    first, left, right, unseen = np.split(order, [300, 800, 1300])

    weights = {"base": _train(np.zeros((65, 10)), table[first], labels[first])}
    for person, part in (("bob", left), ("carol", right)):
        weights[person] = _train(weights["base"], table[part], labels[part])
    weights["merge"] = (weights["bob"] + weights["carol"]) / 2

    versions: dict[str, ModelVersion] = {}
    for name, person, parents, relation in (
        ("base", "alice", (), Relation.REVISION),
        ("bob", "bob", ("base",), Relation.FINETUNE),
        ("carol", "carol", ("base",), Relation.FINETUNE),
        ("merge", "dave", ("bob", "carol"), Relation.MERGE),
    ):
        edges = [Parent(versions[p].model_id, versions[p].version, relation) for p in parents]
        versions[name] = _publish(hubs[person], name, weights[name], edges, target)
    scores = {
        name: float((np.argmax(table[unseen] @ w, axis=1) == labels[unseen]).mean())
        for name, w in weights.items()
    }
    return versions, scores


def _train(weights: Any, table: Any, labels: Any) -> Any:  # noqa: ANN401 - arrays of an extra
    """Softmax regression by gradient descent, from given weights."""
    import numpy as np  # noqa: PLC0415 - loads numpy

    wanted = np.eye(10)[labels]
    for _ in range(300):
        scores = table @ weights
        odds = np.exp(scores - scores.max(axis=1, keepdims=True))
        error = odds / odds.sum(axis=1, keepdims=True) - wanted
        weights = weights - 0.5 * table.T @ error / len(table)
    return weights


def _publish(
    hub: Anacostia,
    name: str,
    weights: Any,  # noqa: ANN401 - an array: numpy is an extra
    parents: Sequence[Parent],
    target: Path,
) -> ModelVersion:
    from safetensors.numpy import save_file  # noqa: PLC0415 - an extra

    folder = target / "models" / name
    folder.mkdir(parents=True, exist_ok=True)
    save_file({"weights": weights.astype("float32")}, folder / "digits.safetensors")
    return hub.models.publish(folder, f"digits-{name}", parents=parents)


def _tell(
    flow: Sequence[Payment],
    names: Mapping[int, str],
    people: Mapping[str, str],
    say: Callable[[str], None],
) -> None:
    """The flow of money, a line for each movement, and whether all of it is accounted for."""
    for payment in flow:
        amount, receiver = f"{payment.amount / COIN:6.3f}", people[payment.receiver]
        if payment.kind == "sale":
            what = f"{people[str(payment.payer)]} buys a licence of {names[payment.model or 0]}"
            say(f"sale      {amount}  {what} from {receiver}")
        elif payment.kind == "royalty":
            source, model = names[payment.source or 0], names[payment.model or 0]
            say(f"royalty   {amount}  {source} to {model}, which is {receiver}'s")
        else:
            say(f"claim     {amount}  {receiver} is paid")
    came = sum(p.amount for p in flow if p.kind == "sale")
    went = sum(p.amount for p in flow if p.kind == "claim")
    say(f"in        {came / COIN:6.3f}\nout       {went / COIN:6.3f}")


if __name__ == "__main__":
    main()
