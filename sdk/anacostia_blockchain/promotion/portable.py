"""Attestations as plain data, with the statements that their makers signed, for files to carry.

That an attestation was made, and is not revoked, is what the node told. What its envelope says
needs nobody's word: it is signed, is about the version whose root is proven, and shows its metric
in the record of a run or says that it was measured.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from contextlib import AbstractContextManager
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal, InvalidOperation
from typing import IO, TYPE_CHECKING, Any

from anacostia_blockchain.content.documents import field, hex_field
from anacostia_blockchain.errors import AnacostiaError, FormatError, IntegrityError, NotFoundError
from anacostia_blockchain.promotion import envelope as envelopes

if TYPE_CHECKING:
    from anacostia_blockchain.client import Anacostia
    from anacostia_blockchain.promotion.statement import Evaluation
    from anacostia_blockchain.promotion.values import Attestation

FOLDER = "evaluations/"
"""Where the envelopes are in an archive."""

_WHAT = "attestation"
_SHOWN = 5
"""Evaluations without an envelope that are named; all of them are in the file."""

Row = dict[str, Any]
Subject = tuple[str, bytes]
"""A version's id, and the digest of its root."""
Read = Callable[[str], AbstractContextManager[IO[bytes]]]
"""Opens a member of an archive; raises NotFoundError if there is none."""


# ---------------------------------------------------------------------- collect


def told(
    client: Anacostia, found: Attestation, at: datetime, newest: int
) -> tuple[Row, bytes | None]:
    """An attestation as it stood at a time, and the envelope of an evaluation that has one.

    Args:
        client: a connection, and the store that the envelopes are looked for in.
        found: the attestation.
        at: the time.
        newest: number of the model's newest version then; anybody can attest to others.
    """
    revoked = found.revoked_at
    row: Row = {
        "time": found.attested_at.isoformat(),
        "version": found.version,
        "kind": found.kind,
        "subject": found.subject,
        "value": None if found.value is None else str(found.value),
        "dataset": _hex(found.dataset),
        "evidence": _hex(found.evidence),
        "attester": found.attester,
        "expires": None if found.expires_at is None else found.expires_at.isoformat(),
        "revoked": revoked.isoformat() if revoked and revoked <= at else None,
        "uid": _hex(found.uid),
        "envelope": None,
        "unsigned": None,
    }
    if found.kind != "evaluation":
        return row, None
    try:
        if found.version > newest:
            raise NotFoundError(f"there was no version {found.version}")
        envelope = _envelope(client, found, row)
    except AnacostiaError as error:
        return row | {"unsigned": str(error)}, None
    return row | {"envelope": member_of(row)}, envelope


def _envelope(client: Anacostia, found: Attestation, row: Row) -> bytes:
    if found.evidence is None or not any(found.evidence):
        raise FormatError("it names no statement")
    root = client.registry.version_of(found.model_id, found.version).root.digest
    envelope = envelopes.find(client.storage, found.evidence, found.attester)
    check(row, envelope, f"{client.caip19(found.model_id)}@{found.version}", root)
    return envelope


def count(rows: Iterable[Row]) -> dict[str, int]:
    """How many of the evaluations among attestations come with an envelope, and how many not."""
    signed = [row.get("envelope") is not None for row in rows if row.get("kind") == "evaluation"]
    return {"signed": sum(signed), "unsigned": len(signed) - sum(signed)}


def member_of(row: Row) -> str:
    """The member of an archive that holds an evaluation's envelope."""
    return f"{FOLDER}{hex_field(row, 'uid', _WHAT).hex()}.json"


# ---------------------------------------------------------------------- verify


def check(row: Row, envelope: bytes, subject: str, root: bytes) -> Evaluation:
    """What an evaluation's attester has signed, compared with what was told and what is proven.

    Args:
        row: the evaluation, as `told` has it.
        envelope: that comes with it.
        subject: the version that it has to be about.
        root: digest of that version's root.

    Raises:
        FormatError: the row or the envelope is not of the form.
        IntegrityError: the envelope is of another statement, signer, version or value.
    """
    attester = field(row, "attester", str, _WHAT)
    said = envelopes.check(envelope, hex_field(row, "evidence", _WHAT), attester)
    dataset, metric = hex_field(row, "dataset", _WHAT), field(row, "subject", str, _WHAT)
    said.check_attested(subject, dataset, metric, _decimal(field(row, "value", str, _WHAT)))
    if said.root != root:
        raise IntegrityError(f"the statement is about other content than {subject}")
    said.check_shown()
    return said


@dataclass(slots=True)
class Signed:
    """What the evaluations in a file were found to be.

    Attributes:
        signed: how many have the statement that their attester signed.
        runs: roots of the runs' records that those show their metrics in.
        unsigned: ids of those that come without.
    """

    signed: int
    runs: set[bytes]
    unsigned: list[str]

    def __str__(self) -> str:
        count = self.signed + len(self.unsigned)
        if not count:
            return "no evaluation is recorded"
        text = f"{self.signed} of {count} evaluations are signed by their attesters"
        if self.unsigned:
            more = ", …" if len(self.unsigned) > _SHOWN else ""
            text += f"; NOT SIGNED, and so only told: {', '.join(self.unsigned[:_SHOWN])}{more}"
        return text


def check_all(
    rows: Iterable[Row], members: Iterable[str], read: Read, about: Callable[[int], Subject]
) -> Signed:
    """Check every evaluation in an archive.

    Args:
        rows: the attestations.
        members: names of all envelopes in the archive.
        read: opens one.
        about: what a version is proven to be, by its number; raises IntegrityError if nothing is.

    Raises:
        NotFoundError: an envelope is missing that is said to be there.
        FormatError: a row is not of the form.
        IntegrityError: an envelope is not what `check` asks for, or belongs to no evaluation.
    """
    found, left = Signed(0, set(), []), set(members)
    for row in rows:
        if row.get("kind") != "evaluation":
            continue
        uid, member = member_of(row), row.get("envelope")
        if member is None:
            found.unsigned.append(str(row["uid"]))
            continue
        if member != uid or member not in left:
            raise IntegrityError(f"{member} is not there, or not the envelope of {row['uid']}")
        left.remove(member)
        with read(member) as stream:
            envelope = stream.read(envelopes.LARGEST + 1)
        said = _checked(row, envelope, about)
        found.signed += 1
        found.runs.update([] if said.run is None else [said.run])
    if left:
        raise IntegrityError(f"{min(left)} belongs to no evaluation")
    return found


def _checked(row: Row, envelope: bytes, about: Callable[[int], Subject]) -> Evaluation:
    try:
        return check(row, envelope, *about(field(row, "version", int, _WHAT)))
    except (FormatError, IntegrityError) as error:
        raise IntegrityError(f"evaluation {row['uid']}: {error}") from error


def _decimal(text: str) -> Decimal:
    try:
        number = Decimal(text)
    except InvalidOperation:
        number = Decimal("NaN")
    if not number.is_finite():  # what is none cannot even be compared
        raise FormatError(f"{_WHAT}: {text[:40]!r} is no number")
    return number


def _hex(data: bytes | None) -> str | None:
    return None if data is None else "0x" + data.hex()
