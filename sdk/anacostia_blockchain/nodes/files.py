"""What our stores of files share: verified reading, and no file routes over HTTP."""

from __future__ import annotations

import os
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

from anacostia_blockchain import _upstream as upstream
from anacostia_blockchain.errors import (
    ConfigError,
    IntegrityError,
    NotFoundError,
    PipelineError,
)
from anacostia_blockchain.nodes.graph import ancestors

if TYPE_CHECKING:
    from anacostia_blockchain.metadata import MetadataStore
    from anacostia_blockchain.metadata.artifacts import Artifact


class FileStoreNode(upstream.FilesystemStoreNode):
    """A folder whose files are artifacts.

    Raises:
        ConfigError: the folder cannot be made or read.
    """

    metadata_store: MetadataStore

    def __init__(
        self,
        name: str,
        resource_path: str | Path,
        metadata_store: MetadataStore,
        *,
        monitoring: bool,
        **options: Any,  # noqa: ANN401 - the framework's
    ) -> None:
        path = Path(resource_path).absolute()
        _make_readable(path)
        super().__init__(name, str(path), metadata_store, monitoring=monitoring, **options)

    def setup_node_server(
        self,
        host: str,
        port: int,
        ssl_keyfile: str | None = None,
        ssl_certfile: str | None = None,
        ssl_ca_certs: str | None = None,
    ) -> upstream.BaseResourceServer:
        """Serve lists only: the framework's own server reads and writes any path it is told."""
        server = upstream.BaseResourceServer(
            self, self.client_url, host, port, self.loggers, ssl_keyfile, ssl_certfile, ssl_ca_certs
        )
        self.node_server = server
        return server

    def get_artifact_hash(self, filepath: str) -> str:
        """Hex SHA-256 of an artifact of this store.

        Raises:
            NotFoundError: it has none of that name.
        """
        return self.metadata_store.artifact(self.name, filepath).sha256

    def get_artifact_tags(self, filepath: str) -> list[dict[str, Any]]:
        """Tags of an artifact of this store.

        Raises:
            NotFoundError: it has none of that name.
        """
        return self.metadata_store.artifact_tags(self.name, filepath)

    @contextmanager
    def load_artifact(self, filepath: str) -> Iterator[str]:
        """A path to an artifact's content, recorded as read by the current run.

        Args:
            filepath: location in this store.

        Raises:
            NotFoundError: there is no such artifact, or its file is gone.
            IntegrityError: the content is not what was recorded.
        """
        artifact = self.metadata_store.meant_artifact(self.name, filepath)
        path = Path(self.path, filepath)
        self.restore(artifact, path)
        found = self.digest(path)
        if found != artifact.sha256:
            raise IntegrityError(
                f"{path} is not what was recorded: SHA-256 {found}, not {artifact.sha256}; "
                "if it was changed on purpose, the next run is given it as it is then"
            )
        self.metadata_store.mark_using(self.name, filepath)
        try:
            yield str(path)
        finally:
            self.metadata_store.mark_used(self.name, filepath)

    def check_declared(self) -> None:
        """Make sure that the node whose thread this is comes after this store in the graph.

        Else the store does not wait for it, and a run could end before what it makes is saved.

        Raises:
            PipelineError: it does not.
        """
        writer = threading.current_thread()
        if isinstance(writer, upstream.BaseNode) and self not in ancestors(
            writer, upstream.BaseNode
        ):
            raise PipelineError(
                f"{writer.name} saves to {self.name}, which is not among its predecessors: add it"
            )

    def restore(self, artifact: Artifact, path: Path) -> None:
        """Bring back an artifact's content if it is not at `path`.

        Raises:
            NotFoundError: it is gone for good.
        """
        if not path.exists():
            raise NotFoundError(f"{self.name} has lost {artifact.location}: {path} is gone")

    def digest(self, path: Path) -> str:
        """Hex SHA-256 of what is at `path`."""
        return self.hash_file(str(path))


def _make_readable(path: Path) -> None:
    try:
        path.mkdir(parents=True, exist_ok=True)
        os.scandir(path).close()
    except OSError as error:
        raise ConfigError(
            f"{path} cannot be used: {error.strerror}; create it and give this user access, "
            "or choose another folder"
        ) from error
