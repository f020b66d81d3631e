"""Stores: this package beside Kubo's own command line and beside copies that verify nothing.

Each line names its rival in the line before it; a ratio above 1 is faster than the rival. Every
upload begins with an empty node. Without Kubo (scripts/setup --ipfs) only the embedded store runs.
Set ANACOSTIA_BENCH_MIB for another size than 512 MiB.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable
from hashlib import sha256
from http.client import HTTPConnection
from pathlib import Path
from urllib.parse import urlsplit

from anacostia_blockchain.content.cid import CID
from anacostia_blockchain.content.folder import scan
from anacostia_blockchain.content.unixfs import CHUNK
from anacostia_blockchain.errors import ConfigError
from anacostia_blockchain.storage import LocalStore
from anacostia_blockchain.storage.base import Store
from anacostia_blockchain.storage.testing import KuboNode, find_server

MIB = int(os.environ.get("ANACOSTIA_BENCH_MIB", "512"))
REPEAT = 3
FILES = 100
CHANGED = 1
"""Files of those that differ in the second version."""


def main() -> None:
    """Print the tables."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        file = folder / "weights.bin"
        with file.open("wb") as out:
            for _ in range(MIB):
                out.write(os.urandom(CHUNK))
        local(file, folder)
        try:
            find_server("ipfs")
        except ConfigError as error:
            print(f"\nKubo: {error}")
            return
        hashing(file)
        uploads(file, folder)
        downloads(file, folder)
        versions(folder)


def local(file: Path, folder: Path) -> None:
    """The embedded store beside a copy that nobody verifies."""
    title(f"{MIB} MiB, embedded store")
    plain = best(lambda: shutil.copyfile(file, fresh(folder / "plain")))
    show("copy of the file", plain, plain)
    store = LocalStore(folder / "store")
    cid = store.put(file)
    verified = best(lambda: store.get(cid, fresh(folder / "copy")))
    show("LocalStore.get, verified", verified, plain)
    again = best(lambda: LocalStore(fresh(folder / "store-2")).put(file))
    show("LocalStore.put, flushed to disk", again, plain)


def hashing(file: Path) -> None:
    """The CID beside Kubo's, and beside SHA-256 on all cores."""
    title(f"{MIB} MiB, CID alone")
    with KuboNode() as node:
        kubo = best(lambda: node.ipfs("add", "-Q", "--only-hash", file))
        printed = node.ipfs("add", "-Q", "--only-hash", file)
    show("ipfs add --only-hash", kubo, kubo)
    expect(printed, str(scan(file).cid))
    show("scan: CID, SHA-256 and manifest", best(lambda: scan(file)), kubo)
    show("SHA-256 on all cores, one digest", best(lambda: hash_all(file)), kubo)


def uploads(file: Path, folder: Path) -> None:
    """To an empty node each time."""
    title(f"{MIB} MiB, to a Kubo node")

    def command(node: KuboNode) -> None:
        node.ipfs("add", "-Q", file)

    kubo = best_upload(command)
    show("ipfs add", kubo, kubo)
    show("KuboStore.put", best_upload(lambda node: kubo_store(node).put(file)), kubo)
    code = (
        "import sys; from pathlib import Path\n"
        "from anacostia_blockchain.storage.kubo import KuboStore\n"
        "KuboStore(sys.argv[1]).put(Path(sys.argv[2]))\n"
        "print(Path('/proc/self/status').read_text().split('VmHWM:')[1].split()[0])\n"
    )
    if Path("/proc/self/status").exists():
        with KuboNode() as node:
            command_line = [sys.executable, "-c", code, node.api, str(file)]
            done = subprocess.run(command_line, capture_output=True, text=True, check=True)
        print(f"{'peak memory of KuboStore.put':38} {int(done.stdout) // 1024:>7} MB")
    del folder


def downloads(file: Path, folder: Path) -> None:
    """Verified here, beside a download that takes what comes."""
    from anacostia_blockchain.storage.gateway import GatewayStore  # noqa: PLC0415

    title(f"{MIB} MiB, from a Kubo node")
    with KuboNode() as node:
        cid = kubo_store(node).put(file)
        plain = best(lambda: download(f"{node.gateway}/ipfs/{cid}", fresh(folder / "plain")))
        show("GET /ipfs/CID, unverified", plain, plain)
        command = best(lambda: node.ipfs("get", "-o", str(fresh(folder / "got")), str(cid)))
        show("ipfs get", command, plain)
        for name, store in (
            ("GatewayStore.get, one stream", GatewayStore(node.gateway)),
            ("GatewayStore.get, by blocks", GatewayStore(node.gateway, streams=False)),
            ("KuboStore.get, verified", kubo_store(node)),
        ):
            show(name, best(lambda store=store: fetch(store, cid, folder)), plain)


def versions(folder: Path) -> None:
    """A second version of a folder, of which one file in a hundred changed."""
    title(f"{FILES} files of {MIB // FILES or 1} MiB, {CHANGED} changed")
    model = folder / "model"
    model.mkdir()
    for number in range(FILES):
        (model / f"{number}.bin").write_bytes(os.urandom((MIB // FILES or 1) * CHUNK))
    with KuboNode() as node:
        store = kubo_store(node)
        first = timed(lambda: store.put(model))
        show("KuboStore.put, first version", first, first)
        for number in range(CHANGED):
            (model / f"{number}.bin").write_bytes(os.urandom((MIB // FILES or 1) * CHUNK))
        show("KuboStore.put, second version", timed(lambda: store.put(model)), first)


def kubo_store(node: KuboNode) -> Store:
    from anacostia_blockchain.storage.kubo import KuboStore  # noqa: PLC0415 - an extra

    return KuboStore(node.api, patience=0)


def fetch(store: Store, cid: CID, folder: Path) -> None:
    store.get(cid, fresh(folder / "copy"))


def download(url: str, target: Path) -> None:
    parts = urlsplit(url)
    connection = HTTPConnection(parts.netloc)
    connection.request("GET", parts.path)
    with target.open("wb") as out:
        shutil.copyfileobj(connection.getresponse(), out, CHUNK)


def hash_all(path: Path) -> None:
    """Hash a file's chunks on all cores with nothing around it."""
    threads, size = os.cpu_count() or 1, path.stat().st_size

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


def best_upload(upload: Callable[[KuboNode], object]) -> float:
    seconds = []
    for _ in range(REPEAT):
        with KuboNode() as node:
            seconds.append(timed(lambda node=node: upload(node)))
    return min(seconds)


def best(work: Callable[[], object]) -> float:
    """Seconds, the best of some: other programs can only slow it down."""
    return min(timed(work) for _ in range(REPEAT))


def timed(work: Callable[[], object]) -> float:
    started = time.perf_counter()
    work()
    return time.perf_counter() - started


def fresh(path: Path) -> Path:
    """A place where nothing is."""
    if path.is_dir():
        shutil.rmtree(path)
    path.unlink(missing_ok=True)
    return path


def expect(found: str, wanted: str) -> None:
    if found != wanted:
        raise SystemExit(f"error: Kubo prints {found}, this package {wanted}")


def title(text: str) -> None:
    print(f"\n{text:38} {'MB/s':>7} {'ratio':>7}")


def show(name: str, seconds: float, base: float) -> None:
    print(f"{name:38} {MIB * CHUNK / 1e6 / seconds:>7,.0f} {base / seconds:>6.2f}x", flush=True)


if __name__ == "__main__":
    main()
