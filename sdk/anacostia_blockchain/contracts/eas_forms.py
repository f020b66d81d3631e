"""What accounts sign for the attestation service (EIP-712): not the same in every version of it."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Any

from eth_abi import encode
from eth_utils import keccak

from anacostia_blockchain.errors import VersionMismatchError

if TYPE_CHECKING:
    from anacostia_blockchain.types import Address

NAME = "EAS"
DOMAIN_VERSIONS = ("1.4.0", "1.3.0", "1.0.1", "1.0.0", "0.26")
"""Versions that domains name. What a rollup put at an address of its own says another `version()`
than its domain names, and the oldest says none; only the domain's separator can be compared."""

_DOMAIN = "EIP712Domain(string name,string version,uint256 chainId,address verifyingContract)"


@dataclass(frozen=True)
class Form:
    """How some versions have an attestation, and a revocation, signed.

    Attributes:
        versions: of the service, in words.
        attest: the type that is signed for an attestation.
        revoke: the type that is signed for a revocation.
        interface: the ABI that takes what was signed.
        dated: whether what is signed has a deadline. What has none can be sent until the signer's
            next nonce is used.
    """

    versions: str
    attest: str
    revoke: str
    interface: str
    dated: bool

    @cached_property
    def type_hash(self) -> bytes:
        """What the service calls its `getAttestTypeHash`."""
        return bytes(keccak(text=self.attest))


NEWEST = Form(
    "1.3 and later",
    "Attest(address attester,bytes32 schema,address recipient,uint64 expirationTime,bool revocable,"
    "bytes32 refUID,bytes data,uint256 value,uint256 nonce,uint64 deadline)",
    "Revoke(address revoker,bytes32 schema,bytes32 uid,uint256 value,uint256 nonce,"
    "uint64 deadline)",
    "external/EAS",
    dated=True,
)
UNDATED = Form(
    "0.26 to 1.0",
    "Attest(bytes32 schema,address recipient,uint64 expirationTime,bool revocable,bytes32 refUID,"
    "bytes data,uint256 nonce)",
    "Revoke(bytes32 schema,bytes32 uid,uint256 nonce)",
    "external/EASBeforeDeadlines",
    dated=False,
)
FORMS = (NEWEST, UNDATED)


def form_of(type_hash: bytes, service: Address) -> Form:
    """The form of a service.

    Raises:
        VersionMismatchError: it is none that is known here.
    """
    for form in FORMS:
        if form.type_hash == type_hash:
            return form
    known = ", ".join(form.versions for form in FORMS)
    raise VersionMismatchError(
        f"the attestation service at {service} has another form of signature than the versions "
        f"that are supported ({known}): attest without delegation on this chain"
    )


def typed_data(form: str, values: dict[str, Any]) -> tuple[dict[str, Any], dict[str, Any]]:
    """Types and message, out of a type's text and values of which it may not have all."""
    name, _, rest = form.rstrip(")").partition("(")
    fields = [dict(zip(("type", "name"), part.split(" "), strict=True)) for part in rest.split(",")]
    return {name: fields}, {part["name"]: values[part["name"]] for part in fields}


def domain_of(
    separator: bytes, chain_id: int, service: Address, versions: Iterable[str]
) -> dict[str, Any]:
    """The domain that a service signs under.

    Raises:
        VersionMismatchError: it names none of the versions.
    """
    for version in versions:
        domain = {
            "name": NAME,
            "version": version,
            "chainId": chain_id,
            "verifyingContract": service,
        }
        if _separator(domain) == separator:
            return domain
    raise VersionMismatchError(
        f"the attestation service at {service} signs under a domain that is not known here: "
        "attest without delegation on this chain"
    )


def _separator(domain: dict[str, Any]) -> bytes:
    texts = [keccak(text=text) for text in (_DOMAIN, domain["name"], domain["version"])]
    words = [*texts, domain["chainId"], domain["verifyingContract"]]
    return bytes(keccak(encode(["bytes32"] * 3 + ["uint256", "address"], words)))
