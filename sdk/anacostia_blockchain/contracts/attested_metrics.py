"""`contracts/AttestedMetrics.sol`: metrics that evaluators attest to."""

from __future__ import annotations

from decimal import Decimal
from typing import TYPE_CHECKING

from eth_utils import to_checksum_address

from anacostia_blockchain.contracts.base import Calls, Contract
from anacostia_blockchain.prices.values import Metric, amount, metric_id, moment

if TYPE_CHECKING:
    from datetime import datetime

    from anacostia_blockchain.chain import Call, Receipt
    from anacostia_blockchain.types import Address


class AttestedMetricsCalls(Calls):
    """`AttestedMetrics`'s transactions, encoded."""

    interface = "AttestedMetrics"

    def present(self, uid: bytes) -> Call:
        """Make an attestation the newest of its metric."""
        return self._encode("present", uid)


class AttestedMetrics(Contract):
    """Metrics by attestation; see `IAttestedMetrics.sol`."""

    interface = "AttestedMetrics"

    @property
    def calls(self) -> AttestedMetricsCalls:
        """The same transactions, encoded and not sent."""
        return AttestedMetricsCalls(self.address)

    def present(self, uid: bytes) -> Receipt:
        """Make an attestation the newest of its metric. Anybody may."""
        return self.chain.send(self.calls.present(uid))

    # ------------------------------------------------------------------ read

    def record_of(self, source: bytes, model_id: int, metric: str) -> Metric:
        """The newest attestation of a metric, valid or not; its uid stands for the evidence."""
        value, attested_at, version, uid = self._read(
            "recordOf", source, model_id, metric_id(metric)
        )
        return Metric(amount(value), moment(attested_at), None, version, bytes(uid))

    def source_of(self, evaluator: Address, dataset_root: bytes) -> bytes:
        """The source that stands for an evaluator and the dataset that it evaluates on."""
        return bytes(self._read("sourceOf", evaluator, dataset_root))

    def eas(self) -> Address:
        """The Ethereum Attestation Service."""
        return str(to_checksum_address(self._read("eas")))

    def registry(self) -> Address:
        """The registry whose models' metrics these are."""
        return str(to_checksum_address(self._read("registry")))

    def schema(self) -> bytes:
        """Id of the schema `Evaluation` in that service."""
        return bytes(self._read("SCHEMA"))

    def metric_of(
        self, source: bytes, model_id: int, metric: str
    ) -> tuple[Decimal, datetime | None]:
        """The value that is attested to now, and since when.

        Raises:
            ContractRevertedError: there is none, or it was revoked or has expired, by name.
        """
        value, attested_at = self._read("metricOf", source, model_id, metric_id(metric))
        return amount(value), moment(attested_at)

    def version(self) -> str:
        """Version of the contract."""
        return str(self._read("version"))
