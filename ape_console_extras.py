"""Ape's console loads this: `hub`, the contracts by name, `model()`, `cid()`, `usd()`."""

from typing import Any


def ape_init_extras() -> dict[str, Any]:
    """Names for the console."""
    from scripts._console import extras  # noqa: PLC0415 - Ape has put the project on the path by now

    return extras()
