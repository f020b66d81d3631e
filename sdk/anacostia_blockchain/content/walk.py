"""Find the files of a folder, and refuse whatever no verifier could reproduce."""

from __future__ import annotations

import os
import re
import stat
import struct
from collections.abc import Collection, Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TypeAlias
from unicodedata import category

from anacostia_blockchain.errors import FileChangedError, UnsupportedFileError

GIT_NAMES = frozenset({".git", ".gitattributes", ".github", ".gitignore"})
"""Left out at the top of a folder, as Model Signing does; other hidden files count."""

MAX_DEPTH = 128
"""Directories within directories, at most."""

MAX_NAME = 255
"""Bytes of a name, at most: what the usual file systems take."""

_ON_WINDOWS = os.name == "nt"
_NO_WINDOWS_NAME = re.compile(
    r":|[. ]$|^(con|prn|aux|nul|conin\$|conout\$|(com|lpt)[0-9\xb9\xb2\xb3]) *(\.|$)", re.IGNORECASE
)

Identity: TypeAlias = tuple[int, int, int, int]
"""Device, inode, size and modification time: another value is another state of the file."""


_STATE = struct.Struct(">QQQqq")


@dataclass(frozen=True, slots=True)
class Found:
    """A file or directory as it was when the folder was listed. There may be a million of them.

    Attributes:
        path: POSIX and relative to the folder; empty for the folder itself.
        folder: that was listed, or that the single file is in.
        state: `identity` and `changed_ns`, packed.
    """

    path: str
    folder: Path
    state: bytes

    @classmethod
    def of(cls, path: str, folder: Path, state: os.stat_result) -> Found:
        """What a file's state is now."""
        return cls(path, folder, _STATE.pack(*identity(state), state.st_ctime_ns))

    @property
    def location(self) -> Path:
        """Where it is."""
        return self.folder / self.path

    @property
    def identity(self) -> Identity:
        """What must stay the same while it is read."""
        device, inode, size, modified, _ = _STATE.unpack(self.state)
        return device, inode, size, modified

    @property
    def changed_ns(self) -> int:
        """When its content, name or rights last changed: what no program can set back."""
        changed: int = _STATE.unpack(self.state)[4]
        return changed

    @property
    def size(self) -> int:
        """Bytes."""
        return self.identity[2]

    def check_unchanged(self, now: os.stat_result | None = None) -> None:
        """Compare with the file system's present state, or the one given.

        Raises:
            FileChangedError: it is another file, has another size or was written to.
        """
        try:
            state = identity(now or self.location.lstat())
        except OSError as error:
            raise FileChangedError(f"{self.location} went away while it was read") from error
        if state != self.identity:
            raise FileChangedError(f"{self.location} changed while it was read: try again")


def identity(state: os.stat_result) -> Identity:
    """What must stay the same while a file is read."""
    return state.st_dev, state.st_ino, state.st_size, state.st_mtime_ns


def check_name(name: str, where: object) -> str:
    """Return `name` if it can be one step of a path on this system.

    Raises:
        UnsupportedFileError: it climbs, is empty, too long or not UTF-8, or has a separator or a
            control character, which Windows does not take and a terminal would obey. On Windows
            also, if it has a colon, ends with a dot or space, or is a device's: there it is a
            drive, another file's name, or no file. Other systems read and write such names.
    """
    if name in ("", ".", "..") or "/" in name or "\\" in name:
        raise UnsupportedFileError(f"{where}: {name!r} cannot be a file's name")
    if not name.isprintable() and any(category(sign) == "Cc" for sign in name):
        raise UnsupportedFileError(f"{where}: {name!r:.100} holds a control character: rename it")
    try:
        size = len(name.encode())
    except UnicodeEncodeError as error:
        raise UnsupportedFileError(f"{where}: name {os.fsencode(name)!r} is not UTF-8") from error
    if _ON_WINDOWS and _NO_WINDOWS_NAME.search(name):
        raise UnsupportedFileError(f"{where}: {name!r} cannot be a file's name on Windows")
    if size > MAX_NAME:
        raise UnsupportedFileError(
            f"{where}: a name of {size} bytes, {name[:20]!r}…; systems take {MAX_NAME}"
        )
    return name


def walk(root: Path, skip: Collection[str] = ()) -> tuple[list[Found], list[Found]]:
    """List the files and the directories below `root`; names in `skip` are left out at its top.

    For a single file, that file with its own name, and no directory.

    Raises:
        UnsupportedFileError: something is missing, unreadable, or neither file nor directory.
        FileChangedError: something went away meanwhile.
    """
    name = check_name(root.absolute().name, root)
    top, is_directory = _found(root, "")
    if not is_directory:
        return [replace(top, path=name, folder=root.parent)], []
    files: list[Found] = []
    directories = [top]
    pending = [("", frozenset(skip) | GIT_NAMES)]
    while pending:
        above, hidden = pending.pop()
        for child in _children(root / above, hidden):
            found, is_directory = _found(root, f"{above}/{child}" if above else child)
            (directories if is_directory else files).append(found)
            if is_directory:
                pending.append((found.path, frozenset()))
    files.sort(key=lambda found: found.path)
    return files, directories


def _found(folder: Path, path: str) -> tuple[Found, bool]:
    """Look at one entry, and say whether it is a directory."""
    location = folder / path
    try:
        state = location.lstat()
    except FileNotFoundError as error:
        raise UnsupportedFileError(f"{location}: no such file or folder") from error
    except OSError as error:
        raise UnsupportedFileError(f"{location}: {error.strerror}") from error
    is_directory = stat.S_ISDIR(state.st_mode)
    if is_directory and path.count("/") >= MAX_DEPTH:
        raise UnsupportedFileError(f"{location}: nested more than {MAX_DEPTH} deep")
    if not is_directory and not stat.S_ISREG(state.st_mode):
        raise UnsupportedFileError(f"{location} is a {_kind(state.st_mode)}: {_HINT}")
    return Found.of(path, folder, state), is_directory


_HINT = "only files and directories can be content; `cp -rL` makes a copy without links"


def _children(folder: Path, skip: Collection[str]) -> Iterator[str]:
    try:
        names = os.listdir(folder)  # noqa: PTH208 - names, not paths: they are checked first
    except OSError as error:
        raise UnsupportedFileError(f"{folder} cannot be read: {error.strerror}") from error
    for name in sorted(names):
        if name not in skip:
            yield check_name(name, folder)


def _kind(mode: int) -> str:
    kinds = {
        stat.S_IFLNK: "symbolic link",
        stat.S_IFSOCK: "socket",
        stat.S_IFIFO: "named pipe",
        stat.S_IFBLK: "block device",
        stat.S_IFCHR: "character device",
    }
    return kinds.get(stat.S_IFMT(mode), "special file")
