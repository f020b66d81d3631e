"""Seekable streams over content that is read piece by piece."""

from __future__ import annotations

import io
from abc import abstractmethod


class SeekableReader(io.RawIOBase):
    """A position and a size; a subclass gives the bytes. `io.BufferedReader` makes a file of it.

    Args:
        size: bytes until the end.
    """

    def __init__(self, size: int) -> None:
        self.size = size
        self._at = 0

    @abstractmethod
    def read_at(self, at: int, wanted: int) -> bytes:
        """Some bytes from a position on, at most as many as are wanted; none at the end."""

    def readable(self) -> bool:
        """It is."""
        return True

    def seekable(self) -> bool:
        """It is."""
        return True

    def tell(self) -> int:
        """The position."""
        return self._at

    def seek(self, offset: int, whence: int = io.SEEK_SET) -> int:
        """Move the position, also to behind the end."""
        start = {io.SEEK_SET: 0, io.SEEK_CUR: self._at, io.SEEK_END: self.size}[whence]
        if start + offset < 0:
            raise ValueError(f"negative seek position {start + offset}")
        self._at = start + offset
        return self._at

    def readinto(self, buffer: bytearray | memoryview) -> int:  # type: ignore[override]
        """Fill the buffer, or a part of it."""
        piece = self.read_at(self._at, len(buffer))
        buffer[: len(piece)] = piece
        self._at += len(piece)
        return len(piece)
