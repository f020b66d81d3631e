"""Durations and ids as people write them on the command line."""

from __future__ import annotations

from datetime import timedelta

import click

WORD = 32
"""Bytes of an id or a digest."""

_UNITS = {"s": 1, "m": 60, "h": 3600, "d": 86400}


def span(text: str) -> timedelta:
    """Read a duration: `90m`, `12h`, `30d`."""
    if text[-1:] not in _UNITS or not text[:-1].isdigit():
        raise click.BadParameter(f"{text!r} is no duration: write a number and s, m, h or d")
    return timedelta(seconds=int(text[:-1]) * _UNITS[text[-1]])


def word(text: str, refusal: Exception) -> bytes:
    """Read 32 bytes in hexadecimal, with or without `0x`; anything else is refused as given."""
    try:
        found = bytes.fromhex(text.removeprefix("0x"))
    except ValueError:
        raise refusal from None
    if len(found) != WORD:
        raise refusal
    return found
