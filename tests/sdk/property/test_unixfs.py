"""The importer against `aleph-cid`, an independent one in Rust, and against itself."""

from __future__ import annotations

import hashlib
import io

import aleph_cid
from hypothesis import given, settings
from hypothesis import strategies as st

from anacostia_blockchain.content.cid import CID, DAG_PB, RAW
from anacostia_blockchain.content.dagpb import Link, encode, file_message
from anacostia_blockchain.content.hashing import Hasher
from anacostia_blockchain.content.unixfs import CHUNK, FileBuilder, Tree, directory, import_stream

QUARTER = 256 << 10  # its chunk size; its nodes have 174 links


class Dribble(io.BytesIO):
    """A stream that hands out pieces of odd sizes, as pipes do."""

    def __init__(self, data: bytes, piece: int) -> None:
        super().__init__(data)
        self._piece = piece

    def read(self, size=-1):
        return super().read(min(size, self._piece) if size >= 0 else self._piece)

    def readinto(self, buffer):
        return super().readinto(memoryview(buffer)[: self._piece])


def independent(data: bytes) -> str:
    hasher = aleph_cid.CidHasher.for_ipfs_v1_raw_leaves()
    hasher.update(data)
    return hasher.finalize()


@settings(max_examples=30)
@given(
    st.sampled_from([0, 1, QUARTER, 2 * QUARTER, 173 * QUARTER, 174 * QUARTER]),
    st.integers(-2, 2),
)
def test_files_equal_aleph_cid(size, more):
    """At every boundary of chunk and width, one byte around it."""
    data = bytes(max(0, size + more))
    assert str(import_stream(io.BytesIO(data), chunk=QUARTER, width=174).cid) == independent(data)


def level_by_level(digests: list[bytes], width: int) -> Tree:
    """The definition of a balanced tree, with all leaves in memory."""
    level = [Tree(CID(RAW, digest), 1, 1) for digest in digests]
    while len(level) > 1:
        groups = [level[at : at + width] for at in range(0, len(level), width)]
        level = [node_over(group) for group in groups]
    return level[0]


def node_over(group: list[Tree]) -> Tree:
    links = [Link(tree.cid, tree.dag_size) for tree in group]
    block = encode(links, file_message(tree.size for tree in group))
    dag_size = len(block) + sum(tree.dag_size for tree in group)
    return Tree(CID.of(block, DAG_PB), sum(tree.size for tree in group), dag_size)


@settings(max_examples=100)
@given(st.integers(1, 300), st.integers(2, 7))
def test_the_streamed_tree_is_the_tree_built_level_by_level(leaves, width):
    """Closing nodes early or late would show at a power of the width, or one beside it."""
    digests = [hashlib.sha256(bytes([n % 251])).digest() for n in range(leaves)]
    builder = FileBuilder(width=width)
    for digest in digests:
        builder.add(digest, 1)
    assert builder.finish() == level_by_level(digests, width)


@settings(max_examples=40)
@given(st.dictionaries(st.text("abcxyz0189-_", min_size=1, max_size=40), st.binary(max_size=9)))
def test_directories_equal_aleph_cid(tmp_path_factory, files):
    """Folders of any names, as an independent importer sees them on disk."""
    if not files:
        return
    folder = tmp_path_factory.mktemp("folder")
    for name, data in files.items():
        (folder / name).write_bytes(data)
    trees = {name: import_stream(io.BytesIO(data)) for name, data in files.items()}
    assert str(directory(trees).cid) == aleph_cid.hash_folder(str(folder))


def test_a_sharded_directory_of_ten_thousand_files_equals_aleph_cid(tmp_path):
    """HAMT: bucket order, prefixes, bitmap and murmur3 all show in the CID."""
    tree = import_stream(io.BytesIO(b"x"))
    names = [f"{number:06d}-shard-of-a-large-dataset.parquet" for number in range(10_000)]
    for name in names:
        (tmp_path / name).write_bytes(b"x")
    assert str(directory(dict.fromkeys(names, tree)).cid) == aleph_cid.hash_folder(str(tmp_path))


@settings(max_examples=25)
@given(st.integers(0, 3 * CHUNK), st.integers(1, CHUNK), st.sampled_from([1, 2]))
def test_short_reads_and_threads_change_nothing(size, piece, workers):
    """However the bytes arrive, and on however many threads, digests are the same."""
    data = hashlib.sha256(str(size).encode()).digest() * (size // 32 + 1)
    data = data[:size]
    digest = Hasher(workers=workers).stream(Dribble(data, max(piece, size // 50 + 1)))
    assert digest.cid == import_stream(io.BytesIO(data)).cid
    assert digest.sha256 == hashlib.sha256(data).digest()
    assert digest.size == size
    assert Hasher(workers=workers).cid(Dribble(data, max(piece, size // 50 + 1))) == digest.cid
