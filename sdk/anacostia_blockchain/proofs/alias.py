"""What an alias pointed to at a time in the past, with a proof that needs no chain to be checked.

A registry keeps every move of an alias, in order. Two neighbours among them, of which one was made
at or before the time and the next after it, settle the question for ever; a storage proof leads
from a block's hash to both. A proof is one JSON document (`AliasProof`).
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from dataclasses import field as dataclass_field
from datetime import UTC, datetime
from functools import cached_property
from typing import TYPE_CHECKING, Any

from anacostia_blockchain import verify
from anacostia_blockchain.content.cid import CID
from anacostia_blockchain.content.documents import canonical, field, read_object
from anacostia_blockchain.contracts.model_registry import label
from anacostia_blockchain.deployment import predicted_address
from anacostia_blockchain.errors import ConfigError, FormatError, IntegrityError, NotFoundError
from anacostia_blockchain.proofs.layout import AliasSlots, VersionSlots, model_id_slot
from anacostia_blockchain.proofs.state import ProvenState, header_number, prove_state, trust

if TYPE_CHECKING:
    from anacostia_blockchain.client import Anacostia
    from anacostia_blockchain.types import AliasMove
    from anacostia_blockchain.verify import Check, Report

SCHEMA = "anacostia/alias-proof/1"
_REGISTRY = "ModelRegistry"
_WHAT = "alias proof"


@dataclass(frozen=True, slots=True)
class AliasPeriod:
    """Where an alias pointed at a time, and for how long it did.

    Attributes:
        version: 0 if it pointed to nothing.
        root: CID of that version; None likewise.
        since: when it was moved there; None if it had never moved.
        until: when it was moved away; None if it had not been at the block of the proof.
    """

    version: int
    root: CID | None
    since: datetime | None
    until: datetime | None

    def to_dict(self) -> dict[str, Any]:
        """As plain data."""
        return {
            "version": self.version,
            "root": None if self.root is None else str(self.root),
            "since": None if self.since is None else self.since.isoformat(),
            "until": None if self.until is None else self.until.isoformat(),
        }

    def __str__(self) -> str:
        what = f"version {self.version}, {self.root}" if self.version else "nothing"
        ends = (("since", self.since), ("until", self.until))
        shown = [f"{word} {time:%Y-%m-%d %H:%M:%S} UTC" for word, time in ends if time is not None]
        return f"{what} ({', '.join(shown) or 'it never moved'})"


@dataclass(frozen=True)
class AliasProof:
    """The document. What it says is only true once `verify_alias_proof` has passed it.

    Attributes:
        model_id, creator, name: of the model.
        alias: the alias that is asked about.
        at: the time that is asked about.
        moves: how many moves of the alias were made at or before it.
        period: the answer that is claimed.
        block: header, account and slots, as `prove_state` gives them.
    """

    chain_id: int
    registry: str
    model_id: int
    creator: str
    name: str
    alias: str
    at: datetime
    moves: int
    period: dict[str, Any]
    block: dict[str, Any] = dataclass_field(repr=False)

    @cached_property
    def slots(self) -> AliasSlots:
        """Where the registry keeps the alias."""
        return AliasSlots(self.model_id, label(self.alias))

    @property
    def number(self) -> int:
        """Number of the block whose state it is about."""
        return header_number(self.block, "number")

    def to_json(self) -> bytes:
        """Encode canonically."""
        document = {name: getattr(self, name) for name in self.__dataclass_fields__}
        return canonical(document | {"schema": SCHEMA, "at": int(self.at.timestamp())})

    @classmethod
    def from_json(cls, data: bytes) -> AliasProof:
        """Read what `to_json` wrote.

        Raises:
            FormatError: it is something else.
        """
        document = read_object(data, _WHAT)
        if field(document, "schema", str, _WHAT) != SCHEMA:
            raise FormatError(f"{_WHAT}: its schema is not {SCHEMA}")
        numbers = {n: _number(document, n) for n in ("chain_id", "model_id", "at", "moves")}
        texts = {
            n: field(document, n, str, _WHAT) for n in ("registry", "creator", "name", "alias")
        }
        parts = {n: field(document, n, dict, _WHAT) for n in ("period", "block")}
        if set(document) != {"schema", *numbers, *texts, *parts}:
            raise FormatError(f"{_WHAT}: it holds more than it should")
        try:
            label(texts["alias"])
            known: dict[str, Any] = numbers | texts | parts
            return cls(**known | {"at": datetime.fromtimestamp(numbers["at"], UTC)})
        except (ConfigError, ValueError, OverflowError, OSError) as error:
            raise FormatError(f"{_WHAT}: {error}") from error


# ---------------------------------------------------------------------- write


def prove_alias(
    client: Anacostia, model_id: int, alias: str, when: datetime | int
) -> tuple[AliasProof, AliasPeriod]:
    """Ask a chain where an alias pointed, and prove the answer.

    Args:
        client: a connection whose node serves `eth_getProof`.
        model_id: of the model.
        alias: its alias.
        when: an aware time, or a block's number for the end of that block.

    Returns:
        The proof, checked against the node's own block, and what it proves.

    Raises:
        ConfigError: the time is not past on that chain, so that its answer may still change.
        NotFoundError: the model never had such an alias.
        ChainUnavailableError: the node does not serve `eth_getProof` for its newest blocks.
    """
    registry, chain = client.registry, client.chain
    number = max(chain.block_number() - chain.confirmations, 0)
    header = chain.header(number)
    at = _past_time(client, when, int(header["timestamp"], 16), number)
    moves = registry.alias_history(model_id, alias)
    if not moves:
        raise NotFoundError(f"model {model_id} never had an alias {alias!r}")
    model, slots = registry.model_of(model_id), AliasSlots(model_id, label(alias))
    after = bisect_right([move.since for move in moves], at)
    neighbours = [i for i in (after - 1, after) if 0 <= i < len(moves)]
    wanted = {slots.head, model_id_slot(model.creator, model.name)}
    wanted |= {slots.of_move(index, len(moves)) for index in neighbours}
    version = moves[after - 1].version if after else 0
    if version:
        record = VersionSlots(model_id, version)
        wanted |= {record.digest, record.header}
    proof = AliasProof(
        chain_id=chain.chain_id,
        registry=registry.address,
        model_id=model_id,
        creator=model.creator,
        name=model.name,
        alias=alias,
        at=at,
        moves=after,
        period=AliasPeriod(
            version,
            registry.version_of(model_id, version).root if version else None,
            moves[after - 1].since if after else None,
            moves[after].since if after < len(moves) else None,
        ).to_dict(),
        block=prove_state(client, number, {registry.address: sorted(wanted)}),
    )
    return proof, _Reader(proof, trust(chain.chain_id, [header["hash"]], None)).period()


def _past_time(client: Anacostia, when: datetime | int, newest: int, number: int) -> datetime:
    if isinstance(when, int):
        if when > number:
            raise ConfigError(
                f"block {when} is not there yet, or not final: {number} is the newest"
            )
        when = datetime.fromtimestamp(int(client.chain.header(when)["timestamp"], 16), UTC)
    elif when.tzinfo is None:
        raise ConfigError(f"{when} has no time zone: say which, for instance +00:00")
    at = when.astimezone(UTC).replace(microsecond=0)
    if at.timestamp() >= newest:
        known = datetime.fromtimestamp(newest, UTC)
        raise ConfigError(
            f"{at:%Y-%m-%d %H:%M:%S} UTC is not past on this chain, whose newest settled block is "
            f"of {known:%Y-%m-%d %H:%M:%S} UTC: ask for an earlier time, or later"
        )
    return at


# ---------------------------------------------------------------------- verify


def verify_alias_proof(
    data: bytes,
    *,
    block_hashes: Iterable[str] = (),
    rpc_url: str | None = None,
    on_check: Callable[[Check], None] | None = None,
) -> Report:
    """Verify a proof against a block hash, or against an RPC endpoint, that the caller trusts.

    Raises:
        FormatError: it is no such document.
    """
    proof = AliasProof.from_json(data)
    reader = _Reader(proof, trust(proof.chain_id, block_hashes, rpc_url))
    made = verify.made_all(reader.checks(), on_check)
    blocks = reader.state.blocks
    return verify.Report(reader.subject, made, next(iter(blocks), None))


def read_alias_proof(
    data: bytes, *, block_hashes: Iterable[str] = (), rpc_url: str | None = None
) -> AliasPeriod:
    """What a proof proves, for programs: the first thing that is wrong is raised.

    Raises:
        FormatError: it is no such document.
        IntegrityError: it does not prove what it says, or rests on a block that is not trusted.
    """
    proof = AliasProof.from_json(data)
    return _Reader(proof, trust(proof.chain_id, block_hashes, rpc_url)).period()


class _Reader:
    """Reads a proof, believing none of it."""

    def __init__(self, proof: AliasProof, trusted: Callable[[int, bytes], None]) -> None:
        self.proof = proof
        self.state = ProvenState(trusted, proof.chain_id)
        self.subject = f"{proof.name}@{proof.alias} at {proof.at:%Y-%m-%d %H:%M:%S} UTC"

    def checks(self) -> Iterator[tuple[str, Callable[[], str]]]:
        yield "block", self._block
        yield "model", self._model
        yield "alias", self._alias

    def period(self) -> AliasPeriod:
        """All checks, and what they prove."""
        for _name, check in self.checks():
            check()
        return self._period()

    def _block(self) -> str:
        """Trusted hash → header → state root → the registry's slots, after the time."""
        proof = self.proof
        if proof.registry.lower() != predicted_address(_REGISTRY).lower():
            raise IntegrityError(f"{proof.registry} is not where this package's registry is")
        self.state.add(proof.block, self._named)
        made = header_number(proof.block, "timestamp")
        if made <= proof.at.timestamp():
            raise IntegrityError("the block is not later than the time: it cannot settle it")
        return f"state of block {next(iter(self.state.blocks))} proven against a trusted hash"

    def _named(self, address: str) -> str:
        if address != self.proof.registry.lower():
            raise IntegrityError(f"the proof is of {address}, and not of the registry")
        return _REGISTRY

    def _model(self) -> str:
        proof = self.proof
        try:
            slot = model_id_slot(proof.creator, proof.name)
        except (ValueError, OverflowError) as error:
            raise FormatError(f"{_WHAT}: {proof.creator!r} is no address") from error
        if self._slot(slot) != proof.model_id:
            raise IntegrityError(f"model {proof.model_id} is not {proof.creator}/{proof.name}")
        return f"{proof.creator}/{proof.name} is model {proof.model_id} of {proof.registry}"

    def _alias(self) -> str:
        found = self._period()
        if found.to_dict() != self.proof.period:
            raise IntegrityError(f"the proof claims something else than it proves: {found}")
        return f"{self.proof.alias} pointed to {found}"

    def _period(self) -> AliasPeriod:
        """The moves on both sides of the time, as proven.

        Only because the log is in order do two neighbours say something about all the others; the
        contract, whose code is proven to be ours, keeps it so.
        """
        slots, at, moves = self.proof.slots, self.proof.at, self.proof.moves
        count = slots.read_count(self._slot(slots.head))
        if moves > count:
            raise IntegrityError(f"the alias had moved {count} times at that block, not {moves}")
        before = self._move(moves - 1, count) if moves else None
        after = self._move(moves, count) if moves < count else None
        if (before and before.since > at) or (after and after.since <= at):
            raise IntegrityError("the moves that are proven are not those around the time")
        version = before.version if before else 0
        return AliasPeriod(
            version,
            self._root(version) if version else None,
            before.since if before else None,
            after.since if after else None,
        )

    def _move(self, index: int, count: int) -> AliasMove:
        slots = self.proof.slots
        return slots.read_move(self._slot(slots.of_move(index, count)), index)

    def _root(self, version: int) -> CID:
        slots = VersionSlots(self.proof.model_id, version)
        codec = slots.read_header(self._slot(slots.header)).codec
        return CID(codec, self._slot(slots.digest).to_bytes(32, "big"))

    def _slot(self, slot: int) -> int:
        return self.state.slot(_REGISTRY, self.proof.registry, slot)


def _number(document: dict[str, Any], name: str) -> int:
    value = field(document, name, int, _WHAT)
    if isinstance(value, bool) or value < 0:
        raise FormatError(f"{_WHAT}: {name} is not a whole number")
    return value
