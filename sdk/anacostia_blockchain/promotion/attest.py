"""`client.attest`: evaluations and approvals of versions, in the Ethereum Attestation Service."""

from __future__ import annotations

import io
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from functools import cached_property
from typing import TYPE_CHECKING

from eth_abi import encode

from anacostia_blockchain._files import DOCUMENT, read_all
from anacostia_blockchain.contracts.eas import EAS, Request, Signed
from anacostia_blockchain.errors import ConfigError, FormatError, IntegrityError, LedgerError
from anacostia_blockchain.prices.sources import dataset_root
from anacostia_blockchain.prices.values import metric_id, micros
from anacostia_blockchain.promotion import envelope as envelopes
from anacostia_blockchain.promotion import statement as statements
from anacostia_blockchain.promotion.drafts import Delegated, Draft
from anacostia_blockchain.promotion.reading import APPROVAL, EVALUATION, read
from anacostia_blockchain.promotion.statement import Evaluation
from anacostia_blockchain.promotion.values import Attestation
from anacostia_blockchain.verify import Report, made

if TYPE_CHECKING:
    from anacostia_blockchain.client import Anacostia
    from anacostia_blockchain.ledger.record import Disclosure
    from anacostia_blockchain.types import Address

_HOUR = timedelta(hours=1)


class Attest:
    """Attestations about versions of this registry, as one account makes and reads them.

    Example:
        >>> hub.attest.approval("0xA11ce…/digits@2", "reviewer")  # doctest: +SKIP
        >>> hub.attest.evaluation(
        ...     "0xA11ce…/digits@2", "accuracy", dataset=root, value="0.93", measured=True
        ... )  # doctest: +SKIP
    """

    def __init__(self, client: Anacostia) -> None:
        self._client = client
        self._gate = client.promotion_gate

    @cached_property
    def service(self) -> EAS:
        """The attestation service."""
        return EAS(self._client.chain, self._gate.eas())

    # ------------------------------------------------------------------ make

    def evaluation(
        self,
        model: str | int,
        metric: str,
        *,
        dataset: bytes | str,
        shown: Disclosure | None = None,
        run: bytes | None = None,
        value: Decimal | str | float | None = None,
        measured: bool = False,
        expires_in: timedelta | None = None,
    ) -> bytes:
        """Attest a metric of a version over a dataset; returns the attestation's id.

        The value is the one that an anchored run record holds; another one only if this account
        measured it, and says so.

        Args:
            model: the version.
            metric: its name.
            dataset: digest of the dataset's root, or a reference to a registered dataset's version.
            shown: the metric in the run's record; see `anacostia runs disclose`.
            run: root of that record; None: of the run that the version's own statement names.
            value: of the metric, where this account measured it.
            measured: says that it did.
            expires_in: after which it does not hold any more; None for never.

        Raises:
            ConfigError: neither a logged nor a measured value is given, or both.
            IntegrityError: the run's record does not hold the metric, or is not in its log.
            NotFoundError: the run is not anchored, as far as the store knows.
        """
        draft = self.draft_evaluation(
            model, metric, dataset=dataset, shown=shown, run=run, value=value,
            measured=measured, expires_in=expires_in,
        )  # fmt: skip
        return self.send(draft)

    def approval(
        self, model: str | int, role: str = "reviewer", *, expires_in: timedelta | None = None
    ) -> bytes:
        """Approve a version in a role; returns the attestation's id."""
        return self.send(self.draft_approval(model, role, expires_in=expires_in))

    def revoke(self, uid: bytes) -> None:
        """Take back an attestation of this account's.

        Raises:
            NotFoundError: there is no such attestation.
            ContractRevertedError: it is somebody else's, or was revoked already.
        """
        self.service.revoke(bytes(self.service.get_attestation(uid)[1]), uid)

    def draft_evaluation(  # noqa: PLR0913 - as `evaluation`
        self,
        model: str | int,
        metric: str,
        *,
        dataset: bytes | str,
        shown: Disclosure | None = None,
        run: bytes | None = None,
        value: Decimal | str | float | None = None,
        measured: bool = False,
        expires_in: timedelta | None = None,
        anchored: bool = True,
    ) -> Draft:
        """What `evaluation` would attest, to be sent or signed.

        With `anchored` false, the run may still be on its way into its log on chain.
        """
        if (shown is None) == (value is None) or measured != (value is not None):
            raise ConfigError(
                "an evaluation attests what a run has logged (shown=…), or a value that this "
                "account has measured itself (value=…, measured=True)"
            )
        model_id, number = self._client.models.resolve(model)
        version = self._client.registry.version_of(model_id, number)
        if shown is not None:
            run = run or self._run_of(model_id, number)
            if anchored:
                self._client.runs.check_proof(self._client.runs.find_proof(run))
        said = Evaluation(
            subject=f"{self._client.caip19(model_id)}@{number}",
            root=version.root.digest,
            dataset=dataset_root(self._client, dataset),
            metric=metric,
            value=statements.rounded(shown.leaf.value if shown is not None else value),
            run=run if shown is not None else None,
            shown=shown,
        )
        said.check_shown()
        text = said.to_json()
        values = (model_id, number, said.dataset, metric_id(metric), micros(said.value))
        data = encode(EVALUATION, [*values, statements.digest_of(text)])
        request = Request(self._gate.evaluation(), self._recipient, data, self._expiry(expires_in))
        return Draft(request, text)

    def draft_approval(
        self, model: str | int, role: str = "reviewer", *, expires_in: timedelta | None = None
    ) -> Draft:
        """What `approval` would attest, to be sent or signed."""
        data = encode(APPROVAL, [*self._client.models.resolve(model), metric_id(role)])
        expiry = self._expiry(expires_in)
        return Draft(Request(self._gate.approval(), self._recipient, data, expiry))

    def send(self, draft: Draft) -> bytes:
        """Make an attestation; returns its id. Its statement, signed, goes to the store first."""
        self.keep(draft, self._signed(draft))
        return self.service.attest(draft.request)

    def keep(self, draft: Draft, envelope: bytes | None) -> None:
        """Put an evaluation's statement into the store, as raw content of one block; and signed.

        Raises:
            IntegrityError: the envelope was not signed by whom it names.
        """
        if draft.statement is None:
            return
        name = f"evaluation-{statements.digest_of(draft.statement).hex()}"
        self._client.storage.put(io.BytesIO(draft.statement), name=name)
        if envelope is not None:
            envelopes.keep(self._client.storage, envelope)

    # ------------------------------------------------------------------ by delegation

    def sign(self, draft: Draft, *, valid_for: timedelta = _HOUR) -> Delegated:
        """Sign an attestation for somebody else to send: it costs this account nothing.

        The statement, signed as well, goes to this account's store, and with what is returned.
        """
        envelope = self._signed(draft)
        self.keep(draft, envelope)
        signed = self.service.sign_attestation(draft.request, self._expiry(valid_for))
        return Delegated(signed.signature, signed.signer, signed.deadline, envelope)

    def relay(self, draft: Draft, signed: Delegated) -> bytes:
        """Send what an evaluator has signed; returns the attestation's id. Anybody may.

        Raises:
            IntegrityError: the statement is signed by somebody else than the attestation, or is
                another one.
            ContractRevertedError: the signature is not of this, or comes too late.
        """
        if draft.statement is not None and signed.envelope is not None:
            envelopes.check(signed.envelope, draft.request.data[-32:], signed.signer)
        self.keep(draft, signed.envelope)
        return self.service.attest_by_delegation(draft.request, signed)

    def sign_revocation(self, uid: bytes, *, valid_for: timedelta = _HOUR) -> Signed:
        """Sign the revocation of an attestation, for somebody else to send."""
        schema = bytes(self.service.get_attestation(uid)[1])
        return self.service.sign_revocation(schema, uid, self._expiry(valid_for))

    def relay_revocation(self, uid: bytes, signed: Signed) -> None:
        """Send a revocation that its maker has signed."""
        schema = bytes(self.service.get_attestation(uid)[1])
        self.service.revoke_by_delegation(schema, uid, signed)

    def envelope(self, draft: Draft) -> bytes:
        """An evaluation's statement, signed by this account: a DSSE envelope.

        Raises:
            ConfigError: it is an approval, or the connection has no signer.
        """
        signer = self._client.chain.signer
        if draft.statement is None or signer is None:
            raise ConfigError("only evaluations have statements, and only accounts sign them")
        return envelopes.sign(draft.statement, signer)

    # ------------------------------------------------------------------ look up

    def get(self, uid: bytes) -> Attestation:
        """An attestation about a version.

        Raises:
            NotFoundError: there is none of that id.
            FormatError: it is of something else.
        """
        return read(self.service.get_attestation(uid))

    def list(
        self, model: str | int | None = None, *, attester: Address | None = None
    ) -> list[Attestation]:
        """Attestations about a version, or about any; revoked and expired ones too.

        Args:
            model: the version; without one, of the model's newest. None: of every model.
            attester: who made them; None: anybody.
        """
        wanted = None if model is None else self._client.models.resolve(model)
        found = [a for a in self._all(attester) if wanted in (None, (a.model_id, a.version))]
        return sorted(found, key=lambda a: a.attested_at)

    def statement(self, uid: bytes) -> Evaluation:
        """What an evaluation says in full, from the store.

        Raises:
            NotFoundError: the store does not hold it.
            IntegrityError: it says something else than the attestation.
        """
        found, evidence = self._evaluation(uid)
        with self._client.storage.open(statements.cid_of(evidence)) as stream:
            text = read_all(stream, DOCUMENT, "the evaluation statement")
        said = Evaluation.parse(text)
        subject = f"{self._client.caip19(found.model_id)}@{found.version}"
        said.check_attested(subject, found.dataset, found.subject, found.value)
        return said

    def signed_statement(self, uid: bytes) -> bytes:
        """What an evaluation says in full, signed by its attester: a DSSE envelope, from the store.

        Raises:
            NotFoundError: the store does not hold it.
            FormatError: the attestation is none that has a statement.
        """
        found, evidence = self._evaluation(uid)
        return envelopes.find(self._client.storage, evidence, found.attester)

    def verify(self, uid: bytes) -> Report:
        """Check an attestation: that it holds, and what its value rests on."""
        found = self.get(uid)
        checks = [
            made("valid", lambda: self._check_valid(found)),
            made("version", lambda: self._check_version(found)),
        ]
        if found.kind == "evaluation":
            checks.append(made("statement", lambda: self._check_statement(uid)))
        return Report(f"{found.kind} 0x{uid.hex()}", tuple(checks))

    def now(self) -> datetime:
        """The chain's clock, which is what counts."""
        return datetime.fromtimestamp(int(self._client.chain.header()["timestamp"], 16), UTC)

    # ------------------------------------------------------------------ internal

    @property
    def _recipient(self) -> Address:
        """The registry: ids are the same in every one, and the service is one for all of them."""
        return self._client.registry.address

    def _signed(self, draft: Draft) -> bytes | None:
        return None if draft.statement is None else self.envelope(draft)

    def _evaluation(self, uid: bytes) -> tuple[Attestation, bytes]:
        """An attestation and the digest of its statement."""
        found = self.get(uid)
        if found.evidence is None or not any(found.evidence):
            raise FormatError(f"0x{uid.hex()} is an {found.kind} without a statement")
        return found, found.evidence

    def _expiry(self, time: timedelta | None) -> int:
        return 0 if time is None else int((self.now() + time).timestamp())

    def _run_of(self, model_id: int, number: int) -> bytes:
        from anacostia_blockchain.content.statement import Statement  # noqa: PLC0415 - only this check needs it

        root = self._client.registry.version_of(model_id, number).root
        with self._client.storage.open(root, "statement.json") as stream:
            leaf = Statement.parse(read_all(stream, DOCUMENT, "statement.json")).run_leaf
        if leaf is None:
            raise LedgerError(f"version {number} names no run: say whose record shows it (run=…)")
        return leaf

    def _all(self, attester: Address | None) -> Iterator[Attestation]:
        for schema in (self._gate.evaluation(), self._gate.approval()):
            made = self.service.attested(schema, self._recipient, attester)
            for raw in self.service.get_attestations(bytes(log.values["uid"]) for log in made):
                try:
                    yield read(raw)
                except FormatError:
                    continue  # the service takes any data for any schema

    def _check_valid(self, found: Attestation) -> str:
        if found.recipient != self._recipient:
            raise IntegrityError(f"it is about {found.recipient}, not this registry")
        if found.revoked_at is not None:
            raise IntegrityError(f"{found.attester} revoked it on {found.revoked_at}")
        if not found.is_valid_at(self.now()):
            raise IntegrityError(f"it expired on {found.expires_at}")
        return f"by {found.attester}, {found.attested_at:%Y-%m-%d %H:%M:%S} UTC"

    def _check_version(self, found: Attestation) -> str:
        version = self._client.registry.version_of(found.model_id, found.version)
        return f"{self._client.caip19(found.model_id)}@{found.version} is {version.status.name}"

    def _check_statement(self, uid: bytes) -> str:
        said = self.statement(uid)
        said.check_shown()
        if said.run is None:
            return f"{said.metric} {said.value}, measured by the evaluator"
        self._client.runs.check_proof(self._client.runs.find_proof(said.run))
        return f"{said.metric} {said.value}, as the anchored run 0x{said.run.hex()} logged it"
