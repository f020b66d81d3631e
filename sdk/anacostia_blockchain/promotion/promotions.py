"""`client.promotions`: aliases that move only to versions that satisfy a policy."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import TYPE_CHECKING

from anacostia_blockchain.errors import ContractRevertedError, NotFoundError
from anacostia_blockchain.promotion.explanation import Condition, explain, pick

if TYPE_CHECKING:
    from anacostia_blockchain.chain import Log
    from anacostia_blockchain.client import Anacostia
    from anacostia_blockchain.promotion.values import Policy
    from anacostia_blockchain.types import Address

_EVENTS = {
    "PolicySet": "policy",
    "PolicyAnnounced": "announced",
    "ReleaseAnnounced": "announced",
    "AliasReleased": "released",
    "PromotionProposed": "proposed",
    "PromotionExecuted": "promoted",
    "PromotionCancelled": "cancelled",
    "RolledBack": "rolled back",
}


@dataclass(frozen=True, slots=True)
class Proposed:
    """A proposal, and from when on it can be executed.

    Attributes:
        uids: the attestations that it rests on.
    """

    proposal_id: bytes
    model_id: int
    alias: str
    version: int
    proposer: Address
    executable_at: datetime
    uids: tuple[bytes, ...]


@dataclass(frozen=True, slots=True)
class PromotionEvent:
    """Something that happened to a gated alias.

    Attributes:
        what: policy, announced, released, proposed, promoted, cancelled or rolled back.
        version: that it is about; 0 for none.
    """

    what: str
    version: int
    proposal_id: bytes | None
    block: int
    tx: str


class Promotions:
    """Promotions of one registry's models, as one account makes them.

    Example:
        >>> hub.promotions.set_policy("digits", "champion", Policy.shadow())  # doctest: +SKIP
        >>> proposed = hub.promotions.propose("digits@2", "champion")  # doctest: +SKIP
        >>> hub.promotions.execute("digits@2", "champion")  # doctest: +SKIP
    """

    def __init__(self, client: Anacostia) -> None:
        self._client = client
        self._gate = client.promotion_gate

    # ------------------------------------------------------------------ policies

    def set_policy(self, model: str | int, alias: str, policy: Policy) -> datetime:
        """Put an alias under a policy; a looser one than before only after its notice.

        Returns:
            From when on it is in force. After the notice, set the same policy again.

        Raises:
            ContractRevertedError: the model is not this account's, another gate has the alias, the
                policy cannot be met, or its notice has not passed.
        """
        model_id = self._id(model)
        gate = self._client.registry.alias_of(model_id, alias).gate
        if gate is None:
            self._client.registry.set_alias_gate(model_id, alias, self._gate.address)
        self._gate.set_policy(model_id, alias, policy)
        announced = self._gate.announcement_of(model_id, alias).effective_at
        return announced or self._client.attest.now()

    def policy(self, model: str | int, alias: str) -> Policy:
        """An alias's policy.

        Raises:
            NotFoundError: it has none.
        """
        try:
            return self._gate.policy_of(self._id(model), alias)[0]
        except ContractRevertedError as error:
            if error.name != "PromotionGate_NoPolicy":
                raise
            raise NotFoundError(
                f"alias {alias!r} of {model} has no policy: set one with `anacostia promote policy`"
            ) from error

    def announced(self, model: str | int, alias: str) -> datetime | None:
        """From when on a looser policy, or a release, can be done; None if none is announced."""
        return self._gate.announcement_of(self._id(model), alias).effective_at

    def release(self, model: str | int, alias: str, gate: Address | None = None) -> datetime:
        """Let go of an alias, to another gate or to the owner; after the notice, say so again.

        Returns:
            From when on it is, or can be, done.
        """
        model_id = self._id(model)
        self._gate.release(model_id, alias, gate)
        announced = self._gate.announcement_of(model_id, alias).effective_at
        return announced or self._client.attest.now()

    # ------------------------------------------------------------------ promotions

    def propose(
        self, model: str | int, alias: str, uids: Sequence[bytes] | None = None
    ) -> Proposed:
        """Propose to move an alias to a version, which must satisfy the policy already.

        Args:
            model: the version.
            alias: to move.
            uids: attestations to rest it on; None: valid ones that the policy counts.

        Raises:
            NotFoundError: the alias has no policy.
            ContractRevertedError: what is in the way, by name; `explain` shows all of it.
        """
        model_id, version = self._client.models.resolve(model)
        chosen = list(self.evidence(model, alias)) if uids is None else list(uids)
        self._gate.check(model_id, alias, version, chosen, self._client.address)
        proposal_id = self._gate.propose(model_id, alias, version, chosen)
        return self._proposed(model_id, alias, proposal_id)

    def execute(self, model: str | int, alias: str) -> Proposed:
        """Carry out this account's newest proposal of a version.

        Raises:
            NotFoundError: there is none that is open.
            ContractRevertedError: what is in the way, by name: the delay has not passed, something
                was revoked, the policy is another.
        """
        proposal = self.newest(model, alias)
        self._gate.execute(proposal.model_id, alias, proposal.version, proposal.uids)
        return proposal

    def cancel(self, model: str | int, alias: str) -> list[Proposed]:
        """Take every open proposal of a version back that this account may; returns them."""
        model_id, version = self._client.models.resolve(model)
        found = [p for p in self.proposals(model_id, alias) if p.version == version]
        owner = self._client.nft.owner_of(model_id)
        mine = [p for p in found if self._client.address in (owner, p.proposer)]
        if not mine:
            raise NotFoundError(f"no proposal of {model} for {alias!r} is open here")
        for proposal in mine:
            self._gate.cancel(model_id, alias, proposal.proposal_id)
        return mine

    def rollback(self, model: str | int, alias: str, *, to: int | None = None) -> int:
        """Move an alias back at once; returns the version that it points to now.

        Args:
            model: the model.
            alias: to move.
            to: the version; None: the one before the present one; 0: none at all.

        Raises:
            NotFoundError: it never pointed there.
            ContractRevertedError: the version is revoked or tainted, or was there before the gate.
        """
        model_id = self._id(model)
        moves = self._client.registry.alias_history(model_id, alias)
        index = 0
        if to != 0:
            present = moves[-1].version if moves else 0
            places = [i for i, move in enumerate(moves) if move.version not in (0, present)]
            wanted = [i for i in places if to in (None, moves[i].version)]
            if not wanted:
                raise NotFoundError(f"{alias!r} of {model} has never pointed there")
            index = wanted[-1]
        version = 0 if to == 0 else moves[index].version
        self._gate.rollback(model_id, alias, version, index)
        return version

    # ------------------------------------------------------------------ look up

    def proposals(self, model: str | int, alias: str) -> list[Proposed]:
        """Proposals that can still be executed, or cancelled, oldest first."""
        model_id = self._id(model)
        _, round_ = self._gate.policy_of(model_id, alias)
        _, transfers = self._client.nft.ownership_of(model_id)
        term = (round_, transfers % 2**24)
        logs = {bytes(log.values["proposalId"]): log for log in self._logs(model_id, alias)}
        found = [self._from_log(model_id, alias, log) for log in logs.values()]
        return [p for p in found if self._is_open(p, term)]

    def newest(self, model: str | int, alias: str) -> Proposed:
        """This account's newest proposal of a version that is neither executed nor cancelled.

        Raises:
            NotFoundError: there is none.
        """
        model_id, version = self._client.models.resolve(model)
        mine = [
            self._from_log(model_id, alias, log)
            for log in self._logs(model_id, alias)
            if log.values["version"] == version
        ]
        mine = [p for p in mine if p.proposer == self._client.address]
        for proposal in reversed(mine):
            if self._gate.proposal_of(model_id, alias, proposal.proposal_id).proposed_at:
                return proposal
        raise NotFoundError(
            f"this account has no open proposal of version {version} for {alias!r}: propose it "
            "first, with `anacostia promote propose`"
        )

    def history(self, model: str | int, alias: str) -> list[PromotionEvent]:
        """Everything that the gate did about an alias, oldest first."""
        model_id = self._id(model)
        logs = [log for event in _EVENTS for log in self._gate.logs(event, model_id, alias)]
        logs.sort(key=lambda log: (log.block_number, log.log_index))
        return [_event(log) for log in logs]

    def evidence(self, model: str | int, alias: str) -> list[bytes]:
        """Valid attestations about a version that its alias's policy counts, as few as it takes."""
        policy = self.policy(model, alias)
        return [a.uid for a in pick(self._client, policy, *self._client.models.resolve(model))]

    def explain(self, model: str | int, alias: str) -> list[Condition]:
        """What the policy asks of a version, and what is missing."""
        model_id, version = self._client.models.resolve(model)
        return explain(self._client, self.policy(model, alias), model_id, version)

    def _id(self, model: str | int) -> int:
        return self._client.models.resolve(model)[0]

    def _logs(self, model_id: int, alias: str) -> list[Log]:
        return self._gate.logs("PromotionProposed", model_id, alias)

    def _proposed(self, model_id: int, alias: str, proposal_id: bytes) -> Proposed:
        for log in reversed(self._logs(model_id, alias)):
            if bytes(log.values["proposalId"]) == proposal_id:
                return self._from_log(model_id, alias, log)
        raise NotFoundError(f"there is no proposal 0x{proposal_id.hex()}")

    def _is_open(self, proposal: Proposed, term: tuple[int, int]) -> bool:
        """Whether it is there, of this round and ownership, and has not lapsed."""
        held = self._gate.proposal_of(proposal.model_id, proposal.alias, proposal.proposal_id)
        window = timedelta(seconds=self._gate.window())
        lapsed = self._client.attest.now() > proposal.executable_at + window
        return held.proposed_at is not None and (held.round, held.transfers) == term and not lapsed

    @staticmethod
    def _from_log(model_id: int, alias: str, log: Log) -> Proposed:
        from eth_utils import to_checksum_address  # noqa: PLC0415 - loads eth-utils

        from anacostia_blockchain.prices.values import moment  # noqa: PLC0415 - loads eth-utils

        values = log.values
        executable_at = moment(values["executableAt"])
        if executable_at is None:  # it is a block's time
            raise NotFoundError("the proposal says no time")
        return Proposed(
            bytes(values["proposalId"]),
            model_id,
            alias,
            values["version"],
            to_checksum_address(values["proposer"]),
            executable_at,
            tuple(bytes(uid) for uid in values["uids"]),
        )


def _event(log: Log) -> PromotionEvent:
    proposal_id = log.values.get("proposalId")
    return PromotionEvent(
        what=_EVENTS[log.event],
        version=log.values.get("version", 0),
        proposal_id=None if proposal_id is None else bytes(proposal_id),
        block=log.block_number,
        tx=log.tx_hash,
    )
