"""Whatever happens to a folder, a scan that remembers gives what one gives that does not."""

from __future__ import annotations

import mmap
import os
import shutil
import tempfile
import time
from pathlib import Path
from unittest import mock

import pytest
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule

from anacostia_blockchain.content.digests import DigestCache, _in_memory
from anacostia_blockchain.content.folder import scan
from anacostia_blockchain.content.unixfs import CHUNK
from anacostia_blockchain.content.walk import walk
from anacostia_blockchain.storage import LocalStore
from strikes import examples

SETTLED = 0.02
"""Seconds; more than a tick of this machine's file systems."""

NAMES = st.sampled_from(["a.bin", "b.bin", "deep/a.bin", "deep/c.bin"])
SIZES = st.sampled_from([64 << 10, 100_001, CHUNK, CHUNK + 1])


class Folder(RuleBasedStateMachine):
    """A folder that is changed in every way that is meant to look as if it had not been."""

    @initialize()
    def begin(self):
        self.home = Path(tempfile.mkdtemp())
        self.folder = self.home / "model"
        self.folder.mkdir()
        self.digests = DigestCache(self.home / "digests.db", settled=SETTLED)
        self.store = LocalStore(self.home / "store", digests=self.digests)
        self.turn = 0
        self.now = time.time

    def teardown(self):
        if hasattr(self, "home"):
            shutil.rmtree(self.home)

    def _file(self, name):
        path = self.folder / name
        path.parent.mkdir(exist_ok=True)
        return path

    def _content(self, size):
        self.turn += 1
        return self.turn.to_bytes(8, "big") * (size // 8) + b"." * (size % 8)

    @rule(name=NAMES, size=SIZES)
    def write(self, name, size):
        self._file(name).write_bytes(self._content(size))

    @rule(name=NAMES, keep_times=st.booleans())
    def edit_in_place(self, name, keep_times):
        """Another content of the same size, with the modification time set back if asked for."""
        path = self._file(name)
        if path.exists() and path.stat().st_size >= 8:
            state = path.stat()
            with path.open("r+b") as file:
                file.write(self._content(8))
            if keep_times:
                os.utime(path, ns=(state.st_atime_ns, state.st_mtime_ns))

    @rule(name=NAMES)
    def edit_mapped(self, name):
        """Through a memory map that stays open from one edit to the next."""
        path = self._file(name)
        if path.exists() and path.stat().st_size >= 8:
            with path.open("r+b") as file, mmap.mmap(file.fileno(), 0) as view:
                view[:8] = self._content(8)
                time.sleep(2 * SETTLED)
                scan(self.folder, digests=self.digests)
                view[:8] = self._content(8)

    @rule(name=NAMES)
    def touch(self, name):
        if self._file(name).exists():
            self._file(name).touch()

    @rule(name=NAMES, size=st.integers(0, CHUNK))
    def truncate(self, name, size):
        if self._file(name).exists():
            os.truncate(self._file(name), size)

    @rule(one=NAMES, other=NAMES)
    def rename(self, one, other):
        if self._file(one).exists():
            self._file(one).rename(self._file(other))

    @rule(one=NAMES, other=NAMES)
    def swap(self, one, other):
        if one != other and self._file(one).exists() and self._file(other).exists():
            aside = self.home / "aside"
            self._file(one).rename(aside)
            self._file(other).rename(self._file(one))
            aside.rename(self._file(other))

    @rule(name=NAMES)
    def replace_keeping_times(self, name):
        """As `rsync --times` and `tar` do."""
        path = self._file(name)
        if path.exists():
            copy = self.home / "copy"
            copy.write_bytes(self._content(path.stat().st_size))
            shutil.copystat(path, copy)
            copy.replace(path)

    @rule(seconds=st.sampled_from([0.0, 0.5, 86_400.0]), still=st.booleans())
    def set_the_clock_back(self, seconds, still):
        """Or let it stand still: what is changed from then on is younger than now."""
        began, clock = time.time(), time.time
        self.now = lambda: (began if still else clock()) - seconds

    @rule()
    def wait_and_scan(self):
        """Then everything is remembered, and nothing of it is read again."""
        self.now = time.time
        time.sleep(2 * SETTLED)
        scan(self.folder, digests=self.digests)
        files, _ = walk(self.folder)
        large = {found.path for found in files if found.size >= 64 << 10}
        assert large <= self.digests.recall(files).keys()

    @invariant()
    def it_is_what_it_is(self):
        if not hasattr(self, "folder"):
            return
        with mock.patch.object(time, "time", side_effect=self.now):
            for _ in range(2):
                remembered, fresh = scan(self.folder, digests=self.digests), scan(self.folder)
                assert remembered == fresh
            assert self.store.put(self.folder) == fresh.cid
        for file in fresh.files:
            with self.store.open(fresh.cid, file.path) as stream:
                assert stream.read() == (self.folder / file.path).read_bytes()


TestFolder = pytest.mark.skipif(
    Path(tempfile.gettempdir()).stat().st_dev in _in_memory(),
    reason="the temporary folder is in memory, of which nothing is remembered",
)(Folder.TestCase)
TestFolder.settings = examples(15, 15)
