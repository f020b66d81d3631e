"""`anacostia promote`: aliases that move only to versions that satisfy a policy."""

from __future__ import annotations

import sys
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import click

from anacostia_blockchain.cli import Session, session
from anacostia_blockchain.cli.attest import uid_of
from anacostia_blockchain.cli.output import as_data, tick
from anacostia_blockchain.cli.values import span

if TYPE_CHECKING:
    from anacostia_blockchain.client import Anacostia
    from anacostia_blockchain.promotion.promotions import Proposed
    from anacostia_blockchain.promotion.values import Policy

_PRESETS = ("reviewed", "shadow")


@click.group()
def promote() -> None:
    """Aliases that move only to versions that satisfy a policy."""


@promote.command()
@click.argument("model")
@click.argument("alias")
@click.option(
    "--preset",
    type=click.Choice(_PRESETS),
    help="reviewed: reviewers approve, and an evaluator attests a metric; shadow: a delay alone.",
)
@click.option("--reviewer", "reviewers", multiple=True, help="Account; repeatable.")
@click.option("--quorum", default=2, show_default=True, help="How many reviewers approve.")
@click.option("--evaluator", "evaluators", multiple=True, help="Account; repeatable.")
@click.option("--metric", default="accuracy", show_default=True)
@click.option("--dataset", help="That it is over: a registered version such as mnist@2, or a CID.")
@click.option("--floor", help="Lowest value that will do.")
@click.option("--ceiling", help="Highest value that will do.")
@click.option("--delay", type=span, default="1d", show_default=True, help="Before it is executed.")
@click.option("--notice", type=span, default="7d", show_default=True, help="Before it is loosened.")
@click.option("--licensed-parents", is_flag=True, help="What it descends from is licensed.")
@click.option("--publishers", is_flag=True, help="Publishers may propose, beside the owner.")
@session
def policy(session: Session, /, model: str, alias: str, **options: Any) -> None:  # noqa: ANN401 - click's options
    """Show ALIAS's policy; with --preset, set it: a looser one only after the notice."""
    hub = session.connect()
    if options["preset"] is None:
        _show_policy(session, hub, model, alias)
        return
    effective_at = hub.promotions.set_policy(model, alias, _policy(hub, options))
    _show_effect(session, hub, model, alias, "in force", effective_at)


@promote.command()
@click.argument("model")
@click.argument("alias")
@click.option("--gate", help="The gate after this one.  [default: none; the owner moves it]")
@session
def release(session: Session, model: str, alias: str, gate: str | None) -> None:
    """Let go of ALIAS, after the notice; say so again then."""
    hub = session.connect()
    effective_at = hub.promotions.release(model, alias, gate)
    _show_effect(session, hub, model, alias, "released", effective_at)


@promote.command()
@click.argument("model")
@click.argument("alias")
@click.option("--uid", "uids", multiple=True, help="Attestations.  [default: those that count]")
@session
def propose(session: Session, model: str, alias: str, uids: tuple[str, ...]) -> None:
    """Propose to move ALIAS to MODEL@version."""
    hub = session.connect()
    chosen = [uid_of(uid) for uid in uids] or None
    proposed = hub.promotions.propose(model, alias, chosen)
    text = f"{model} is proposed; it can be executed from {proposed.executable_at} on"
    session.output.result(as_data(proposed), text)


@promote.command()
@click.argument("model")
@click.argument("alias")
@session
def execute(session: Session, model: str, alias: str) -> None:
    """Move ALIAS to MODEL@version, as you have proposed."""
    proposed = session.connect().promotions.execute(model, alias)
    session.output.result(as_data(proposed), f"{alias} is version {proposed.version}")


@promote.command()
@click.argument("model")
@click.argument("alias")
@session
def cancel(session: Session, model: str, alias: str) -> None:
    """Take back what was proposed of MODEL@version."""
    cancelled = session.connect().promotions.cancel(model, alias)
    session.output.result(as_data(cancelled), f"{len(cancelled)} proposals are cancelled")


@promote.command()
@click.argument("model")
@click.argument("alias")
@click.option("--to", type=int, help="Version; 0 for none.  [default: the one before]")
@session
def rollback(session: Session, model: str, alias: str, to: int | None) -> None:
    """Move ALIAS back, at once, to a version that it has pointed to."""
    version = session.connect().promotions.rollback(model, alias, to=to)
    where = f"is version {version}" if version else "points to nothing"
    session.output.result({"version": version}, f"{alias} {where}")


@promote.command()
@click.argument("model")
@click.argument("alias")
@session
def status(session: Session, model: str, alias: str) -> None:
    """What MODEL@version still needs, and what happened to ALIAS; exit code 1 if it needs more."""
    hub = session.connect()
    promotions = hub.promotions
    conditions, proposals = promotions.explain(model, alias), promotions.proposals(model, alias)
    history = promotions.history(model, alias)
    data = {
        "conditions": as_data(conditions),
        "proposals": as_data(proposals),
        "announced": as_data(promotions.announced(model, alias)),
        "history": as_data(history),
    }
    rows = [(tick(c.met), c.asks, c.detail) for c in conditions]
    session.output.table(("", "asked", "found"), rows, data)
    if not session.output.as_json:
        open_ = [_proposal_row(p) for p in proposals]
        session.output.table(("version", "from", "by"), open_, None, title="\nproposed")
        events = [(e.what, e.version or "", e.block) for e in history]
        session.output.table(("event", "version", "block"), events, None, title="\nhistory")
    sys.exit(0 if all(c.met for c in conditions) else 1)


def _policy(hub: Anacostia, options: dict[str, Any]) -> Policy:
    from anacostia_blockchain.prices.sources import dataset_root  # noqa: PLC0415 - loads slowly
    from anacostia_blockchain.promotion.values import Policy, addresses  # noqa: PLC0415 - loads eth-utils

    if options["preset"] == "shadow":
        made = Policy.shadow(options["delay"])
    else:
        dataset = options["dataset"]
        made = Policy.reviewed(
            addresses(options["reviewers"]),
            quorum=options["quorum"],
            evaluators=addresses(options["evaluators"]),
            metric=options["metric"],
            dataset=None if dataset is None else dataset_root(hub, dataset),
            floor=options["floor"],
            ceiling=options["ceiling"],
            delay=options["delay"],
        )
    return replace(
        made,
        notice=options["notice"],
        licensed_parents=options["licensed_parents"],
        publishers_propose=options["publishers"],
    )


def _show_policy(session: Session, hub: Anacostia, model: str, alias: str) -> None:
    found = hub.promotions.policy(model, alias)
    lineage = f"at most {found.lineage_visits} versions, none revoked"
    rows = [("needs", str(asked)) for asked in found.requirements]
    rows += [
        ("delay", str(found.delay)),
        ("notice", str(found.notice)),
        ("lineage", lineage if found.lineage_visits else "not asked"),
        ("licensed parents", "yes" if found.licensed_parents else "not asked"),
        ("proposed by", "owner and publishers" if found.publishers_propose else "owner"),
    ]
    session.output.table(("", ""), rows, policy_data(found))


def policy_data(policy: Policy) -> dict[str, Any]:
    """A policy as plain JSON data."""
    asked = [
        {
            "subject": r.subject,
            "dataset": as_data(r.dataset),
            "floor": r.floor,
            "ceiling": r.ceiling,
            "quorum": r.quorum,
            "attesters": sorted(r.attesters),
        }
        for r in policy.requirements
    ]
    return {
        "requirements": asked,
        "delay": policy.delay.total_seconds(),
        "notice": policy.notice.total_seconds(),
        "lineage_visits": policy.lineage_visits,
        "licensed_parents": policy.licensed_parents,
        "publishers_propose": policy.publishers_propose,
    }


def _show_effect(
    session: Session, hub: Anacostia, model: str, alias: str, done: str, effective_at: object
) -> None:
    waits = hub.promotions.announced(model, alias) is not None
    text = f"announced: say the same again from {effective_at} on" if waits else f"{alias}: {done}"
    session.output.result({"announced": waits, "effective_at": as_data(effective_at)}, text)


def _proposal_row(proposed: Proposed) -> tuple[object, ...]:
    return proposed.version, proposed.executable_at, proposed.proposer
