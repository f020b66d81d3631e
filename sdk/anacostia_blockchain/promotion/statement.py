"""What an evaluation says in full: an in-toto Statement v1, which its attestation commits to.

The attestation's `evidence` is the SHA-256 of the statement's bytes, and so its CID as raw content:
whoever reads an attestation can fetch the statement from a store that has it. The statement either
shows the metric in the record of a run, with the proof that it is there, or says that the evaluator
measured it. Signed, it is a DSSE envelope; the signature is EIP-712, which any account can make.
"""

from __future__ import annotations

import base64
import json
from collections.abc import Mapping
from dataclasses import dataclass
from decimal import ROUND_HALF_EVEN, Decimal
from hashlib import sha256
from typing import TYPE_CHECKING, Any

from anacostia_blockchain.content.cid import CID, RAW
from anacostia_blockchain.content.documents import canonical, field, hex_field, read_object
from anacostia_blockchain.content.manifest import STATEMENT_TYPE
from anacostia_blockchain.content.statement import PROJECT
from anacostia_blockchain.errors import FormatError, IntegrityError
from anacostia_blockchain.ledger.record import Disclosure
from anacostia_blockchain.prices.values import MICRO

if TYPE_CHECKING:
    from anacostia_blockchain.chain import Signer
    from anacostia_blockchain.types import Address

PREDICATE_TYPE = f"{PROJECT}/evaluation/v1"
PAYLOAD_TYPE = "application/vnd.in-toto+json"

_WHAT = "evaluation statement"
_DOMAIN = {"name": "Anacostia DSSE", "version": "1"}
_TYPES = {"Envelope": [{"name": "pae", "type": "bytes"}]}


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
        IntegrityError: it is no finite number.
    """
    exact = _number(value)
    return exact.quantize(Decimal(1).scaleb(-MICRO), ROUND_HALF_EVEN).normalize() + 0


def digest_of(statement: bytes) -> bytes:
    """A statement's digest: the attestation's `evidence`."""
    return sha256(statement).digest()


def cid_of(evidence: bytes) -> CID:
    """The CID of the statement that an attestation commits to."""
    return CID(RAW, evidence)


def sign(statement: bytes, signer: Signer) -> bytes:
    """A statement in a DSSE envelope, signed by an account (EIP-712 over the envelope's PAE)."""
    signature = signer.sign_typed_data(_DOMAIN, _TYPES, {"pae": _pae(statement)})
    return canonical(
        {
            "payloadType": PAYLOAD_TYPE,
            "payload": base64.b64encode(statement).decode(),
            "signatures": [{"keyid": signer.address, "sig": base64.b64encode(signature).decode()}],
        }
    )


def open_envelope(envelope: bytes) -> tuple[bytes, Address]:
    """The statement in an envelope, and who signed it.

    Raises:
        FormatError: it is no such envelope.
        IntegrityError: it was not signed by whom it names.
    """
    document = read_object(envelope, "DSSE envelope")
    if field(document, "payloadType", str, "DSSE envelope") != PAYLOAD_TYPE:
        raise FormatError(f"DSSE envelope: its payload is not {PAYLOAD_TYPE}")
    statement = _base64(document, "payload")
    named = field(document, "signatures/0/keyid", str, "DSSE envelope")
    signer = _recover(statement, _base64(document, "signatures/0/sig"))
    if signer.lower() != named.lower():
        raise IntegrityError(f"the envelope names {named}, and was signed by another account")
    return statement, signer


def _recover(statement: bytes, signature: bytes) -> Address:
    from eth_account import Account  # noqa: PLC0415 - 0.3 s that others need not wait
    from eth_account.messages import encode_typed_data  # noqa: PLC0415 - loads eth-abi

    message: Mapping[str, Any] = {"pae": _pae(statement)}
    try:
        signable = encode_typed_data(_DOMAIN, _TYPES, dict(message))
        return str(Account.recover_message(signable, signature=signature))
    except Exception as error:
        raise IntegrityError(f"the envelope's signature is none: {error}") from error


def _pae(statement: bytes) -> bytes:
    """DSSE's pre-authentication encoding."""
    kind = PAYLOAD_TYPE.encode()
    return b"DSSEv1 %d %s %d %s" % (len(kind), kind, len(statement), statement)


def _base64(document: dict[str, Any], path: str) -> bytes:
    try:
        return base64.b64decode(field(document, path, str, "DSSE envelope"), validate=True)
    except ValueError as error:
        raise FormatError(f"DSSE envelope: {path} is not base64") from error


def _decimal(text: str) -> Decimal:
    try:
        return _number(text)
    except IntegrityError as error:
        raise FormatError(f"{_WHAT}: {error}") from error


def _number(value: object) -> Decimal:
    try:
        exact = Decimal(str(value))
    except ArithmeticError:
        raise IntegrityError(f"{value!r} is no number") from None
    if isinstance(value, bool) or not exact.is_finite():
        raise IntegrityError(f"{value!r} is no finite number")
    return exact
