"""Who was made from whom, and where the money went: as Mermaid, as a picture, and in words."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from eth_utils import to_checksum_address

from anacostia_blockchain._extras import require

if TYPE_CHECKING:
    from anacostia_blockchain.client import Anacostia
    from anacostia_blockchain.licensing.base import Licensing
    from anacostia_blockchain.types import Address


_EVENTS = {"sale": "LicensesSold", "royalty": "RoyaltyMoved", "claim": "Claimed"}


@dataclass(frozen=True, slots=True)
class Edge:
    """A parent's share of a derivative's revenue."""

    parent: int
    child: int
    share_bps: int
    relation: str


@dataclass(frozen=True, slots=True)
class Graph:
    """Models by number, each after its parents, with what they owe.

    Attributes:
        names: by model.
    """

    names: Mapping[int, str]
    edges: tuple[Edge, ...]


@dataclass(frozen=True, slots=True)
class Payment:
    """One movement of money, as the contract's events tell it.

    Attributes:
        kind: "sale", "royalty" or "claim".
        model: that earned; None for a claim.
        source: model that a royalty came from; None otherwise.
        payer: who paid; None where it was the contract.
        receiver: whose it is from then on.
        asset: what it is in.
    """

    kind: str
    model: int | None
    source: int | None
    payer: Address | None
    receiver: Address
    asset: Address
    amount: int


def lineage(
    hub: Anacostia, models: Iterable[str | int], licensing: Licensing | None = None
) -> Graph:
    """The models, and everything above them under a licence.

    Args:
        hub: that knows their names.
        models: to begin with.
        licensing: the backend that knows the licences; None: our own.
    """
    known = licensing or hub.licenses
    names: dict[int, str] = {}
    edges: list[Edge] = []
    waiting = [hub.models.resolve(model)[0] for model in models]
    while waiting:
        model_id = waiting.pop(0)
        if model_id in names:
            continue
        names[model_id] = hub.models.get(model_id).name
        for parent in known.parents(model_id):
            relation = parent.relation.name.lower().replace("_", "-")
            edges.append(Edge(parent.model_id, model_id, parent.share_bps, relation))
            waiting.append(parent.model_id)
    ranks = _ranks(names, edges)
    ordered = sorted(names, key=lambda model_id: (ranks[model_id], model_id))
    by_child = sorted(edges, key=lambda edge: (edge.child, edge.parent))
    return Graph({model_id: names[model_id] for model_id in ordered}, tuple(by_child))


def mermaid(graph: Graph) -> str:
    """A Mermaid flowchart; names need no escaping, as the registry allows no such characters."""
    lines = ["flowchart TD"]
    lines += [f'    m{model_id}["{name}"]' for model_id, name in graph.names.items()]
    lines += [
        f'    m{edge.parent} -->|"{edge.relation}, {edge.share_bps / 100:g} %"| m{edge.child}'
        for edge in graph.edges
    ]
    return "\n".join(lines) + "\n"


def draw(graph: Graph, path: Path) -> Path:
    """Draw it as a picture, in the format that the file's name ends with.

    Raises:
        ConfigError: matplotlib is not installed.
    """
    require("plot", "matplotlib")
    from matplotlib.figure import Figure  # noqa: PLC0415 - an extra; no window is opened

    places = _places(graph)
    width = 3.0 * max((x for x, _ in places.values()), default=0) + 4
    height = 1.6 * max((-y for _, y in places.values()), default=0) + 2
    figure = Figure(figsize=(width, height))
    axes = figure.add_axes((0, 0, 1, 1))
    axes.set_axis_off()
    axes.margins(0.18)
    box = {"boxstyle": "round,pad=0.5", "facecolor": "#e8f0fe", "edgecolor": "#335"}
    for edge in graph.edges:
        (x, y), (to_x, to_y) = places[edge.parent], places[edge.child]
        arrow = {"arrowstyle": "-|>", "color": "#667", "shrinkA": 30, "shrinkB": 30}
        axes.annotate("", (to_x, to_y), (x, y), arrowprops=arrow)
        label = f"{edge.relation}\n{edge.share_bps / 100:g} %"
        axes.text(
            (x + to_x) / 2,
            (y + to_y) / 2,
            label,
            ha="center",
            va="center",
            fontsize=8,
            bbox={"facecolor": "white", "edgecolor": "none", "pad": 1},
        )
    for model_id, (x, y) in places.items():
        axes.plot(x, y, alpha=0)
        axes.text(x, y, f"{graph.names[model_id]}\n#{model_id}", ha="center", va="center", bbox=box)
    path.parent.mkdir(parents=True, exist_ok=True)
    figure.savefig(path, dpi=120)
    return path


def payments(hub: Anacostia, models: Iterable[int], *, since: int = 0) -> list[Payment]:
    """Sales of licences, royalties and claims in the order in which they happened.

    Args:
        hub: a connection.
        models: whose sales and royalties; claims are not of any one model.
        since: first block that counts.
    """
    wanted, found = set(models), []
    for kind, event in (
        ("sale", "LicensesSold"),
        ("royalty", "RoyaltyMoved"),
        ("claim", "Claimed"),
    ):
        for log in hub.licensing.logs(event):
            if log.block_number >= since:
                payment = _payment(kind, log.values)
                if payment.model is None or payment.model in wanted:
                    found.append(((log.block_number, log.log_index), payment))
    return [payment for _where, payment in sorted(found, key=lambda item: item[0])]


def _payment(kind: str, values: Mapping[str, object]) -> Payment:
    def address(name: str) -> Address:
        return str(to_checksum_address(str(values[name])))

    model, source, payer, receiver = {
        "sale": ("modelId", None, "buyer", "seller"),
        "royalty": ("parentId", "childId", None, "owner"),
        "claim": (None, None, None, "account"),
    }[kind]
    return Payment(
        kind=kind,
        model=None if model is None else int(str(values[model])),
        source=None if source is None else int(str(values[source])),
        payer=None if payer is None else address(payer),
        receiver=address(receiver),
        asset=address("asset"),
        amount=int(str(values["amount"])),
    )


def _ranks(names: Iterable[int], edges: Iterable[Edge]) -> dict[int, int]:
    """Longest way down from a model without parents; the graph has no cycles."""
    ranks, edges = dict.fromkeys(names, 0), list(edges)
    for _ in range(len(ranks)):
        for edge in edges:
            ranks[edge.child] = max(ranks[edge.child], ranks[edge.parent] + 1)
    return ranks


def _places(graph: Graph) -> dict[int, tuple[float, float]]:
    """A row for each generation, centred."""
    ranks = _ranks(graph.names, graph.edges)
    rows: dict[int, list[int]] = {}
    for model_id in graph.names:
        rows.setdefault(ranks[model_id], []).append(model_id)
    widest = max(map(len, rows.values()), default=0)
    return {
        model_id: ((widest - len(row)) / 2 + column, float(-rank))
        for rank, row in rows.items()
        for column, model_id in enumerate(row)
    }
