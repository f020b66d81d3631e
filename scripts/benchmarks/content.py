"""Hashing content: this package beside SHA-256 itself, which is what bounds it.

The rival is `hashlib` over the same file in the page cache, 1 MiB at a time, on all cores: what
this machine can hash at all. A CID is one digest for each byte; a version needs two (its CID, and
the SHA-256 of each file, which the manifest lists and which is one chain that no two cores can
share). "used" counts digests, not bytes: how much of what the machine can do is done.
Set ANACOSTIA_BENCH_MIB for another size than 4,096 MiB.
"""

from __future__ import annotations

import os
import resource
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from hashlib import sha256
from pathlib import Path

from anacostia_blockchain.content.folder import scan
from anacostia_blockchain.content.hashing import Hasher

CHUNK = 1 << 20
MIB = int(os.environ.get("ANACOSTIA_BENCH_MIB", "4096"))
REPEAT = 3
SMALL_FILES = 10_000


def main() -> None:
    """Print the table."""
    with large_file() as path:
        raw = best(lambda: read_all(path, os.cpu_count() or 1))
        print(f"{f'{MIB} MiB in one file':38} {'MB/s':>7} {'ratio':>7} {'used':>6} {'RSS MB':>7}")
        show("hashlib on all cores", raw, raw, 1)
        show("hashlib on one", best(lambda: read_all(path, 1)), raw, 1)
        for name, digests, task in (
            ("CID", 1, "cid"),
            ("SHA-256, manifest and CID", 2, "scan"),
        ):
            seconds, memory = measured(task, path)
            show(name, seconds, raw, digests, memory)
    with many_files() as folder:
        seconds, memory = measured("scan", folder)
        print(f"\n{SMALL_FILES} files of 1 KiB: {SMALL_FILES / seconds:,.0f} files/s, {memory} MB")


def read_all(path: Path, threads: int) -> None:
    """Hash a file's chunks with nothing around it."""
    size = path.stat().st_size

    def work(start: int) -> None:
        buffer = bytearray(CHUNK)
        with path.open("rb", buffering=0) as file:
            for at in range(start * CHUNK, size, threads * CHUNK):
                file.seek(at)
                sha256(memoryview(buffer)[: file.readinto(buffer)]).digest()

    workers = [threading.Thread(target=work, args=(n,)) for n in range(threads)]
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join()


def measured(task: str, path: Path) -> tuple[float, int]:
    """Best seconds, and peak memory in MB, of a process of its own."""
    command = [sys.executable, __file__, task, str(path)]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    seconds, memory = done.stdout.split()
    return float(seconds), int(memory)


def child(task: str, path: Path) -> None:
    """Do one task in this process and print seconds and peak memory."""

    def cid() -> None:
        with path.open("rb", buffering=0) as file:
            Hasher().cid(file)

    seconds = best(cid if task == "cid" else lambda: scan(path))
    print(seconds, resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024)


def best(work: Callable[[], object]) -> float:
    """Seconds of the quickest of a few runs."""
    times = []
    for _ in range(REPEAT):
        started = time.perf_counter()
        work()
        times.append(time.perf_counter() - started)
    return min(times)


def show(name: str, seconds: float, raw: float, digests: int, memory: int | None = None) -> None:
    """One row."""
    rate = MIB * CHUNK / seconds / 1e6
    rss = "" if memory is None else str(memory)
    ratio = raw / seconds
    print(f"{name:38} {rate:7,.0f} {ratio:7.2f} {ratio * digests:6.0%} {rss:>7}")


@contextmanager
def large_file() -> Iterator[Path]:
    """A file in the page cache; what is in it does not matter to a hash."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "weights.bin"
        with path.open("wb") as file:
            for number in range(MIB):
                file.write(number.to_bytes(8, "big") * (CHUNK // 8))
        yield path


@contextmanager
def many_files() -> Iterator[Path]:
    """A folder of small files."""
    with tempfile.TemporaryDirectory() as name:
        for number in range(SMALL_FILES):
            (Path(name) / f"{number:05d}.txt").write_bytes(number.to_bytes(8, "big") * 128)
        yield Path(name)


if __name__ == "__main__":
    if len(sys.argv) > 1:
        child(sys.argv[1], Path(sys.argv[2]))
    else:
        main()
