"""Where models go: a folder to look into, backed by a store that holds them by CID."""

from __future__ import annotations

import shutil
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path, PurePosixPath
from typing import TYPE_CHECKING, Any

from anacostia_blockchain.content.cid import CID
from anacostia_blockchain.content.folder import FolderDigest, scan
from anacostia_blockchain.errors import PipelineError
from anacostia_blockchain.nodes.files import FileStoreNode

if TYPE_CHECKING:
    from anacostia_blockchain.metadata import SqliteMetadataStore
    from anacostia_blockchain.storage.base import Store

_INCOMING = ".incoming"


class ModelStoreNode(FileStoreNode):
    """Keeps what actions make: each file or folder is stored by CID and is an output of its run.

    The folder is a copy for people and tools; what is missing there is fetched from the store.
    Artifacts do not change: every one needs a location of its own.

    Args:
        name: of the node.
        resource_path: the folder; made if it is not there.
        metadata_store: of the pipeline.
        storage: where content lives; None: that of the metadata store's chain connection, or the
            embedded store in `.anacostia`.

    Raises:
        ConfigError: the folder cannot be made or read.

    Example:
        >>> with model_store.save_artifact("run-1") as path:  # doctest: +SKIP
        ...     Path(path).mkdir()
        ...     (Path(path) / "weights.bin").write_bytes(weights)
    """

    def __init__(
        self,
        name: str,
        resource_path: str | Path,
        metadata_store: SqliteMetadataStore,
        storage: Store | None = None,
        **options: Any,  # noqa: ANN401 - the framework's
    ) -> None:
        super().__init__(name, resource_path, metadata_store, monitoring=False, **options)
        self._storage = storage

    @property
    def storage(self) -> Store:
        """Where content lives."""
        if self._storage is None:
            self._storage = _default_storage(self.metadata_store)
        return self._storage

    def setup(self) -> None:
        """Remove what a killed process had begun to write."""
        shutil.rmtree(Path(self.path, _INCOMING), ignore_errors=True)

    @contextmanager
    def save_artifact(
        self, filepath: str, overwrite: bool = False, atomic: bool = True
    ) -> Iterator[str]:
        """A path at which to write a file or make a folder; it is kept if the block succeeds.

        Args:
            filepath: location in this store, `/` between the parts.
            overwrite: not supported, because recorded artifacts do not change.
            atomic: always.

        Raises:
            PipelineError: the location is taken or leads outside the store, or nothing was
                written.
            ContentError: a folder holds what cannot be content.
        """
        del atomic
        target = self._target(filepath, overwrite=overwrite)
        work = Path(self.path, _INCOMING, uuid.uuid4().hex, target.name)
        work.parent.mkdir(parents=True)
        try:
            yield str(work)
            if not work.exists():
                raise PipelineError(f"nothing was written to be saved as {filepath}")
            self._keep(work, target, filepath)
        finally:
            shutil.rmtree(work.parent, ignore_errors=True)

    def _target(self, filepath: str, *, overwrite: bool) -> Path:
        location = PurePosixPath(filepath)
        plain = filepath == str(location) and not location.is_absolute()
        if not plain or any(part.startswith(".") for part in location.parts):
            raise PipelineError(f"{filepath!r} is not a path inside {self.name}")
        if overwrite or self.metadata_store.entry_exists(self.name, filepath):
            raise PipelineError(
                f"{self.name} keeps what it has: save {filepath} under another name, for instance "
                "with the number of the run"
            )
        return Path(self.path, *location.parts)

    def _keep(self, work: Path, target: Path, filepath: str) -> None:
        digest = scan(work)
        cid = self.storage.put(work, name=f"{self.name}/{filepath}")
        _remove(target)  # never recorded: left there by a process that was killed
        target.parent.mkdir(parents=True, exist_ok=True)
        work.rename(target)
        self.metadata_store.create_entry(
            self.name,
            filepath,
            _sha256(target, digest),
            "sha256",
            state="produced",
            file_size=digest.size,
            cid=str(cid),
        )

    def restore(self, filepath: str, path: Path) -> None:
        """Fetch content that is not at `path` from the store."""
        if not path.exists():
            cid = self.metadata_store.artifact(self.name, filepath).cid
            if cid is not None:
                path.parent.mkdir(parents=True, exist_ok=True)
                self.storage.get(CID.parse(cid), path)
        super().restore(filepath, path)

    def digest(self, path: Path) -> str:
        """Hex SHA-256 of a file, or the manifest root of a folder."""
        return _sha256(path, scan(path))


def _sha256(path: Path, digest: FolderDigest) -> str:
    if path.is_dir():
        return digest.manifest.root.hex()
    return digest.files[0].sha256.hex()


def _remove(path: Path) -> None:
    if path.is_dir():
        shutil.rmtree(path)
    else:
        path.unlink(missing_ok=True)


def _default_storage(store: SqliteMetadataStore) -> Store:
    if store.chain is not None:
        return store.chain.storage
    from anacostia_blockchain.client import HOME  # noqa: PLC0415 - only this default needs it
    from anacostia_blockchain.storage import LocalStore  # noqa: PLC0415

    return LocalStore(HOME / "store")
