"""What the index says of the other members: made by the collector, made again by the verifier."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from anacostia_blockchain._version import __version__
from anacostia_blockchain.content.documents import field
from anacostia_blockchain.content.manifest import STATEMENT_TYPE
from anacostia_blockchain.content.statement import PREDICATE_TYPE
from anacostia_blockchain.errors import FormatError
from anacostia_blockchain.evidence import annex
from anacostia_blockchain.evidence.archive import INDEX, Source
from anacostia_blockchain.evidence.sections import ATTESTATIONS, SECTIONS
from anacostia_blockchain.promotion import portable
from anacostia_blockchain.promotion.statement import PREDICATE_TYPE as EVALUATION_TYPE

if TYPE_CHECKING:
    from anacostia_blockchain.types import LedgerHead

FORM = 2
"""Of evidence as it is written now. The first form knew no signed evaluations."""

_FIRST_PACKAGE = "0.1.0"
"""What wrote the first form, which does not say so."""

_PACKAGE = re.compile(r"[0-9][0-9A-Za-z.+]{0,30}")


def head() -> dict[str, Any]:
    """How this version of the package writes evidence."""
    return {"form": FORM, "package": __version__}


def form_of(index: Mapping[str, Any]) -> int:
    """The form of evidence.

    Raises:
        FormatError: it is of none that is known here.
    """
    form = index.get("form", 1)
    if form not in (1, FORM):
        raise FormatError(
            f"the evidence is of form {form!r}: a newer version of the package reads it"
        )
    return int(form)


def package_of(index: Mapping[str, Any]) -> str:
    """The version of the package that made evidence.

    Raises:
        FormatError: it is none.
    """
    if form_of(index) == 1:
        return _FIRST_PACKAGE
    version = field(index, "package", str, INDEX)
    if not _PACKAGE.fullmatch(version):
        raise FormatError(f"{INDEX}: {version[:40]!r} is no version of the package")
    return version


def parts(
    source: Source, form: int, rows: Mapping[str, int], logs: Mapping[bytes, LedgerHead]
) -> dict[str, Any]:
    """What follows from the other members.

    Args:
        source: of their lines.
        form: of the evidence.
        rows: of each member or folder, how many entries it has.
        logs: heads of the logs that runs are in.
    """
    found: dict[str, Any] = {
        "logs": [
            {"log_id": "0x" + log_id.hex(), "size": one.size, "root": "0x" + one.root.hex()}
            for log_id, one in sorted(logs.items())
        ],
        "sections": [
            {"name": s.name, "title": s.title, "rows": rows[s.member], "member": s.member}
            if s.member in rows
            else {"name": s.name, "title": s.title, "rows": None, "member": None}
            for s in SECTIONS
        ],
        "statements": {
            "statement": STATEMENT_TYPE,
            "predicate": PREDICATE_TYPE,
            "in": "versions/",
            "count": rows.get("versions/", 0),
        },
        "annex_iv": annex.headings(rows),
    }
    if form > 1:
        found["evaluations"] = {
            "statement": STATEMENT_TYPE,
            "predicate": EVALUATION_TYPE,
            "in": portable.FOLDER,
            **portable.count(source.lines(ATTESTATIONS)),
        }
    return found
