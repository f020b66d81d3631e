"""What an evaluation says in full: an in-toto Statement v1, which its attestation commits to.

The attestation's `evidence` is the SHA-256 of the statement's bytes, and so its CID as raw content:
whoever reads an attestation can fetch the statement from a store that has it. The statement either
shows the metric in the record of a run, with the proof that it is there, or says that the evaluator
measured it. Signed, it is a DSSE envelope; see `envelope.py`.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from decimal import ROUND_HALF_EVEN, Decimal
from hashlib import sha256
from typing import Any

from anacostia_blockchain.content.cid import CID, RAW
from anacostia_blockchain.content.documents import canonical, field, hex_field, read_object
from anacostia_blockchain.content.manifest import STATEMENT_TYPE
from anacostia_blockchain.content.statement import PROJECT
from anacostia_blockchain.errors import FormatError, IntegrityError
from anacostia_blockchain.ledger.record import Disclosure
from anacostia_blockchain.prices.values import MICRO, metric_id

PREDICATE_TYPE = f"{PROJECT}/evaluation/v1"

_WHAT = "evaluation statement"

_LARGEST = 18
"""Powers of ten; a contract holds a value in 63 bits, with its six decimals."""


@dataclass(frozen=True, slots=True)
class Evaluation:
    """A metric of a version over a dataset, and where its value is from.

    Attributes:
        subject: the version, by an id that means the same everywhere.
        root: digest of the version's root.
        dataset: digest of the dataset's root.
        value: of the metric, with six decimals at most.
        run: root of the run's record in which the metric is shown; None: the evaluator measured it.
        shown: the metric in that record; None likewise.
    """

    subject: str
    root: bytes
    dataset: bytes
    metric: str
    value: Decimal
    run: bytes | None = None
    shown: Disclosure | None = None

    def to_json(self) -> bytes:
        """Encode canonically."""
        source: dict[str, Any] = {"measured": True}
        if self.run is not None and self.shown is not None:
            source = {
                "measured": False,
                "run": "0x" + self.run.hex(),
                "disclosure": json.loads(self.shown.to_json()),
            }
        return canonical(
            {
                "_type": STATEMENT_TYPE,
                "subject": [{"name": self.subject, "digest": {"sha256": self.root.hex()}}],
                "predicateType": PREDICATE_TYPE,
                "predicate": {
                    "dataset": {"digest": {"sha256": self.dataset.hex()}},
                    "metric": self.metric,
                    "value": str(self.value),
                    "source": source,
                },
            }
        )

    @classmethod
    def parse(cls, data: bytes) -> Evaluation:
        """Read what `to_json` wrote.

        Raises:
            FormatError: it is something else.
        """
        document = read_object(data, _WHAT)
        for path, expected in (("_type", STATEMENT_TYPE), ("predicateType", PREDICATE_TYPE)):
            if field(document, path, str, _WHAT) != expected:
                raise FormatError(f"{_WHAT}: {path} is not {expected}")
        said = field(document, "predicate", dict, _WHAT)
        source = field(said, "source", dict, _WHAT)
        run = shown = None
        if not field(source, "measured", bool, _WHAT):
            run = hex_field(source, "run", _WHAT)
            shown = Disclosure.from_json(canonical(field(source, "disclosure", dict, _WHAT)))
        return cls(
            subject=field(document, "subject/0/name", str, _WHAT),
            root=hex_field(document, "subject/0/digest/sha256", _WHAT),
            dataset=hex_field(said, "dataset/digest/sha256", _WHAT),
            metric=field(said, "metric", str, _WHAT),
            value=_decimal(field(said, "value", str, _WHAT)),
            run=run,
            shown=shown,
        )

    def check_attested(
        self, subject: str, dataset: bytes | None, metric: str, value: Decimal | None
    ) -> None:
        """Check that an attestation says in short what this says in full.

        Args:
            subject: the version that it is about.
            dataset: digest of the dataset's root.
            metric: its name, as the attestation has it.
            value: of the metric.

        Raises:
            IntegrityError: it says something else.
        """
        said = (self.subject, self.dataset, metric_id(self.metric), self.value)
        if said != (subject, dataset, metric_id(metric), value):
            raise IntegrityError("the statement says something else than its attestation")

    def check_shown(self) -> None:
        """Check that the value is the one that the run's record holds.

        Raises:
            IntegrityError: it is another, or is not in the record.
        """
        if self.shown is None or self.run is None:
            return
        self.shown.verify(self.run)
        leaf = self.shown.leaf
        if (leaf.role, leaf.name) != ("metric", self.metric):
            raise IntegrityError(f"the run's record shows {leaf.role} {leaf.name!r}")
        held = rounded(leaf.value)
        if held != self.value:
            raise IntegrityError(f"the run's record holds {self.metric} {held}, not {self.value}")


def rounded(value: object) -> Decimal:
    """A logged number with the six decimals that an attestation can hold, half to even.

    Raises:
        IntegrityError: it is no finite number, or larger than any attestation can hold.
    """
    exact = _number(value)
    if exact.adjusted() > _LARGEST:
        raise IntegrityError(f"{value!r} is larger than any value that is attested")
    return exact.quantize(Decimal(1).scaleb(-MICRO), ROUND_HALF_EVEN).normalize() + 0


def digest_of(statement: bytes) -> bytes:
    """A statement's digest: the attestation's `evidence`."""
    return sha256(statement).digest()


def cid_of(evidence: bytes) -> CID:
    """The CID of the statement that an attestation commits to."""
    return CID(RAW, evidence)


def _decimal(text: str) -> Decimal:
    try:
        return _number(text)
    except IntegrityError as error:
        raise FormatError(f"{_WHAT}: {error}") from error


def _number(value: object) -> Decimal:
    try:
        exact = Decimal(str(value))
    except ArithmeticError:
        raise IntegrityError(f"{value!r:.80} is no number") from None
    if isinstance(value, bool) or not exact.is_finite():
        raise IntegrityError(f"{value!r:.80} is no finite number")
    return exact
