"""The values of promotion; they mirror `contracts/types/Promotion.sol`.

Metrics are `Decimal` here and whole millionths there; delays are `timedelta` here, seconds there.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any

from eth_utils import is_address, to_checksum_address

from anacostia_blockchain.errors import ConfigError
from anacostia_blockchain.prices.values import (
    amount,
    metric_id,
    metric_name,
    micros,
    moment,
    number,
)
from anacostia_blockchain.types import Address

NO_DATASET = bytes(32)
LOWEST, HIGHEST = -(2**63), 2**63 - 1
"""Bounds that bound nothing."""

LINEAGE_VISITS = 256
"""Ancestors that are looked at, unless told otherwise."""


@dataclass(frozen=True, slots=True)
class Requirement:
    """What a version needs from attesters: a metric within bounds, or the approval of a role.

    Attributes:
        subject: the metric's name, or the role's.
        attesters: whose attestations count.
        quorum: how many of them have to attest.
        dataset: digest of the dataset's root; None for an approval.
        floor: lowest value that will do; None for any.
        ceiling: highest value that will do; None for any.
    """

    subject: str
    attesters: frozenset[Address]
    quorum: int = 1
    dataset: bytes | None = None
    floor: Decimal | None = None
    ceiling: Decimal | None = None

    @property
    def is_approval(self) -> bool:
        """Whether it asks for a role's approval."""
        return self.dataset is None

    def admits(self, value: Decimal) -> bool:
        """Whether a value is within the bounds."""
        above = self.floor is None or value >= self.floor
        return above and (self.ceiling is None or value <= self.ceiling)

    def __str__(self) -> str:
        if self.is_approval:
            return f"{self.quorum} of {len(self.attesters)} approve as {self.subject}"
        low = "" if self.floor is None else f"{self.floor} <= "
        high = "" if self.ceiling is None else f" <= {self.ceiling}"
        return f"{self.quorum} of {len(self.attesters)} attest {low}{self.subject}{high}"


@dataclass(frozen=True, slots=True)
class Policy:
    """What has to hold before an alias is moved to a version.

    Attributes:
        requirements: what attesters have to attest.
        delay: between a proposal and its execution.
        notice: before a looser policy, or the alias's release, takes effect. Without it the policy
            binds its owner to nothing.
        lineage_visits: ancestors that are looked at for a revoked one; 0 for none.
        licensed_parents: whether, wherever its lineage leads from a model of the owner's to one of
            another owner, that one must have licensed the one before.
        publishers_propose: whether publishers may propose and execute, beside the owner.

    Example:
        >>> two_reviewers = Policy.reviewed(reviewers, quorum=2)  # doctest: +SKIP
        >>> hub.promotions.set_policy("digits", "champion", two_reviewers)  # doctest: +SKIP
    """

    requirements: tuple[Requirement, ...] = ()
    delay: timedelta = timedelta(0)
    notice: timedelta = timedelta(days=7)
    lineage_visits: int = LINEAGE_VISITS
    licensed_parents: bool = False
    publishers_propose: bool = False

    @classmethod
    def reviewed(
        cls,
        reviewers: Iterable[Address],
        *,
        quorum: int = 2,
        evaluators: Iterable[Address] = (),
        metric: str = "accuracy",
        dataset: bytes | None = None,
        floor: Decimal | str | None = None,
        ceiling: Decimal | str | None = None,
        delay: timedelta = timedelta(0),
    ) -> Policy:
        """Some reviewers approve and, where a dataset is named, an evaluator attests the metric.

        Args:
            reviewers: who may approve, in the role `reviewer`.
            quorum: how many of them have to.
            evaluators: whose evaluations count; one of them has to attest.
            metric: that is evaluated.
            dataset: digest of the root of the dataset that it is over; None: no evaluation.
            floor: lowest value that will do.
            ceiling: highest value that will do.
            delay: between a proposal and its execution.
        """
        asked = [Requirement("reviewer", frozenset(reviewers), quorum)]
        if dataset is not None:
            low, high = (None if bound is None else number(bound) for bound in (floor, ceiling))
            asked.append(Requirement(metric, frozenset(evaluators), 1, dataset, low, high))
        return cls(tuple(asked), delay)

    @classmethod
    def shadow(cls, delay: timedelta = timedelta(hours=24)) -> Policy:
        """Serve the proposed version beside the present one for a day; cancel if it misbehaves."""
        return cls((), delay)

    @property
    def attesters(self) -> list[Address]:
        """Everybody whose attestations count for something, in the contract's order."""
        everybody = {a for requirement in self.requirements for a in requirement.attesters}
        return sorted(everybody, key=lambda address: int(address, 16))

    def to_abi(self) -> tuple[object, ...]:
        """As the contract takes it.

        Raises:
            ConfigError: it cannot be written as the contract has it.
        """
        attesters = self.attesters
        asked = sorted((_requirement(r, attesters) for r in self.requirements), key=lambda r: r[:2])
        flags = (self.lineage_visits, self.licensed_parents, self.publishers_propose)
        return (_seconds(self.delay), _seconds(self.notice), *flags, attesters, asked)

    @classmethod
    def from_abi(cls, raw: Any) -> Policy:  # noqa: ANN401 - as the ABI says
        """As the contract gives it."""
        delay, notice, visits, licensed, publishers, people, asked = raw
        attesters = [to_checksum_address(address) for address in people]
        return cls(
            tuple(_from_abi(requirement, attesters) for requirement in asked),
            timedelta(seconds=delay),
            timedelta(seconds=notice),
            visits,
            licensed,
            publishers,
        )


@dataclass(frozen=True, slots=True)
class Proposal:
    """A proposal to move an alias.

    Attributes:
        proposed_at: None if there is none.
        round: of the policy that it was proposed under.
        transfers: how often the model had changed hands, modulo 2**24.
    """

    proposer: Address
    proposed_at: datetime | None
    round: int
    transfers: int

    @classmethod
    def from_abi(cls, raw: Any) -> Proposal:  # noqa: ANN401 - as the ABI says
        """As the contract gives it."""
        proposer, proposed_at, round_, transfers = raw
        return cls(to_checksum_address(proposer), moment(proposed_at), round_, transfers)


@dataclass(frozen=True, slots=True)
class Announcement:
    """A looser policy, or the alias's release, that waits for its notice.

    Attributes:
        digest: of what is announced.
        effective_at: from when on it can be done; None if nothing is announced.
    """

    digest: bytes
    effective_at: datetime | None


@dataclass(frozen=True, slots=True)
class Attestation:
    """An attestation of the Ethereum Attestation Service about a version.

    Attributes:
        kind: `evaluation` or `approval`.
        subject: the metric's name, or the role's.
        dataset: digest of the dataset's root; None for an approval.
        value: of the metric; None for an approval.
        evidence: what the value can be traced to; zero for nothing; None for an approval.
        recipient: the registry that the version is of.
        expires_at: None for never.
        revoked_at: None if it was not.
    """

    uid: bytes
    kind: str
    attester: Address
    recipient: Address
    model_id: int
    version: int
    subject: str
    attested_at: datetime
    expires_at: datetime | None
    revoked_at: datetime | None
    dataset: bytes | None = None
    value: Decimal | None = None
    evidence: bytes | None = field(default=None)

    def is_valid_at(self, now: datetime) -> bool:
        """Whether it is neither revoked nor expired."""
        return self.revoked_at is None and (self.expires_at is None or now < self.expires_at)


def addresses(texts: Iterable[str]) -> frozenset[Address]:
    """Accounts, checked.

    Raises:
        ConfigError: one of them is none.
    """
    found = list(texts)
    for text in found:
        if not is_address(text):
            raise ConfigError(f"{text!r} is no account: write 0x and 40 hexadecimal digits")
    return frozenset(str(to_checksum_address(text)) for text in found)


def _requirement(asked: Requirement, attesters: Sequence[Address]) -> tuple[Any, ...]:
    members = sum(1 << attesters.index(address) for address in asked.attesters)
    if asked.is_approval:
        return (NO_DATASET, metric_id(asked.subject), 0, 0, members, asked.quorum)
    floor = LOWEST if asked.floor is None else micros(asked.floor)
    ceiling = HIGHEST if asked.ceiling is None else micros(asked.ceiling)
    return (asked.dataset, metric_id(asked.subject), floor, ceiling, members, asked.quorum)


def _from_abi(raw: Any, attesters: Sequence[Address]) -> Requirement:  # noqa: ANN401
    dataset, subject, floor, ceiling, members, quorum = raw
    chosen = frozenset(a for i, a in enumerate(attesters) if members >> i & 1)
    if bytes(dataset) == NO_DATASET:
        return Requirement(metric_name(subject), chosen, quorum)
    return Requirement(
        metric_name(subject),
        chosen,
        quorum,
        bytes(dataset),
        None if floor == LOWEST else amount(floor),
        None if ceiling == HIGHEST else amount(ceiling),
    )


def _seconds(time: timedelta) -> int:
    seconds = time.total_seconds()
    if seconds < 0 or seconds != int(seconds) or seconds >= 2**32:
        raise ConfigError(f"{time} is no delay: use whole seconds, of at most a year")
    return int(seconds)
