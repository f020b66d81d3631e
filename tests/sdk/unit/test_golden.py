"""What earlier releases wrote is still read: one file of every format, of every release."""

import json
import shutil
import sqlite3
from contextlib import closing
from pathlib import Path

import pytest
from sqlalchemy import create_engine

from anacostia_blockchain import __version__
from anacostia_blockchain.audit import RunDatabase
from anacostia_blockchain.content.manifest import Manifest
from anacostia_blockchain.content.statement import Statement
from anacostia_blockchain.deployment import Deployment
from anacostia_blockchain.offline import verify_file
from anacostia_blockchain.outbox.outbox import Outbox
from anacostia_blockchain.promotion import delegation
from anacostia_blockchain.storage.local import LocalStore

GOLDEN = Path(__file__).parents[1] / "golden"
RELEASES = sorted(path.name for path in GOLDEN.iterdir())
RECIPIENT = bytes(range(32))


@pytest.fixture(params=RELEASES)
def release(request) -> Path:
    return GOLDEN / request.param


def test_this_version_has_them():
    """`scripts/golden` writes them when the version is raised."""
    assert __version__ in RELEASES


@pytest.mark.parametrize("name", ["bundle.zip", "evidence.zip", "alias-proof.json"])
def test_what_verifies_offline(release, name):
    hashes = json.loads((release / "block-hashes.json").read_text())
    report = verify_file(release / name, block_hashes=hashes.values())
    assert report.checks
    assert [check for check in report.checks if not check.passed] == []


def test_a_version(release, tmp_path):
    store = LocalStore(tmp_path / "store")
    with (release / "version.car").open("rb") as stream:
        root = store.put_car(stream)
    folder = store.get(root, tmp_path / "version")
    assert (folder / "weights.bin").read_bytes() == b"\2" * 1000
    assert Manifest.parse((folder / "manifest.json").read_bytes()).files.keys() >= {"weights.bin"}
    statement = Statement.parse((folder / "statement.json").read_bytes())
    assert statement.run_leaf is not None


def test_runs(release, tmp_path):
    path = tmp_path / "runs.db"
    with closing(sqlite3.connect(path)) as connection:
        connection.executescript((release / "runs.sql").read_text())
    database = RunDatabase(path)
    assert [run.metrics["accuracy"] for run in database.runs()] == [0.91, 0.92]
    for run in database.runs():
        assert run.anchored
        report = database.verify(run.run_id)
        assert [check for check in report.checks if not check.passed] == []


def test_sealed_content(release, tmp_path):
    pytest.importorskip("cryptography")
    from anacostia_blockchain.content.encryption.envelopes import (  # noqa: PLC0415 - an extra
        Envelope,
        RecipientKey,
    )
    from anacostia_blockchain.storage.gated.opening import (  # noqa: PLC0415
        SealedContent,
        in_folder,
    )

    envelope = Envelope.parse((release / "envelope.json").read_bytes())
    content = SealedContent(in_folder(release / "sealed"), envelope.unwrap(RecipientKey(RECIPIENT)))
    opened = content.decrypt(tmp_path / "opened")
    assert (opened / "weights.bin").read_bytes() == b"\2" * 1000


def test_a_deployment(release, tmp_path):
    shutil.copy(release / "31337.json", tmp_path)
    deployment = Deployment.load(31337, tmp_path)
    assert "ModelRegistry" in deployment.contracts


def test_an_embedded_store(release, tmp_path):
    shutil.copytree(release / "store", tmp_path / "store")
    store = LocalStore(tmp_path / "store")
    (pin,) = store.pins("golden")
    folder = store.get(pin.cid, tmp_path / "copy")
    assert (folder / "weights.bin").read_bytes() == b"\2" * 1000
    store.pin(pin.cid, "again")
    store.gc()
    assert store.has(pin.cid)


def test_a_journal(release, tmp_path):
    path = tmp_path / "journal.db"
    with closing(sqlite3.connect(path)) as connection:
        connection.executescript((release / "journal.sql").read_text())
    journal = Outbox(create_engine(f"sqlite:///{path}"))
    (intent,) = journal.open()
    assert (intent.key, intent.kind, intent.run_id) == ("call:golden", "call", 7)
    assert journal.move(intent, "confirmed", result="{}")


def test_a_signed_attestation(release):
    draft, signed = delegation.from_json((release / "signed-attestation.json").read_bytes())
    assert (draft.request.data, draft.request.expires, draft.statement) == (b"golden", 99, b"{}")
    assert (signed.signer, signed.deadline) == ("0x" + "22" * 20, 12345)
    assert signed.envelope == b'{"payload":""}'
