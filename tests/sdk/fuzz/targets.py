"""What is fuzzed: each target takes any bytes and may raise nothing but `AnacostiaError`.

Bytes that must hash to something are hashed here, so that a fuzzer gets behind the comparison and
not only up to it.
"""

from __future__ import annotations

import contextlib
import io
import tempfile
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from anacostia_blockchain.content import car, dagpb
from anacostia_blockchain.content.cid import CID, DAG_PB, RAW
from anacostia_blockchain.content.dagpb import Link, directory_message, encode, file_message
from anacostia_blockchain.content.encryption.envelopes import Envelope
from anacostia_blockchain.content.encryption.header import Header
from anacostia_blockchain.content.encryption.header import Index as SealedIndex
from anacostia_blockchain.content.manifest import Manifest
from anacostia_blockchain.content.unixfs import import_stream
from anacostia_blockchain.errors import AnacostiaError, NotFoundError
from anacostia_blockchain.storage import dag
from anacostia_blockchain.storage.export import write_out
from anacostia_blockchain.storage.web3storage import ipld, messages
from anacostia_blockchain.storage.web3storage.blobs import locations_of
from anacostia_blockchain.storage.web3storage.capability import Capability
from anacostia_blockchain.storage.web3storage.identity import Signer, did_from_bytes
from anacostia_blockchain.storage.web3storage.shards import Index
from anacostia_blockchain.storage.web3storage.ucan import Delegation, delegate

SIGNER, SERVICE = Signer(bytes([1]) * 32), Signer(bytes([2]) * 32)
TASK = delegate(
    SIGNER, SERVICE.did, [Capability("upload/list", SIGNER.did, {})], expires=2**32, nonce="task"
)
PROOF = delegate(SIGNER, SERVICE.did, [Capability("*", SIGNER.did)], expires=None, facts=[{"a": 1}])
LEAF = CID.of(b"leaf")


@dataclass(frozen=True)
class Target:
    """A parser, or what stands behind one.

    Attributes:
        run: takes any bytes.
        seeds: bytes that get far, to begin with.
    """

    run: Callable[[bytes], None]
    seeds: tuple[bytes, ...]


def car_archive(data: bytes) -> None:
    """A CAR as it comes from a file or a service."""
    archive = car.Car.read(io.BytesIO(data))
    for cid, block in archive.blocks():
        assert CID.of(block, cid.codec) == cid
    assert archive.root in archive.roots


def dag_pb(data: bytes) -> None:
    """One node: what decodes agrees with itself."""
    node = dagpb.decode(data)
    assert node.size >= 0
    assert not node.sizes or len(node.sizes) == len(node.links)


def unixfs_tree(data: bytes) -> None:
    """Nodes that link to each other, as a store of somebody else's would hold them.

    The bytes are cut into blocks; `\\0` and a number in one stand for the CID of an earlier block.
    """
    blocks: dict[CID, bytes] = {}
    made: list[bytes] = []
    for piece in data.split(b"\xff\x00")[:32]:
        kind, block = piece[:1], piece[1:]
        for number, cid in enumerate(made):
            block = block.replace(b"\xfe" + bytes((number,)), cid)
        found = CID.of(block, RAW if kind == b"r" else DAG_PB)
        blocks[found] = block
        made.append(found.bytes)
    root = CID.from_bytes(made[-1])

    def fetch(cid: CID) -> bytes:
        if cid not in blocks:
            raise NotFoundError(str(cid))
        return blocks[cid]

    for use in (_listed, _opened, _written):
        with contextlib.suppress(AnacostiaError):
            use(fetch, root)


def _listed(fetch: dag.Fetch, root: CID) -> None:
    dag.measure(fetch, root)
    names = [link.name for link in dag.entries(fetch, root, dag.node_of(fetch, root))]
    assert len(set(names)) == len(names)
    for name in names:
        assert dag.lookup(fetch, root, name)
        assert len(name.encode()) <= 255, "no file system takes it"
        assert all(ord(sign) >= 32 and not 127 <= ord(sign) < 160 for sign in name), "it is obeyed"


def _opened(fetch: dag.Fetch, root: CID) -> None:
    with dag.open_file(fetch, root) as stream:
        size = stream.seek(0, io.SEEK_END)
        for at in {0, size // 2, max(0, size - 1)}:
            stream.seek(at)
            assert len(stream.read(100)) == min(100, size - at)


def _written(fetch: dag.Fetch, root: CID) -> None:
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        try:
            write_out(fetch, root, folder / "a" / "target")
        finally:
            assert [path.name for path in folder.iterdir()] in ([], ["a"])
            assert {path.name for path in folder.glob("a/*")} <= {"target", "target.part"}


def delegation(data: bytes) -> None:
    """A UCAN: the archive, its text, and the document itself under the link that it needs."""
    link = ipld.Link.to(data)
    document = ipld.write_car(link, {link: data, **PROOF.blocks})
    for read in (
        lambda: Delegation.extract(data),
        lambda: Delegation.extract(document),
        lambda: Delegation.from_text("m" + data.decode(errors="replace")),
        lambda: did_from_bytes(data),
    ):
        with contextlib.suppress(AnacostiaError):
            found = read()
            if isinstance(found, Delegation):
                found.check(keys={SERVICE.did: SERVICE.did})
                locations_of(found, link.multihash[2:])


def receipt(data: bytes) -> None:
    """A service's answer: the whole, its message, and its receipt."""
    link = ipld.Link.to(data)
    blocks = {link: data, **TASK.blocks}
    body = {"ucanto/message@7.0.0": {"report": {str(TASK.link): link}}}
    wrapped = dict(blocks)
    for message in (
        data,
        ipld.write_car(link, blocks),
        ipld.write_car(ipld.put(wrapped, body), wrapped),
    ):
        with contextlib.suppress(AnacostiaError):
            found = messages.read_receipt(message, TASK.link)
            for use in (
                lambda found=found: found.verify(TASK.link, SERVICE.did, SERVICE.did),
                found.following,
                found.concluded,
                found.ok,
            ):
                with contextlib.suppress(AnacostiaError):
                    use()


def shard_index(data: bytes) -> None:
    """Where a service says that blocks are."""
    link = ipld.Link.to(data)
    for index in (data, ipld.write_car(link, {link: data})):
        with contextlib.suppress(AnacostiaError):
            Index.read(index)


def sealed(data: bytes) -> None:
    """What stands beside sealed content."""
    for parse in (Envelope.parse, Header.parse, SealedIndex.parse, Manifest.parse):
        with contextlib.suppress(AnacostiaError):
            parse(data)


def _car_seeds() -> tuple[bytes, ...]:
    archives = []
    for data in (b"", b"leaf", bytes(100)):
        stream, blocks = io.BytesIO(), []
        tree = import_stream(io.BytesIO(data), lambda *b: blocks.append(b), chunk=40)  # noqa: B023
        stream.write(car.header(tree.cid))
        for cid, block in blocks:
            car.write_block(stream, cid, block)
        archives.append(stream.getvalue())
    return (*archives, car.header())


def _nodes() -> tuple[bytes, ...]:
    link = Link(LEAF, 4, "name")
    return (
        encode([link], directory_message()),
        encode([Link(LEAF, 4)], file_message([4])),
        encode([Link(LEAF, 4, "7Fname")], dagpb.shard_message(1 << 0x7F)),
        encode([], directory_message()),
    )


def _names() -> tuple[bytes, ...]:
    """Directories whose one name is as long as names may be, and longer; or is obeyed."""
    names = ("n" * 255, "n" * 256, "n" * 300, "a\nb", "\x1b[2J", "\x7f", "\x9b2J")
    return tuple(encode([Link(LEAF, 4, name)], directory_message()) for name in names)


def _trees() -> tuple[bytes, ...]:
    """Seeds whose nodes name their leaf by its number."""
    nodes = [node.replace(LEAF.bytes, b"\xfe\x00") for node in (*_nodes(), *_names())]
    return tuple(b"rleaf\xff\x00n" + node for node in nodes)


def _receipt_documents() -> tuple[bytes, ...]:
    outcome = {
        "ran": TASK.link,
        "out": {"ok": {"site": TASK.link}},
        "fx": {"fork": [TASK.link]},
        "meta": {},
        "iss": SERVICE.did,
        "prf": [],
    }
    return tuple(
        ipld.encode({"ocm": outcome | change, "sig": SERVICE.sign(ipld.encode(outcome | change))})
        for change in ({}, {"out": {"error": {"name": "E", "message": "m"}}})
    )


def _index_documents() -> tuple[bytes, ...]:
    index = Index(ipld.Link(LEAF.bytes), {bytes(32): {LEAF.digest: (3, 4)}}).write()
    root, blocks = ipld.read_car(index)
    return (index, blocks[root], *blocks.values())


TARGETS = {
    "car": Target(car_archive, _car_seeds()),
    "dag-pb": Target(dag_pb, (*_nodes(), *_names())),
    "unixfs": Target(unixfs_tree, _trees()),
    "ucan": Target(delegation, (PROOF.archive(), *PROOF.blocks.values())),
    "receipt": Target(receipt, _receipt_documents()),
    "index": Target(shard_index, _index_documents()),
    "sealed": Target(sealed, (b"{}", b'{"v": 1}', Manifest("m", {"a": bytes(32)}).to_json())),
}


def run(name: str, data: bytes) -> None:
    """Feed a target; its typed errors are what it should do."""
    with contextlib.suppress(AnacostiaError):
        TARGETS[name].run(data)
