"""Two processes at the same thing: real ones, that know nothing of each other."""

from __future__ import annotations

import multiprocessing
import os
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

import pytest

from anacostia_blockchain.client import Anacostia, prepare_local
from anacostia_blockchain.content.digests import DigestCache
from anacostia_blockchain.content.folder import scan
from anacostia_blockchain.errors import FileChangedError
from anacostia_blockchain.local import down
from anacostia_blockchain.metadata.database import open_database
from anacostia_blockchain.outbox.worker import Worker, local_source
from anacostia_blockchain.storage import LocalStore
from chains import anchored_sizes, reconnected

pytestmark = pytest.mark.integration

PATIENCE = 120
"""Seconds; machines that test are busy."""


def race(*work: Callable[[], object]) -> None:
    """Let processes begin at the same moment; all of them have to succeed."""
    context = multiprocessing.get_context("fork")
    start = context.Barrier(len(work))

    def run(step: Callable[[], object]) -> None:
        start.wait(PATIENCE)
        step()

    processes = [context.Process(target=run, args=(step,)) for step in work]
    for process in processes:
        process.start()
    for process in processes:
        process.join(PATIENCE)
        process.kill()
    assert [process.exitcode for process in processes] == [0] * len(work)


@pytest.fixture
def model(tmp_path: Path) -> Path:
    folder = tmp_path / "model"
    folder.mkdir()
    (folder / "weights.bin").write_bytes(os.urandom(300_000))
    (folder / "config.json").write_text("{}")
    return folder


def test_two_publish_the_same_as_one_account(hub: Anacostia, model: Path, name: str) -> None:
    """With one journal and one store: one model, one version, one move of the alias."""

    def publish() -> None:
        version = reconnected(hub).models.publish(model, name, aliases=["champion"])
        assert version.version == 1

    race(publish, publish)
    assert hub.models.get(name).latest_version == 1
    assert [m.version for m in hub.models.alias_history(name, "champion")] == [1]
    assert hub.journal.open() == hub.journal.failed() == []


def test_two_publish_versions_of_a_new_name(hub: Anacostia, model: Path, name: str) -> None:
    """Whoever is second finds the name registered, and its version is the second."""
    other = model.parent / "other"
    other.mkdir()
    (other / "weights.bin").write_bytes(os.urandom(1000))

    def publish(folder: Path) -> None:
        here = reconnected(hub)
        for _ in range(2):  # again it is the same version
            here.models.publish(folder, name)

    race(lambda: publish(model), lambda: publish(other))
    roots = {version.root for version in hub.models.versions(name)}
    assert len(roots) == hub.models.get(name).latest_version == 2
    assert hub.journal.open() == hub.journal.failed() == []


def test_two_workers_on_one_outbox(hub: Anacostia, uri: str) -> None:
    """SQLite's and PostgreSQL's: what both find open is anchored once."""
    for loss in range(4):
        with hub.runs.start("train", database=uri, wait=0) as run:
            run.log_metrics(loss=loss)

    def work() -> None:
        here = reconnected(hub)
        assert Worker(local_source(open_database(uri), here), here).once(60) == 0

    race(work, work, work)
    outbox, log = local_source(open_database(uri), hub)
    sizes = anchored_sizes(hub, hub.ledger.log_id_of(hub.address, log.salt))
    assert sizes == sorted(set(sizes))
    assert sizes[-1] == 4
    assert outbox.open() == outbox.failed() == []


def test_two_write_to_one_store_that_is_not_there_yet(tmp_path: Path) -> None:
    """While a third sweeps: what is pinned is whole, what both put is kept once."""
    folder, shared = tmp_path / "store", os.urandom(200_000)
    files = {}
    for who in ("a", "b"):
        files[who] = tmp_path / who
        files[who].mkdir()
        (files[who] / "shared.bin").write_bytes(shared)
        (files[who] / "own.bin").write_bytes(os.urandom(50_000))

    def write(who: str) -> None:
        store = LocalStore(folder)
        for turn in range(5):
            store.put(files[who], name=f"{who}{turn}")
            store.unpin(scan(files[who]).cid, f"{who}{turn - 1}")

    def sweep() -> None:
        for _ in range(5):
            LocalStore(folder).gc()

    race(lambda: write("a"), lambda: write("b"), sweep)
    store = LocalStore(folder)
    assert sorted(pin.name for pin in store.pins()) == ["a4", "b4"]
    for who, source in files.items():
        copy = store.get(scan(source).cid, tmp_path / f"copy-{who}")
        assert scan(copy).cid == scan(source).cid
    store.gc()
    kept = sum(path.stat().st_size for path in (folder / "packs").iterdir())
    assert kept < 200_000 + 2 * 50_000 + 10_000


def test_two_put_one_folder_with_one_cache_of_digests(tmp_path: Path, model: Path) -> None:
    """While its files change: nobody is served the digest of what a file was before."""
    cache, folder = tmp_path / "digests.db", tmp_path / "store"

    def put() -> None:
        store = LocalStore(folder, digests=DigestCache(cache, settled=0.02))
        for _ in range(15):
            with suppress(FileChangedError):  # while it was read: nothing was put
                assert store.has(store.put(model))

    def change() -> None:
        for turn in range(40):
            partial = model.parent / "partial"
            partial.write_bytes(bytes([turn]) * 300_000)
            partial.replace(model / "weights.bin")  # a reader sees one or the other

    race(put, put)
    race(put, change)
    store = LocalStore(folder, digests=DigestCache(cache, settled=0.02))
    fresh = scan(model)
    assert store.put(model) == fresh.cid
    with store.open(fresh.cid, "weights.bin") as stream:
        assert stream.read() == (model / "weights.bin").read_bytes()


def test_two_set_up_the_same_local_deployment(tmp_path: Path) -> None:
    """One chain, one set of contracts, and a record of it that both can read."""
    home = tmp_path / "home"

    def set_up() -> None:
        hub = prepare_local(home)
        assert hub.registry.model_count() == 0

    try:
        race(set_up, set_up)
        hub = prepare_local(home)
        hub.deployment.check(hub.chain)
        assert len(list((home / "deployments").iterdir())) == 1
    finally:
        down(home)
