"""`contracts/MetricReceiver.sol`: metrics delivered by Chainlink's workflows."""

from __future__ import annotations

from datetime import datetime, timedelta
from decimal import Decimal
from typing import TYPE_CHECKING

from eth_utils import to_checksum_address

from anacostia_blockchain.contracts.base import Calls, Contract
from anacostia_blockchain.prices.values import (
    NOBODY,
    Metric,
    MetricSource,
    amount,
    metric_id,
    moment,
)

if TYPE_CHECKING:
    from anacostia_blockchain.chain import Call, Log, Receipt
    from anacostia_blockchain.types import Address

_NEVER = 2**40 - 1


class MetricReceiverCalls(Calls):
    """`MetricReceiver`'s transactions, encoded."""

    interface = "MetricReceiver"

    def open_source(
        self,
        salt: bytes,
        workflow: bytes,
        guardian: Address | None,
        delay: timedelta,
        overlap: timedelta,
    ) -> Call:
        """Open a source."""
        spans = (int(delay.total_seconds()), int(overlap.total_seconds()))
        return self._encode("openSource", salt, workflow, guardian or NOBODY, *spans)

    def propose_workflow(self, source: bytes, workflow: bytes, replaces: bytes | None) -> Call:
        """Let another workflow report."""
        return self._encode("proposeWorkflow", source, workflow, replaces or bytes(32))

    def revoke_workflow(self, source: bytes, workflow: bytes) -> Call:
        """End a workflow's right."""
        return self._encode("revokeWorkflow", source, workflow)

    def stop(self, source: bytes) -> Call:
        """Stop a source."""
        return self._encode("stop", source)

    def resume(self, source: bytes) -> Call:
        """Let a source go on."""
        return self._encode("resume", source)


class MetricReceiver(Contract):
    """Sources of metrics, and what they delivered; see `IMetricReceiver.sol`."""

    interface = "MetricReceiver"

    @property
    def calls(self) -> MetricReceiverCalls:
        """The same transactions, encoded and not sent."""
        return MetricReceiverCalls(self.address)

    def open_source(
        self,
        salt: bytes,
        workflow: bytes,
        guardian: Address | None,
        delay: timedelta,
        overlap: timedelta,
    ) -> Receipt:
        """Open a source whose id follows from the sender's address and the salt (32 bytes)."""
        return self.chain.send(self.calls.open_source(salt, workflow, guardian, delay, overlap))

    def propose_workflow(
        self, source: bytes, workflow: bytes, replaces: bytes | None = None
    ) -> Receipt:
        """Let another workflow report after the source's delay; the owner's to decide."""
        return self.chain.send(self.calls.propose_workflow(source, workflow, replaces))

    def revoke_workflow(self, source: bytes, workflow: bytes) -> Receipt:
        """End a workflow's right to report, now; owner or guardian."""
        return self.chain.send(self.calls.revoke_workflow(source, workflow))

    def stop(self, source: bytes) -> Receipt:
        """Stop a source; owner or guardian."""
        return self.chain.send(self.calls.stop(source))

    def resume(self, source: bytes) -> Receipt:
        """Let a stopped source go on after its delay; the owner's to decide.

        Only what is measured from then on counts, whenever it is delivered.
        """
        return self.chain.send(self.calls.resume(source))

    # ------------------------------------------------------------------ read

    def record_of(self, source: bytes, model_id: int, metric: str) -> Metric:
        """A metric's newest value, whether or not its source stands by it."""
        value, observed_at, accepted_at, version, evidence = self._read(
            "recordOf", source, model_id, metric_id(metric)
        )
        return Metric(
            amount(value), moment(observed_at), moment(accepted_at), version, bytes(evidence)
        )

    def source_of(self, source: bytes) -> MetricSource:
        """A source; its owner is the zero address if there is none."""
        owner, closed, delay, overlap, guardian = self._read("sourceOf", source)
        return MetricSource(
            owner=str(to_checksum_address(owner)),
            closed_until=None if closed == _NEVER else moment(closed),
            stopped=closed == _NEVER,
            delay=timedelta(seconds=delay),
            overlap=timedelta(seconds=overlap),
            guardian=None if guardian == NOBODY else str(to_checksum_address(guardian)),
        )

    def source_id_of(self, owner: Address, salt: bytes) -> bytes:
        """The id of an owner's source."""
        return bytes(self._read("sourceIdOf", owner, salt))

    def window_of(self, source: bytes, workflow: bytes) -> tuple[datetime | None, datetime | None]:
        """From when and until when a workflow may report; None for never, and for no end."""
        start, end = self._read("windowOf", source, workflow)
        return moment(start), None if end == _NEVER else moment(end)

    def workflow_by_name(self, owner: Address, name: bytes) -> bytes:
        """What stands for all workflows of an owner with a name (10 bytes)."""
        return bytes(self._read("workflowByName", owner, name))

    def metric_of(self, source: bytes, model_id: int, metric: str) -> tuple[Decimal, datetime]:
        """The value that a source stands by now, and when the measurement ended.

        Raises:
            ContractRevertedError: there is none, with the reason.
        """
        value, observed_at = self._read("metricOf", source, model_id, metric_id(metric))
        observed = moment(observed_at)
        assert observed is not None  # noqa: S101 - the contract serves none from the year 1970
        return amount(value), observed

    def forwarder(self) -> Address:
        """Chainlink's forwarder."""
        return str(to_checksum_address(self._read("forwarder")))

    def min_delay(self) -> int:
        """Shortest delay of a source, in seconds."""
        return int(self._read("MIN_DELAY"))

    def max_delay(self) -> int:
        """Longest delay of a source, in seconds."""
        return int(self._read("MAX_DELAY"))

    def version(self) -> str:
        """Version of the contract."""
        return str(self._read("version"))

    # ------------------------------------------------------------------ from events

    def accepted(self, source: bytes, model_id: int, metric: str) -> list[Log]:
        """Every delivery of a metric, oldest first."""
        topics = [source, model_id.to_bytes(32, "big"), metric_id(metric)]
        return list(self.chain.logs(self.address, self.interface, "MetricAccepted", topics=topics))
