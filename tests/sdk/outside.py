"""Every point at which an operation waits for the outside world, and the ways to fail there.

`Outside` stands between an operation and what is not Python: requests to a chain, statements of
SQLite, calls to the file system. Run once, it counts the points; run again, it strikes at one of
them. `strikes.py` beside it tries them all.

What it does is what happens: a request that is lost was not sent, an answer that is lost was
given, and who is killed leaves at once, by `os._exit`, in a process of its own.
"""

from __future__ import annotations

import errno
import io
import os
import sqlite3
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, TypeVar
from unittest import mock

import requests
from requests.adapters import HTTPAdapter

KILLED = 9
"""Exit code of a process that died at a strike."""

LOST, UNANSWERED, REFUSED, MISREPORTED = "lost", "unanswered", "refused", "misreported"
BROKEN, FULL = "broken", "full"
DEATHS = ("killed before", "killed after")

WAYS = {
    "question": (LOST, REFUSED),
    "act": (LOST, UNANSWERED, REFUSED, MISREPORTED, *DEATHS),
    "statement": (BROKEN,),
    "commit": (BROKEN, FULL, *DEATHS),
    "file": (BROKEN, FULL, *DEATHS),
}
"""How each kind of point fails its caller.

    lost         the request never reached the node
    unanswered   the node has acted, and the answer is lost
    refused      the node (or what stands before it) answers with an error, and has not acted
    misreported  the same, and the node has acted
    broken       an input or output error of the disk
    full         no space left; of what was to be written a half is there
    killed       the process dies when the point is reached, or when what it waited for has happened

A question, and a statement of which a commit decides, change nothing: to fail after them, or to die
there, is to do so before the next point that does.
"""

_WRITES = {"INSERT", "UPDATE", "DELETE", "CREATE"}
"""First words of the statements that commit themselves where no transaction was begun."""

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Point:
    """A place at which an operation waits.

    Attributes:
        kind: a key of `WAYS`.
        name: what it waits for.
    """

    kind: str
    name: str


@dataclass(frozen=True, slots=True)
class Strike:
    """What goes wrong: the n-th point, counted from 0, and how."""

    number: int
    how: str
    name: str = ""

    @property
    def is_deadly(self) -> bool:
        """Whether it ends the process."""
        return self.how in DEATHS

    def outside(self, below: Path | None = None) -> Outside:
        """The world in which it happens."""
        return Outside({self.number: self.how}, below)


@dataclass
class Outside:
    """Stands before the outside world while a `with` block lasts, in this process alone.

    Args:
        strikes: what is to go wrong, by the number of the point.
        below: only files below this folder count; None: no files do.

    Attributes:
        points: those that were reached, in order.
        struck: the strikes that have happened.
    """

    strikes: Mapping[int, str] = field(default_factory=dict)
    below: Path | None = None
    points: list[Point] = field(default_factory=list)
    struck: list[Strike] = field(default_factory=list)

    def __enter__(self) -> Outside:
        self._patches = [*self._of_requests(), *self._of_sqlite()]
        if self.below is not None:
            self._patches += self._of_files()
        for patch in self._patches:
            patch.start()
        _present.append(self)
        return self

    def __exit__(self, *_: object) -> None:
        _present.remove(self)
        for patch in reversed(self._patches):
            patch.stop()

    def reach(
        self,
        kind: str,
        name: str,
        act: Callable[[], T],
        fail: Callable[[str], T],
        partly: Callable[[], object] = lambda: None,
    ) -> T:
        """Come to a point: act, or fail as it was planned for this one."""
        number = len(self.points)
        self.points.append(Point(kind, name))
        how = self.strikes.get(number)
        if how not in WAYS[kind]:
            return act()
        self.struck.append(Strike(number, how, name))
        if how in (DEATHS[1], UNANSWERED, MISREPORTED):
            act()
        elif how in (DEATHS[0], FULL):
            partly()
        if how in DEATHS:
            os._exit(KILLED)
        return fail(how)

    # ------------------------------------------------------------------ requests

    def _of_requests(self) -> list[Any]:
        outside, send = self, HTTPAdapter.send

        def reached(adapter: HTTPAdapter, request: Any, **options: Any) -> requests.Response:
            def fail(how: str) -> requests.Response:
                if how in (REFUSED, MISREPORTED):
                    return _internal_error(request)
                raise (requests.ConnectionError if how == LOST else requests.ReadTimeout)(how)

            name = _methods(request.body)
            kind = "act" if "send" in name else "question"
            return outside.reach(kind, name, lambda: send(adapter, request, **options), fail)

        return [mock.patch.object(HTTPAdapter, "send", reached)]

    # ------------------------------------------------------------------ SQLite

    def _of_sqlite(self) -> list[Any]:
        connect = sqlite3.connect
        options = {"factory": _Connection}

        def reached(*arguments: Any, **named: Any) -> sqlite3.Connection:
            return connect(*arguments, **(options | named))

        return [
            mock.patch.object(sqlite3, "connect", reached),
            mock.patch.object(sqlite3.dbapi2, "connect", reached),
        ]

    def statement(self, text: str, act: Callable[[], T], *, alone: bool = False) -> T:
        """Come to a statement of SQLite; `alone`: no transaction was begun before it."""

        def fail(how: str) -> T:
            reason = "database or disk is full" if how == FULL else "disk I/O error"
            raise sqlite3.OperationalError(reason)

        words = text.split()
        commits = words[0] == "COMMIT" or (alone and words[0] in _WRITES)
        return self.reach("commit" if commits else "statement", " ".join(words[:3]), act, fail)

    # ------------------------------------------------------------------ files

    def _of_files(self) -> list[Any]:
        patches = [
            mock.patch.object(os, name, self._call_of(name))
            for name in ("rename", "replace", "unlink", "mkdir", "fsync")
        ]
        opened = io.open

        def reached(file: Any, mode: str = "r", *arguments: Any, **options: Any) -> Any:
            stream = opened(file, mode, *arguments, **options)
            if self._counts(file) and set(mode) & set("wax+"):
                return _Written(self, stream, Path(file).suffix)
            return stream

        return [*patches, mock.patch.object(io, "open", reached)]

    def _call_of(self, name: str) -> Callable[..., Any]:
        real = getattr(os, name)

        def reached(place: Any, *arguments: Any, **options: Any) -> Any:
            if not self._counts(place):
                return real(place, *arguments, **options)
            return self.reach("file", name, lambda: real(place, *arguments, **options), _no_disk)

        return reached

    def _counts(self, place: Any) -> bool:
        if isinstance(place, int):
            place = Path(f"/proc/self/fd/{place}").resolve()
        return self.below is not None and Path(place).is_relative_to(self.below)


class _Written:
    """A file that is being written, every write of which is a point."""

    def __init__(self, outside: Outside, stream: Any, name: str) -> None:
        self._outside = outside
        self._stream = stream
        self._name = name

    def __getattr__(self, name: str) -> Any:
        return getattr(self._stream, name)

    def __enter__(self) -> _Written:
        return self

    def __exit__(self, *_: object) -> None:
        self._stream.close()

    def write(self, data: Any) -> int:
        def half() -> None:
            self._stream.write(data[: len(data) // 2])
            self._stream.flush()

        def whole() -> int:
            return int(self._stream.write(data))

        return self._outside.reach("file", f"write {self._name}", whole, _no_disk, half)


_present: list[Outside] = []
"""The innermost last. What was opened in one world goes on in the next."""


def _statement(text: str, act: Callable[[], T], *, alone: bool = False) -> T:
    return _present[-1].statement(text, act, alone=alone) if _present else act()


class _Cursor(sqlite3.Cursor):
    def execute(self, text: str, *values: Any) -> sqlite3.Cursor:
        return self._reach(text, super().execute, *values)

    def executemany(self, text: str, *values: Any) -> sqlite3.Cursor:
        return self._reach(text, super().executemany, *values)

    def executescript(self, text: str) -> sqlite3.Cursor:
        return self._reach(text, super().executescript)

    def _reach(self, text: str, act: Callable[..., sqlite3.Cursor], *values: Any) -> Any:
        # Where SQLite is not told to begin, Python's module does before the first change.
        alone = self.connection.isolation_level is None and not self.connection.in_transaction
        return _statement(text, lambda: act(text, *values), alone=alone)


class _Connection(sqlite3.Connection):
    def cursor(self, factory: Any = _Cursor) -> Any:
        return super().cursor(factory)

    # The real ones do not come by way of `cursor`.
    def execute(self, text: str, *values: Any) -> sqlite3.Cursor:
        return self.cursor().execute(text, *values)

    def executemany(self, text: str, *values: Any) -> sqlite3.Cursor:
        return self.cursor().executemany(text, *values)

    def executescript(self, text: str) -> sqlite3.Cursor:
        return self.cursor().executescript(text)

    def commit(self) -> None:
        if self.in_transaction:
            _statement("COMMIT", super().commit)

    def __exit__(self, kind: Any, *rest: Any) -> bool:
        if kind is None:
            try:
                self.commit()
            except BaseException:
                self.rollback()  # as the real one does
                raise
        return bool(super().__exit__(kind, *rest))


def _no_disk(how: str) -> Any:
    code = errno.ENOSPC if how == FULL else errno.EIO
    raise OSError(code, os.strerror(code))


def _methods(body: Any) -> str:
    text = (body.decode() if isinstance(body, bytes) else body) or ""
    parts = text.split('"method": "')[1:] or text.split('"method":"')[1:]
    return "+".join(part.partition('"')[0].removeprefix("eth_") for part in parts)


def _internal_error(request: Any) -> requests.Response:
    """What proxies before nodes say when a node gives no answer in time."""
    error = '{"jsonrpc": "2.0", "id": 0, "error": {"code": -32603, "message": "internal error"}}'
    response = requests.Response()
    response.status_code = 200
    response.request, response.url = request, request.url
    response.headers["Content-Type"] = "application/json"
    response.raw = io.BytesIO(error.encode())
    return response
