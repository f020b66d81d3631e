"""What a policy asks of a version, and what is missing: for people, before they propose."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import TYPE_CHECKING

from anacostia_blockchain.errors import LedgerError
from anacostia_blockchain.promotion.values import LINEAGE_VISITS
from anacostia_blockchain.recall import MAX_VISITS

if TYPE_CHECKING:
    from anacostia_blockchain.client import Anacostia
    from anacostia_blockchain.promotion.values import Attestation, Policy, Requirement
    from anacostia_blockchain.types import Address


@dataclass(frozen=True, slots=True)
class Condition:
    """Something that a policy asks for.

    Attributes:
        asks: what it is.
        met: whether the version has it now.
        detail: who has attested, or what is missing.
    """

    asks: str
    met: bool
    detail: str


def explain(client: Anacostia, policy: Policy, model_id: int, version: int) -> list[Condition]:
    """Each condition of a policy, and whether a version meets it now."""
    said, early = _valid(client, model_id, version)
    conditions = [_requirement(client, r, said, early, model_id) for r in policy.requirements]
    if policy.lineage_visits:
        conditions.append(_lineage(client, f"{model_id}@{version}", policy.lineage_visits))
    if policy.licensed_parents:
        visits = min(policy.lineage_visits or LINEAGE_VISITS, MAX_VISITS)
        conditions.append(_licences(client, model_id, version, visits))
    return conditions


def pick(client: Anacostia, policy: Policy, model_id: int, version: int) -> list[Attestation]:
    """Valid attestations that a policy counts, as many as it takes, and one of an attester each."""
    said, _ = _valid(client, model_id, version)
    barred = _barred(client, model_id)
    return [
        attestation
        for requirement in policy.requirements
        for attestation in _counted(requirement, said, barred)[: requirement.quorum]
    ]


def _valid(
    client: Anacostia, model_id: int, version: int
) -> tuple[list[Attestation], list[Attestation]]:
    """Valid attestations: those that may count, and those from before the version was published."""
    now = client.attest.now()
    published_at = client.registry.version_of(model_id, version).published_at
    found = [a for a in client.attest.list(f"{model_id}@{version}") if a.is_valid_at(now)]
    early = [a for a in found if a.attested_at < published_at]
    return [a for a in found if a not in early], early


def _barred(client: Anacostia, model_id: int) -> set[Address]:
    """Whose own word does not count: the owner's, and that of who would propose."""
    barred = {client.nft.owner_of(model_id)}
    return barred | ({client.chain.address} if client.chain.address is not None else set())


def _counted(
    asked: Requirement, said: Iterable[Attestation], barred: set[Address]
) -> list[Attestation]:
    """The newest of each attester that counts for a requirement."""
    found: dict[Address, Attestation] = {}
    for attestation in said:
        fits = (attestation.subject, attestation.dataset) == (asked.subject, asked.dataset)
        counts = attestation.attester in asked.attesters - barred
        admitted = attestation.value is None or asked.admits(attestation.value)
        if fits and counts and admitted:
            found[attestation.attester] = attestation
    return list(found.values())


def _requirement(
    client: Anacostia,
    asked: Requirement,
    said: list[Attestation],
    early: list[Attestation],
    model_id: int,
) -> Condition:
    barred = _barred(client, model_id)
    counted = _counted(asked, said, barred)
    detail = ", ".join(
        f"{a.attester} {'' if a.value is None else a.value}".strip() for a in counted
    )
    missing = asked.quorum - len(counted)
    if missing > 0:
        able = sorted(asked.attesters - barred - {a.attester for a in counted})
        detail += f"{'; ' if detail else ''}{missing} missing, of {', '.join(able) or 'nobody'}"
        hasty = {a.attester for a in _counted(asked, early, barred)} & set(able)
        if hasty:
            detail += f"; attested before it was published: {', '.join(sorted(hasty))}"
    return Condition(str(asked), missing <= 0, detail)


def _lineage(client: Anacostia, version: str, visits: int) -> Condition:
    asks = "neither it nor an ancestor is revoked"
    try:
        tainted = client.models.is_tainted(version, max_visits=visits)
    except LedgerError as error:
        return Condition(asks, met=False, detail=str(error))
    return Condition(asks, not tainted, "tainted" if tainted else "sound")


def _licences(client: Anacostia, model_id: int, version: int, visits: int) -> Condition:
    """Through versions of the owner's models, to wherever the lineage leads to another's."""
    asks = "licensed by what it descends from, up to the first model of another owner"
    owner = client.nft.owner_of(model_id)
    queue, seen = [(model_id, version)], {(model_id, version)}
    rests: set[tuple[int, int]] = set()
    for child in queue:
        for parent in client.registry.parents_of(*child):
            key = (parent.model_id, parent.version)
            if client.nft.owner_of(parent.model_id) != owner:
                rests.add((child[0], parent.model_id))
            elif key not in seen:
                queue.append(key)
                seen.add(key)
        if len(queue) > visits:
            detail = f"it has more than {visits} versions of the owner's models to follow"
            return Condition(asks, met=False, detail=detail)
    missing = [edge for edge in sorted(rests) if not client.licensing.is_licensed(*edge)]
    detail = ", ".join(
        f"model {parent} has not licensed model {child}" for child, parent in missing
    )
    return Condition(asks, not missing, detail or f"{len(rests)} licences")
