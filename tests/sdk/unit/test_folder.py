"""Scanning folders: what counts, what is refused, what is noticed."""

from __future__ import annotations

import hashlib
import os
import socket
import time

import pytest

from anacostia_blockchain.content import walk
from anacostia_blockchain.content.cid import CID
from anacostia_blockchain.content.digests import DigestCache
from anacostia_blockchain.content.folder import Overlay, import_source, scan
from anacostia_blockchain.content.unixfs import CHUNK
from anacostia_blockchain.errors import FileChangedError, UnsupportedFileError


@pytest.fixture
def model(tmp_path):
    folder = tmp_path / "model"
    (folder / "weights").mkdir(parents=True)
    (folder / "config.json").write_bytes(b"{}")
    (folder / "weights" / "a.bin").write_bytes(b"a" * 100)
    return folder


def test_a_file_is_its_own_cid_and_manifest(tmp_path):
    """The manifest of a single file lists `.`, as model_signing has it."""
    file = tmp_path / "hello.txt"
    file.write_bytes(b"hello world")
    found = scan(file)
    digest = hashlib.sha256(b"hello world").digest()
    assert found.cid == CID.of(b"hello world")
    assert found.manifest.files == {".": digest}
    assert found.manifest.root == hashlib.sha256(digest).digest()
    assert (found.files[0].path, found.size) == ("hello.txt", 11)


def test_manifest_orders_by_path_name_by_name(tmp_path):
    """`a/x` comes before `a-b`: paths are compared name by name, not byte by byte."""
    folder = tmp_path / "m"
    (folder / "a").mkdir(parents=True)
    (folder / "a" / "x").write_bytes(b"1")
    (folder / "a-b").write_bytes(b"2")
    digests = [hashlib.sha256(data).digest() for data in (b"1", b"2")]
    assert scan(folder).manifest.root == hashlib.sha256(b"".join(digests)).digest()


def test_hidden_files_count_and_git_at_the_top_does_not(model):
    """Manifest and CID agree on both."""
    before = scan(model)
    (model / ".git").mkdir()
    (model / ".git" / "HEAD").write_bytes(b"ref")
    (model / ".gitignore").write_bytes(b"x")
    assert scan(model).cid == before.cid
    assert scan(model).manifest.root == before.manifest.root
    (model / "weights" / ".gitignore").write_bytes(b"x")
    (model / ".hidden").write_bytes(b"x")
    after = scan(model)
    assert {file.path for file in after.files} >= {".hidden", "weights/.gitignore"}
    assert after.cid != before.cid
    assert after.manifest.root != before.manifest.root


def test_empty_directories_are_part_of_the_cid_only(model):
    """A manifest lists files; a directory without any shows in the CID."""
    before = scan(model)
    (model / "empty").mkdir()
    assert scan(model).cid != before.cid
    assert scan(model).manifest.root == before.manifest.root


def test_name_and_place_of_the_folder_do_not_matter(model):
    """Only what is inside is content."""
    before = scan(model)
    moved = model.rename(model.parent / "other")
    assert scan(moved).cid == before.cid
    assert scan(moved).manifest.root == before.manifest.root


def make_symlink(path):
    path.symlink_to("/etc/passwd")


def make_dangling(path):
    path.symlink_to("nowhere")


def make_fifo(path):
    os.mkfifo(path)


def make_socket(path):
    listener = socket.socket(socket.AF_UNIX)
    listener.bind(str(path))
    listener.close()


@pytest.mark.parametrize(
    ("make", "kind"),
    [
        (make_symlink, "symbolic link"),
        (make_dangling, "symbolic link"),
        (make_fifo, "named pipe"),
        (make_socket, "socket"),
    ],
)
def test_what_cannot_be_reproduced_is_refused_by_path(model, make, kind):
    """And never followed, waited for or read."""
    make(model / "weights" / "odd")
    with pytest.raises(UnsupportedFileError, match=f"weights/odd is a {kind}"):
        scan(model)


@pytest.mark.parametrize(
    "name", [b"caf\xe9.bin", b"a\\b", b"a\nb", b"\x1b[2J", b"\x7f", "\x9b2J".encode(), b"tab\t"]
)
def test_names_that_are_not_portable_are_refused(model, name):
    """Not UTF-8, a path on another system, or what a terminal obeys, which it does not see."""
    (model / os.fsdecode(name)).write_bytes(b"")
    with pytest.raises(UnsupportedFileError, match=r"UTF-8|cannot be a file|control") as caught:
        scan(model)
    assert not set(str(caught.value)) & set("\n\t\x1b\x7f\x9b")


@pytest.mark.parametrize(
    "name",
    [
        "D:",
        "C:evil.exe",
        "file.txt:stream",
        "NUL",
        "nul.txt",
        "Aux .x",
        "COM1",
        "lpt\xb9.y",
        "a.",
        "a ",
    ],
)
def test_names_that_lead_elsewhere_on_windows_are_refused_there(model, name, monkeypatch):
    """To a drive, a device or another file. Other systems know them as names, and keep them."""
    (model / name).write_bytes(b"")
    assert name in [found.path for found in walk.walk(model)[0]]
    monkeypatch.setattr(walk, "_ON_WINDOWS", True)
    with pytest.raises(UnsupportedFileError, match="cannot be a file's name on Windows"):
        walk.walk(model)


@pytest.mark.parametrize(
    "name", ["console.log", "auxiliary", "null", "com10", "a.b", ".hidden", "COMB"]
)
def test_names_that_only_look_so(name, monkeypatch):
    monkeypatch.setattr(walk, "_ON_WINDOWS", True)
    assert walk.check_name(name, "here") == name


def test_signs_of_every_script_may_stand_in_a_name(model):
    """Spaces of any width, joiners, and letters that nobody here can read."""
    before = scan(model).cid
    (model / "a\u00a0b\u200d\u3000été 模型 \U0001f9ea").write_bytes(b"")
    assert scan(model).cid != before


def test_a_missing_folder_is_refused_by_path(tmp_path):
    """With a typed error that names it."""
    with pytest.raises(UnsupportedFileError, match="gone: no such file"):
        scan(tmp_path / "gone")


def test_very_deep_folders_are_refused(tmp_path):
    """Before any recursion gets deep."""
    (tmp_path / "/".join(["d"] * 130)).mkdir(parents=True)
    with pytest.raises(UnsupportedFileError, match="deep"):
        scan(tmp_path)


@pytest.mark.parametrize("how", [scan, import_source])
@pytest.mark.parametrize("size", [10, 9 * CHUNK])
@pytest.mark.parametrize("change", ["grow", "shrink", "rewrite", "replace", "remove"])
def test_a_file_that_changes_while_it_is_read_is_noticed(model, size, change, how):
    """Size, modification time and inode are compared, small file or large."""
    file = model / "weights" / "a.bin"
    file.write_bytes(bytes(size))
    os.utime(file, ns=(0, 0))

    class Meddler:
        def leaf(self, path, offset, cid, data):
            if path != "weights/a.bin" or offset:
                return
            if change == "grow":
                with file.open("ab") as stream:
                    stream.write(b"more")
            elif change == "shrink":
                os.truncate(file, size - 1)
            elif change == "rewrite":
                file.write_bytes(bytes(size))
            else:
                file.unlink()
                if change == "replace":
                    file.write_bytes(bytes(size))
                    os.utime(file, ns=(0, 0))

        def node(self, cid, block):
            pass

    with pytest.raises(FileChangedError, match=r"a\.bin"):
        how(model, sink=Meddler())


def test_a_file_that_appears_meanwhile_is_noticed(model):
    """The listing must still be the one that was hashed."""
    os.utime(model, ns=(0, 0))

    def add(done, total):
        (model / "late.bin").write_bytes(b"x")

    with pytest.raises(FileChangedError, match="model changed"):
        scan(model, progress=add)


def test_progress_counts_every_byte_once(model):
    """Up to the total, never down."""
    (model / "big.bin").write_bytes(bytes(10 * CHUNK + 5))
    calls = []
    found = scan(model, progress=lambda done, total: calls.append((done, total)))
    assert calls[-1] == (found.size, found.size)
    assert calls == sorted(calls)


@pytest.mark.parametrize("size", [0, 1, CHUNK, CHUNK + 1, 8 * CHUNK, 9 * CHUNK - 1, 9 * CHUNK + 1])
def test_the_cid_alone_is_that_of_the_scan(model, size):
    """And what the sink gets, in whatever order; a file of one leaf has its SHA-256 anyway."""

    class Blocks(dict):
        def leaf(self, path, offset, cid, data):
            self[path, offset] = cid, bytes(data)

        def node(self, cid, block):
            self[cid] = block

    (model / "a.bin").write_bytes(os.urandom(size))
    whole, alone, calls = Blocks(), Blocks(), []
    found = scan(model, sink=whole)
    cid, files = import_source(model, sink=alone, progress=lambda *call: calls.append(call))
    assert (cid, alone) == (found.cid, whole)
    assert calls[-1] == (found.size, found.size)
    assert [file.cid for file in files] == [file.cid for file in found.files]
    known = [file.sha256 for file in found.files if file.size <= CHUNK]
    assert [file.sha256 for file in files if file.size <= CHUNK] == known
    assert all(not file.sha256 for file in files if file.size > CHUNK)


@pytest.mark.parametrize("size", [0, 1, CHUNK, 3 * CHUNK + 7, 20 * CHUNK])
def test_whoever_follows_a_file_gets_its_bytes_in_order(tmp_path, size):
    """All of them, also when its digest is known; an error of theirs ends it."""
    file, parts = tmp_path / "a.bin", []
    file.write_bytes(os.urandom(size))
    time.sleep(0.05)  # what was written just now is not remembered
    digests = DigestCache(tmp_path / "digests.db", settled=0.02)
    for _ in range(2):
        parts.clear()
        cid, _files = import_source(
            file, digests=digests, follow=lambda part: parts.append(bytes(part))
        )
        assert b"".join(parts) == file.read_bytes()
        assert cid == scan(file).cid

    def full(_part):
        raise OSError(28, "No space left on device")

    if size:
        with pytest.raises(OSError, match="No space left"):
            import_source(file, follow=full)


@pytest.mark.parametrize("how", [scan, import_source])
def test_an_error_of_the_sink_stops_the_scan(model, how):
    """It surfaces as it is, from whatever thread."""

    class Full:
        def leaf(self, path, offset, cid, data):
            raise OSError(28, "No space left on device")

        def node(self, cid, block):
            pass

    (model / "big.bin").write_bytes(bytes(20 * CHUNK))
    with pytest.raises(OSError, match="No space left"):
        how(model, sink=Full())


def test_the_number_of_threads_changes_nothing(model):
    """One, two or many."""
    for number in range(200):
        (model / f"{number}.bin").write_bytes(os.urandom(number * 100))
    (model / "big.bin").write_bytes(os.urandom(9 * CHUNK + 1))
    assert len({scan(model, workers=workers).cid for workers in (1, 2, 7)}) == 1


def test_an_overlay_is_the_folder_with_the_files_written_into_it(model, tmp_path):
    """Same CID as on disk; the manifest covers the folder's own files."""
    plain = scan(model)
    over = scan(Overlay(model, lambda base: {"metadata.json": base.manifest.root}))
    assert not (model / "metadata.json").exists()
    (model / "metadata.json").write_bytes(plain.manifest.root)
    assert scan(model).cid == over.cid
    assert scan(model).files == over.files
    assert over.manifest.root == plain.manifest.root
    assert over.manifest.ignored == {"metadata.json"}


def test_an_overlay_over_a_file_is_a_directory_with_it(tmp_path):
    """A single weights file can become a version, too."""
    file = tmp_path / "w.safetensors"
    file.write_bytes(b"w")
    over = scan(Overlay(file, lambda _base: {"n.json": b"{}"}))
    assert [entry.path for entry in over.files] == ["n.json", "w.safetensors"]


@pytest.mark.parametrize("name", ["../up", "/etc/x", "", ".", "..", "a/b"])
def test_an_overlay_cannot_climb(model, name):
    """Added names are plain names."""
    with pytest.raises(UnsupportedFileError, match="cannot be a file's name"):
        scan(Overlay(model, lambda _base: {name: b""}))


def test_an_overlay_does_not_hide_a_file(model):
    """What it would replace is named; `skip` is how to say that this is meant."""
    with pytest.raises(UnsupportedFileError, match=r"config\.json is in the way"):
        scan(Overlay(model, lambda _base: {"config.json": b""}))
    over = scan(Overlay(model, lambda _base: {"config.json": b""}, skip=frozenset({"config.json"})))
    assert {file.path: file.size for file in over.files}["config.json"] == 0


def test_git_names_are_those_of_model_signing():
    """The test against the tool itself is among the integration tests."""
    assert {".git", ".gitattributes", ".github", ".gitignore"} == walk.GIT_NAMES
