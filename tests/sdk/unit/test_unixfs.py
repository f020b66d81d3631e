"""The import profile against the published vectors of IPIP-499."""

from __future__ import annotations

import io
import subprocess
import sys

import pytest

from anacostia_blockchain.content.cid import RAW
from anacostia_blockchain.content.dagpb import NodeType, decode
from anacostia_blockchain.content.hashing import Hasher
from anacostia_blockchain.content.murmur3 import murmur3
from anacostia_blockchain.content.unixfs import CHUNK, Tree, directory, import_stream
from anacostia_blockchain.errors import UnsupportedFileError
from seeded import Seeded

ALPHABET = "abcdefghijklmnopqrstuvwxyz01234567890-_"

FILES = [
    (11, None, "bafkreifzjut3te2nhyekklss27nh3k72ysco7y32koao5eei66wof36n5e"),
    (CHUNK, "chunk-v1-seed", "bafkreiacndfy443ter6qr2tmbbdhadvxxheowwf75s6zehscklu6ezxmta"),
    (CHUNK + 1, "chunk-v1-seed", "bafybeigmix7t42i6jacydtquhet7srwvgpizfg7gjbq7627d35mjomtu64"),
]
LARGE_FILES = [
    (1 << 30, "v1-2025-seed", "bafybeihmf37wcuvtx4hpu7he5zl5qaf2ineo2lqlfrapokkm5zzw7zyhvm"),
    ((1 << 30) + 1, "v1-2025-seed", "bafybeibdsi225ugbkmpbdohnxioyab6jsqrmkts3twhpvfnzp77xtzpyhe"),
]
DIRECTORIES = [
    (21, "bafybeic3h7rwruealwxkacabdy45jivq2crwz6bufb5ljwupn36gicplx4"),
    (22, "bafybeiegvuterwurhdtkikfhbxcldohmxp566vpjdofhzmnhv6o4freidu"),
]


def stream(size, seed):
    return io.BytesIO(b"hello world") if seed is None else Seeded(size, seed)


def vector_directory(last_length: int) -> dict[str, Tree]:
    """4,766 names of 11 characters, the last one `last_length` long, all one-byte files."""
    random, file = Seeded(1 << 20, "hamt-unixfs-v1-2025"), import_stream(io.BytesIO(b"x"))
    lengths = [11] * 4765 + [last_length]
    names = [
        "".join(ALPHABET[byte % len(ALPHABET)] for byte in random.read(length))
        for length in lengths
    ]
    return dict.fromkeys(names, file)


@pytest.mark.parametrize(("size", "seed", "cid"), FILES)
def test_files_match_the_vectors(size, seed, cid):
    """Below, at and above one chunk."""
    assert str(import_stream(stream(size, seed)).cid) == cid
    assert str(Hasher().stream(stream(size, seed)).cid) == cid
    assert str(Hasher().cid(stream(size, seed))) == cid


@pytest.mark.slow
@pytest.mark.parametrize(("size", "seed", "cid"), LARGE_FILES)
def test_large_files_match_the_vectors(size, seed, cid):
    """1,024 links fill one node; one byte more needs a second level."""
    assert str(Hasher().stream(stream(size, seed)).cid) == cid


@pytest.mark.parametrize(("last_length", "cid"), DIRECTORIES)
def test_directories_match_the_vectors(last_length, cid):
    """A block of 262,144 bytes is the last plain directory, 262,145 the first sharded one."""
    blocks = {}
    tree = directory(vector_directory(last_length), lambda cid, block: blocks.update({cid: block}))
    assert str(tree.cid) == cid
    assert decode(blocks[tree.cid]).type == (
        NodeType.DIRECTORY if last_length == 21 else NodeType.SHARD
    )


def test_empty_file_and_empty_directory():
    """Both have CIDs that everyone knows."""
    empty = import_stream(io.BytesIO())
    assert empty.cid.codec == RAW
    assert str(empty.cid) == "bafkreihdwdcefgh4dqkjv67uzcmw7ojee6xedzdetojuzjevtenxquvyku"
    assert str(directory({}).cid) == "bafybeiczsscdsbs7ffqz55asqdf3smv6klcw3gofszvwlyarci47bgf354"


def test_sizes_count_content_and_blocks():
    """A two-leaf file: content as given, blocks with the node around it."""
    blocks = []
    tree = import_stream(io.BytesIO(bytes(CHUNK + 1)), lambda _cid, block: blocks.append(block))
    assert tree.size == CHUNK + 1
    assert tree.dag_size == sum(map(len, blocks))


def test_names_with_one_murmur_hash_are_refused(monkeypatch):
    """Sharding ends at 64 bits of hash; beyond that no reader could find the name."""
    monkeypatch.setattr("anacostia_blockchain.content.unixfs.murmur3", lambda _name: 7)
    with pytest.raises(UnsupportedFileError, match="collide"):
        directory(vector_directory(22))


@pytest.mark.parametrize(
    ("data", "expected"),
    [(b"", 0), (b"a", 0x85555565F6597889), (b"hello", 0xCBD8A7B341BD9B02)],
)
def test_murmur3_matches_known_values(data, expected):
    """First 64 bits of MurmurHash3_x64_128 with seed 0, as SMHasher prints them."""
    assert murmur3(data) == expected


def test_importing_content_stays_light():
    """Hashing a folder needs neither the chain nor numpy."""
    code = (
        "import sys, anacostia_blockchain.content.folder, anacostia_blockchain.content.version;"
        "print({'web3', 'numpy', 'sqlalchemy', 'fastapi'} & set(sys.modules))"
    )
    ran = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert ran.stdout.strip() == "set()"
