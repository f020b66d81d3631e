"""MurmurHash3 x64-128, first half, seed 0: the hash that places names in a sharded directory.

Not a cryptographic hash and not used as one. Multicodec 0x22; Austin Appleby, SMHasher.
"""

from __future__ import annotations

from struct import unpack_from

_MASK = (1 << 64) - 1
_C1, _C2 = 0x87C37B91114253D5, 0x4CF5AD432745937F


def murmur3(data: bytes) -> int:
    """Hash `data` to an unsigned 64-bit number."""
    first = second = 0
    whole = len(data) & ~15
    for at in range(0, whole, 16):
        low, high = unpack_from("<QQ", data, at)
        first = (_rotate(first ^ _scramble_low(low), 27) + second) & _MASK
        first = (first * 5 + 0x52DCE729) & _MASK
        second = (_rotate(second ^ _scramble_high(high), 31) + first) & _MASK
        second = (second * 5 + 0x38495AB5) & _MASK
    second ^= _scramble_high(int.from_bytes(data[whole + 8 :], "little"))
    first ^= _scramble_low(int.from_bytes(data[whole : whole + 8], "little"))
    first, second = first ^ len(data), second ^ len(data)
    first = (first + second) & _MASK
    second = (first + second) & _MASK
    return (_avalanche(first) + _avalanche(second)) & _MASK


def _rotate(word: int, bits: int) -> int:
    return (word << bits | word >> (64 - bits)) & _MASK


def _scramble_low(word: int) -> int:
    return _rotate(word * _C1 & _MASK, 31) * _C2 & _MASK


def _scramble_high(word: int) -> int:
    return _rotate(word * _C2 & _MASK, 33) * _C1 & _MASK


def _avalanche(word: int) -> int:
    word = (word ^ word >> 33) * 0xFF51AFD7ED558CCD & _MASK
    word = (word ^ word >> 33) * 0xC4CEB9FE1A85EC53 & _MASK
    return word ^ word >> 33
