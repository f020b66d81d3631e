"""Full disks on the way to a service: real file systems, real servers.

The embedded store's is in unit/test_local.py, a node's own in test_kubo.py.
"""

from __future__ import annotations

import os

import pytest

from anacostia_blockchain.content.unixfs import CHUNK
from anacostia_blockchain.storage.web3storage.identity import KEY_VARIABLE, Signer
from anacostia_blockchain.storage.web3storage.store import PROOF_VARIABLE
from small_disk import run_on_a_small_disk
from store_contract import content

pytestmark = pytest.mark.integration

HERE = """
import os, sys, tempfile
from pathlib import Path
from anacostia_blockchain.errors import StoreFullError
from anacostia_blockchain.storage.cluster import ClusterStore
from anacostia_blockchain.storage.kubo import KuboStore
disk, small, large, api, kubo = sys.argv[1:]
store = ClusterStore(api, KuboStore(kubo, patience=0), patience=20)
before = set(store.pins())
try:
    with Path(large).open("rb") as stream:
        store.put(stream, name="large")
except StoreFullError as error:
    assert disk in str(error), error
else:
    raise SystemExit("it fitted")
assert set(store.pins()) == before
assert not os.listdir(disk)
with Path(small).open("rb") as stream:
    assert store.has(store.put(stream, name="small"))
store.put(Path(large), name="a file needs no such copy")
print("full disk handled")
"""


@pytest.fixture
def files(tmp_path):
    small, large = tmp_path / "small", tmp_path / "large"
    small.write_bytes(content(1000, seed=1))
    large.write_bytes(os.urandom(12 * CHUNK))
    return small, large


def test_a_stream_to_a_cluster_where_temporary_files_have_no_space(cluster_peer, files, tmp_path):
    """It must be read twice, so it is copied first; what is copied is gone afterwards."""
    where = {"TMPDIR": str(tmp_path / "disk")}
    arguments = (*files, cluster_peer.api, cluster_peer.kubo.api)
    run_on_a_small_disk(tmp_path, 4, HERE, *arguments, env=where)


STAGED = """
import io, sys
from pathlib import Path
from anacostia_blockchain.content import car
from anacostia_blockchain.errors import StoreFullError
from anacostia_blockchain.storage.local import LocalStore
from anacostia_blockchain.storage.web3storage.store import Web3Storage
disk, small, large, elsewhere = map(Path, sys.argv[1:])
store = Web3Storage.from_env(disk / "w3up")
other = LocalStore(elsewhere)
archive = io.BytesIO()
other.export_car(other.put(large), archive)
for put in (
    lambda: store.put(large, name="large"),
    lambda: store.put(large.open("rb"), name="large"),
    lambda: store.put_car(io.BytesIO(archive.getvalue()), name="large"),
):
    try:
        put()
    except StoreFullError as error:
        assert str(disk) in str(error), error
    else:
        raise SystemExit("it fitted")
    assert list(store.pins()) == []
cid = store.put(small, name="small")
assert [pin.name for pin in store.pins()] == ["small"]
try:
    store.get(other.put(large), disk / "copy")
except Exception as error:
    assert type(error).__name__ == "NotFoundError", error
assert store.get(cid, disk / "copy").read_bytes() == small.read_bytes()
print("full disk handled")
"""


def test_no_space_for_what_goes_to_w3up(w3up, files, tmp_path):
    """It is staged on this machine: nothing is listed, and what is small still goes."""
    principal = Signer.generate()
    (tmp_path / "proof.car").write_bytes(w3up.new_space(principal).archive())
    principal.save(tmp_path / "principal.key")
    env = w3up.environment() | {
        KEY_VARIABLE: (tmp_path / "principal.key").read_text(),
        PROOF_VARIABLE: str(tmp_path / "proof.car"),
    }
    run_on_a_small_disk(tmp_path, 4, STAGED, *files, tmp_path / "other", env=env)


SEALED = """
import os, sys
from pathlib import Path
from anacostia_blockchain.errors import StoreFullError
from anacostia_blockchain.storage.gated import EnvelopeFolder, RecipientKey
from anacostia_blockchain.storage.gated import in_folder, open_sealed, seal
disk, small, large, elsewhere = map(Path, sys.argv[1:])
key = RecipientKey.generate()
made = seal(large, elsewhere / "sealed", [key.public])
envelopes = EnvelopeFolder(elsewhere / "envelopes")
for envelope in made.envelopes:
    envelopes.add(envelope)
opened = open_sealed(in_folder(made.path), envelopes, key)
for write in (
    lambda: seal(large, disk / "sealed", [key.public]),
    lambda: opened.decrypt(disk / "plain"),
):
    try:
        write()
    except StoreFullError as error:
        assert str(disk) in str(error), error
    else:
        raise SystemExit("it fitted")
    assert not os.listdir(disk)
seal(small, disk / "sealed", [key.public])
print("full disk handled")
"""


def test_no_space_for_sealed_content(files, tmp_path):
    """Neither for what is sealed nor for what is opened: nothing of either stays."""
    run_on_a_small_disk(tmp_path, 4, SEALED, *files, tmp_path / "other")
