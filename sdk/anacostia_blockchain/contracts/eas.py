"""The Ethereum Attestation Service: not ours, but as its own contracts have it (0.26 to 1.x)."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Any

from eth_utils import to_checksum_address

from anacostia_blockchain.chain import Call
from anacostia_blockchain.chain.abi import Interface
from anacostia_blockchain.contracts.base import Calls, Contract
from anacostia_blockchain.contracts.eas_forms import (
    DOMAIN_VERSIONS,
    NEWEST,
    Form,
    domain_of,
    form_of,
    typed_data,
)
from anacostia_blockchain.errors import ConfigError, NotFoundError
from anacostia_blockchain.prices.values import NOBODY

if TYPE_CHECKING:
    from anacostia_blockchain.chain import Log, Receipt
    from anacostia_blockchain.types import Address

_INTERFACE = "external/EAS"


@dataclass(frozen=True, slots=True)
class Request:
    """An attestation to be made: revocable, and about nothing but its data.

    Attributes:
        schema: id of its schema.
        recipient: whom it is about.
        expires: when it ends, in seconds; 0 for never.
        data: what it says.
    """

    schema: bytes
    recipient: Address
    data: bytes
    expires: int = 0

    def to_abi(self) -> tuple[object, ...]:
        """As the contract takes it."""
        return self.recipient, self.expires, True, bytes(32), self.data, 0


@dataclass(frozen=True, slots=True)
class Signed:
    """What an account has signed for others to send.

    Attributes:
        signature: 65 bytes.
        signer: whose it is.
        deadline: last second in which it can be sent; 0 where the service knows none: until the
            signer's next nonce is used.
    """

    signature: bytes
    signer: Address
    deadline: int

    def to_abi(self, form: Form) -> tuple[object, ...]:
        """As the contract takes it: the signature's parts, the signer, and any deadline."""
        r, s, v = self.signature[:32], self.signature[32:64], self.signature[64]
        return ((v, r, s), self.signer, *([self.deadline] if form.dated else []))


class EASCalls(Calls):
    """The service's transactions, encoded."""

    interface = _INTERFACE

    def attest(self, request: Request) -> Call:
        """Make an attestation."""
        return self._encode("attest", (request.schema, request.to_abi()))

    def attest_by_delegation(self, request: Request, signed: Signed, form: Form = NEWEST) -> Call:
        """Make an attestation that somebody has signed."""
        asked = (request.schema, request.to_abi(), *signed.to_abi(form))
        return self._delegated(form, "attestByDelegation", asked)

    def revoke(self, schema: bytes, uid: bytes) -> Call:
        """Revoke an attestation of the account's own."""
        return self._encode("revoke", (schema, (uid, 0)))

    def revoke_by_delegation(
        self, schema: bytes, uid: bytes, signed: Signed, form: Form = NEWEST
    ) -> Call:
        """Revoke an attestation whose maker has signed that."""
        return self._delegated(form, "revokeByDelegation", (schema, (uid, 0), *signed.to_abi(form)))

    def _delegated(self, form: Form, function: str, asked: tuple[object, ...]) -> Call:
        data = Interface.of(form.interface).encode(function, asked)
        return Call(self._address, data, form.interface, function)


class EAS(Contract):
    """The Ethereum Attestation Service."""

    interface = _INTERFACE

    @property
    def calls(self) -> EASCalls:
        """The same transactions, encoded and not sent."""
        return EASCalls(self.address)

    @cached_property
    def form(self) -> Form:
        """How this version has things signed.

        Raises:
            VersionMismatchError: in no way that is known here.
        """
        return form_of(bytes(self._read("getAttestTypeHash")), self.address)

    def attest(self, request: Request) -> bytes:
        """Make an attestation; returns its id."""
        return self._made(self.chain.send(self.calls.attest(request)))

    def attest_by_delegation(self, request: Request, signed: Signed) -> bytes:
        """Make an attestation that somebody has signed; returns its id. Anybody may."""
        return self._made(
            self.chain.send(self.calls.attest_by_delegation(request, signed, self.form))
        )

    def revoke(self, schema: bytes, uid: bytes) -> Receipt:
        """Revoke an attestation of this account's."""
        return self.chain.send(self.calls.revoke(schema, uid))

    def revoke_by_delegation(self, schema: bytes, uid: bytes, signed: Signed) -> Receipt:
        """Revoke an attestation whose maker has signed that. Anybody may."""
        return self.chain.send(self.calls.revoke_by_delegation(schema, uid, signed, self.form))

    # ------------------------------------------------------------------ read

    def get_attestation(self, uid: bytes) -> Any:  # noqa: ANN401 - as the ABI says
        """An attestation's ten fields.

        Raises:
            NotFoundError: there is none of that id.
        """
        found = self._read("getAttestation", uid)
        if not any(found[0]):
            raise NotFoundError(
                f"the attestation service at {self.address} holds no 0x{uid.hex()}: "
                "check the id, and the network"
            )
        return found

    def get_attestations(self, uids: Iterable[bytes]) -> Iterator[Any]:
        """The fields of attestations that are there, many in one request."""
        return self.chain.call_many(self._asked("getAttestation", uid) for uid in uids)

    def get_nonce(self, account: Address) -> int:
        """The nonce that an account has to sign next."""
        return int(self._read("getNonce", account))

    def get_schema_registry(self) -> Address:
        """The registry of the service's schemas."""
        return str(to_checksum_address(self._read("getSchemaRegistry")))

    def version(self) -> str:
        """Version of the service."""
        return str(self._read("version"))

    def attested(self, schema: bytes, recipient: Address, attester: Address | None) -> list[Log]:
        """Attestations of one schema about one account, oldest first."""
        topics = [_word(recipient), None if attester is None else _word(attester), schema]
        return list(self.chain.logs(self.address, self.interface, "Attested", topics=topics))

    # ------------------------------------------------------------------ sign

    def sign_attestation(self, request: Request, deadline: int) -> Signed:
        """Sign an attestation for somebody else to send (EIP-712); it costs nothing.

        Where the service is older than deadlines, what is signed has none: see `Signed`.

        Raises:
            ConfigError: the connection has no signer.
            VersionMismatchError: the service on this chain has another form of signature.
        """
        values = {
            "schema": request.schema,
            "recipient": request.recipient,
            "expirationTime": request.expires,
            "revocable": True,
            "refUID": bytes(32),
            "data": request.data,
        }
        return self._sign(self.form.attest, values, deadline)

    def sign_revocation(self, schema: bytes, uid: bytes, deadline: int) -> Signed:
        """Sign a revocation for somebody else to send (EIP-712), as `sign_attestation` does."""
        return self._sign(self.form.revoke, {"schema": schema, "uid": uid}, deadline)

    def _sign(self, signed_type: str, values: dict[str, Any], deadline: int) -> Signed:
        signer = self.chain.signer
        if signer is None:
            raise ConfigError("this connection has no signer: pass signer=, or set a private key")
        types, message = typed_data(
            signed_type,
            values
            | {"attester": signer.address, "revoker": signer.address, "value": 0}
            | {"nonce": self.get_nonce(signer.address), "deadline": deadline},
        )
        signature = signer.sign_typed_data(self._domain, types, message)
        return Signed(signature, signer.address, deadline if self.form.dated else 0)

    @cached_property
    def _domain(self) -> dict[str, Any]:
        def versions() -> Iterator[str]:
            yield from DOMAIN_VERSIONS
            yield self.version()

        separator = bytes(self._read("getDomainSeparator"))
        return domain_of(separator, self.chain.chain_id, self.address, versions())

    def _made(self, receipt: Receipt) -> bytes:
        return bytes(self._events("Attested", receipt)[0]["uid"])


class SchemaRegistry(Contract):
    """The registry of the service's schemas."""

    interface = "external/SchemaRegistry"

    def register(self, schema: str) -> Receipt:
        """Register a schema whose attestations can be revoked, without a resolver."""
        return self.chain.send(_SchemaCalls(self.address).register(schema))

    def get_schema(self, uid: bytes) -> str:
        """A schema's fields; empty if there is none of that id."""
        return str(self._read("getSchema", uid)[3])


class _SchemaCalls(Calls):
    interface = "external/SchemaRegistry"

    def register(self, schema: str) -> Call:
        return self._encode("register", schema, NOBODY, True)


def _word(address: Address) -> bytes:
    return bytes.fromhex(address.removeprefix("0x")).rjust(32, b"\0")
