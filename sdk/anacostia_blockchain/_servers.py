"""Servers for tests: on loopback, in a folder of their own, gone when they are not needed."""

from __future__ import annotations

import atexit
import os
import secrets
import shutil
import socket
import subprocess
import tempfile
import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import closing, suppress
from pathlib import Path
from types import TracebackType
from typing import TypeVar

from anacostia_blockchain.errors import AnacostiaError

_TICK = 0.02
_STOP_TIMEOUT = 10.0
_SHOWN = 2000

_PORTS = range(20_000, 32_768)
"""Systems give others to whoever asks for any, or connects: one that is free here stays so until
the server that it is for has it."""

S = TypeVar("S", bound="ServerProcess")


class ServerProcess:
    """A server in a folder of its own, for as long as a `with` block lasts.

    Args:
        name: begins the folder's.
    """

    def __init__(self, name: str) -> None:
        self._name = name
        self._folder: Path | None = None
        self._process: subprocess.Popen[bytes] | None = None

    def __enter__(self: S) -> S:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.stop()

    @property
    def folder(self) -> Path:
        """Its folder, which is made when it is asked for."""
        if self._folder is None:
            self._folder = Path(tempfile.mkdtemp(prefix=f"anacostia-{self._name}-"))
            atexit.register(self.stop)
        return self._folder

    @property
    def log(self) -> str:
        """What it has written."""
        return (self.folder / "log").read_text(errors="replace")

    def kill(self) -> None:
        """End it as a power cut would."""
        if self._process is not None:
            self._process.kill()
            self._process.wait()
            self._process = None

    def stop(self) -> None:
        """Stop it and remove its folder; twice does no harm."""
        atexit.unregister(self.stop)
        if self._process is not None:
            self._process.terminate()
            try:
                self._process.wait(timeout=_STOP_TIMEOUT)
            except subprocess.TimeoutExpired:
                self.kill()
            self._process = None
        if self._folder is not None:
            shutil.rmtree(self._folder, ignore_errors=True)
            self._folder = None

    def launch(
        self,
        command: Sequence[str | Path],
        ready: Callable[[], bool],
        failure: type[AnacostiaError],
        *,
        env: Mapping[str, str] | None = None,
        timeout: float = 60,
    ) -> None:
        """Start it and wait until it is ready.

        Args:
            command: to run.
            ready: whether it is.
            failure: raised if it ends, or is not ready in time.
            env: added to this process's own.
            timeout: seconds to wait.
        """
        with (self.folder / "log").open("ab") as log:
            self._process = subprocess.Popen(  # noqa: S603 - our own arguments
                [str(part) for part in command],
                env=os.environ | dict(env or {}),
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
            )
        deadline = time.monotonic() + timeout
        while not ready():
            if self._process.poll() is not None or time.monotonic() > deadline:
                said = self.log[-_SHOWN:]
                self.stop()
                raise failure(f"{Path(command[0]).name} did not start:\n{said}".strip(":\n"))
            time.sleep(_TICK)


def free_ports(count: int) -> list[int]:
    """Ports of loopback that nobody listens on.

    Raises:
        OSError: there are not so many.
    """
    found: list[int] = []
    # Not seeded by anybody: processes side by side would find the same.
    for port in secrets.SystemRandom().sample(_PORTS, len(_PORTS)):
        with closing(socket.socket()) as probe, suppress(OSError):
            probe.bind(("127.0.0.1", port))
            found.append(port)
        if len(found) == count:
            return found
    raise OSError(f"{count} free ports of loopback are asked for; {len(found)} are there")
