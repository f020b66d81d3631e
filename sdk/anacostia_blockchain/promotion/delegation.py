"""A signed attestation as a document: whoever evaluates writes it, anybody with coin sends it."""

from __future__ import annotations

import json
from typing import Any

from anacostia_blockchain.content.documents import canonical, field, hex_field, read_object
from anacostia_blockchain.contracts.eas import Request
from anacostia_blockchain.errors import FormatError
from anacostia_blockchain.promotion.drafts import Delegated, Draft

SCHEMA = "anacostia/signed-attestation/1"
_WHAT = "signed attestation"


def to_json(draft: Draft, signed: Delegated) -> bytes:
    """Encode canonically."""
    request, statement = draft.request, draft.statement
    return canonical(
        {
            "schema": SCHEMA,
            "attestation": {
                "schema": "0x" + request.schema.hex(),
                "recipient": request.recipient,
                "expires": request.expires,
                "data": "0x" + request.data.hex(),
            },
            "statement": None if statement is None else statement.decode(),
            "envelope": None if signed.envelope is None else json.loads(signed.envelope),
            "signature": "0x" + signed.signature.hex(),
            "attester": signed.signer,
            "deadline": signed.deadline,
        }
    )


def from_json(data: bytes) -> tuple[Draft, Delegated]:
    """Read what `to_json` wrote.

    Raises:
        FormatError: it is something else.
    """
    document = read_object(data, _WHAT)
    if field(document, "schema", str, _WHAT) != SCHEMA:
        raise FormatError(f"{_WHAT}: its schema is not {SCHEMA}")
    asked = field(document, "attestation", dict, _WHAT)
    request = Request(
        schema=hex_field(asked, "schema", _WHAT),
        recipient=field(asked, "recipient", str, _WHAT),
        data=_bytes(field(asked, "data", str, _WHAT)),
        expires=field(asked, "expires", int, _WHAT),
    )
    statement = field(document, "statement", object, _WHAT)
    signature = _bytes(field(document, "signature", str, _WHAT))
    if len(signature) != 65:
        raise FormatError(f"{_WHAT}: its signature is not 65 bytes long")
    signed = Delegated(
        signature,
        field(document, "attester", str, _WHAT),
        field(document, "deadline", int, _WHAT),
        _envelope(document),
    )
    return Draft(request, statement.encode() if isinstance(statement, str) else None), signed


def _envelope(document: dict[str, Any]) -> bytes | None:
    """The statement, signed; none of an approval, nor of what was written before there were any."""
    if document.get("envelope") is None:
        return None
    return canonical(field(document, "envelope", dict, _WHAT))


def _bytes(text: str) -> bytes:
    try:
        return bytes.fromhex(text.removeprefix("0x"))
    except ValueError:
        raise FormatError(f"{_WHAT}: {text[:20]!r} is not hexadecimal") from None
