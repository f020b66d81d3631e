"""Reading what was built gives it back; reading anything else gives a typed error, or nothing."""

from __future__ import annotations

import io

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from anacostia_blockchain.content import car, dagpb
from anacostia_blockchain.content.cid import CID, DAG_PB, RAW
from anacostia_blockchain.content.unixfs import Tree, directory, import_stream
from anacostia_blockchain.errors import (
    ContentError,
    FormatError,
    IntegrityError,
    NotFoundError,
)
from anacostia_blockchain.storage import dag
from anacostia_blockchain.storage.base import Stat
from anacostia_blockchain.storage.export import write_out

NAMES = st.text("abcxyzé0189-_.", min_size=1, max_size=30).filter(lambda n: n not in (".", ".."))


class Blocks(dict):
    """Blocks by CID: a `Fetch` that counts."""

    asked = 0
    patience = 10_000_000

    def __call__(self, cid: CID) -> bytes:
        self.asked += 1
        assert self.asked <= self.patience, "it is asked for more blocks than that may take"
        if cid not in self:
            raise NotFoundError(str(cid))
        return self[cid]

    def add(self, block: bytes, codec: int = DAG_PB) -> CID:
        cid = CID.of(block, codec)
        self[cid] = block
        return cid


def imported(data: bytes, blocks: Blocks, chunk: int, width: int) -> Tree:
    return import_stream(io.BytesIO(data), blocks.__setitem__, chunk=chunk, width=width)


@settings(max_examples=150)
@given(st.binary(max_size=300), st.integers(1, 20), st.integers(2, 5), st.data())
def test_a_file_reads_as_it_was_from_anywhere(data, chunk, width, draw):
    """Whatever the shape of its tree."""
    blocks = Blocks()
    tree = imported(data, blocks, chunk, width)
    node = dag.node_of(blocks, tree.cid)
    assert node.size == len(data)
    found = b"".join(part.read(blocks) for part in dag.parts(blocks, tree.cid, node))
    assert found == data
    stream = dag.open_file(blocks, tree.cid)
    for _ in range(5):
        start = draw.draw(st.integers(0, len(data) + 2))
        count = draw.draw(st.integers(0, len(data) + 2))
        stream.seek(start)
        assert stream.read(count) == data[start : start + count]
    assert dag.measure(blocks, tree.cid).size == len(data)


@settings(max_examples=50)
@given(st.binary(min_size=200, max_size=300), st.integers(0, 199))
def test_a_search_fetches_one_path_and_not_the_file(data, start):
    blocks = Blocks()
    tree = imported(data, blocks, 2, 2)
    node = dag.node_of(blocks, tree.cid)
    blocks.asked = 0
    part = next(dag.parts(blocks, tree.cid, node, start))
    part.read(blocks)
    assert part.offset <= start < part.offset + part.size
    assert blocks.asked <= 9


@settings(max_examples=40)
@given(st.dictionaries(NAMES, st.binary(max_size=5), max_size=30), st.booleans())
def test_a_directory_lists_what_was_put_in(files, sharded):
    blocks = Blocks()
    trees = {name: imported(data, blocks, 100, 5) for name, data in files.items()}
    with pytest.MonkeyPatch.context() as patch:
        if sharded:
            patch.setattr("anacostia_blockchain.content.unixfs.SHARD_ABOVE", 0)
        tree = directory(trees, blocks.__setitem__)
    node = dag.node_of(blocks, tree.cid)
    found = {link.name: link.cid for link in dag.entries(blocks, tree.cid, node)}
    assert found == {name: tree.cid for name, tree in trees.items()}
    for name, below in trees.items():
        assert dag.lookup(blocks, tree.cid, f"/{name}/") == below.cid
    with pytest.raises(NotFoundError):
        dag.lookup(blocks, tree.cid, "not-in-it")
    stat = dag.measure(blocks, tree.cid)
    assert (stat.files, stat.size) == (len(files), sum(map(len, files.values())))
    seen = [cid for cid, _ in dag.blocks(blocks, tree.cid)]
    assert len(seen) == len(set(seen))
    assert set(seen) <= set(blocks)


def test_a_hundred_thousand_names_are_found_by_hash_and_not_by_reading_them_all():
    """Three blocks lead to any of them."""
    blocks, leaf = Blocks(), import_stream(io.BytesIO(b"x"))
    tree = directory({f"{n:07d}": leaf for n in range(100_000)}, blocks.__setitem__)
    blocks.asked = 0
    assert dag.lookup(blocks, tree.cid, "0077777") == leaf.cid
    assert blocks.asked <= 4


# ---------------------------------------------------------------------- what does not agree


def leaf_link(blocks: Blocks, data: bytes, name: str = "") -> dagpb.Link:
    return dagpb.Link(blocks.add(data, RAW), len(data), name)


def test_a_leaf_of_another_size_than_its_node_says():
    blocks = Blocks()
    block = dagpb.encode([leaf_link(blocks, b"abcd")], dagpb.file_message([5]))
    with pytest.raises(FormatError, match="has 4 bytes, not 5"):
        dag.open_file(blocks, blocks.add(block)).read()


def test_a_part_of_another_size_than_its_node_says():
    blocks = Blocks()
    inner = dagpb.encode([leaf_link(blocks, b"abcd")], dagpb.file_message([4]))
    outer = dagpb.encode([dagpb.Link(blocks.add(inner), 9)], dagpb.file_message([9]))
    with pytest.raises(FormatError, match="not the part of 9 bytes"):
        dag.open_file(blocks, blocks.add(outer)).read()


def test_a_directory_within_a_file():
    blocks = Blocks()
    inner = blocks.add(dagpb.encode([], dagpb.directory_message()))
    outer = dagpb.encode([dagpb.Link(inner, 4)], dagpb.file_message([4]))
    with pytest.raises(FormatError):
        list(dag.parts(blocks, blocks.add(outer), dagpb.decode(outer), 0))


def test_a_file_that_is_a_chain_of_nodes():
    """Each holds only the next one: thousands of fetches for one byte."""
    blocks = Blocks()
    link = leaf_link(blocks, b"x")
    for _ in range(40):
        block = dagpb.encode([link], dagpb.file_message([1]))
        link = dagpb.Link(blocks.add(block), 1)
    with pytest.raises(FormatError, match="deep"):
        dag.open_file(blocks, link.cid).read()


def test_directories_nested_too_deeply():
    blocks = Blocks()
    link = leaf_link(blocks, b"x", "d")
    for _ in range(200):
        link = dagpb.Link(blocks.add(dagpb.encode([link], dagpb.directory_message())), 1, "d")
    with pytest.raises(FormatError, match="nested"):
        dag.measure(blocks, link.cid)


def bomb(blocks: Blocks, levels: int) -> CID:
    """A directory of 2**levels files in as many blocks as levels."""
    cid, size = blocks.add(b"x", RAW), 1
    for _ in range(levels):
        links = [dagpb.Link(cid, size, name) for name in "ab"]
        cid = blocks.add(dagpb.encode(links, dagpb.directory_message()))
    return cid


def test_a_small_tree_that_names_more_files_than_there_are_atoms():
    """It is counted at once, block by block."""
    blocks = Blocks()
    stat = dag.measure(blocks, bomb(blocks, 100))
    assert (stat.files, stat.size) == (2**100, 2**100)
    assert blocks.asked <= 102


def test_a_file_that_many_names_lead_to_is_looked_at_once():
    """Its node may be of 2 MiB, which each name would have decoded again."""
    blocks = Blocks()
    node = dagpb.encode([leaf_link(blocks, b"xyz")] * 2, dagpb.file_message([3, 3]))
    cid = blocks.add(node)
    links = [dagpb.Link(cid, 6, f"{number:04}") for number in range(5000)]
    root = blocks.add(dagpb.encode(links, dagpb.directory_message()))
    blocks.patience = 2
    assert dag.measure(blocks, root) == Stat(root, 30_000, 5000, is_directory=True)


def test_files_of_which_only_some_are_kept(monkeypatch):
    monkeypatch.setattr(dag, "_KEPT", 2)
    blocks = Blocks()
    links = []
    for number in range(6):
        node = dagpb.encode([leaf_link(blocks, b"x" * number)], dagpb.file_message([number]))
        links.append(dagpb.Link(blocks.add(node), number, str(number)))
    root = blocks.add(dagpb.encode(links, dagpb.directory_message()))
    assert dag.measure(blocks, root) == Stat(root, 15, 6, is_directory=True)


def test_a_small_tree_that_would_fill_the_disk_with_files(monkeypatch, tmp_path):
    """Writing ends at some number of them."""
    monkeypatch.setattr("anacostia_blockchain.storage.export._MAX_ENTRIES", 1000)
    blocks = Blocks()
    with pytest.raises(FormatError, match="more than 1,000 files"):
        write_out(blocks, bomb(blocks, 60), tmp_path / "copy")
    assert not (tmp_path / "copy").exists()


def test_shards_that_lead_to_no_entry():
    """Eight levels of 256 links, each to the next one: a few blocks, 256**7 visits."""
    blocks = Blocks()
    root = blocks.add(dagpb.encode([], dagpb.shard_message(0)))
    assert list(dag.entries(blocks, root, dag.node_of(blocks, root))) == []
    for _ in range(7):
        links = [dagpb.Link(root, 0, f"{bucket:02X}") for bucket in range(256)]
        root = blocks.add(dagpb.encode(links, dagpb.shard_message((1 << 256) - 1)))
    blocks.patience = 100
    for read in (
        lambda: dag.measure(blocks, root),
        lambda: list(dag.entries(blocks, root, dag.node_of(blocks, root))),
        lambda: dag.lookup(blocks, root, "any"),
    ):
        with pytest.raises(FormatError, match="empty shard"):
            read()


def test_a_file_of_one_byte_whose_other_parts_have_none():
    """31 levels of 256 links, each to the next one, and the sizes add up."""
    blocks = Blocks()
    below = blocks.add(dagpb.encode([], dagpb.file_message([])))
    for _ in range(30):
        links = [dagpb.Link(below, 0)] * 256
        below = blocks.add(dagpb.encode(links, dagpb.file_message([0] * 256)))
    links = [leaf_link(blocks, b"x"), dagpb.Link(below, 0)]
    root = blocks.add(dagpb.encode(links, dagpb.file_message([1, 0])))
    blocks.patience = 100
    with pytest.raises(FormatError, match="part of no bytes"):
        list(dag.parts(blocks, root, dag.node_of(blocks, root)))
    with pytest.raises(FormatError, match="part of no bytes"):
        dag.open_file(blocks, root).read()


@pytest.mark.parametrize("first", [b"", b"first, "])
def test_an_empty_leaf_among_others_is_no_end(first, tmp_path):
    """Some importers leave one behind when a file is cut short or goes on."""
    blocks = Blocks()
    data = [first, b"", b"second", b""]
    links = [leaf_link(blocks, part) for part in data]
    root = blocks.add(dagpb.encode(links, dagpb.file_message(map(len, data))))
    assert dag.open_file(blocks, root).read() == b"".join(data)
    assert write_out(blocks, root, tmp_path / "copy").read_bytes() == b"".join(data)


@pytest.mark.parametrize("block", [b"", dagpb.encode([], dagpb.file_message([]))])
def test_a_file_without_bytes(block, tmp_path):
    blocks = Blocks()
    root = blocks.add(block, DAG_PB if block else RAW)
    assert dag.open_file(blocks, root).read() == b""
    assert write_out(blocks, root, tmp_path / "copy").read_bytes() == b""
    assert dag.measure(blocks, root).size == 0


def test_a_name_twice():
    """Neither is taken, nor anything beside them: to list and to open say the same."""
    blocks = Blocks()
    links = [
        leaf_link(blocks, b"%d" % at, name) for at, name in enumerate(["same", "other", "same"])
    ]
    root = blocks.add(dagpb.encode(links, dagpb.directory_message()))
    with pytest.raises(FormatError, match="twice"):
        list(dag.entries(blocks, root, dag.node_of(blocks, root)))
    for name in ("same", "other", "none"):
        with pytest.raises(FormatError, match="twice"):
            dag.lookup(blocks, root, name)


def test_a_shard_with_a_name_in_another_bucket_than_its_own():
    """It would be listed and never found; or be a second file of that name."""
    blocks = Blocks()
    block = dagpb.encode([leaf_link(blocks, b"1", "00lost")], dagpb.shard_message(1))
    with pytest.raises(FormatError, match="bucket"):
        list(dag.entries(blocks, blocks.add(block), dagpb.decode(block)))


@pytest.mark.parametrize("names", [("01a", "00b"), ("zza",), ("00", "00"), ("7ba",), ("+1a",)])
def test_a_shard_with_buckets_out_of_order_or_none(names):
    """Whoever opens an entry sees it too, though the entry was found by its hash alone."""
    blocks = Blocks()
    links = [leaf_link(blocks, b"1", name) for name in names]
    root = blocks.add(dagpb.encode(links, dagpb.shard_message(3)))
    with pytest.raises(FormatError, match="bucket"):
        list(dag.entries(blocks, root, dag.node_of(blocks, root)))
    with pytest.raises(FormatError, match="bucket"):
        dag.lookup(blocks, root, "a")


def test_a_shard_of_shards_without_end():
    blocks = Blocks()
    inner = dagpb.encode([leaf_link(blocks, b"1", "00x")], dagpb.shard_message(1))
    for _ in range(10):
        link = dagpb.Link(blocks.add(inner), 1, "00")
        inner = dagpb.encode([link], dagpb.shard_message(1))
    with pytest.raises(FormatError, match="levels"):
        list(dag.entries(blocks, blocks.add(inner), dagpb.decode(inner)))


ODD_NAMES = ["", ".", "..", "a/b", "a\\b", "a\0b", "a\nb", "\x1b[2J", "\x9b", "n" * 256, "é" * 128]


@pytest.mark.parametrize("name", ODD_NAMES)
def test_names_that_climb_are_obeyed_or_fit_nowhere(name):
    blocks = Blocks()
    block = dagpb.encode([leaf_link(blocks, b"1", name)], dagpb.directory_message())
    root = blocks.add(block)
    with pytest.raises(ContentError):
        list(dag.entries(blocks, root, dagpb.decode(block)))
    with pytest.raises(ContentError):
        dag.lookup(blocks, root, "another")


@pytest.mark.parametrize("name", ["n" * 255, "é" * 127])
def test_names_as_long_as_they_may_be(name, tmp_path):
    blocks = Blocks()
    block = dagpb.encode([leaf_link(blocks, b"1", name)], dagpb.directory_message())
    copy = write_out(blocks, blocks.add(block), tmp_path / "copy")
    assert (copy / name).read_bytes() == b"1"


# ---------------------------------------------------------------------- whatever bytes come


@settings(max_examples=400)
@given(st.binary(max_size=200))
def test_a_node_of_any_bytes_is_consistent_or_refused(data):
    try:
        node = dagpb.decode(data)
    except FormatError:
        return
    if node.type in (dagpb.NodeType.FILE, dagpb.NodeType.RAW):
        assert len(node.links) == len(node.sizes)
    blocks = Blocks()
    cid = blocks.add(data)
    try:
        dag.measure(blocks, cid)
        dag.open_file(blocks, cid).read(1 << 20)
    except (ContentError, NotFoundError):
        pass


@settings(max_examples=300)
@given(st.data())
def test_an_archive_with_any_bytes_changed_is_whole_or_refused(draw):
    """No mutation gives other content under the same CID."""
    blocks = Blocks()
    tree = imported(bytes(range(200)), blocks, 50, 3)
    stream = io.BytesIO()
    stream.write(car.header(tree.cid))
    for cid, block in blocks.items():
        car.write_block(stream, cid, block)
    data = bytearray(stream.getvalue())
    for _ in range(draw.draw(st.integers(1, 3))):
        place = draw.draw(st.integers(0, len(data) - 1))
        data[place : place + draw.draw(st.integers(0, 2))] = draw.draw(st.binary(max_size=3))
        data = data or bytearray(b"\0")
    try:
        archive = car.Car.read(io.BytesIO(bytes(data)))
        found = Blocks(archive.blocks())
    except (FormatError, IntegrityError):
        return
    for cid, block in found.items():
        assert CID.of(block, cid.codec) == cid
