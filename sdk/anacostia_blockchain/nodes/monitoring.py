"""A folder that is watched: every new file is an artifact and triggers a run."""

from __future__ import annotations

import os
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeAlias

from anacostia_blockchain.nodes.watching import WatchingNode

if TYPE_CHECKING:
    from collections.abc import Iterator

    from anacostia_blockchain.metadata import MetadataStore

_BATCH = 500
_GRAIN = 2.0
"""Seconds within which two changes of a folder may bear one time, on some file systems."""

_CHECK = 1.0
"""Seconds between two looks at what is known already, at least."""

_CHECK_EACH = 1e-3
"""Seconds for each of many files: a look takes about 5 µs, which is half a percent of that."""

Signature: TypeAlias = tuple[int, int]
"""Size in bytes, and time of the last change in nanoseconds."""

Taken: TypeAlias = tuple[str, str, Signature]
"""Location, digest, signature."""

Known: TypeAlias = dict[str, tuple[str, Signature | None]]
"""Digest and signature by location."""

UNFINISHED = (".tmp", ".part", ".partial", ".crdownload", ".swp", "~")
"""Endings of files that somebody is still writing."""


class MonitoringDataStoreNode(WatchingNode):
    """Watches a folder and all below it; what is new there triggers a run.

    A file is taken once it was not written to for a while. Files and folders that begin with a dot
    and temporary files are left alone. A file that changes afterwards, by its size or time and its
    digest, is a new version of the same artifact, and triggers a run; a run that was given the old
    one and has not read it yet fails if it tries to.

    Args:
        name: of the node.
        resource_path: the folder; made if it is not there.
        metadata_store: of the pipeline.
        poll: seconds between two looks.
        settle: seconds for which a file must not have changed.

    Raises:
        ConfigError: the folder cannot be made or read.

    Example:
        >>> data = MonitoringDataStoreNode("data_store", "data", store)  # doctest: +SKIP
    """

    def __init__(
        self,
        name: str,
        resource_path: str | Path,
        metadata_store: MetadataStore,
        *,
        poll: float = 0.1,
        settle: float = 0.25,
        **options: Any,  # noqa: ANN401 - the framework's
    ) -> None:
        super().__init__(name, resource_path, metadata_store, poll=poll, **options)
        self._settle = settle
        self._seen: dict[str, tuple[Signature, float]] = {}
        self._known: Known | None = None
        self._next_check = 0.0
        self._changing = 0
        self._unreadable: set[str] = set()
        self._refused = False
        self._quiet: dict[str, int] = {}
        self._below: dict[str, list[str]] = {}

    def look(self) -> None:
        """Record every file that is new, or has changed, and is at rest."""
        if self._known is None:
            self._known = self._recorded()
        waiting = self._scan(self._known)
        if time.monotonic() >= self._next_check:
            self._changing = self._check(self._known)
            pause = 0.0 if self._changing else max(_CHECK, _CHECK_EACH * len(self._known))
            self._next_check = time.monotonic() + pause
        self.unsettled = waiting + self._changing

    def _recorded(self) -> Known:
        """What was taken by earlier processes; None where a file may have changed since."""
        known: Known = {}
        for location, sha256, size, taken_at in self.metadata_store.newest_versions(self.name):
            try:
                signature = _signature(os.path.join(self.path, location))  # noqa: PTH118 - as below
            except OSError:
                signature = None
            same = signature is not None and size in (None, signature[0])
            if signature is not None and signature[1] / 1e9 > taken_at:
                same = False
            known[location] = (sha256, signature if same else None)
        return known

    def _scan(self, known: Known) -> int:
        """Take what is new; returns how many files are not at rest yet."""
        unsettled = 0
        taken: list[Taken] = []
        for folder, changed_at, names in self._changed_folders():
            waiting, self._refused = 0, False
            for location, path in self._files(folder, names):
                if location not in known:
                    waiting += not self._try(location, path, taken)
                    if len(taken) == _BATCH:
                        self._record(taken, known)
            unsettled += waiting
            if not waiting and not self._refused and time.time() - changed_at / 1e9 > _GRAIN:
                self._quiet[folder] = changed_at
        self._record(taken, known)
        return unsettled

    def _check(self, known: Known) -> int:
        """Take what has changed; returns how many files are not at rest yet."""
        waiting = 0
        taken: list[Taken] = []
        for location, (_sha256, signature) in known.items():
            path = os.path.join(self.path, location)  # noqa: PTH118 - as below
            try:
                if _signature(path) != signature:
                    waiting += not self._try(location, path, taken)
            except OSError:
                continue  # gone, or not for us any more
        self._record(taken, known)
        return waiting

    def _changed_folders(self) -> Iterator[tuple[str, int, list[str]]]:
        """Each folder that counts, unless nothing came to it since all in it was known.

        A folder's time changes when an entry comes to it, so that known files cost nothing.
        """
        folders = [self.path]
        while folders:
            folder = folders.pop()
            try:
                changed_at = os.stat(folder).st_mtime_ns  # noqa: PTH116 - as below
                if self._quiet.get(folder) == changed_at:
                    folders += self._below[folder]
                    continue
                with os.scandir(folder) as entries:
                    found = [(e.name, e.is_dir(follow_symlinks=False)) for e in entries]
            except FileNotFoundError:
                continue
            below = sorted(n for n, is_folder in found if is_folder and not n.startswith("."))
            self._below[folder] = [os.path.join(folder, name) for name in below]  # noqa: PTH118 - thousands of paths: a string is enough, and quicker
            folders += self._below[folder]
            yield folder, changed_at, [name for name, is_folder in found if not is_folder]

    def _try(self, location: str, path: str, taken: list[Taken]) -> bool:
        """Take a file if it can be; False if it must be looked at again soon."""
        if not Path(path).is_file():  # reading a pipe or a socket would never end
            self._refused = True
            return True
        try:
            found = self._take(location, path)
        except FileNotFoundError:
            return True
        except (PermissionError, UnicodeEncodeError) as error:
            self._complain(location, error)
            self._refused = True
            return True
        taken += [found] if found is not None else []
        return found is not None

    def _record(self, taken: list[Taken], known: Known) -> None:
        fresh = [
            (location, sha256, signature[0])
            for location, sha256, signature in taken
            if known.get(location, ("", None))[0] != sha256  # else it was only touched
        ]
        self.metadata_store.add_new_files(self.name, fresh)
        for location, sha256, signature in taken:
            known[location] = (sha256, signature)
            self._seen.pop(location, None)
        taken.clear()

    def _files(self, folder: str, names: list[str]) -> Iterator[tuple[str, str]]:
        """Location and path of each file of a folder that counts, in a stable order."""
        for name in sorted(names):
            if not name.startswith(".") and not name.endswith(UNFINISHED):
                path = os.path.join(folder, name)  # noqa: PTH118 - 10 times faster than Path
                yield os.path.relpath(path, self.path).replace(os.sep, "/"), path

    def _take(self, location: str, path: str) -> Taken | None:
        """A file if it is at rest before and after it is hashed."""
        location.encode()  # names that are not UTF-8 cannot be recorded
        signature = _signature(path)
        if not self._at_rest(location, signature):
            return None
        digest = self.hash_file(path)
        return (location, digest, signature) if _signature(path) == signature else None

    def _at_rest(self, location: str, signature: Signature) -> bool:
        if time.time() - signature[1] / 1e9 >= self._settle:
            return True
        before = self._seen.get(location)
        if before is None or before[0] != signature:
            self._seen[location] = (signature, time.monotonic())
            return False
        return time.monotonic() - before[1] >= self._settle

    def _complain(self, location: str, error: Exception) -> None:
        if location not in self._unreadable:
            self._unreadable.add(location)
            self.log(f"{self.name} cannot take {location!r}: {error}", level="ERROR")


def _signature(path: str) -> Signature:
    status = os.stat(path)  # noqa: PTH116 - for every known file, again and again
    return status.st_size, status.st_mtime_ns
