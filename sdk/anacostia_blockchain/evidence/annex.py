"""The headings of Annex IV of the EU AI Act, what the record has under each, and what it has not.

Regulation (EU) 2024/1689, Annex IV: technical documentation referred to in Article 11(1). A record
of artefacts and events is no such documentation; this says where it can serve as evidence for it.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

ACT = "Regulation (EU) 2024/1689, Annex IV"

_Source = tuple[str, str]
"""What it is, and the member that holds it."""

_VERSIONS = ("versions and when each was published, proven", "versions.jsonl")
_ALIASES = ("which version each alias pointed to at any time, proven", "aliases.jsonl")
_CARDS = ("model cards and metadata, as the versions' roots commit to them", "versions/")
_REVOKED = ("deprecations and revocations", "sections/revocations.jsonl")


@dataclass(frozen=True, slots=True)
class _Heading:
    """A heading, what of it the record holds, and what it does not."""

    text: str
    missing: str
    sources: tuple[_Source, ...] = ()


_HEADINGS = (
    _Heading(
        "A general description of the AI system",
        "intended purpose, hardware, forms of distribution and instructions for use, unless a "
        "model card states them",
        (_CARDS, _VERSIONS, ("who held the model", "sections/owners.jsonl")),
    ),
    _Heading(
        "A detailed description of the elements of the AI system and of the process for its "
        "development",
        "design choices, architecture, human oversight and cybersecurity measures",
        (
            ("how each version was built, as in-toto statements with SLSA provenance", "versions/"),
            ("what each version was made from, proven", "versions.jsonl"),
            ("inclusion proofs of the runs that made them", "runs.jsonl"),
        ),
    ),
    _Heading(
        "Detailed information about the monitoring, functioning and control of the AI system",
        "capabilities and limitations, foreseeable unintended outcomes and input data",
        (_ALIASES,),
    ),
    _Heading(
        "A description of the appropriateness of the performance metrics for the specific AI "
        "system",
        "why these metrics are the right ones",
        (
            ("metrics as their publishers state them", "documents.jsonl"),
            ("evaluations that their attesters signed, as in-toto statements", "evaluations/"),
        ),
    ),
    _Heading(
        "A detailed description of the risk management system in accordance with Article 9",
        "the risk management system",
    ),
    _Heading(
        "A description of relevant changes made by the provider to the system through its "
        "lifecycle",
        "why a change was made, unless a model card states it",
        (_VERSIONS, _ALIASES, _REVOKED),
    ),
    _Heading(
        "A list of the harmonised standards applied in full or in part",
        "the standards applied",
    ),
    _Heading(
        "A copy of the EU declaration of conformity referred to in Article 47",
        "the declaration of conformity",
    ),
    _Heading(
        "A detailed description of the system in place to evaluate the AI system performance in "
        "the post-market phase in accordance with Article 72",
        "the post-market monitoring plan",
        (_REVOKED,),
    ),
)

_EXTRA: Mapping[str, tuple[int, str]] = {
    "attestations": (4, "evaluations that others attest to"),
    "promotions": (3, "promotions, and the policy that they met"),
}
"""Further sections: the heading that they serve, and what they are."""


def headings(rows: Mapping[str, int]) -> list[dict[str, Any]]:
    """The nine headings.

    Args:
        rows: of each member of the archive, how many entries it has.
    """
    found = []
    for number, heading in enumerate(_HEADINGS, 1):
        extra = [
            (what, f"sections/{name}.jsonl")
            for name, (place, what) in _EXTRA.items()
            if place == number
        ]
        recorded = [
            {"what": what, "where": where}
            for what, where in (*heading.sources, *extra)
            if rows.get(where, 0)
        ]
        found.append(
            {
                "number": number,
                "heading": heading.text,
                "recorded": recorded,
                "not_recorded": heading.missing,
            }
        )
    return found
