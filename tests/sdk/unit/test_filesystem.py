"""`ipfs://` in fsspec, on a real store."""

from __future__ import annotations

import io

import pytest

from anacostia_blockchain.content.unixfs import CHUNK
from anacostia_blockchain.errors import IntegrityError
from anacostia_blockchain.storage import LocalStore
from store_contract import SIZES, content, make_folder

pytest.importorskip("fsspec")

import fsspec

from anacostia_blockchain.storage.filesystem import IpfsFileSystem


@pytest.fixture
def store(tmp_path):
    return LocalStore(tmp_path / "store")


@pytest.fixture
def fs(store):
    return IpfsFileSystem(store)


@pytest.fixture
def root(store, tmp_path):
    return str(store.put(make_folder(tmp_path / "model")))


def test_a_folder_is_listed_and_walked(fs, root):
    names = sorted(fs.ls(root, detail=False))
    assert names == [f"{root}/config.json", f"{root}/empty", f"{root}/weights"]
    assert fs.isdir(f"ipfs://{root}/weights")
    assert fs.isfile(f"ipfs://{root}/config.json")
    sizes = {entry["size"] for entry in fs.ls(f"{root}/weights") if entry["type"] == "file"}
    assert sizes == set(SIZES)
    assert len(fs.find(root)) == len(SIZES) + 2
    assert fs.glob(f"{root}/weights/*.bin")


def test_files_are_read_and_sought(fs, root):
    name = f"ipfs://{root}/weights/{3 * CHUNK + 7}.bin"
    data = content(3 * CHUNK + 7)
    assert fs.cat(name) == data
    assert fs.cat_file(name, 5, 10) == data[5:10]
    assert fs.cat_file(name, -4) == data[-4:]
    with fs.open(name) as stream:
        stream.seek(2 * CHUNK - 1)
        assert stream.read(3) == data[2 * CHUNK - 1 : 2 * CHUNK + 2]
    with fs.open(f"{root}/config.json", "r") as text:
        assert text.read() == '{"seed": 0}'
    assert fs.ukey(name) == fs.info(name)["cid"]


def test_what_is_not_there(fs, root):
    for path in (f"{root}/nothing", "nonsense", f"{root}/config.json/x"):
        assert not fs.exists(path)
        with pytest.raises(FileNotFoundError):
            fs.open(path)
    with pytest.raises(io.UnsupportedOperation):
        fs.open(f"{root}/config.json", "wb")


def test_a_damaged_block_is_an_error(store, fs):
    cid = store.put(io.BytesIO(content(1000)))
    (pack,) = (store.folder / "packs").iterdir()
    pack.write_bytes(b"!" + pack.read_bytes()[1:])
    with pytest.raises(IntegrityError):
        fs.cat(str(cid))


def test_fsspec_finds_it_by_its_protocol(store, root, tmp_path):
    """By the entry point, with the store's URL as an option."""
    where = {"store": f"file:{store.folder}"}
    with fsspec.open(f"ipfs://{root}/config.json", **where) as stream:
        assert stream.read() == b'{"seed": 0}'
    local = fsspec.filesystem("ipfs", **where)
    local.get(f"{root}/weights", str(tmp_path / "copy"), recursive=True)
    assert (tmp_path / "copy" / "deep" / "été.txt").read_bytes() == b"unicode name"


def test_pandas_reads_a_table(store, tmp_path):
    """By its address alone, from a folder of a store."""
    pandas = pytest.importorskip("pandas")
    (tmp_path / "data").mkdir()
    (tmp_path / "data" / "scores.csv").write_text("model,accuracy\na,0.5\nb,0.75\n")
    root = store.put(tmp_path / "data")
    where = {"store": f"file:{store.folder}"}
    table = pandas.read_csv(f"ipfs://{root}/scores.csv", storage_options=where)
    assert list(table["model"]) == ["a", "b"]
    assert table["accuracy"].mean() == 0.625
