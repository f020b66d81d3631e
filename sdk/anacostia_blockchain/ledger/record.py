"""A run's record: a small Merkle tree of salted facts, of which any one can be shown alone.

A fact is what one node says in one role: `(role, node, name, value)`. Its leaf is the RFC 8785 text
of `[role, node, name, number, value, salt]`. Salts are made from one secret per record, so that
whoever is shown one fact cannot guess the others, however few values they could have. Leaves are in
order of role, node, name and number; the first is the header, which binds their count. The root
does not depend on the order in which facts were given, nor on anything of a database.
"""

from __future__ import annotations

import hmac
import secrets
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass
from functools import cached_property
from hashlib import sha256
from typing import Any, TypeAlias

from anacostia_blockchain.content.documents import canonical, field, hex_field, read_object
from anacostia_blockchain.errors import FormatError, IntegrityError, LedgerError
from anacostia_blockchain.ledger import merkle

SCHEMA = "anacostia/run-record/1"
ROLES = (
    "run",
    "param",
    "metric",
    "tag",
    "input",
    "output",
    "environment",
    "framework",
    "result",
    "trigger",
)
"""What a fact can be; a record with others is read, but not made."""

_HEADER = "header"

Fact: TypeAlias = tuple[str, str, str, Any]


@dataclass(frozen=True, slots=True)
class Leaf:
    """One salted fact.

    Attributes:
        number: tells facts of one role, node and name apart, from 0, in the order given.
        salt: 32 bytes.
    """

    role: str
    node: str
    name: str
    number: int
    value: Any
    salt: bytes

    @property
    def hash(self) -> bytes:
        """The leaf's hash in the record's tree.

        Raises:
            LedgerError: the value cannot be written as canonical JSON: NaN, an infinity, an integer
                beyond 2**53, an object that JSON does not know.
        """
        parts = [self.role, self.node, self.name, self.number, self.value, self.salt.hex()]
        try:
            return merkle.leaf_hash(canonical(parts))
        except FormatError as error:
            raise LedgerError(f"{self.role} {self.name!r} of {self.node!r} {error}") from error


@dataclass(frozen=True, slots=True)
class Disclosure:
    """One fact of a record, shown without the others.

    Attributes:
        index: place of its leaf in the record.
        size: number of leaves of the record.
        path: RFC 9162 inclusion proof.
    """

    leaf: Leaf
    index: int
    size: int
    path: tuple[bytes, ...]

    def verify(self, root: bytes) -> None:
        """Check that the fact is in the record with that root.

        Raises:
            IntegrityError: it is not.
        """
        shown = f"{self.leaf.role} {self.leaf.name!r}"
        if not merkle.verify_inclusion(self.leaf.hash, self.index, self.size, root, self.path):
            raise IntegrityError(f"{shown} is not in the record {root.hex()}")

    def to_json(self) -> bytes:
        """Encode canonically."""
        document = {"index": self.index, "size": self.size, "leaf": _leaf_document(self.leaf)}
        return canonical(document | {"path": [step.hex() for step in self.path]})

    @classmethod
    def from_json(cls, data: bytes) -> Disclosure:
        """Read what `to_json` wrote.

        Raises:
            FormatError: it is something else.
        """
        document = read_object(data, "disclosure")
        steps = field(document, "path", list, "disclosure")
        leaf = field(document, "leaf", dict, "disclosure")
        return cls(
            leaf=Leaf(
                role=field(leaf, "role", str, "disclosure"),
                node=field(leaf, "node", str, "disclosure"),
                name=field(leaf, "name", str, "disclosure"),
                number=field(leaf, "number", int, "disclosure"),
                value=field(leaf, "value", object, "disclosure"),
                salt=hex_field(leaf, "salt", "disclosure"),
            ),
            index=field(document, "index", int, "disclosure"),
            size=field(document, "size", int, "disclosure"),
            path=tuple(hex_field(document, f"path/{i}", "disclosure") for i in range(len(steps))),
        )


@dataclass(frozen=True)
class RunRecord:
    """All facts of a run, salted. Made by `RunRecord.build`.

    Attributes:
        facts: in canonical order, without the header.
        secret: 32 bytes from which all salts are made. Whoever has it can guess at facts that were
            not shown to them.
    """

    facts: tuple[Fact, ...]
    secret: bytes

    @classmethod
    def build(cls, facts: Iterable[Fact], *, secret: bytes | None = None) -> RunRecord:
        """Make a record.

        Args:
            facts: `(role, node, name, value)`, in any order; the value is anything that JSON can
                hold. Of facts with one role, node and name, the order counts.
            secret: 32 bytes; None: random.

        Raises:
            LedgerError: a role is not known, or a value cannot be written as canonical JSON.
        """
        ordered = sorted(facts, key=lambda fact: fact[:3])
        for role, _node, name, _value in ordered:
            if role not in ROLES:
                raise LedgerError(f"{name!r} has the role {role!r}, which is none of {ROLES}")
        record = cls(tuple(ordered), secret if secret is not None else secrets.token_bytes(32))
        _ = record.root  # a value that cannot be recorded shows now
        return record

    @cached_property
    def leaves(self) -> tuple[Leaf, ...]:
        """The header, and the facts in canonical order."""
        numbers: Counter[tuple[str, str, str]] = Counter()
        header = {"schema": SCHEMA, "facts": len(self.facts)}
        leaves = [Leaf(_HEADER, "", "", 0, header, self._salt(_HEADER, "", "", 0))]
        for role, node, name, value in self.facts:
            number = numbers[role, node, name]
            numbers[role, node, name] += 1
            leaves.append(
                Leaf(role, node, name, number, value, self._salt(role, node, name, number))
            )
        return tuple(leaves)

    @cached_property
    def root(self) -> bytes:
        """Root of the record's tree: its leaf data in the run log."""
        return merkle.root([leaf.hash for leaf in self.leaves])

    def find(self, role: str, name: str, node: str | None = None) -> list[Leaf]:
        """Facts by role and name, and by node if it is given."""
        return [
            leaf
            for leaf in self.leaves
            if (leaf.role, leaf.name) == (role, name) and node in (None, leaf.node)
        ]

    def disclose(self, role: str, node: str, name: str, number: int = 0) -> Disclosure:
        """Show one fact, and nothing of the others.

        Raises:
            LedgerError: the record has no such fact.
        """
        for index, leaf in enumerate(self.leaves):
            if (leaf.role, leaf.node, leaf.name, leaf.number) == (role, node, name, number):
                path = merkle.inclusion_proof([other.hash for other in self.leaves], index)
                return Disclosure(leaf, index, len(self.leaves), tuple(path))
        raise LedgerError(f"the record has no {role} {name!r} of {node!r}")

    def to_json(self) -> bytes:
        """Encode canonically, secret included: keep it where the run's own data is kept."""
        return canonical(
            {
                "schema": SCHEMA,
                "secret": self.secret.hex(),
                "facts": [list(fact) for fact in self.facts],
            }
        )

    @classmethod
    def from_json(cls, data: bytes) -> RunRecord:
        """Read what `to_json` wrote.

        Raises:
            FormatError: it is something else.
        """
        document = read_object(data, "run record")
        if field(document, "schema", str, "run record") != SCHEMA:
            raise FormatError(f"run record: its schema is not {SCHEMA}")
        facts = field(document, "facts", list, "run record")
        for fact in facts:
            texts = fact[:3] if isinstance(fact, list) and len(fact) == 4 else [None]
            if not all(isinstance(text, str) for text in texts):
                raise FormatError("run record: a fact is not role, node, name and value")
        return cls(
            facts=tuple((fact[0], fact[1], fact[2], fact[3]) for fact in facts),
            secret=hex_field(document, "secret", "run record"),
        )

    def _salt(self, role: str, node: str, name: str, number: int) -> bytes:
        message = canonical([role, node, name, number])
        return hmac.digest(self.secret, message, sha256)


def _leaf_document(leaf: Leaf) -> dict[str, Any]:
    return {
        "role": leaf.role,
        "node": leaf.node,
        "name": leaf.name,
        "number": leaf.number,
        "value": leaf.value,
        "salt": leaf.salt.hex(),
    }
