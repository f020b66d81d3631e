"""Where prices get their metrics from: Chainlink's reports, or evaluators' attestations."""

from __future__ import annotations

from typing import TYPE_CHECKING

from anacostia_blockchain.content.cid import CID
from anacostia_blockchain.errors import ConfigError, ContractRevertedError, FormatError

if TYPE_CHECKING:
    from anacostia_blockchain.client import Anacostia
    from anacostia_blockchain.contracts import AttestedMetrics, MetricReceiver
    from anacostia_blockchain.prices.values import Metric, Pricing

_DIGEST_SIZE = 32


def newest(client: Anacostia, pricing: Pricing, model_id: int) -> tuple[Metric | None, str | None]:
    """The newest value of what a price follows, and why it is not served now.

    Returns:
        The value, None for a fixed price or a source that is none of our contracts; and the name
        of the error with which its contract keeps it, None where it serves it.
    """
    source = _contract(client, pricing)
    if source is None:
        return None, None
    asked = (pricing.source, model_id, pricing.metric)
    try:
        source.metric_of(*asked)
    except ContractRevertedError as error:
        return source.record_of(*asked), error.name
    return source.record_of(*asked), None


def dataset_root(client: Anacostia, dataset: str | bytes) -> bytes:
    """Digest of a dataset's root, of which attestations speak.

    Raises:
        ConfigError: these bytes are no digest.
        NotFoundError: no such version is registered.
    """
    if isinstance(dataset, bytes):
        if len(dataset) != _DIGEST_SIZE:
            raise ConfigError(f"a digest has {_DIGEST_SIZE} bytes, not {len(dataset)}")
        return dataset
    if dataset.startswith("0x") and "/" not in dataset:
        try:
            return dataset_root(client, bytes.fromhex(dataset[2:]))
        except ValueError:
            raise ConfigError(f"{dataset!r} is no digest in hexadecimal") from None
    try:
        return CID.parse(dataset.removeprefix("ipfs://")).digest
    except FormatError:
        return client.models.version(dataset).root.digest


def _contract(client: Anacostia, pricing: Pricing) -> MetricReceiver | AttestedMetrics | None:
    if pricing.is_fixed:
        return None
    if pricing.metrics == client.metric_receiver.address:
        return client.metric_receiver
    attested = client.deployment.contracts.get("AttestedMetrics")
    known = attested is not None and pricing.metrics == attested.address
    return client.attested_metrics if known else None
