"""Files that only their owner can read, and keys that are written nowhere else."""

from __future__ import annotations

import os
import stat
from pathlib import Path

from anacostia_blockchain.errors import ConfigError


class SecretKey:
    """Base of what holds a secret: it cannot be pickled, copied or sent to another process."""

    def __reduce_ex__(self, _protocol: object) -> str:
        raise TypeError("a key is not written anywhere")


def read_private(path: Path) -> str:
    """Read a text that nobody else can read.

    Raises:
        ConfigError: it is missing, no text, or others can read it.
    """
    try:
        mode = path.stat().st_mode
        text = path.read_text(encoding="ascii")
    except (OSError, UnicodeDecodeError) as error:
        raise ConfigError(f"{path}: no key there ({type(error).__name__})") from None
    if os.name == "posix" and mode & (stat.S_IRWXG | stat.S_IRWXO):
        raise ConfigError(f"{path} can be read by others: chmod 600 {path}")
    return text.strip()


def write_private(path: Path, data: bytes) -> None:
    """Write a new file that only its owner can read.

    Raises:
        ConfigError: there is a file already.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    try:
        descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    except FileExistsError:
        raise ConfigError(
            f"{path} is there already and is never overwritten: choose another place"
        ) from None
    with os.fdopen(descriptor, "wb") as stream:
        stream.write(data)
        stream.flush()
        os.fsync(descriptor)
