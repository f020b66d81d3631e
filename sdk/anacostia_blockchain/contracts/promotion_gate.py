"""`contracts/PromotionGate.sol`: aliases that move only to versions that satisfy a policy."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from eth_utils import to_checksum_address

from anacostia_blockchain.contracts.base import Calls, Contract
from anacostia_blockchain.contracts.model_registry import label
from anacostia_blockchain.prices.values import NOBODY, moment
from anacostia_blockchain.promotion.values import Announcement, Policy, Proposal

if TYPE_CHECKING:
    from anacostia_blockchain.chain import Call, Log, Receipt
    from anacostia_blockchain.types import Address


class PromotionGateCalls(Calls):
    """`PromotionGate`'s transactions, encoded."""

    interface = "PromotionGate"

    def set_policy(self, model_id: int, alias: str, policy: Policy) -> Call:
        """Set an alias's policy, or announce it."""
        return self._encode("setPolicy", model_id, label(alias), policy.to_abi())

    def release(self, model_id: int, alias: str, gate: Address | None) -> Call:
        """Let go of an alias, or announce that."""
        return self._encode("release", model_id, label(alias), gate or NOBODY)

    def propose(self, model_id: int, alias: str, version: int, uids: Sequence[bytes]) -> Call:
        """Propose to move an alias."""
        return self._encode("propose", model_id, label(alias), version, list(uids))

    def execute(self, model_id: int, alias: str, version: int, uids: Sequence[bytes]) -> Call:
        """Move an alias as proposed."""
        return self._encode("execute", model_id, label(alias), version, list(uids))

    def cancel(self, model_id: int, alias: str, proposal_id: bytes) -> Call:
        """Take a proposal back."""
        return self._encode("cancel", model_id, label(alias), proposal_id)

    def rollback(self, model_id: int, alias: str, version: int, move_index: int) -> Call:
        """Move an alias back."""
        return self._encode("rollback", model_id, label(alias), version, move_index)


class PromotionGate(Contract):
    """A gate for aliases; see `IPromotionGate.sol`."""

    interface = "PromotionGate"

    @property
    def calls(self) -> PromotionGateCalls:
        """The same transactions, encoded and not sent."""
        return PromotionGateCalls(self.address)

    def set_policy(self, model_id: int, alias: str, policy: Policy) -> Receipt:
        """Set an alias's policy, or announce a looser one; its owner's to decide."""
        return self.chain.send(self.calls.set_policy(model_id, alias, policy))

    def release(self, model_id: int, alias: str, gate: Address | None) -> Receipt:
        """Let go of an alias, or announce that; its owner's to decide."""
        return self.chain.send(self.calls.release(model_id, alias, gate))

    def propose(self, model_id: int, alias: str, version: int, uids: Sequence[bytes]) -> bytes:
        """Propose to move an alias; returns the proposal's id."""
        receipt = self.chain.send(self.calls.propose(model_id, alias, version, uids))
        return bytes(self._events("PromotionProposed", receipt)[0]["proposalId"])

    def execute(self, model_id: int, alias: str, version: int, uids: Sequence[bytes]) -> Receipt:
        """Move an alias as proposed, if the version satisfies the policy now."""
        return self.chain.send(self.calls.execute(model_id, alias, version, uids))

    def cancel(self, model_id: int, alias: str, proposal_id: bytes) -> Receipt:
        """Take a proposal back; who proposed it, or the model's owner."""
        return self.chain.send(self.calls.cancel(model_id, alias, proposal_id))

    def rollback(self, model_id: int, alias: str, version: int, move_index: int) -> Receipt:
        """Move an alias back to where a move pointed it, or with version 0 to none."""
        return self.chain.send(self.calls.rollback(model_id, alias, version, move_index))

    # ------------------------------------------------------------------ read

    def check(
        self, model_id: int, alias: str, version: int, uids: Sequence[bytes], proposer: Address
    ) -> None:
        """Ask whether a version satisfies an alias's policy now.

        Raises:
            ContractRevertedError: it does not, with the first thing that is in the way.
        """
        self._read("check", model_id, label(alias), version, list(uids), proposer)

    def policy_of(self, model_id: int, alias: str) -> tuple[Policy, int]:
        """An alias's policy, and its round.

        Raises:
            ContractRevertedError: it has none.
        """
        policy, round_ = self._read("policyOf", model_id, label(alias))
        return Policy.from_abi(policy), round_

    def announcement_of(self, model_id: int, alias: str) -> Announcement:
        """What is announced of an alias."""
        digest, effective_at = self._read("announcementOf", model_id, label(alias))
        return Announcement(bytes(digest), moment(effective_at))

    def proposal_of(self, model_id: int, alias: str, proposal_id: bytes) -> Proposal:
        """A proposal; all zero if there is none."""
        return Proposal.from_abi(self._read("proposalOf", model_id, label(alias), proposal_id))

    def proposal_id_of(self, proposer: Address, version: int, uids: Sequence[bytes]) -> bytes:
        """Id of a proposal."""
        return bytes(self._read("proposalIdOf", proposer, version, list(uids)))

    def max_attestations(self) -> int:
        """Most attestations of one proposal."""
        return int(self._read("MAX_ATTESTATIONS"))

    def window(self) -> int:
        """For how long what was proposed or announced can be done, in seconds."""
        return int(self._read("WINDOW"))

    def evaluation(self) -> bytes:
        """Id of the schema `Evaluation`."""
        return bytes(self._read("EVALUATION"))

    def approval(self) -> bytes:
        """Id of the schema `Approval`."""
        return bytes(self._read("APPROVAL"))

    def registry(self) -> Address:
        """The registry whose aliases it moves."""
        return str(to_checksum_address(self._read("registry")))

    def licensing(self) -> Address:
        """The licensing that knows what models rest on."""
        return str(to_checksum_address(self._read("licensing")))

    def eas(self) -> Address:
        """The Ethereum Attestation Service."""
        return str(to_checksum_address(self._read("eas")))

    def version(self) -> str:
        """Version of the contract."""
        return str(self._read("version"))

    # ------------------------------------------------------------------ from events

    def logs(self, event: str, model_id: int, alias: str) -> list[Log]:
        """One kind of an alias's events, oldest first."""
        topics = [model_id.to_bytes(32, "big"), label(alias)]
        return list(self.chain.logs(self.address, self.interface, event, topics=topics))
