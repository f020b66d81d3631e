"""Everything the command line prints: tables and progress for people, JSON for programs.

Results go to standard output, progress and errors to standard error. Rich leaves colours and
animation out when the stream is not a terminal.
"""

from __future__ import annotations

import json
import re
import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import fields, is_dataclass
from datetime import datetime
from enum import Enum
from typing import Any

import click
from rich.console import Console
from rich.progress import (
    BarColumn,
    DownloadColumn,
    Progress,
    TextColumn,
    TimeRemainingColumn,
    TransferSpeedColumn,
)
from rich.table import Column, Table
from rich.text import Text

from anacostia_blockchain.content.cid import CID
from anacostia_blockchain.types import Progress as Report

_PIPE_WIDTH = 200
_OBEYED = re.compile(r"[\x00-\x08\x0b-\x1f\x7f-\x9f\u202a-\u202e\u2066-\u2069]")
"""Control characters, and those that turn the direction of writing."""


class Output:
    """Where a command writes.

    Args:
        as_json: print results as JSON, one document a command.
    """

    def __init__(self, *, as_json: bool = False) -> None:
        self.as_json = as_json
        # What is piped into a file or another program is not cut to some terminal's width.
        width = None if sys.stdout.isatty() else _PIPE_WIDTH
        self._out = Console(highlight=False, soft_wrap=True, width=width)
        self._err = Console(stderr=True, highlight=False, soft_wrap=True)

    def result(self, data: object, text: str | None = None) -> None:
        """One result: `data` as JSON, or `text` for a person."""
        if self.as_json:
            click.echo(json.dumps(data, indent=2, default=str))
        elif text is not None:
            self._out.print(_shown(text))

    def table(
        self,
        columns: Sequence[str],
        rows: Sequence[Sequence[object]],
        data: object,
        title: str = "",
    ) -> None:
        """A table for a person, `data` as JSON."""
        if self.as_json:
            self.result(data)
            return
        headers = (Column(name, overflow="fold") for name in columns)
        above = styled((title, "table.title")) if title else None
        table = Table(*headers, title=above, title_justify="left", box=None, pad_edge=False)
        for row in rows:
            table.add_row(*map(_shown, row))
        self._out.print(table)

    def line(self, data: object, text: str) -> None:
        """One of results that come one by one: a line, at once."""
        click.echo(json.dumps(data, default=str) if self.as_json else _harmless(text))

    def plain(self, text: str) -> None:
        """Text that is not to be wrapped, coloured or read as markup."""
        click.echo(_harmless(text))

    def note(self, text: str | Text) -> None:
        """A remark on the way, for a person only."""
        self._err.print(_shown(text))

    def error(self, error: BaseException) -> None:
        """Why a command failed, and what to do."""
        kind = type(error).__name__
        if self.as_json:
            click.echo(json.dumps({"error": kind, "message": str(error)}), err=True)
        else:
            self._err.print(styled(("error", "bold red"), f": {kind}: {error}"))

    @contextmanager
    def progress(self, label: str) -> Iterator[Report]:
        """A progress bar of bytes on standard error; nothing when that is not a terminal."""
        if self.as_json or not self._err.is_terminal:
            yield lambda _done, _total: None
            return
        columns = (
            TextColumn("{task.description}"),
            BarColumn(),
            DownloadColumn(),
            TransferSpeedColumn(),
            TimeRemainingColumn(),
        )
        with Progress(*columns, console=self._err, transient=True) as bar:
            task = bar.add_task(label, total=None)
            yield lambda done, total: bar.update(task, completed=done, total=total)

    @contextmanager
    def steps(self) -> Iterator[Callable[[str, int], None]]:
        """What is being done and how many are done, on one line of standard error."""
        if self.as_json or not self._err.is_terminal:
            yield lambda _what, _count: None
            return
        with self._err.status("…") as status:
            yield lambda what, count: status.update(styled(f"{what}: {count:,}"))


def _harmless(text: str) -> str:
    """A text with what a terminal would obey spelt out: names and answers come from strangers."""
    return _OBEYED.sub(lambda found: f"\\x{ord(found[0]):02x}", text)


def _shown(value: object) -> Text:
    """A value as it is printed.

    Texts come from strangers, and Rich reads strings as markup, which hides them, makes links of
    them, or fails; it makes a picture of a DID's ":key:".
    """
    return value if isinstance(value, Text) else styled(str(value))


def styled(*parts: str | tuple[str, str]) -> Text:
    """A text of parts, of which some come with a style."""
    pairs = ((part, "") if isinstance(part, str) else part for part in parts)
    return Text.assemble(*((_harmless(text), style) for text, style in pairs))


def tick(passed: bool) -> Text:
    """A coloured word for the outcome of a check."""
    return styled(("pass", "green") if passed else ("FAIL", "bold red"))


def as_data(value: Any) -> Any:  # noqa: ANN401 - any value in, plain data out
    """A value as plain JSON data: dataclasses by field, bytes as hexadecimal."""
    if isinstance(value, Mapping):
        return {key: as_data(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [as_data(item) for item in value]
    for kind, convert in _PLAIN.items():
        if isinstance(value, kind):
            return convert(value)
    if is_dataclass(value):
        return {f.name: as_data(getattr(value, f.name)) for f in fields(value)}
    return value


_PLAIN: dict[type, Callable[[Any], str]] = {
    CID: str,
    Enum: lambda value: value.name.lower(),
    datetime: lambda value: value.isoformat(),
    bytes: lambda value: "0x" + value.hex(),
}
