"""A real PostgreSQL server of the tests' own, on loopback."""

from __future__ import annotations

import itertools
import os
import pwd
import shutil
import signal
import subprocess
import tempfile
import time
from pathlib import Path

import psycopg

from anacostia_blockchain._servers import free_ports

USER = "anacostia"

WATCHED = '"$@" & server=$!; cat; kill -INT $server 2> /dev/null; wait $server'
"""A server that ends with the tests, even if those are killed: then its standard input ends."""


def find_binaries() -> Path | None:
    """Folder of the newest server that the machine has."""
    found = sorted(Path("/usr/lib/postgresql").glob("*/bin/initdb"), key=_version)
    if found:
        return found[-1].parent
    on_path = shutil.which("initdb")
    return Path(on_path).resolve().parent if on_path else None


class PostgresServer:
    """Started with `start`, killed with `kill`, and started again with the same data and port.

    It runs as another user where we are root, which PostgreSQL refuses to be.
    """

    def __init__(self, binaries: Path) -> None:
        self._binaries = binaries
        self._user = _unprivileged() if os.geteuid() == 0 else None
        self._folder = Path(tempfile.mkdtemp(prefix="anacostia-postgres-"))
        if self._user is not None:
            shutil.chown(self._folder, self._user)
        (self.port,) = free_ports(1)
        self._process: subprocess.Popen[bytes] | None = None
        self._names = (f"test_{number}" for number in itertools.count())
        self._run(
            *("initdb", "--auth=trust", "--no-sync", "--encoding=UTF8", "--locale=C"),
            *("-U", USER, "-D", str(self._data)),
        )

    @property
    def _data(self) -> Path:
        return self._folder / "data"

    def _run(self, program: str, *arguments: str) -> None:
        command = [self._binaries / program, *arguments]
        subprocess.run(command, check=True, capture_output=True, user=self._user, cwd="/")

    def start(self) -> PostgresServer:
        settings = {
            "listen_addresses": "127.0.0.1",
            "unix_socket_directories": "",
            "fsync": "off",  # a killed server, unlike a power cut, loses nothing by it
            "max_connections": "300",
        }
        options = [part for name, value in settings.items() for part in ("-c", f"{name}={value}")]
        command = [self._binaries / "postgres", "-D", self._data, "-p", str(self.port), *options]
        self._process = subprocess.Popen(
            ["sh", "-c", WATCHED, "sh", *command],
            stdin=subprocess.PIPE,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            user=self._user,
            cwd="/",
        )
        deadline = time.monotonic() + 120
        while True:
            try:
                psycopg.connect(self.uri("postgres")).close()
            except psycopg.OperationalError:
                if time.monotonic() > deadline or self._process.poll() is not None:
                    raise
                time.sleep(0.05)
            else:
                return self

    def stop(self, number: int = signal.SIGINT) -> None:
        """SIGINT: roll back and go (`fast`); SIGQUIT: go as in a crash."""
        if self._process is not None and self._process.stdin is not None:
            pid = int((self._data / "postmaster.pid").read_text().split()[0])
            os.kill(pid, number)
            self._process.stdin.close()
            self._process.wait(120)
            self._process = None

    def close(self) -> None:
        self.stop()
        shutil.rmtree(self._folder, ignore_errors=True)

    def uri(self, database: str) -> str:
        return f"postgresql://{USER}@127.0.0.1:{self.port}/{database}"

    def new_database(self) -> str:
        """The URI of a new, empty database."""
        name = next(self._names)
        with psycopg.connect(self.uri("postgres"), autocommit=True) as connection:
            connection.execute(f"CREATE DATABASE {name}")  # type: ignore[call-overload]
        return self.uri(name)


def _version(path: Path) -> tuple[int, ...]:
    return tuple(int(part) for part in path.parts[-3].split(".") if part.isdigit())


def _unprivileged() -> str:
    names = {entry.pw_name for entry in pwd.getpwall()}
    return "postgres" if "postgres" in names else "nobody"
