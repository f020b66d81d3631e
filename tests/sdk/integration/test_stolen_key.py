"""What docs/security.md tells whoever lost a worker's key: how to go on, and how to be prepared."""

from __future__ import annotations

from pathlib import Path

import pytest

from anacostia_blockchain.client import Anacostia
from anacostia_blockchain.errors import ContractRevertedError, ReorgError
from anacostia_blockchain.ledger.merkle import leaf_hash
from anacostia_blockchain.metadata.database import open_database
from anacostia_blockchain.outbox.worker import local_source

pytestmark = pytest.mark.integration


@pytest.fixture
def other(local_chain, deployment, tmp_path: Path) -> Anacostia:
    """Another account of the same people."""
    return Anacostia(local_chain.chain(1), deployment, home=tmp_path / "other")


def record(client: Anacostia, uri: str) -> bytes:
    """A run that is recorded and anchored; returns its log's id."""
    with client.runs.start("train", database=uri) as run:
        run.log_metrics(loss=1)
    _, log = local_source(open_database(uri), client)
    log_id = client.ledger.log_id_of(client.address, log.salt)
    assert client.ledger.head_of(log_id).size == 1
    return log_id


def test_another_key_goes_on_in_another_database(hub, other, tmp_path: Path) -> None:
    old, new = (f"sqlite:///{tmp_path}/{name}.db" for name in ("old", "new"))
    lost = record(hub, old)
    with pytest.raises(ReorgError, match="begin another database"):
        record(other, old)
    found = record(other, new)
    assert found != lost
    assert other.ledger.log_of(found) == (other.address, other.address)


def test_a_cold_key_owns_the_log_that_a_worker_writes(hub, other) -> None:
    cold, worker = other, hub
    salt = b"cold".rjust(32, b"\0")
    cold.ledger.open_log(salt, worker.address)
    log_id = cold.ledger.log_id_of(cold.address, salt)
    worker.ledger.anchor(log_id, 1, leaf_hash(b"a run"), [])
    with pytest.raises(ContractRevertedError, match="RunLedger_NotOwner"):
        worker.ledger.set_writer(log_id, worker.address)
    cold.ledger.set_writer(log_id, cold.address)
    with pytest.raises(ContractRevertedError, match="RunLedger_NotWriter"):
        worker.ledger.anchor(log_id, 2, leaf_hash(b"rubbish"), [bytes(32)])
    assert worker.ledger.head_of(log_id).size == 1
