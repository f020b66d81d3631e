"""Large reproducible content without files: the byte streams of the IPIP-499 test vectors."""

from __future__ import annotations

import hashlib
import io

from Crypto.Cipher import ChaCha20


class Seeded(io.RawIOBase):
    """`size` bytes of ChaCha20 key stream; the key is the seed's SHA-256, the nonce zero."""

    def __init__(self, size: int, seed: str) -> None:
        self._left = size
        self._cipher = ChaCha20.new(key=hashlib.sha256(seed.encode()).digest(), nonce=bytes(8))

    def readable(self) -> bool:
        return True

    def read(self, size: int = -1) -> bytes:
        size = self._left if size < 0 else min(size, self._left)
        self._left -= size
        return self._cipher.encrypt(bytes(size))

    def readinto(self, buffer) -> int:
        data = self.read(len(buffer))
        buffer[: len(data)] = data
        return len(data)
