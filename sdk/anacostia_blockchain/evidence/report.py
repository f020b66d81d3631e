"""The report for people: one page that needs nothing else, written as it is made."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import islice
from typing import Any

from jinja2 import Environment, PackageLoader, StrictUndefined

from anacostia_blockchain.evidence.annex import ACT
from anacostia_blockchain.evidence.archive import Source
from anacostia_blockchain.evidence.index import form_of, package_of

NAME = "report.html"

_SHOWN = 100
"""Rows of a table about runs or events; all of them are in the members."""

_NONE = "none"

_PLACES = {"time": 0, "offer": 1, "version": 1, "block": 3, "tx": 4}

_BUFFER = 200
"""Pieces of the page that are put together before they are written."""


def render(source: Source, index: dict[str, Any]) -> Iterator[bytes]:
    """The report about what was collected, piece by piece; always the same about the same."""
    template = _environment().get_template(NAME)
    stream = template.stream(
        index=index,
        act=ACT,
        form=form_of(index),
        made_by=f"anacostia-blockchain {package_of(index)}",
        shown=_SHOWN,
        versions=lambda: _versions(source),
        aliases=lambda: source.lines("aliases.jsonl"),
        rows=lambda member: islice(source.lines(member), _SHOWN),
    )
    stream.enable_buffering(_BUFFER)
    for piece in stream:
        yield piece.encode()


def _versions(source: Source) -> Iterator[dict[str, Any]]:
    """Each version with what its documents say."""
    told = source.lines("documents.jsonl")
    for version in source.lines("versions.jsonl"):
        yield version | {"told": next(told)}


def _environment() -> Environment:
    environment = Environment(
        loader=PackageLoader("anacostia_blockchain.evidence"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters |= {"time": _time, "number": _number, "words": _words, "cell": _cell}
    environment.filters["columns"] = _columns
    return environment


def _columns(row: dict[str, Any]) -> list[str]:
    """The names of a row as people read it: when, what, and where to look it up."""
    return sorted(row, key=lambda name: (_PLACES.get(name, 2), name))


def _time(text: str | None) -> str:
    """A time to the second, in UTC."""
    return "" if text is None else text[:19].replace("T", " ")


def _number(value: float) -> str:
    """A number with its thousands apart."""
    return f"{value:,}" if isinstance(value, int) else f"{value:.6g}"


def _words(name: str) -> str:
    """A name of the code as words."""
    return name.replace("_", " ")


def _cell(value: object) -> str:
    """Plain data in a table."""
    if value is None:
        return _NONE
    if isinstance(value, list):
        return ", ".join(map(_cell, value)) or _NONE
    if isinstance(value, dict):
        return ", ".join(f"{key} {_cell(item)}" for key, item in value.items()) or _NONE
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, float):
        return f"{value:.6g}"
    return str(value)
