"""Gated content: what opens, what does not, and what is left behind."""

import io
import json
import os
import pickle
import stat
import traceback
from dataclasses import replace

import pytest
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDFExpand
from hypothesis import given, settings
from hypothesis import strategies as st

from anacostia_blockchain.content.cid import CID
from anacostia_blockchain.content.encryption import header as sealed_header
from anacostia_blockchain.content.encryption import segments
from anacostia_blockchain.content.encryption.envelopes import SIZE, parse_public
from anacostia_blockchain.content.encryption.header import Header, Index, SealedFile
from anacostia_blockchain.content.encryption.segments import (
    PLAIN,
    SEGMENT,
    TAG,
    FileCipher,
    open_stream,
    sealed_size,
)
from anacostia_blockchain.content.folder import scan
from anacostia_blockchain.content.unixfs import CHUNK, import_stream
from anacostia_blockchain.content.version import describe_version
from anacostia_blockchain.errors import (
    ConfigError,
    DecryptionError,
    FileChangedError,
    FormatError,
    IntegrityError,
    NotFoundError,
    StorageError,
)
from anacostia_blockchain.storage import LocalStore
from anacostia_blockchain.storage.gated import (
    Envelope,
    EnvelopeFolder,
    RecipientKey,
    SealedContent,
    grant,
    in_folder,
    in_store,
    open_sealed,
    seal,
)

names = st.sampled_from(["root", "salt", "files", "directories", "format", "index_size"])
scalars = st.none() | st.booleans() | st.integers() | st.text(max_size=10)
documents = st.dictionaries(
    names, scalars | st.lists(scalars | st.lists(scalars, max_size=3), max_size=3)
)

SIZES = (0, 1, PLAIN - 1, PLAIN, PLAIN + 1, SEGMENT, 2 * PLAIN, 3 * PLAIN + 7)
OWNER, BUYER, STRANGER = (RecipientKey(bytes([n]) * 32) for n in (1, 2, 3))


def content(size, seed=0):
    return b"".join((seed + n).to_bytes(8, "big") for n in range(size // 8 + 1))[:size]


@pytest.fixture
def model(tmp_path):
    folder = tmp_path / "model"
    (folder / "deep" / "er").mkdir(parents=True)
    (folder / "empty").mkdir()
    for size in SIZES:
        (folder / f"{size}.bin").write_bytes(content(size))
    (folder / "deep" / "er" / "étés à venir.txt").write_text("unicode is here")
    (folder / ".hidden-from-ls").write_text("counts as well")
    return folder


@pytest.fixture
def keys(tmp_path):
    return EnvelopeFolder(tmp_path / "envelopes")


@pytest.fixture
def sealed(model, tmp_path, keys):
    made = seal(model, tmp_path / "published", [OWNER.public, BUYER.public])
    for envelope in made.envelopes:
        keys.add(envelope)
    return made


def opened(sealed, keys, key=BUYER, **how):
    return open_sealed(in_folder(sealed.path), keys, key, **how)


# ---------------------------------------------------------------------- segments


@pytest.mark.parametrize("size", SIZES)
def test_a_file_comes_back_at_every_boundary(size):
    cipher = FileCipher(bytes(32), "0", size)
    data = content(size)
    cuts = [data[n * PLAIN : (n + 1) * PLAIN] for n in range(cipher.count)]
    sealed = b"".join(cipher.seal(n, plain) for n, plain in enumerate(cuts))
    assert len(sealed) == sealed_size(size)
    with open_stream(io.BytesIO(sealed), cipher) as stream:
        assert stream.read() == data


def test_the_format_is_what_it_says():
    """The same bytes, made here from the words of the documentation alone."""
    key, data = bytes(range(32)), content(PLAIN + 5)
    cipher = FileCipher(key, "7", len(data))
    derived = HKDFExpand(SHA256(), 32, b"anacostia-sealed/1 file 7").derive(key)
    first = AESGCM(derived).encrypt(bytes(7) + b"\0\0\0\0" + b"\0", data[:PLAIN], None)
    last = AESGCM(derived).encrypt(bytes(7) + b"\0\0\0\1" + b"\1", data[PLAIN:], None)
    assert (cipher.seal(0, data[:PLAIN]), cipher.seal(1, data[PLAIN:])) == (first, last)


def test_a_stream_seeks_and_opens_only_what_it_needs():
    data = content(3 * PLAIN + 9)
    cipher = FileCipher(bytes(32), "0", len(data))
    cuts = [data[n * PLAIN : (n + 1) * PLAIN] for n in range(cipher.count)]
    sealed = bytearray(b"".join(cipher.seal(n, plain) for n, plain in enumerate(cuts)))
    sealed[SEGMENT + 5] ^= 1  # segment 1 is damaged, and not read below
    stream = open_stream(io.BytesIO(bytes(sealed)), cipher)
    for start, count in ((2 * PLAIN + 1, 50), (0, 5), (3 * PLAIN, 100), (PLAIN - 3, 3)):
        assert stream.seek(start) == start
        assert stream.read(count) == data[start : start + count]
    assert stream.seek(0, os.SEEK_END) == len(data)
    assert stream.read() == b""
    stream.seek(PLAIN)
    with pytest.raises(DecryptionError, match="segment 1"):
        stream.read(1)


def segments_of(data):
    cipher = FileCipher(bytes(32), "0", len(data))
    return cipher, [cipher.seal(n, data[n * PLAIN : (n + 1) * PLAIN]) for n in range(cipher.count)]


@pytest.mark.parametrize(
    "spoil",
    [
        lambda parts: [parts[1], parts[0], *parts[2:]],
        lambda parts: [parts[0], parts[0], *parts[2:]],
        lambda parts: [*parts[:1], *parts[2:]],
        lambda parts: parts[:-1],
        lambda parts: [],
        lambda parts: [*parts[:-1], parts[-1][:-1]],
        lambda parts: [*parts, b"\0"],
        lambda parts: [*parts, parts[-1]],
        lambda parts: [bytes([parts[0][0] ^ 1]) + parts[0][1:], *parts[1:]],
        lambda parts: [*parts[:-1], parts[-1][:-1] + bytes([parts[-1][-1] ^ 128])],
    ],
    ids=[
        "swapped",
        "repeated",
        "left out",
        "last one gone",
        "all gone",
        "one byte short",
        "one byte more",
        "one segment more",
        "first bit",
        "last bit of the tag",
    ],
)
@pytest.mark.parametrize("size", [3 * PLAIN, 2 * PLAIN + 100])
def test_what_was_moved_or_altered_does_not_open(spoil, size):
    data = content(size)
    cipher, parts = segments_of(data)
    with open_stream(io.BytesIO(b"".join(spoil(parts))), cipher) as stream:
        read = []
        with pytest.raises(IntegrityError):
            read.extend(iter(lambda: stream.read(1000), b""))
    assert data.startswith(b"".join(read))  # what was handed out before was right


def test_a_segment_of_another_file_or_key_does_not_open():
    cipher, parts = segments_of(content(100))
    for other in (FileCipher(bytes(32), "1", 100), FileCipher(b"\1" * 32, "0", 100)):
        with pytest.raises(DecryptionError):
            other.open(0, parts[0])
    with pytest.raises(IntegrityError, match="no number 1"):
        cipher.open(1, b"" * TAG)


def test_a_middle_segment_cannot_end_a_file():
    """Cut at a segment's border, with a size that fits: the last one is marked as such."""
    _, parts = segments_of(content(3 * PLAIN))
    shorter = FileCipher(bytes(32), "0", 2 * PLAIN)
    assert len(shorter.open(0, parts[0])) == PLAIN
    with pytest.raises(DecryptionError):
        shorter.open(1, parts[1])


@settings(max_examples=50)
@given(st.binary(max_size=300), st.data())
def test_no_flipped_bit_passes(data, draw):
    cipher = FileCipher(bytes(32), "0", len(data))
    sealed = bytearray(cipher.seal(0, data))
    bit = draw.draw(st.integers(0, 8 * len(sealed) - 1))
    sealed[bit // 8] ^= 1 << bit % 8
    with pytest.raises(DecryptionError):
        cipher.open(0, bytes(sealed))


# ---------------------------------------------------------------------- envelopes


def test_an_envelope_is_for_one_recipient_content_and_context():
    key, digest = os.urandom(32), os.urandom(32)
    envelope = Envelope.wrap(key, BUYER.public, content=digest, context="licence 7")
    assert len(envelope.wrapped) == SIZE
    assert Envelope.parse(envelope.to_json()) == envelope
    assert envelope.unwrap(BUYER) == key
    with pytest.raises(DecryptionError, match=STRANGER.public.hex()):
        envelope.unwrap(STRANGER)
    damaged = envelope.wrapped[:-1] + bytes([envelope.wrapped[-1] ^ 1])
    for other in (
        Envelope(os.urandom(32), BUYER.public, "licence 7", envelope.wrapped),
        Envelope(digest, BUYER.public, "licence 8", envelope.wrapped),
        Envelope(digest, STRANGER.public, "licence 7", envelope.wrapped),
        Envelope(digest, BUYER.public, "licence 7", damaged),
        Envelope(digest, BUYER.public, "licence 7", bytes(SIZE)),
    ):
        with pytest.raises(DecryptionError):
            other.unwrap(STRANGER if other.recipient == STRANGER.public else BUYER)


def test_two_envelopes_for_one_recipient_differ():
    one, two = (Envelope.wrap(bytes(32), BUYER.public, content=bytes(32)) for _ in range(2))
    assert one.wrapped != two.wrapped


@pytest.mark.parametrize(
    "public", [bytes(32), b"\1" + bytes(31), b"", bytes(31), (2**255 - 19).to_bytes(32, "little")]
)
def test_keys_that_everybody_could_open_are_refused(public):
    """Points of small order: the shared secret would be zero."""
    with pytest.raises(FormatError):
        Envelope.wrap(bytes(32), public, content=bytes(32))


@settings(max_examples=200)
@given(st.binary(max_size=200) | st.text(max_size=200).map(str.encode))
def test_nothing_but_an_envelope_parses(data):
    with pytest.raises(FormatError):
        Envelope.parse(data)


def test_an_envelope_with_a_field_amiss_is_refused():
    good = Envelope.wrap(bytes(32), BUYER.public, content=bytes(32)).to_json()
    for old, new in (
        (b"envelope/1", b"envelope/2"),
        (b'"wrapped":"0x', b'"wrapped":"0xzz'),
        (b'"wrapped":"0x', b'"wrapped":"0x00'),
        (b'"recipient":"0x', b'"recipient":"0x0'),
        (b'"context":""', b'"context":7'),
    ):
        assert old in good
        with pytest.raises(FormatError):
            Envelope.parse(good.replace(old, new))


def test_a_public_key_is_read_with_and_without_its_prefix():
    assert parse_public("0x" + BUYER.public.hex()) == BUYER.public
    assert parse_public(BUYER.public.hex()) == BUYER.public
    for bad in ("", "0x", "0x12", "z" * 64, " " + BUYER.public.hex()[1:], "00" * 32):
        with pytest.raises(FormatError):
            parse_public(bad)


# ---------------------------------------------------------------------- keys of people


def test_a_key_lives_in_a_file_of_its_own(tmp_path):
    path = tmp_path / "keys" / "me.key"
    key = RecipientKey.generate()
    key.save(path)
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert RecipientKey.from_file(path).public == key.public
    with pytest.raises(ConfigError, match="never overwritten"):
        RecipientKey.generate().save(path)
    path.chmod(0o640)
    with pytest.raises(ConfigError, match="chmod 600"):
        RecipientKey.from_file(path)


@pytest.mark.parametrize("text", ["", "anacostia-x25519-secret:12", "anacostia-x25519-secret:é"])
def test_a_file_without_a_key_is_refused_and_not_shown(tmp_path, text):
    path = tmp_path / "me.key"
    path.write_text(text)
    path.chmod(0o600)
    with pytest.raises(ConfigError, match="no key"):
        RecipientKey.from_file(path)
    with pytest.raises(ConfigError, match="no key there"):
        RecipientKey.from_file(tmp_path / "missing")


def test_no_secret_is_shown_or_pickled(sealed, keys):
    secret = bytes([2]) * 32
    shown = opened(sealed, keys)
    for thing in (BUYER, shown, FileCipher(secret, "0", 1)):
        assert secret.hex() not in repr(thing)
        with pytest.raises(TypeError):
            pickle.dumps(thing)
    with pytest.raises(DecryptionError) as caught:
        sealed.envelopes[0].unwrap(BUYER)
    assert secret.hex() not in "".join(traceback.format_exception(caught.value))


# ---------------------------------------------------------------------- folders


@pytest.mark.parametrize("key", [OWNER, BUYER])
def test_a_folder_comes_back_for_every_recipient(model, sealed, keys, tmp_path, key):
    seen = []
    copy = opened(sealed, keys, key).decrypt(
        tmp_path / "copy", progress=lambda done, total: seen.append((done, total))
    )
    assert scan(copy).cid == scan(model).cid
    assert (copy / "empty").is_dir()
    assert seen[-1] == (scan(model).size, scan(model).size)


def test_nothing_readable_is_published(model, sealed):
    published = b"".join(
        path.name.encode() + path.read_bytes() for path in sealed.path.rglob("*") if path.is_file()
    )
    names, texts = ("étés à venir", ".hidden-from-ls"), ("unicode is here", "counts as well")
    for secret in (*map(str.encode, names + texts), content(64)):
        assert secret not in published
    assert str(scan(model).cid).encode() not in published


def test_the_header_names_the_ciphertext_and_the_segments_are_its_leaves(sealed):
    assert sealed.header.ciphertext == scan(sealed.path / "sealed").cid
    longest = max((sealed.path / "sealed").iterdir(), key=lambda path: path.stat().st_size)
    leaves = []
    with longest.open("rb") as stream:
        import_stream(stream, lambda cid, block: leaves.append(len(block)))
    assert leaves[0] == SEGMENT
    assert longest.stat().st_size > SEGMENT


def test_a_version_of_sealed_content_covers_ciphertext_and_commitment(sealed):
    version = scan(describe_version(sealed.path, name="gated"))
    assert {"sealed.json", "sealed/index", "sealed/0"} <= set(version.manifest.files)


def test_the_same_folder_sealed_twice_shares_nothing(model, tmp_path):
    one, two = (seal(model, tmp_path / name, [OWNER.public]) for name in ("one", "two"))
    assert one.header.ciphertext != two.header.ciphertext
    assert one.header.commitment != two.header.commitment


def test_a_single_file_comes_back_as_a_file(tmp_path, keys):
    file = tmp_path / "weights.bin"
    file.write_bytes(content(PLAIN + 3))
    made = seal(file, tmp_path / "published", [BUYER.public])
    keys.add(made.envelopes[0])
    assert opened(made, keys).decrypt(tmp_path / "copy").read_bytes() == file.read_bytes()
    with opened(made, keys).open() as stream:
        assert stream.read(10) == content(10)


def test_an_empty_folder_comes_back(tmp_path, keys):
    (tmp_path / "nothing").mkdir()
    made = seal(tmp_path / "nothing", tmp_path / "published", [BUYER.public])
    keys.add(made.envelopes[0])
    assert list(opened(made, keys).decrypt(tmp_path / "copy").iterdir()) == []


def test_content_in_a_store_opens_leaf_by_leaf(sealed, keys, tmp_path):
    store = LocalStore(tmp_path / "store")
    root = store.put(sealed.path)
    name = f"{3 * PLAIN + 7}.bin"
    fetched = []
    whole = store.block
    store.block = lambda cid: fetched.append(cid) or whole(cid)
    shown = open_sealed(in_store(store, root), keys, BUYER)
    with shown.open(name) as stream:
        fetched.clear()
        stream.seek(2 * PLAIN + 5)
        assert stream.read(20) == content(3 * PLAIN + 7)[2 * PLAIN + 5 :][:20]
    assert len(fetched) == 1
    with pytest.raises(NotFoundError, match="no file"):
        shown.open("nothing")


def test_a_damaged_segment_leaves_nothing(sealed, keys, tmp_path):
    victim = max((sealed.path / "sealed").iterdir(), key=lambda path: path.stat().st_size)
    data = bytearray(victim.read_bytes())
    data[SEGMENT + 1] ^= 1
    victim.write_bytes(data)
    with pytest.raises(IntegrityError):
        opened(sealed, keys).decrypt(tmp_path / "copy")
    assert not (tmp_path / "copy").exists()
    assert not (tmp_path / "copy.part").exists()


def test_swapped_files_do_not_open(sealed, keys, tmp_path):
    """Two files of the same size have different keys."""
    folder = sealed.path / "sealed"
    one, two = sorted(path for path in folder.iterdir() if path.name != "index")[:2]
    one.rename(folder / "x")
    two.rename(one)
    (folder / "x").rename(two)
    with pytest.raises(IntegrityError):
        opened(sealed, keys).decrypt(tmp_path / "copy")


class Counted(tuple):
    """Tells how often it was gone through."""

    walks = 0

    def __iter__(self):
        Counted.walks += 1
        return super().__iter__()


def test_files_are_looked_up_without_going_through_all(sealed, keys, monkeypatch):
    """An index names many files in few bytes."""
    content = opened(sealed, keys)
    index = content.index
    monkeypatch.setitem(vars(content), "index", replace(index, files=Counted(index.files)))
    for file in index.files:
        content.open(file.path).close()
    with pytest.raises(NotFoundError, match="holds no file 'another'"):
        content.open("another")
    assert Counted.walks == 1


def test_a_stranger_a_wrong_key_and_a_wrong_context_stay_out(sealed, keys):
    with pytest.raises(NotFoundError, match="ask whoever"):
        opened(sealed, keys, STRANGER)
    with pytest.raises(DecryptionError, match="content key is not"):
        SealedContent(in_folder(sealed.path), os.urandom(32))
    with pytest.raises(DecryptionError, match="bound to"):
        opened(sealed, keys, context="licence 7")


class Handing:
    """A key provider that hands out whatever it was given."""

    def __init__(self, envelope):
        self._envelope = envelope

    def envelope(self, content, recipient):
        return self._envelope


def test_a_provider_that_lies_is_noticed(model, sealed, tmp_path):
    opener = in_folder(sealed.path)
    other = seal(model, tmp_path / "other", [BUYER.public])
    with pytest.raises(DecryptionError, match="other content"):
        open_sealed(opener, Handing(other.envelopes[0]), BUYER)
    with pytest.raises(DecryptionError, match="is for"):
        open_sealed(opener, Handing(sealed.envelopes[0]), BUYER)
    forged = Envelope.wrap(os.urandom(32), BUYER.public, content=sealed.header.digest)
    with pytest.raises(DecryptionError, match="content key is not"):
        open_sealed(opener, Handing(forged), BUYER)


def test_a_publisher_who_delivers_something_else_is_noticed(tmp_path, model, monkeypatch, keys):
    """Sealed honestly, except that index and header speak of another plaintext."""
    (tmp_path / "promised").write_bytes(b"a good model")
    promised = scan(tmp_path / "promised").cid
    monkeypatch.setattr(
        "anacostia_blockchain.storage.gated.sealing.Index",
        lambda root, *rest: Index(promised, *rest),
    )
    made = seal(model, tmp_path / "published", [BUYER.public])
    keys.add(made.envelopes[0])
    with pytest.raises(IntegrityError, match="committed to"):
        opened(made, keys).decrypt(tmp_path / "copy")
    assert not (tmp_path / "copy").exists()


def test_an_index_that_is_not_the_committed_one_is_refused(sealed, keys):
    header = sealed.header
    other = Header(header.ciphertext, bytes(32), header.key_commitment, header.index_size)
    (sealed.path / sealed_header.NAME).write_bytes(other.to_json())
    envelope = Envelope.wrap(
        keys.envelope(header.digest, OWNER.public).unwrap(OWNER), BUYER.public, content=other.digest
    )
    shown = open_sealed(in_folder(sealed.path), Handing(envelope), BUYER)
    with pytest.raises(IntegrityError, match="committed to"):
        shown.open("0.bin")


def test_an_owner_lets_another_in(sealed, keys, tmp_path, model):
    opener = in_folder(sealed.path)
    keys.add(grant(opener, keys, OWNER, STRANGER.public, context="licence 9"))
    copy = opened(sealed, keys, STRANGER, context="licence 9").decrypt(tmp_path / "copy")
    assert scan(copy).cid == scan(model).cid


def test_bad_calls_leave_nothing(model, tmp_path):
    with pytest.raises(ConfigError, match="recipient"):
        seal(model, tmp_path / "published", [])
    with pytest.raises(FormatError):
        seal(model, tmp_path / "published", [OWNER.public, bytes(32)])
    (tmp_path / "taken").write_text("precious")
    with pytest.raises(StorageError, match="exists"):
        seal(model, tmp_path / "taken", [OWNER.public])
    assert (tmp_path / "taken").read_text() == "precious"
    assert not list(tmp_path.glob("*.part"))
    assert not (tmp_path / "published").exists()


def test_a_file_that_changes_meanwhile_is_noticed(model, tmp_path):
    victim = model / f"{3 * PLAIN + 7}.bin"

    def interfere(done, total):
        with victim.open("ab") as stream:
            stream.write(b"more")

    with pytest.raises(FileChangedError):
        seal(model, tmp_path / "published", [OWNER.public], progress=interfere)
    assert not list(tmp_path.glob("published*"))


@pytest.mark.parametrize("size", [12 * CHUNK, 12 * CHUNK - 1])
def test_a_file_that_grows_while_it_is_read_is_noticed(tmp_path, size):
    victim = tmp_path / "growing.bin"
    victim.write_bytes(bytes(size))
    grown = []

    def grow(done, total):
        if not grown:
            with victim.open("ab") as stream:
                grown.append(stream.write(bytes(3 * CHUNK)))

    with pytest.raises(FileChangedError):
        seal(victim, tmp_path / "published", [OWNER.public], progress=grow)
    assert not list(tmp_path.glob("published*"))


def test_what_a_killed_attempt_left_is_no_obstacle(sealed, keys, tmp_path, model):
    (tmp_path / "copy.part").mkdir()
    (tmp_path / "copy.part" / "leftover").write_text("x")
    assert scan(opened(sealed, keys).decrypt(tmp_path / "copy")).cid == scan(model).cid
    (tmp_path / "again.part").mkdir()
    (tmp_path / "again.part" / "leftover").write_text("x")
    seal(model, tmp_path / "again", [OWNER.public])
    assert not (tmp_path / "again" / "leftover").exists()


def test_a_folder_that_is_not_sealed_says_so(model, keys):
    with pytest.raises(NotFoundError, match="not sealed"):
        open_sealed(in_folder(model), keys, BUYER)


# ---------------------------------------------------------------------- documents


def test_a_header_is_read_in_one_form_only(sealed):
    good = sealed.header.to_json()
    assert Header.parse(good) == sealed.header
    for old, new in (
        (b"sealed/1", b"sealed/2"),
        (b"1048576", b"65536"),
        (b"STREAM", b"CBC"),
        (b":", b": "),
        (b'"index_size":', b'"index_size":-'),
        (b'"index_size":', b'"index_size":99999999'),
        (b"}", b',"more":1}'),
    ):
        with pytest.raises(FormatError):
            Header.parse(good.replace(old, new, 1))


ROOT = CID.of(b"")
FOLDERS = ("", "a")


@pytest.mark.parametrize(
    ("files", "directories"),
    [
        ([("../evil", 1, 0)], FOLDERS),
        ([("/evil", 1, 0)], FOLDERS),
        ([("a/../../evil", 1, 0)], FOLDERS),
        ([("a\\evil", 1, 0)], FOLDERS),
        ([("b/evil", 1, 0)], FOLDERS),
        ([("evil", 1, 0), ("evil", 1, 1)], FOLDERS),
        ([("a", 1, 0)], FOLDERS),
        ([("x", 1, 0), ("x/y", 1, 1)], FOLDERS),
        ([("x", -1, 0)], FOLDERS),
        ([("x", 1, True)], FOLDERS),
        ([("", 1, 0), ("x", 1, 1)], ()),
        ([("x", 1, 0)], ()),
        ([], ("a", "")),
        ([], ("", "..")),
        ([], ("", 7)),
        ([], ("", "a" + "/a" * 200)),
    ],
)
def test_an_index_cannot_climb_or_contradict_itself(files, directories):
    made = Index(ROOT, bytes(32), tuple(SealedFile(*file) for file in files), directories)
    with pytest.raises(FormatError):
        Index.parse(made.to_json())


def test_an_index_comes_back():
    made = Index(ROOT, bytes(32), (SealedFile("a/x", 1, 0),), FOLDERS)
    assert Index.parse(made.to_json()) == made


@settings(max_examples=200)
@given(st.binary(max_size=100) | documents.map(lambda value: json.dumps(value).encode()))
def test_nothing_but_a_header_or_index_parses(data):
    for kind in (Header, Index):
        with pytest.raises(FormatError):
            kind.parse(data)


def test_a_content_key_of_another_length_is_refused():
    with pytest.raises(DecryptionError, match="32 bytes"):
        segments.key_commitment(bytes(31))
