"""Promotion as intents: what a run that succeeds lets happen, once, whatever is killed."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from anacostia_blockchain.errors import AnacostiaError, ConfigError, NotFoundError
from anacostia_blockchain.ledger.record import Disclosure
from anacostia_blockchain.outbox.outbox import Intent, Outcome

if TYPE_CHECKING:
    from anacostia_blockchain.chain import Call, Receipt
    from anacostia_blockchain.client import Anacostia
    from anacostia_blockchain.promotion.drafts import Draft


class _Handler:
    """What the handlers share: the chain says whether what is meant is there already."""

    def __init__(self, client: Anacostia) -> None:
        self._client = client

    def done(self, intent: Intent) -> Outcome | None:
        """Ask the chain whether it is done."""
        try:
            found = self._found(intent.payload)
        except NotFoundError as error:  # which would mean that it is worth waiting
            raise ConfigError(str(error)) from error
        return None if found is None else Outcome(found)

    def prepare(self, intent: Intent) -> tuple[Call, dict[str, Any]]:
        """The transaction, as the chain stands now."""
        try:
            return self._call(intent.payload), intent.note or {}
        except NotFoundError as error:
            raise ConfigError(str(error)) from error

    def outcome(self, intent: Intent, receipt: Receipt) -> Outcome:
        """What the chain says now, and where it was mined."""
        return Outcome((self._found(intent.payload) or {}) | {"tx": receipt.hash})

    def is_stale(self, intent: Intent, refusal: AnacostiaError) -> bool:  # noqa: ARG002
        """What the gate refuses is not to be tried again by itself."""
        return False

    def _found(self, payload: dict[str, Any]) -> dict[str, Any] | None:
        raise NotImplementedError

    def _call(self, payload: dict[str, Any]) -> Call:
        raise NotImplementedError


class AttestHandler(_Handler):
    """Carries out `attest` intents: `{"model", "metric", "dataset", "run", "shown"}`.

    The run's record is anchored by an intent that follows.
    """

    kind = "attest"

    def _found(self, payload: dict[str, Any]) -> dict[str, Any] | None:
        attest, draft = self._client.attest, self._draft(payload)
        for found in attest.list(payload["model"], attester=self._client.address):
            if found.evidence == draft.request.data[-32:] and found.revoked_at is None:
                return {"uid": "0x" + found.uid.hex()}
        return None

    def _call(self, payload: dict[str, Any]) -> Call:
        draft = self._draft(payload)
        self._client.attest.keep(draft, self._client.attest.envelope(draft))
        return self._client.attest.service.calls.attest(draft.request)

    def _draft(self, payload: dict[str, Any]) -> Draft:
        return self._client.attest.draft_evaluation(
            payload["model"],
            payload["metric"],
            dataset=bytes.fromhex(payload["dataset"]),
            shown=Disclosure.from_json(payload["shown"].encode()),
            run=bytes.fromhex(payload["run"]),
            anchored=False,
        )


class ProposeHandler(_Handler):
    """Carries out `propose` intents: `{"model", "alias"}`, the model with its version."""

    kind = "propose"

    def _found(self, payload: dict[str, Any]) -> dict[str, Any] | None:
        model_id, version = self._client.models.resolve(payload["model"])
        if self._client.registry.alias_of(model_id, payload["alias"]).version == version:
            return {"version": version}
        for proposal in self._client.promotions.proposals(model_id, payload["alias"]):
            if (proposal.version, proposal.proposer) == (version, self._client.address):
                return {"version": version, "proposal": "0x" + proposal.proposal_id.hex()}
        return None

    def _call(self, payload: dict[str, Any]) -> Call:
        alias, gate = payload["alias"], self._client.promotion_gate
        model_id, version = self._client.models.resolve(payload["model"])
        uids = self._client.promotions.evidence(payload["model"], alias)
        gate.check(model_id, alias, version, uids, self._client.address)
        return gate.calls.propose(model_id, alias, version, uids)


class PromoteHandler(_Handler):
    """Carries out `promote` intents: `{"model", "alias"}`, the model with its version."""

    kind = "promote"

    def _found(self, payload: dict[str, Any]) -> dict[str, Any] | None:
        model_id, version = self._client.models.resolve(payload["model"])
        now = self._client.registry.alias_of(model_id, payload["alias"])
        return {"version": version} if now.version == version else None

    def _call(self, payload: dict[str, Any]) -> Call:
        alias = payload["alias"]
        proposal = self._client.promotions.newest(payload["model"], alias)
        return self._client.promotion_gate.calls.execute(
            proposal.model_id, alias, proposal.version, proposal.uids
        )


def handlers(client: Anacostia) -> list[Any]:
    """One for each kind of intent of promotion."""
    return [kind(client) for kind in (AttestHandler, ProposeHandler, PromoteHandler)]
