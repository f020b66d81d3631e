"""Merkle trees as in Certificate Transparency: SHA-256, RFC 9162 §2.1. Pure functions.

A tree is given by the hashes of its leaves; the tree of no leaves has the root SHA-256("").
"""

from __future__ import annotations

from collections.abc import Sequence
from hashlib import sha256

from anacostia_blockchain.errors import LedgerError


def leaf_hash(data: bytes) -> bytes:
    """Hash of a leaf: SHA-256(0x00 ‖ data)."""
    return sha256(b"\x00" + data).digest()


def node_hash(left: bytes, right: bytes) -> bytes:
    """Hash of a node: SHA-256(0x01 ‖ left ‖ right)."""
    return sha256(b"\x01" + left + right).digest()


def root(leaves: Sequence[bytes]) -> bytes:
    """Root of a tree (§2.1.1)."""
    if not leaves:
        return sha256(b"").digest()
    if len(leaves) == 1:
        return leaves[0]
    split = largest_power_below(len(leaves))
    return node_hash(root(leaves[:split]), root(leaves[split:]))


def inclusion_proof(leaves: Sequence[bytes], index: int) -> list[bytes]:
    """Siblings on the way from a leaf to the root, bottom first (§2.1.3.1).

    Raises:
        LedgerError: the tree has no such leaf.
    """
    if not 0 <= index < len(leaves):
        raise LedgerError(f"a tree of {len(leaves)} leaves has no leaf {index}")
    if len(leaves) == 1:
        return []
    split = largest_power_below(len(leaves))
    if index < split:
        return [*inclusion_proof(leaves[:split], index), root(leaves[split:])]
    return [*inclusion_proof(leaves[split:], index - split), root(leaves[:split])]


def consistency_proof(leaves: Sequence[bytes], old: int) -> list[bytes]:
    """Proof that a tree extends that of its first `old` leaves (§2.1.4.1).

    Raises:
        LedgerError: not 0 < old <= number of leaves.
    """
    if not 0 < old <= len(leaves):
        raise LedgerError(f"a tree of {len(leaves)} leaves extends none of {old}")
    return _subproof(leaves, old, complete=True)


def _subproof(leaves: Sequence[bytes], old: int, *, complete: bool) -> list[bytes]:
    if old == len(leaves):
        return [] if complete else [root(leaves)]
    split = largest_power_below(len(leaves))
    if old <= split:
        return [*_subproof(leaves[:split], old, complete=complete), root(leaves[split:])]
    return [*_subproof(leaves[split:], old - split, complete=False), root(leaves[:split])]


def verify_inclusion(
    leaf: bytes, index: int, size: int, expected_root: bytes, path: Sequence[bytes]
) -> bool:
    """Check an inclusion proof (§2.1.3.2); `leaf` is the leaf's hash."""
    if not 0 <= index < size:
        return False
    place, last, found = index, size - 1, leaf
    for sibling in path:
        if last == 0:
            return False
        if place & 1 or place == last:
            found = node_hash(sibling, found)
            place, last = _skip(place, last, 0)
        else:
            found = node_hash(found, sibling)
        place, last = place >> 1, last >> 1
    return last == 0 and found == expected_root


def verify_consistency(
    old: int, old_root: bytes, new: int, new_root: bytes, path: Sequence[bytes]
) -> bool:
    """Check a consistency proof (§2.1.4.2)."""
    if not 0 < old <= new:
        return False
    if old == new:
        return old_root == new_root and not path
    # The root of a complete tree is the first hash, and the proof leaves it out.
    hashes = [old_root, *path] if not old & (old - 1) else list(path)
    if not hashes:
        return False
    place, last = _skip(old - 1, new - 1, 1)
    old_found = new_found = hashes[0]
    for sibling in hashes[1:]:
        if last == 0:
            return False
        if place & 1 or place == last:
            old_found = node_hash(sibling, old_found)
            new_found = node_hash(sibling, new_found)
            place, last = _skip(place, last, 0)
        else:
            new_found = node_hash(new_found, sibling)
        place, last = place >> 1, last >> 1
    return last == 0 and old_found == old_root and new_found == new_root


def _skip(place: int, last: int, bit: int) -> tuple[int, int]:
    """Climb the levels on which `place` ends in `bit`, at most to the top."""
    while place and place & 1 == bit:
        place, last = place >> 1, last >> 1
    return place, last


def largest_power_below(size: int) -> int:
    """The largest power of two below `size`, which is at least 2: where a tree splits."""
    return 1 << (size - 1).bit_length() - 1
