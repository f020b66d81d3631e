"""A Merkle log in a database: append in O(log n), prove any size it ever had.

What is stored are the complete subtrees, which never change. Level 0 are the leaves' hashes; the
node at (level, position) covers the `1 << level` leaves from `position << level` on. Any root or
proof is put together from at most two of them on each level.
"""

from __future__ import annotations

from collections.abc import Iterable
from functools import lru_cache
from hashlib import sha256
from typing import TYPE_CHECKING

from sqlalchemy import (
    BigInteger,
    Column,
    Integer,
    LargeBinary,
    MetaData,
    String,
    Table,
    bindparam,
    select,
    tuple_,
)
from sqlalchemy import func as sql

from anacostia_blockchain.errors import LedgerError
from anacostia_blockchain.ledger.merkle import largest_power_below, leaf_hash, node_hash

if TYPE_CHECKING:
    from sqlalchemy import Connection

_KEPT = 1024
"""Nodes that are not read again; 64 would do for proofs in order."""

metadata = MetaData()

nodes = Table(
    "ab_log_nodes",
    metadata,
    Column("log_id", String, primary_key=True),
    Column("level", Integer, primary_key=True, autoincrement=False),
    Column("position", BigInteger, primary_key=True, autoincrement=False),
    Column("hash", LargeBinary(32), nullable=False),
    sqlite_with_rowid=False,
)


# Made once: to put a statement together takes longer than to carry it out.
_SIZE = select(sql.max(nodes.c.position)).where(
    nodes.c.log_id == bindparam("log"), nodes.c.level == 0
)
_NODE = select(nodes.c.hash).where(
    nodes.c.log_id == bindparam("log"),
    nodes.c.level == bindparam("at_level"),
    nodes.c.position == bindparam("at"),
)


class MerkleLog:
    """One log. All that it does happens in the transaction of the connection it is given.

    Args:
        connection: to a database in which `metadata.create_all` has been called.
        log_id: tells the logs of one database apart.
    """

    def __init__(self, connection: Connection, log_id: str) -> None:
        self._connection = connection
        self._log_id = log_id
        # Proofs of neighbours share most of their nodes, and a node that is there never changes.
        self._node = lru_cache(_KEPT)(self._read_node)

    @property
    def size(self) -> int:
        """Number of records."""
        last = self._connection.execute(_SIZE, {"log": self._log_id}).scalar()
        return 0 if last is None else int(last) + 1

    def append(self, data: bytes) -> int:
        """Add a record; returns its place, from 0."""
        return self.extend([data])

    def extend(self, records: Iterable[bytes]) -> int:
        """Add records; returns the place of the first, or the size if there are none."""
        first = position = self.size
        spine = self._spine(first)
        rows = []
        for data in records:
            level, index, found = 0, position, leaf_hash(data)
            rows.append(self._row(level, index, found))
            while index & 1:
                found = node_hash(spine[level], found)
                level, index = level + 1, index >> 1
                rows.append(self._row(level, index, found))
            spine[level] = found
            position += 1
        if rows:
            self._connection.execute(nodes.insert(), rows)
        return first

    def root(self, size: int | None = None) -> bytes:
        """RFC 9162 root of the first `size` records, of all if not given.

        Raises:
            LedgerError: the log is shorter.
        """
        size = self._checked(self.size if size is None else size)
        return sha256(b"").digest() if size == 0 else self._range(0, size)

    def inclusion_proof(self, index: int, size: int | None = None) -> list[bytes]:
        """Proof that record `index` is among the first `size`, bottom first.

        Raises:
            LedgerError: it is not, or the log is shorter.
        """
        size = self._checked(self.size if size is None else size)
        if not 0 <= index < size:
            raise LedgerError(f"record {index} is not among the first {size}")
        start, end, path = 0, size, []
        while end - start > 1:
            middle = start + largest_power_below(end - start)
            if index < middle:
                path.append(self._range(middle, end))
                end = middle
            else:
                path.append(self._range(start, middle))
                start = middle
        return path[::-1]

    def consistency_proof(self, old: int, new: int | None = None) -> list[bytes]:
        """Proof that the first `new` records begin with the first `old`.

        Raises:
            LedgerError: not 0 < old <= new <= size of the log.
        """
        new = self._checked(self.size if new is None else new)
        if not 0 < old <= new:
            raise LedgerError(f"a log of {new} records extends none of {old}")
        start, end, path = 0, new, []
        while end != old:
            middle = start + largest_power_below(end - start)
            if old <= middle:
                path.append(self._range(middle, end))
                end = middle
            else:
                path.append(self._range(start, middle))
                start = middle
        if start:
            path.append(self._range(start, end))
        return path[::-1]

    def _checked(self, size: int) -> int:
        held = self.size
        if not 0 <= size <= held:
            raise LedgerError(f"the log has {held} records, not {size}")
        return size

    def _range(self, start: int, end: int) -> bytes:
        """Hash of the subtree over leaves start to end - 1, as RFC 9162 splits a tree."""
        count = end - start
        level = count.bit_length() - 1
        if count == 1 << level:
            return self._node(level, start >> level)
        middle = start + largest_power_below(count)
        return node_hash(self._range(start, middle), self._range(middle, end))

    def _read_node(self, level: int, position: int) -> bytes:
        place = {"log": self._log_id, "at_level": level, "at": position}
        return bytes(self._connection.execute(_NODE, place).scalar_one())

    def _spine(self, size: int) -> dict[int, bytes]:
        """The complete subtrees that the next leaf may complete, by level."""
        places: dict[int, int] = {}
        start = 0
        for level in reversed(range(size.bit_length())):
            if size >> level & 1:
                places[level] = start >> level
                start += 1 << level
        query = select(nodes.c.level, nodes.c.hash).where(
            nodes.c.log_id == self._log_id,
            tuple_(nodes.c.level, nodes.c.position).in_(list(places.items())),
        )
        return {level: bytes(found) for level, found in self._connection.execute(query)}

    def _row(self, level: int, position: int, found: bytes) -> dict[str, object]:
        return {"log_id": self._log_id, "level": level, "position": position, "hash": found}
