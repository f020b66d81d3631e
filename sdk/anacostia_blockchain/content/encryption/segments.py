"""STREAM over AES-256-GCM: a file as segments; each opens alone, and none can be moved.

A segment is 1,048,560 bytes of plaintext and their tag, 1 MiB together: exactly a UnixFS leaf, so
that ciphertext is fetched, verified and opened leaf by leaf. The nonce is the segment's number and
whether it is the last one (Hoang, Reyhanitabar, Rogaway and Vizár, "Online authenticated encryption
and its nonce-reuse misuse-resistance", 2015; age does the same). Each file has a key of its own,
derived from the content key, therefore no nonce is ever used twice.
"""

from __future__ import annotations

import io
import os
from typing import BinaryIO, cast

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDFExpand

from anacostia_blockchain._keyfiles import SecretKey
from anacostia_blockchain.content.streams import SeekableReader
from anacostia_blockchain.content.unixfs import CHUNK, read_full
from anacostia_blockchain.errors import DecryptionError, IntegrityError

SEGMENT = CHUNK
"""Bytes of a segment of ciphertext; only the last may be shorter."""

TAG = 16
"""Bytes by which a segment is longer than its plaintext."""

PLAIN = SEGMENT - TAG
"""Bytes of a segment's plaintext."""

KEY_SIZE = 32
"""Bytes of a content key."""

_LABEL = b"anacostia-sealed/1 "
_MOST = 1 << 32


def new_content_key() -> bytes:
    """A key for one piece of content; never use it for another."""
    return os.urandom(KEY_SIZE)


def key_commitment(content_key: bytes) -> bytes:
    """A digest that only this key has.

    AES-GCM alone does not give that: somebody could make a ciphertext that opens with two keys, to
    two different plaintexts, and sell one of them twice.
    """
    return _derived(content_key, "key commitment")


def sealed_size(size: int) -> int:
    """Bytes of ciphertext for so many bytes of plaintext."""
    return size + TAG * _count(size)


def _count(size: int) -> int:
    return max(1, -(-size // PLAIN))  # a file without bytes has one empty segment


def _derived(content_key: bytes, purpose: str) -> bytes:
    if len(content_key) != KEY_SIZE:
        raise DecryptionError(f"a content key has {KEY_SIZE} bytes, not {len(content_key)}")
    return HKDFExpand(SHA256(), KEY_SIZE, _LABEL + purpose.encode()).derive(content_key)


class FileCipher(SecretKey):
    """Seals and opens the segments of one file.

    Args:
        content_key: 32 random bytes.
        name: of the file within the content; each name has its own key.
        size: bytes of plaintext.

    Example:
        >>> cipher = FileCipher(bytes(32), "0", 5)
        >>> cipher.open(0, cipher.seal(0, b"hello"))
        b'hello'
    """

    def __init__(self, content_key: bytes, name: str, size: int) -> None:
        self.size = size
        self.count = _count(size)
        if self.count > _MOST:
            raise ValueError("a file of more than 4 PiB")
        self._aead = AESGCM(_derived(content_key, f"file {name}"))

    def plain_size(self, number: int) -> int:
        """Bytes of a segment's plaintext."""
        return min(PLAIN, self.size - number * PLAIN)

    def seal(self, number: int, plain: bytes | memoryview) -> bytes:
        """Encrypt a segment, once."""
        assert len(plain) == self.plain_size(number)  # noqa: S101 - the caller cuts
        return self._aead.encrypt(self._nonce(number), plain, None)

    def open(self, number: int, sealed: bytes) -> bytes:
        """Decrypt a segment.

        Raises:
            IntegrityError: it is cut short, or too long.
            DecryptionError: it is another's, from another place, or altered.
        """
        nonce = self._nonce(number)
        if len(sealed) != self.plain_size(number) + TAG:
            raise IntegrityError(
                f"segment {number} has {len(sealed)} bytes, not {self.plain_size(number) + TAG}: "
                "the ciphertext was cut or extended"
            )
        try:
            return self._aead.decrypt(nonce, sealed, None)
        except InvalidTag:
            raise DecryptionError(
                f"segment {number} does not open: it was altered or moved, or the key is another's"
            ) from None

    def _nonce(self, number: int) -> bytes:
        if not 0 <= number < self.count:
            raise IntegrityError(f"the file has {self.count} segments, and no number {number}")
        return bytes(7) + number.to_bytes(4) + bytes((number == self.count - 1,))


class _Reader(SeekableReader):
    """The plaintext as a seekable stream; see `open_stream`."""

    def __init__(self, sealed: BinaryIO, cipher: FileCipher) -> None:
        super().__init__(cipher.size)
        self._sealed = sealed
        self._cipher = cipher
        self._number = -1
        self._plain = b""

    def read_at(self, at: int, wanted: int) -> bytes:
        last = self._cipher.count - 1
        if at >= self.size and self._number == last:
            return b""
        number = min(at // PLAIN, last)
        if number != self._number:
            self._sealed.seek(number * SEGMENT)
            # One byte more than there should be, so that what was appended is noticed.
            size = self._cipher.plain_size(number) + TAG + (number == last)
            self._plain = self._cipher.open(number, read_full(self._sealed, size))
            self._number = number
        begin = at - number * PLAIN
        return self._plain[begin : begin + wanted]

    def close(self) -> None:
        self._plain = b""
        self._sealed.close()
        super().close()


def open_stream(sealed: BinaryIO, cipher: FileCipher) -> BinaryIO:
    """The plaintext of a seekable ciphertext, as a seekable stream that closes it too.

    Only the segments that are read are decrypted, and none of their bytes is handed out before the
    whole segment was authenticated. At the end of the file its last segment has been, even if it is
    empty, so that a file which was cut off is noticed.
    """
    return cast("BinaryIO", io.BufferedReader(_Reader(sealed, cipher), PLAIN))
