"""What attestations say, out of what the service holds: any data, of any schema, by anybody."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

from eth_abi import decode
from eth_utils import to_checksum_address

from anacostia_blockchain.errors import FormatError
from anacostia_blockchain.prices.values import amount, metric_name, moment
from anacostia_blockchain.promotion import service
from anacostia_blockchain.promotion.values import Attestation

EVALUATION = ["uint64", "uint32", "bytes32", "bytes32", "int64", "bytes32"]
APPROVAL = ["uint64", "uint32", "bytes32"]
"""Types of the two schemas' fields."""

_KINDS = {
    service.schema_id(service.EVALUATION): ("evaluation", EVALUATION),
    service.schema_id(service.APPROVAL): ("approval", APPROVAL),
}


def read(raw: Any) -> Attestation:  # noqa: ANN401 - as the ABI says
    """An attestation about a version, from the service's ten fields.

    Raises:
        FormatError: it is of something else, or says nothing that can be read.
    """
    uid, schema, made_at, expires, revoked, _ref, recipient, attester, _revocable, data = raw
    shown = f"0x{bytes(uid).hex()}"
    kind, types = _KINDS.get(bytes(schema), ("", []))
    if not kind:
        raise FormatError(f"{shown} is neither an evaluation nor an approval")
    if len(data) != 32 * len(types):
        raise FormatError(f"{shown} is no {kind}: its data has another length")
    try:
        model_id, version, *said = decode(types, data)
    except Exception as error:
        raise FormatError(f"{shown} is no {kind} that can be read: {error}") from error
    dataset, subject, value, evidence = said if len(said) == 4 else (None, said[0], None, None)
    return Attestation(
        uid=bytes(uid),
        kind=kind,
        attester=to_checksum_address(attester),
        recipient=to_checksum_address(recipient),
        model_id=model_id,
        version=version,
        subject=metric_name(subject),
        attested_at=datetime.fromtimestamp(made_at, UTC),
        expires_at=moment(expires),
        revoked_at=moment(revoked),
        dataset=dataset,
        value=None if value is None else amount(value),
        evidence=evidence,
    )
