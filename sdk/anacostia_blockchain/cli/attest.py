"""`anacostia attest`: what evaluators and reviewers say about versions."""

from __future__ import annotations

import sys
from datetime import timedelta
from pathlib import Path
from typing import TYPE_CHECKING

import click

from anacostia_blockchain.cli import Session, session
from anacostia_blockchain.cli.output import as_data
from anacostia_blockchain.cli.runs import database_of, database_option
from anacostia_blockchain.cli.values import span, word
from anacostia_blockchain.cli.verify import show as show_report
from anacostia_blockchain.errors import ConfigError

if TYPE_CHECKING:
    from anacostia_blockchain.client import Anacostia
    from anacostia_blockchain.promotion.drafts import Draft

_EXISTING = click.Path(exists=True, dir_okay=False, path_type=Path)
_NEW = click.Path(dir_okay=False, path_type=Path)

expires_option = click.option("--expires", type=span, help="Such as 90d.  [default: never]")
sign_option = click.option(
    "--sign-only", type=_NEW, help="Write what others can send to a file; it costs no coin."
)


@click.group()
def attest() -> None:
    """Evaluations and approvals of versions, which policies count."""


@attest.command()
@click.argument("model")
@click.argument("metric")
@click.option("--dataset", required=True, help="A registered version such as mnist@2, or a CID.")
@click.option("--run", "run_id", type=int, help="Number of the run that logged the metric.")
@database_option
@click.option("--value", help="Of the metric, if you have measured it yourself.")
@click.option("--measured", is_flag=True, help="Say that you have.")
@expires_option
@sign_option
@session
def evaluation(  # noqa: PLR0913, PLR0917 - what an evaluation has
    session: Session,
    /,
    model: str,
    metric: str,
    dataset: str,
    run_id: int | None,
    db: str | None,
    value: str | None,
    measured: bool,
    expires: timedelta | None,
    sign_only: Path | None,
) -> None:
    """Attest METRIC of MODEL@version over a dataset, as a run logged it or as you measured it."""
    if (run_id is None) == (value is None) or measured != (value is not None):
        raise click.UsageError("say --run, or --value with --measured")
    hub = session.connect()
    shown = record = None
    if run_id is not None:
        database = database_of(session, db)
        shown, record = database.disclose(run_id, "metric", metric), database.record(run_id).root
    draft = hub.attest.draft_evaluation(
        model, metric, dataset=dataset, shown=shown, run=record, value=value,
        measured=measured, expires_in=expires,
    )  # fmt: skip
    _make(session, hub, draft, sign_only)


@attest.command()
@click.argument("model")
@click.option("--role", default="reviewer", show_default=True)
@expires_option
@sign_option
@session
def approve(
    session: Session, model: str, role: str, expires: timedelta | None, sign_only: Path | None
) -> None:
    """Approve MODEL@version in a role."""
    hub = session.connect()
    _make(session, hub, hub.attest.draft_approval(model, role, expires_in=expires), sign_only)


@attest.command()
@click.argument("file", type=_EXISTING)
@session
def send(session: Session, file: Path) -> None:
    """Send what somebody has written with --sign-only."""
    from anacostia_blockchain.promotion.delegation import from_json  # noqa: PLC0415 - loads web3

    draft, signed = from_json(file.read_bytes())
    _tell(session, session.connect().attest.relay(draft, signed))


@attest.command()
@click.argument("uid")
@session
def revoke(session: Session, uid: str) -> None:
    """Take back an attestation of yours."""
    session.connect().attest.revoke(uid_of(uid))
    session.output.result({"revoked": uid}, f"{uid} is revoked")


@attest.command("list")
@click.argument("model", required=False)
@click.option("--attester", help="Only what this account said.")
@session
def list_(session: Session, model: str | None, attester: str | None) -> None:
    """Attestations about MODEL@version, or about any."""
    found = session.connect().attest.list(model, attester=attester)
    rows = [
        (
            f"{a.model_id}@{a.version}",
            a.subject,
            "" if a.value is None else a.value,
            a.attester,
            "revoked" if a.revoked_at else a.expires_at or "",
            "0x" + a.uid.hex(),
        )
        for a in found
    ]
    columns = ("version", "metric or role", "value", "attester", "until", "id")
    session.output.table(columns, rows, as_data(found))


@attest.command()
@click.argument("uid")
@session
def verify(session: Session, uid: str) -> None:
    """Whether an attestation holds, and what its value rests on; exit code 1 if it does not."""
    report = session.connect().attest.verify(uid_of(uid))
    show_report(session, report)
    sys.exit(0 if report.passed else 1)


@attest.command()
@click.argument("uid")
@session
def envelope(session: Session, uid: str) -> None:
    """Show what an evaluation says in full, signed by its attester: a DSSE envelope."""
    click.echo(session.connect().attest.signed_statement(uid_of(uid)).decode())


def uid_of(text: str) -> bytes:
    """An attestation's id.

    Raises:
        ConfigError: it is none.
    """
    refusal = ConfigError(f"{text!r} is no attestation's id: see `anacostia attest list`")
    return word(text, refusal)


def _make(session: Session, hub: Anacostia, draft: Draft, sign_only: Path | None) -> None:
    if sign_only is None:
        _tell(session, hub.attest.send(draft))
        return
    from anacostia_blockchain.promotion.delegation import to_json  # noqa: PLC0415 - loads web3

    signed = hub.attest.sign(draft)
    sign_only.write_bytes(to_json(draft, signed))
    data = {"written": str(sign_only), "attester": hub.address, "deadline": signed.deadline or None}
    until = "within the hour" if signed.deadline else "at any time: this chain knows no deadline"
    session.output.result(data, f"{sign_only}: anybody can send it, with `attest send`, {until}")


def _tell(session: Session, uid: bytes) -> None:
    session.output.result({"uid": "0x" + uid.hex()}, f"attested: 0x{uid.hex()}")
