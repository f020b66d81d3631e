"""Documents of strangers: few bytes can stand for many, and only so many of them are held."""

import json
import tracemalloc
import zipfile
from io import BytesIO
from types import SimpleNamespace

import pytest

from anacostia_blockchain import verify
from anacostia_blockchain._files import DOCUMENT
from anacostia_blockchain.content.cid import CID
from anacostia_blockchain.content.version import describe_version
from anacostia_blockchain.errors import FormatError
from anacostia_blockchain.evidence import documents
from anacostia_blockchain.evidence.archive import INDEX, SCHEMA, Archive
from anacostia_blockchain.promotion.attest import Attest
from anacostia_blockchain.proofs import bundling
from anacostia_blockchain.runs import PROOF_NAME, Runs
from anacostia_blockchain.storage import LocalStore
from anacostia_blockchain.verify import Evidence

SPACES = b" " * (2 * DOCUMENT)
"""Valid JSON goes on after itself with as many as one likes, and all of them are one block."""


@pytest.fixture
def evidence(tmp_path):
    """A version that was copied out of a store."""
    (tmp_path / "model").mkdir()
    for number in range(100):
        (tmp_path / "model" / f"{number}.bin").write_bytes(b"w")
    store = LocalStore(tmp_path / "store")
    root = store.put(describe_version(tmp_path / "model", name="model"))
    found = Evidence(root, tmp_path / "version")
    verify.check_content(store, found)
    return found


@pytest.mark.parametrize("name", ["manifest.json", "statement.json"])
def test_a_versions_documents(evidence, name):
    with (evidence.folder / name).open("ab") as file:
        file.write(SPACES)
    check = {"manifest.json": verify.check_manifest, "statement.json": verify.check_statement}[name]
    with pytest.raises(FormatError, match=f"{name} is larger than"):
        check(evidence)


def test_a_manifest_is_as_large_as_the_files_make_it(evidence, monkeypatch):
    monkeypatch.setattr(verify, "DOCUMENT", 0)
    assert verify.check_manifest(evidence).startswith("OpenSSF manifest root")


@pytest.fixture
def hub(tmp_path, evidence):
    """A connection to a store alone, whose only version has a statement that goes on and on."""
    with (evidence.folder / "statement.json").open("ab") as file:
        file.write(SPACES)
    store = LocalStore(tmp_path / "store")
    version = SimpleNamespace(root=store.put(evidence.folder))
    return SimpleNamespace(
        storage=store, registry=SimpleNamespace(version_of=lambda _model_id, _version: version)
    )


def test_a_proof_in_a_store(hub):
    leaf = bytes(32)
    hub.storage.put(BytesIO(b"{}" + SPACES), name=PROOF_NAME.format(leaf=leaf.hex()))
    with pytest.raises(FormatError, match="the run's proof is larger than 65536 bytes"):
        Runs(hub).find_proof(leaf)


def test_a_statement_in_a_store(hub):
    for read in (
        lambda: bundling._run_proof(hub, 1, 1),
        lambda: Attest._run_of(SimpleNamespace(_client=hub), 1, 1),
    ):
        with pytest.raises(FormatError, match=r"statement\.json is larger than"):
            read()


def test_the_copy_of_documents():
    with pytest.raises(FormatError, match="the copy of the documents is larger than"):
        documents.read_copy(BytesIO(4 * SPACES + b" "), CID.of(b""))


@pytest.mark.parametrize("text", [b"", b"\n", b"a", b"a\n", b"a\n\nb", b"a\n" * 700_000])
def test_lines_are_counted(archive, text):
    assert archive(text).count("some.jsonl") == len(BytesIO(text).readlines())


def test_a_line_without_an_end_is_counted_without_holding_it(archive):
    opened = archive(bytes(64 << 20))
    tracemalloc.start()
    try:
        assert opened.count("some.jsonl") == 1
        assert tracemalloc.get_traced_memory()[1] < 16 << 20
    finally:
        tracemalloc.stop()


@pytest.fixture
def archive(tmp_path):
    """Makes an archive of a member."""

    def made(text):
        path = tmp_path / "evidence.zip"
        with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as target:
            target.writestr(INDEX, json.dumps({"schema": SCHEMA}))
            target.writestr("some.jsonl", text)
        return Archive(path)

    return made
