"""An evaluation's statement, signed: a DSSE envelope, beside the statement in a store.

The attestation says on chain who evaluated what; the envelope says it to whoever has neither the
chain nor the store that it was made in. Its signature is EIP-712 over DSSE's pre-authentication
encoding, which any account can make.
"""

from __future__ import annotations

import base64
import io
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from anacostia_blockchain.content.documents import canonical, field, read_object
from anacostia_blockchain.errors import AnacostiaError, FormatError, IntegrityError, NotFoundError
from anacostia_blockchain.promotion.statement import Evaluation, digest_of

if TYPE_CHECKING:
    from anacostia_blockchain.chain import Signer
    from anacostia_blockchain.storage.base import Store
    from anacostia_blockchain.types import Address

PAYLOAD_TYPE = "application/vnd.in-toto+json"

LARGEST = 1 << 22
"""Bytes of an envelope that is looked at; a real one is a few thousand."""

_NAME = "evaluation-{evidence}-by-{attester}"
_WHAT = "DSSE envelope"
_DOMAIN = {"name": "Anacostia DSSE", "version": "1"}
_TYPES = {"Envelope": [{"name": "pae", "type": "bytes"}]}


def sign(statement: bytes, signer: Signer) -> bytes:
    """A statement in an envelope, signed by an account."""
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
        FormatError: it is no such envelope, or has other than one signature.
        IntegrityError: it was not signed by whom it names.
    """
    document = read_object(envelope, _WHAT)
    if field(document, "payloadType", str, _WHAT) != PAYLOAD_TYPE:
        raise FormatError(f"{_WHAT}: its payload is not {PAYLOAD_TYPE}")
    if len(field(document, "signatures", list, _WHAT)) != 1:
        raise FormatError(f"{_WHAT}: not exactly one signature")
    statement = _base64(document, "payload")
    named = field(document, "signatures/0/keyid", str, _WHAT)
    signer = _recover(statement, _base64(document, "signatures/0/sig"))
    if signer.lower() != named.lower():
        raise IntegrityError(f"the envelope names {named}, and was signed by another account")
    return statement, signer


def check(envelope: bytes, evidence: bytes, attester: Address) -> Evaluation:
    """What an attester has signed, where an attestation of theirs commits to it.

    Args:
        envelope: of anybody's.
        evidence: the attestation's field of that name.
        attester: who made the attestation.

    Raises:
        FormatError: it is no envelope, or holds no evaluation.
        IntegrityError: it holds another statement, or another account signed it.
    """
    statement, signer = open_envelope(envelope)
    if digest_of(statement) != evidence:
        raise IntegrityError("the envelope holds another statement than the attestation commits to")
    if signer.lower() != attester.lower():
        raise IntegrityError(f"{signer} signed the envelope, and {attester} made the attestation")
    return Evaluation.parse(statement)


def keep(store: Store, envelope: bytes) -> None:
    """Put an envelope into a store, where `find` finds it; raises as `open_envelope` does."""
    statement, signer = open_envelope(envelope)
    store.put(io.BytesIO(envelope), name=_name(digest_of(statement), signer))


def find(store: Store, evidence: bytes, attester: Address) -> bytes:
    """The envelope of an attester's evaluation.

    A pin's name is only a hint: what it leads to has to be what it says.

    Raises:
        NotFoundError: the store holds none.
    """
    for pin in store.pins(_name(evidence, attester)):
        try:
            with store.open(pin.cid) as stream:
                envelope = stream.read(LARGEST + 1)
            check(envelope, evidence, attester)
        except AnacostiaError:
            continue  # anybody who may write to a shared store can call anything by that name
        return envelope
    raise NotFoundError(
        "the store holds no statement of it that its attester has signed: it was attested with "
        "another store, by other software, or before statements were kept signed"
    )


def _name(evidence: bytes, attester: Address) -> str:
    return _NAME.format(evidence=evidence.hex(), attester=attester.lower().removeprefix("0x"))


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
        return base64.b64decode(field(document, path, str, _WHAT), validate=True)
    except ValueError as error:
        raise FormatError(f"{_WHAT}: {path} is not base64") from error
