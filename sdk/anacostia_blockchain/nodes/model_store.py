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
    from anacostia_blockchain.metadata import MetadataStore
    from anacostia_blockchain.metadata.artifacts import Artifact
    from anacostia_blockchain.storage.base import Store

_INCOMING = ".incoming"


class ModelStoreNode(FileStoreNode):
    """Keeps what actions make: each file or folder is stored by CID and is an output of its run.

    The folder is a copy for people and tools; what is missing there is fetched from the store.
    What is overwritten stays recorded, and stays in the store; what a failed run made is not used.

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
        metadata_store: MetadataStore,
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
            overwrite: let it take the place of what is at that location.
            atomic: it always is.

        Raises:
            PipelineError: the location is taken, or leads outside the store; nothing was written;
                or the writer does not come after the store in the graph.
            ContentError: a folder holds what cannot be content.
        """
        del atomic
        self.check_declared()
        target = self._place(filepath, overwrite=overwrite)
        work = Path(self.path, _INCOMING, uuid.uuid4().hex, target.name)
        work.parent.mkdir(parents=True)
        try:
            yield str(work)
            if not work.exists():
                raise PipelineError(f"nothing was written to be saved as {filepath}")
            self._keep(work, target, filepath, overwrite=overwrite)
        finally:
            shutil.rmtree(work.parent, ignore_errors=True)

    def _place(self, filepath: str, *, overwrite: bool) -> Path:
        location = PurePosixPath(filepath)
        plain = filepath == str(location) and not location.is_absolute()
        if not plain or any(part.startswith(".") for part in location.parts):
            raise PipelineError(f"{filepath!r} is not a path inside {self.name}")
        if not overwrite and self.metadata_store.entry_exists(self.name, filepath):
            raise PipelineError(
                f"{self.name} has {filepath} already: save under another name, for instance with "
                "the number of the run, or with overwrite=True"
            )
        return Path(self.path, *location.parts)

    def _keep(self, work: Path, target: Path, filepath: str, *, overwrite: bool) -> None:
        digest = scan(work)
        cid = self.storage.put(work, name=f"{self.name}/{filepath}")
        _remove(target)  # overwritten, or never recorded by a process that was killed
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
            overwrite=overwrite,
        )

    def restore(self, artifact: Artifact, path: Path) -> None:
        """Fetch an artifact's content from the store if it, or another one, is not at `path`."""
        others = self.metadata_store.artifacts_at(self.name, artifact.location)[1:]
        if others and path.exists():
            found = self.digest(path)
            if found in {other.sha256 for other in others} - {artifact.sha256}:
                _remove(path)
        if not path.exists() and artifact.cid is not None:
            path.parent.mkdir(parents=True, exist_ok=True)
            self.storage.get(CID.parse(artifact.cid), path)
        super().restore(artifact, path)

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


def _default_storage(store: MetadataStore) -> Store:
    if store.chain is not None:
        return store.chain.storage
    from anacostia_blockchain.client import HOME  # noqa: PLC0415 - only this default needs it
    from anacostia_blockchain.storage import LocalStore  # noqa: PLC0415 - only this default needs it

    return LocalStore(HOME / "store")
