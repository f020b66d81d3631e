"""`contracts/ModelRegistry.sol`: models, versions, lineage, aliases."""

from __future__ import annotations

import re
from collections.abc import Iterable
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from eth_utils import to_checksum_address

from anacostia_blockchain.content.cid import CID
from anacostia_blockchain.contracts.base import Calls, Contract
from anacostia_blockchain.errors import ConfigError, NotFoundError
from anacostia_blockchain.types import (
    Address,
    AliasMove,
    AliasState,
    Kind,
    ModelVersion,
    Parent,
    RegisteredModel,
    Relation,
    RevocationReason,
    Status,
)

if TYPE_CHECKING:
    from anacostia_blockchain.chain import Call, Receipt

_ALIAS = re.compile(r"[A-Za-z0-9._/-]{1,32}")
_PAGE = 500
_NOBODY = "0x" + "00" * 20


def label(text: str) -> bytes:
    """An alias as the contract takes it: ASCII, left-aligned in 32 bytes.

    Raises:
        ConfigError: it is empty, too long, or holds other characters than the contract allows.
    """
    if not _ALIAS.fullmatch(text):
        raise ConfigError(f"{text!r} is no alias: use 1 to 32 of A-Z a-z 0-9 . _ / -")
    return text.encode("ascii").ljust(32, b"\0")


class ModelRegistryCalls(Calls):
    """`ModelRegistry`'s transactions, encoded."""

    interface = "ModelRegistry"

    def register(self, name: str, kind: Kind, root: CID, parents: Iterable[Parent] = ()) -> Call:
        """Register a name with its first version."""
        return self._encode("register", name, int(kind), _cid(root), _edges(parents))

    def publish(self, model_id: int, root: CID, parents: Iterable[Parent] = ()) -> Call:
        """Publish the next version."""
        return self._encode("publish", model_id, _cid(root), _edges(parents))

    def publish_by_sig(
        self,
        model_id: int,
        root: CID,
        parents: Iterable[Parent],
        publisher: Address,
        deadline: int,
        signature: bytes,
    ) -> Call:
        """Publish what a publisher has signed; anybody may send it."""
        publication = (model_id, _cid(root), _edges(parents))
        return self._encode("publishBySig", publication, publisher, deadline, signature)

    def skip_nonce(self, nonce: int) -> Call:
        """Take back what was signed with a nonce, the next one."""
        return self._encode("skipNonce", nonce)

    def set_publisher(self, model_id: int, publisher: Address, expiry: int) -> Call:
        """Let an account publish until `expiry` (seconds); 0 ends it."""
        return self._encode("setPublisher", model_id, publisher, expiry)

    def set_alias(self, model_id: int, alias: str, version: int) -> Call:
        """Point an alias to a version; 0: to none."""
        return self._encode("setAlias", model_id, label(alias), version)

    def set_alias_gate(self, model_id: int, alias: str, gate: Address | None) -> Call:
        """Let one account alone move an alias."""
        return self._encode("setAliasGate", model_id, label(alias), gate or _NOBODY)

    def deprecate(self, model_id: int, version: int) -> Call:
        """Discourage a version."""
        return self._encode("deprecate", model_id, version)

    def revoke(self, model_id: int, version: int, reason: RevocationReason) -> Call:
        """Tell everyone not to use a version."""
        return self._encode("revoke", model_id, version, int(reason))


class ModelRegistry(Contract):
    """Registered models, immutable versions, lineage and aliases; see `IModelRegistry.sol`."""

    interface = "ModelRegistry"

    @property
    def calls(self) -> ModelRegistryCalls:
        """The same transactions, encoded and not sent."""
        return ModelRegistryCalls(self.address)

    # ------------------------------------------------------------------ write

    def register(
        self, name: str, kind: Kind, root: CID, parents: Iterable[Parent] = ()
    ) -> tuple[int, int]:
        """Register a name with its first version; returns model id and version (1)."""
        return self.published_in(self.chain.send(self.calls.register(name, kind, root, parents)))

    def publish(self, model_id: int, root: CID, parents: Iterable[Parent] = ()) -> tuple[int, int]:
        """Publish the next version; returns model id and version."""
        return self.published_in(self.chain.send(self.calls.publish(model_id, root, parents)))

    def publish_by_sig(
        self,
        model_id: int,
        root: CID,
        parents: Iterable[Parent],
        publisher: Address,
        deadline: int,
        signature: bytes,
    ) -> tuple[int, int]:
        """Send what a publisher has signed (`sign_publication`)."""
        call = self.calls.publish_by_sig(model_id, root, parents, publisher, deadline, signature)
        return self.published_in(self.chain.send(call))

    def skip_nonce(self, nonce: int) -> Receipt:
        """Take back what our account has signed with its next nonce, before it is sent.

        Args:
            nonce: which one that is (`nonces`).

        Raises:
            ContractRevertedError: it is not the next: what was signed with it was sent, or taken
                back, already (`ModelRegistry_NotNextNonce`).
        """
        return self.chain.send(self.calls.skip_nonce(nonce))

    def set_publisher(self, model_id: int, publisher: Address, expiry: int) -> Receipt:
        """Let an account publish until `expiry` (seconds); 0 ends it."""
        return self.chain.send(self.calls.set_publisher(model_id, publisher, expiry))

    def set_alias(self, model_id: int, alias: str, version: int) -> Receipt:
        """Point an alias to a version; 0: to none."""
        return self.chain.send(self.calls.set_alias(model_id, alias, version))

    def set_alias_gate(self, model_id: int, alias: str, gate: Address | None) -> Receipt:
        """Let one account alone move an alias; only a gate can lift itself."""
        return self.chain.send(self.calls.set_alias_gate(model_id, alias, gate))

    def deprecate(self, model_id: int, version: int) -> Receipt:
        """Discourage a version; it stays valid."""
        return self.chain.send(self.calls.deprecate(model_id, version))

    def revoke(self, model_id: int, version: int, reason: RevocationReason) -> Receipt:
        """Tell everyone not to use a version."""
        return self.chain.send(self.calls.revoke(model_id, version, reason))

    # ------------------------------------------------------------------ read

    def model_of(self, model_id: int) -> RegisteredModel:
        """A model by its id."""
        creator, latest, kind, name = self._read("modelOf", model_id)
        return RegisteredModel(model_id, name, Kind(kind), to_checksum_address(creator), latest)

    def model_id_of(self, creator: Address, name: str) -> int:
        """A model's id by creator and name; 0 if there is none."""
        return int(self._read("modelIdOf", creator, name))

    def model_count(self) -> int:
        """Number of models; their ids are 1 to this."""
        return int(self._read("modelCount"))

    def version_of(self, model_id: int, version: int) -> ModelVersion:
        """A version, with its lineage edges."""
        root, publisher, time, status, reason, parents = self._read("versionOf", model_id, version)
        return ModelVersion(
            model_id=model_id,
            version=version,
            root=CID(root[1], root[0]),
            publisher=to_checksum_address(publisher),
            published_at=_time(time),
            status=Status(status),
            reason=RevocationReason(reason),
            parents=self.parents_of(model_id, version) if parents else (),
        )

    def parents_of(self, model_id: int, version: int) -> tuple[Parent, ...]:
        """What a version was made from."""
        edges = self._read("parentsOf", model_id, version)
        return tuple(Parent(m, v, Relation(relation)) for m, v, relation in edges)

    def alias_of(self, model_id: int, alias: str) -> AliasState:
        """Where an alias points now."""
        version, since, moves, gate = self._read("aliasOf", model_id, label(alias))
        return AliasState(
            version=version,
            since=_time(since) if moves else None,
            moves=moves,
            gate=to_checksum_address(gate) if int(gate, 16) else None,
        )

    def alias_at(self, model_id: int, alias: str, when: datetime) -> int:
        """The version that an alias pointed to at a past time; 0 for none."""
        return int(self._read("aliasAt", model_id, label(alias), int(when.timestamp())))

    def alias_history(self, model_id: int, alias: str) -> list[AliasMove]:
        """All moves of an alias, oldest first."""
        moves: list[AliasMove] = []
        while True:
            page = self._read("aliasHistory", model_id, label(alias), len(moves), _PAGE)
            moves += [AliasMove(version, _time(since)) for version, since in page]
            if len(page) < _PAGE:
                return moves

    def is_publisher(self, model_id: int, account: Address) -> bool:
        """Whether an account may publish now."""
        return bool(self._read("isPublisher", model_id, account))

    def publisher_expiry(self, model_id: int, publisher: Address) -> int:
        """When an account's right to publish ends, in seconds; 0 if it has none."""
        return int(self._read("publisherExpiry", model_id, publisher))

    def is_tainted(self, model_id: int, version: int, max_visits: int) -> bool:
        """Whether the version or one it was made from is revoked."""
        return bool(self._read("isTainted", model_id, version, max_visits))

    def nonces(self, publisher: Address) -> int:
        """The nonce of a publisher's next signed publication."""
        return int(self._read("nonces", publisher))

    def max_parents(self) -> int:
        """Most parents of one version."""
        return int(self._read("MAX_PARENTS"))

    def max_visits(self) -> int:
        """Most versions that `is_tainted` may visit."""
        return int(self._read("MAX_VISITS"))

    def nft(self) -> Address:
        """Address of the models' token."""
        return str(to_checksum_address(self._read("nft")))

    def version(self) -> str:
        """Version of the contract."""
        return str(self._read("version"))

    # ------------------------------------------------------------------ from events

    def published_in(self, receipt: Receipt) -> tuple[int, int]:
        """Model id and version that a transaction published.

        Raises:
            NotFoundError: it published none.
        """
        for values in self._events("VersionPublished", receipt):
            return values["modelId"], values["version"]
        raise NotFoundError(f"transaction {receipt.hash} published no version here")

    def version_with_root(self, model_id: int, root: CID) -> int | None:
        """The first version of a model with that root, if there is one."""
        topics = [_word(model_id), None, root.digest]
        for log in self._logs("VersionPublished", topics):
            if log["codec"] == root.codec:
                return int(log["version"])
        return None

    def alias_names(self, model_id: int) -> list[str]:
        """Every alias that a model ever had."""
        names = {log["aliasName"] for log in self._logs("AliasSet", [_word(model_id)])}
        return sorted(name.rstrip(b"\0").decode("ascii") for name in names)

    def _logs(self, event: str, topics: list[bytes | None]) -> Iterable[dict[str, Any]]:
        for log in self.chain.logs(self.address, self.interface, event, topics=topics):
            yield log.values

    # ------------------------------------------------------------------ sign

    def sign_publication(
        self, model_id: int, root: CID, parents: Iterable[Parent], deadline: int
    ) -> bytes:
        """Sign the publication of a version, for somebody else to send (EIP-712).

        After `deadline`, in seconds, the contract refuses it.

        Raises:
            ConfigError: the connection has no signer.
        """
        signer = self.chain.signer
        if signer is None:
            raise ConfigError("this connection has no signer")
        domain = {
            "name": "Anacostia ModelRegistry",
            "version": "1",
            "chainId": self.chain.chain_id,
            "verifyingContract": self.address,
        }
        message = {
            "modelId": model_id,
            "root": {"digest": root.digest, "codec": root.codec},
            "parents": [
                {"modelId": p.model_id, "version": p.version, "relation": int(p.relation)}
                for p in sorted(parents)
            ],
            "publisher": signer.address,
            "nonce": self.nonces(signer.address),
            "deadline": deadline,
        }
        return signer.sign_typed_data(domain, _PUBLISH, message)


_PUBLISH = {
    "Publish": [
        {"name": "modelId", "type": "uint64"},
        {"name": "root", "type": "Cid"},
        {"name": "parents", "type": "Parent[]"},
        {"name": "publisher", "type": "address"},
        {"name": "nonce", "type": "uint256"},
        {"name": "deadline", "type": "uint256"},
    ],
    "Cid": [{"name": "digest", "type": "bytes32"}, {"name": "codec", "type": "uint8"}],
    "Parent": [
        {"name": "modelId", "type": "uint64"},
        {"name": "version", "type": "uint32"},
        {"name": "relation", "type": "uint8"},
    ],
}


def _cid(root: CID) -> tuple[bytes, int]:
    return root.digest, root.codec


def _edges(parents: Iterable[Parent]) -> list[tuple[int, int, int]]:
    return [(p.model_id, p.version, int(p.relation)) for p in sorted(parents)]


def _time(seconds: int) -> datetime:
    return datetime.fromtimestamp(seconds, UTC)


def _word(value: int) -> bytes:
    return value.to_bytes(32, "big")
