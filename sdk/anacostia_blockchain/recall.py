"""Recall: what a revocation reaches, why a version reads as tainted, and hearing of it in time."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass, field
from itertools import groupby
from typing import TYPE_CHECKING, Any

from anacostia_blockchain.errors import ContractRevertedError, LedgerError
from anacostia_blockchain.types import Parent, Relation, RevocationReason, Status

if TYPE_CHECKING:
    from anacostia_blockchain.chain import Log
    from anacostia_blockchain.client import Anacostia

Key = tuple[int, int]
"""Model id and version."""

Position = tuple[int, int]
"""Number of a block, and of an event in it."""

_CONTRACT = "ModelRegistry"

MAX_VISITS = 2048
"""Versions that the contract looks through at most, in one call."""


@dataclass(frozen=True, slots=True)
class Affected:
    """A version that was made from the one in question, directly or not.

    Attributes:
        depth: edges on the shortest way to it; 1 for a child.
        parents: its edges to the version in question or to others that are affected.
        aliases: that point to it now.
    """

    model_id: int
    version: int
    depth: int
    parents: tuple[Parent, ...]
    aliases: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Impact:
    """Everything that was made from a version, each after all it was made from.

    Attributes:
        source: the version in question.
        revoked: whether it is revoked now; if so, all that is affected reads as tainted.
        affected: in the order in which they were published.
        names: of the models, by number.
        block: number of the newest block that was looked at.
    """

    source: Parent
    revoked: bool
    affected: tuple[Affected, ...]
    names: dict[int, str]
    block: int
    _by_key: dict[Key, Affected] = field(default_factory=dict, repr=False, compare=False)

    def path(self, affected: Affected) -> list[Parent]:
        """The shortest way from the source to an affected version, both included."""
        way = [Parent(affected.model_id, affected.version)]
        while affected.depth > 1:
            way.append(self.above(affected))
            affected = self._by_key[way[-1].model_id, way[-1].version]
        return [self.source, *reversed(way)]

    def above(self, affected: Affected) -> Parent:
        """The version before an affected one on the shortest way to it."""
        if affected.depth == 1:
            return self.source
        if not self._by_key:
            self._by_key.update({(one.model_id, one.version): one for one in self.affected})
        return min(
            (p for p in affected.parents if (p.model_id, p.version) in self._by_key),
            key=lambda p: self._by_key[p.model_id, p.version].depth,
        )

    def label(self, version: Parent | Affected) -> str:
        """A version as people name it; the registry's names hold no character to be escaped."""
        return f"{self.names[version.model_id]}@{version.version}"


@dataclass(frozen=True, slots=True)
class Revocation:
    """A version was revoked.

    Attributes:
        block, index: where the event stands; hand the last one's `position` to `revocations` to go
            on after it.
    """

    model_id: int
    version: int
    reason: RevocationReason
    block: int
    index: int
    tx: str

    @property
    def position(self) -> Position:
        """Where the event stands, in the order in which they happened."""
        return self.block, self.index


@dataclass(frozen=True, slots=True)
class Taint:
    """Why a version must not be used.

    Attributes:
        path: from the version to the revoked one it was made from; only itself if it is that.
        reason: of that revocation.
    """

    path: tuple[Parent, ...]
    reason: RevocationReason

    def __str__(self) -> str:
        why = self.reason.name.lower().replace("_", " ")
        shown = [f"{step.model_id}@{step.version}" for step in self.path]
        if len(shown) == 1:
            return f"{shown[0]} is revoked: {why}"
        return f"{shown[0]} was made from {shown[-1]}, which is revoked: {why}" + (
            f" (by way of {', '.join(shown[1:-1])})" if len(shown) > 2 else ""
        )


def impact(client: Anacostia, model_id: int, version: int) -> Impact:
    """Find everything that was made from a version, by one pass over the registry's events.

    A version is published after all that it was made from, and its edges are told at once. So the
    events need to be read once, in their order, and only what is affected is kept.
    """
    block = client.chain.block_number()
    start = _published_in(client, model_id, version, block)
    depths: dict[Key, int] = {(model_id, version): 0}
    found: list[tuple[Key, tuple[Parent, ...]]] = []
    edges = client.chain.logs(
        client.registry.address, _CONTRACT, "ParentLinked", from_block=start, to_block=block
    )
    for child, group in groupby(
        edges, key=lambda log: (log.values["modelId"], log.values["version"])
    ):
        parents = tuple(p for p in map(_parent, group) if (p.model_id, p.version) in depths)
        if parents:
            depths[child] = 1 + min(depths[p.model_id, p.version] for p in parents)
            found.append((child, parents))
    aliases = _aliases(client, {child for child, _ in found}, start, block)
    return Impact(
        source=Parent(model_id, version),
        revoked=client.registry.version_of(model_id, version).status is Status.REVOKED,
        affected=tuple(
            Affected(*child, depths[child], parents, tuple(sorted(aliases.get(child, ()))))
            for child, parents in found
        ),
        names={m: client.registry.model_of(m).name for m in sorted({key[0] for key in depths})},
        block=block,
    )


def taint(
    client: Anacostia, model_id: int, version: int, *, max_visits: int = 4096
) -> Taint | None:
    """Why a version reads as tainted: the nearest revoked version among it and its ancestors.

    Raises:
        LedgerError: there are more than `max_visits` ancestors.
    """
    with suppress(ContractRevertedError):  # more ancestors than the contract looks through
        if not client.registry.is_tainted(model_id, version, min(max_visits, MAX_VISITS)):
            return None
    start = (model_id, version)
    made: dict[Key, Key | None] = {start: None}
    queue = [start]
    for key in queue:
        found = client.registry.version_of(*key)
        if found.status is Status.REVOKED:
            return Taint(tuple(_way(made, key)), found.reason)
        for parent in found.parents:
            above = (parent.model_id, parent.version)
            if above not in made:
                made[above] = key
                queue.append(above)
        if len(queue) > max_visits:
            raise LedgerError(f"the lineage has more than {max_visits} versions: ask with more")
    return None


def revocations(
    client: Anacostia,
    *,
    from_block: int = 0,
    after: Position | None = None,
    follow: bool = False,
    every: float = 2.0,
) -> Iterator[Revocation]:
    """Revocations in the order in which they happened; only from blocks that are settled.

    Args:
        client: a connection; its number of confirmations says what is settled.
        from_block: the first block to look at.
        after: the `position` of the last one that was dealt with; takes the place of `from_block`.
        follow: do not end, but wait for more.
        every: seconds between looking for new blocks.
    """
    start = max(from_block if after is None else after[0], _first_block(client))
    while True:
        end = client.chain.block_number() - client.chain.confirmations
        if start <= end:
            for log in client.chain.logs(
                client.registry.address,
                _CONTRACT,
                "VersionRevoked",
                from_block=start,
                to_block=end,
            ):
                if after is None or (log.block_number, log.log_index) > after:
                    yield _revocation(log)
            start = end + 1
        if not follow:
            return
        time.sleep(every)


# ---------------------------------------------------------------------- as text


def tree(impact: Impact) -> str:
    """The affected versions under their nearest parents, as text."""
    children: dict[Key, list[Affected]] = {}
    for one in impact.affected:
        above = impact.above(one)
        children.setdefault((above.model_id, above.version), []).append(one)
    lines = []
    # No recursion: anybody can derive one from the other, as often as they like.
    waiting: list[tuple[Parent | Affected, str, str]] = [(impact.source, "", "")]
    while waiting:
        it, branch, margin = waiting.pop()
        marks = f"  ({', '.join(it.aliases)})" if isinstance(it, Affected) and it.aliases else ""
        lines.append(f"{branch}{impact.label(it)}{marks}")
        below = children.get((it.model_id, it.version), [])
        for place, child in enumerate(reversed(below)):  # what is put first is taken last
            ends = ("├── ", "│   ") if place else ("└── ", "    ")
            waiting.append((child, margin + ends[0], margin + ends[1]))
    return "\n".join(lines)


def mermaid(impact: Impact) -> str:
    """A Mermaid flowchart with every edge."""
    shown: list[Parent | Affected] = [impact.source, *impact.affected]
    lines = ["flowchart TD"]
    lines += [f'    {_node(one)}["{impact.label(one)}"]' for one in shown]
    lines += [
        f'    {_node(parent)} -->|"{parent.relation.name.lower().replace("_", "-")}"| {_node(one)}'
        for one in impact.affected
        for parent in one.parents
    ]
    return "\n".join(lines) + "\n"


def _node(version: Parent | Affected) -> str:
    return f"v{version.model_id}_{version.version}"


# ---------------------------------------------------------------------- events


def _published_in(client: Anacostia, model_id: int, version: int, end: int) -> int:
    """Number of the block that published a version; what was made from it cannot be older."""
    topics = [_word(model_id), _word(version)]
    first = _first_block(client)
    logs = client.chain.logs(
        client.registry.address,
        _CONTRACT,
        "VersionPublished",
        topics=topics,
        from_block=first,
        to_block=end,
    )
    return next((log.block_number for log in logs), first)


def _first_block(client: Anacostia) -> int:
    """Nothing happened in the registry before it was deployed."""
    return client.deployment.contracts[_CONTRACT].block or 0


def _aliases(client: Anacostia, versions: set[Key], start: int, end: int) -> dict[Key, list[str]]:
    """The aliases that point to versions at the end of a block, by one pass over their moves.

    No alias pointed to any of the versions before the first of them was published.
    """
    if not versions:
        return {}
    models = {model_id for model_id, _ in versions}
    pointing: dict[tuple[int, str], int] = {}
    for log in client.chain.logs(
        client.registry.address, _CONTRACT, "AliasSet", from_block=start, to_block=end
    ):
        model_id, version = log.values["modelId"], log.values["version"]
        if model_id in models:
            name = log.values["aliasName"].rstrip(b"\0").decode("ascii")
            pointing[model_id, name] = version
    found: dict[Key, list[str]] = {}
    for (model_id, name), version in pointing.items():
        if (model_id, version) in versions:
            found.setdefault((model_id, version), []).append(name)
    return found


def _parent(log: Log) -> Parent:
    values: dict[str, Any] = log.values
    return Parent(values["parentModelId"], values["parentVersion"], Relation(values["relation"]))


def _revocation(log: Log) -> Revocation:
    return Revocation(
        model_id=log.values["modelId"],
        version=log.values["version"],
        reason=RevocationReason(log.values["reason"]),
        block=log.block_number,
        index=log.log_index,
        tx=log.tx_hash,
    )


def _way(made: dict[Key, Key | None], end: Key) -> Iterator[Parent]:
    steps: list[Key] = []
    step: Key | None = end
    while step is not None:
        steps.append(step)
        step = made[step]
    return (Parent(*key) for key in reversed(steps))


def _word(value: int) -> bytes:
    return value.to_bytes(32, "big")
