"""Stores: this package beside Kubo's own command line and beside copies that verify nothing.

usage: scripts/bench storage [--size SIZE] [--turns N] [--entries N] [--only PART …]

SIZE is e.g. 256MiB (the default), 1GiB or 10GiB. A copy is not flushed to the disk where the store
does not flush either, and is where it does. From 4GiB on only the embedded store runs, once, and
what is measured is the peak of memory. Every upload begins with an empty node. Without Kubo
(scripts/setup --ipfs) only the embedded store runs; Web3.Storage needs scripts/setup --w3up.
"""

from __future__ import annotations

import argparse
import os
import shutil
import subprocess
import sys
import tempfile
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, suppress
from hashlib import sha256
from http.client import HTTPConnection
from pathlib import Path
from urllib.parse import urlsplit

sys.path.insert(0, str(Path(__file__).resolve().parent))
sys.path.append(str(Path(__file__).resolve().parents[2] / "tests" / "sdk"))
from _rivals import side_by_side, timed

import w3up_service
from anacostia_blockchain.content.cid import CID
from anacostia_blockchain.content.digests import DigestCache
from anacostia_blockchain.content.folder import import_source, scan
from anacostia_blockchain.content.hashing import Hasher
from anacostia_blockchain.content.unixfs import CHUNK
from anacostia_blockchain.errors import ConfigError
from anacostia_blockchain.storage import LocalStore
from anacostia_blockchain.storage.base import Store
from anacostia_blockchain.storage.testing import KuboNode, find_server

UNITS = {"MiB": 1, "GiB": 1024}
LARGE = 4096
"""MiB from which on only memory is measured."""

FILES = 100
CHANGED = 1
"""Files of those that differ in the second version."""

PEAK = "print(Path('/proc/self/status').read_text().split('VmHWM:')[1].split()[0])\n"


def main() -> None:
    """Print the tables."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--size", type=mebibytes, default=256)
    parser.add_argument("--turns", type=int, default=7)
    parser.add_argument("--entries", type=int, default=0, help="of a directory, instead of a file")
    parts = {"local": local, "versions": versions, "cid": cid, "uploads": uploads, "reads": reads}
    parser.add_argument("--only", nargs="*", choices=parts, default=list(parts))
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        if options.entries:
            entries(options.entries, folder)
            return
        file = made(folder / "weights.bin", options.size)
        if options.size >= LARGE:
            memory(file, folder)
            return
        for part in options.only:
            try:
                if part not in ("local", "versions"):
                    find_server("ipfs")
            except ConfigError as error:
                print(f"\n{part}: {error}")
            else:
                parts[part](file, folder, options.turns)


def local(file: Path, folder: Path, turns: int) -> None:
    """The embedded store beside a copy that nobody verifies, and what verifying costs at least."""
    store, target = LocalStore(folder / "store"), folder / "target"
    root, size = store.put(file), file.stat().st_size
    works = {
        "copy of the file": lambda: shutil.copyfile(file, target),
        "read, SHA-256, write on all cores": lambda: hash_all(file, target),
        "LocalStore.get, verified": lambda: store.get(root, target),
    }
    side_by_side("embedded store, nothing flushed", size, works, turns, target=target)
    works = {
        "copy of the file, flushed": lambda: flushed(file, target),
        "LocalStore.put": lambda: LocalStore(target).put(file),
    }
    side_by_side("embedded store, flushed to disk", size, works, turns, target=target)


def cid(file: Path, _folder: Path, turns: int) -> None:
    """The CID beside Kubo's, and beside SHA-256 on all cores."""
    with KuboNode() as node:
        printed = node.ipfs("add", "-Q", "--only-hash", file)
        if printed != str(scan(file).cid):
            raise SystemExit(f"error: Kubo prints {printed}, this package {scan(file).cid}")
        bound = "SHA-256 of each MiB on all cores"
        works = {
            "ipfs add --only-hash": lambda: node.ipfs("add", "-Q", "--only-hash", file),
            "CID of the file": lambda: import_source(file),
            "CID of a stream": lambda: cid_of(file),
            "scan: CID, SHA-256 and manifest": lambda: scan(file),
            bound: lambda: hash_all(file),
        }
        side_by_side("CID alone", file.stat().st_size, works, turns, bound)


def uploads(file: Path, folder: Path, turns: int) -> None:
    """To an empty node each time."""

    def command() -> float:
        with KuboNode() as node:
            return timed(lambda: node.ipfs("add", "-Q", file))

    def put() -> float:
        with KuboNode() as node:
            return timed(lambda: kubo_store(node).put(file))

    def post() -> float:
        with KuboNode() as node:
            return timed(lambda: post_file(node, file))

    works = {"ipfs add": command, "KuboStore.put": put, "what it sends, hashed by Kubo alone": post}
    side_by_side("to a Kubo node", file.stat().st_size, works, turns)
    code = (
        "import sys; from pathlib import Path\n"
        "from anacostia_blockchain.storage.kubo import KuboStore\n"
        "KuboStore(sys.argv[1]).put(Path(sys.argv[2]))\n"
    )
    with KuboNode() as node:
        print(f"{'peak memory of KuboStore.put':40} {peak(code, node.api, file):>7} MB")
    del folder


def reads(file: Path, folder: Path, turns: int) -> None:
    """Verified here, beside a download that takes what comes."""
    from anacostia_blockchain.storage.gateway import GatewayStore  # noqa: PLC0415 - loads HTTP

    with KuboNode() as node:
        root, target = kubo_store(node).put(file), folder / "target"
        near, far = GatewayStore(node.gateway), GatewayStore(node.gateway)
        near.near, far.near = 60, 0  # whatever the load: as if it were next door, or far away
        url = f"{node.gateway}/ipfs/{root}"
        works = {
            "GET /ipfs/CID, unverified": lambda: download(url, target),
            "GET /ipfs/CID?format=car, unverified": lambda: download(f"{url}?format=car", target),
            "ipfs get": lambda: node.ipfs("get", "-o", str(target), str(root)),
            "GatewayStore.get, nearby: by blocks": lambda: near.get(root, target),
            "GatewayStore.get, far away: one stream": lambda: far.get(root, target),
            "KuboStore.get, verified": lambda: kubo_store(node).get(root, target),
        }
        side_by_side("from a Kubo node", file.stat().st_size, works, turns, target=target)


def versions(file: Path, folder: Path, _turns: int) -> None:
    """A second version of a folder, of which one file in a hundred changed."""
    model, size = folder / "model", max(1, file.stat().st_size // CHUNK // FILES)
    model.mkdir()
    for number in range(FILES):
        made(model / f"{number}.bin", size)
    time.sleep(2.5)  # what has just been written is not remembered
    stores: dict[str, Store] = {
        "LocalStore": LocalStore(folder / "s", digests=DigestCache(folder / "1.db")),
        "LocalStore without a cache": LocalStore(folder / "t"),
    }
    with ExitStack() as stack:
        with suppress(ConfigError):
            node = stack.enter_context(KuboNode())
            stores["KuboStore"] = kubo_store(node, DigestCache(folder / "2.db"))
        if w3up_service.installed():
            service = stack.enter_context(w3up_service.W3upService())
            stores["Web3Storage"] = w3up_store(service, folder)
        again(model, size, stores)


def again(model: Path, size: int, stores: dict[str, Store]) -> None:
    print(f"\n{FILES} files of {size} MiB, {CHANGED} changed (load {os.getloadavg()[0]:.1f})")
    print(f"{'':40} {'first':>9} {'second':>9} {'ratio':>7} {'read':>9}")
    first = {name: timed(lambda store=store: store.put(model)) for name, store in stores.items()}
    for number in range(CHANGED):
        made(model / f"{number}.bin", size)
    for name, store in stores.items():
        before = read_so_far()
        second = timed(lambda store=store: store.put(model))
        read = (read_so_far() - before) / CHUNK
        ratio = first[name] / second
        print(f"{name:40} {first[name]:>7.2f} s {second:>7.2f} s {ratio:>6.1f}x {read:>5.1f} MiB")


def memory(file: Path, folder: Path) -> None:
    """The peak of a process that puts a large file, and of one that gets it."""
    head = (
        "import sys; from pathlib import Path\n"
        "from anacostia_blockchain.content.cid import CID\n"
        "from anacostia_blockchain.storage import LocalStore\n"
        "store = LocalStore(sys.argv[1])\n"
    )
    put, get = (
        "store.put(Path(sys.argv[2]))\n",
        "store.get(CID.parse(sys.argv[3]), Path(sys.argv[2]))\n",
    )
    size, store = file.stat().st_size, folder / "store"
    print(f"\n{size / 2**30:g} GiB, embedded store (load {os.getloadavg()[0]:.1f})")
    print(f"{'':40} {'MB/s':>7} {'peak':>7}")

    def measured(name: str, code: str, *arguments: object) -> None:
        started = time.perf_counter()
        most = peak(head + code, store, *arguments)
        seconds = time.perf_counter() - started
        print(f"{name:40} {size / 1e6 / seconds:>7,.0f} {most:>4} MB", flush=True)

    measured("LocalStore.put, flushed to disk", put, file)
    root = next(LocalStore(store).pins()).cid
    file.unlink()  # there may be no room for three
    measured("LocalStore.get, verified", get, folder / "copy", root)


def cid_of(file: Path) -> CID:
    with file.open("rb", buffering=0) as stream:
        return Hasher().cid(stream)


def flushed(file: Path, target: Path) -> None:
    shutil.copyfile(file, target)
    with target.open("rb") as copy:
        os.fsync(copy.fileno())


def entries(count: int, folder: Path) -> None:
    """A folder of many small files: put, looked into, measured, and got back."""
    head = (
        "import sys; from pathlib import Path\n"
        "from anacostia_blockchain.content.cid import CID\n"
        "from anacostia_blockchain.storage import LocalStore\n"
        "store, model = LocalStore(sys.argv[1]), Path(sys.argv[2])\n"
        "root = next((pin.cid for pin in store.pins()), None)\n"
    )
    model, store = folder / "model", folder / "store"
    model.mkdir()
    for number in range(count):
        (model / f"{number:07}.json").write_text(f'{{"label": {number}}}')
    print(f"\n{count:,} files in one directory (load {os.getloadavg()[0]:.1f})")
    print(f"{'':40} {'seconds':>7} {'peak':>7}")
    for name, code in {
        "LocalStore.put": "store.put(model)\n",
        "LocalStore.open of one": f"store.open(root, '{count - 1:07}.json').read()\n",
        "LocalStore.stat": f"assert store.stat(root).files == {count}\n",
        "LocalStore.get": "store.get(root, model.with_name('copy'))\n",
    }.items():
        started = time.perf_counter()
        most = peak(head + code, store, model)
        print(f"{name:40} {time.perf_counter() - started:>7.1f} {most:>4} MB", flush=True)


def kubo_store(node: KuboNode, digests: DigestCache | None = None) -> Store:
    from anacostia_blockchain.storage.kubo import KuboStore  # noqa: PLC0415 - an extra

    return KuboStore(node.api, patience=0, digests=digests)


def w3up_store(service: w3up_service.W3upService, folder: Path) -> Store:
    from anacostia_blockchain.storage.web3storage.identity import Signer  # noqa: PLC0415 - an extra
    from anacostia_blockchain.storage.web3storage.store import Web3Storage  # noqa: PLC0415 - likewise

    principal, digests = Signer.generate(), DigestCache(folder / "3.db")
    proof = service.new_space(principal)
    return Web3Storage.open_space(service.service, principal, proof, folder / "w3up", digests)


def post_file(node: KuboNode, file: Path) -> None:
    """Send a file as `put` does, and believe the node: what that leaves out is hashing it here."""
    from anacostia_blockchain.storage.http import Service  # noqa: PLC0415 - an extra
    from anacostia_blockchain.storage.upload import FileUpload  # noqa: PLC0415 - likewise

    # how the file is cut stands in the node's own settings, as for the command
    with FileUpload(Service(node.api), "/api/v0/add", {}) as upload, file.open("rb", 0) as stream:
        buffer = memoryview(bytearray(CHUNK))
        while size := stream.readinto(buffer):
            upload.write(buffer[:size])
        upload.finish()


def download(url: str, target: Path) -> None:
    parts = urlsplit(url)
    connection = HTTPConnection(parts.netloc)
    connection.request("GET", f"{parts.path}?{parts.query}")
    with target.open("wb") as out:
        shutil.copyfileobj(connection.getresponse(), out, CHUNK)


def hash_all(path: Path, copy: Path | None = None) -> None:
    """Hash a file's chunks on all cores with nothing around it, and write them if asked for."""
    threads, size = os.cpu_count() or 1, path.stat().st_size
    target = os.open(copy, os.O_CREAT | os.O_WRONLY) if copy else None
    local = threading.local()

    def work(at: int) -> None:
        if not hasattr(local, "buffer"):
            local.buffer, local.file = bytearray(CHUNK), path.open("rb", buffering=0)
        view = memoryview(local.buffer)[: os.preadv(local.file.fileno(), [local.buffer], at)]
        sha256(view).digest()
        if target is not None:
            os.pwrite(target, view, at)

    with ThreadPoolExecutor(threads) as pool:
        list(pool.map(work, range(0, size, CHUNK)))
    if target is not None:
        os.close(target)


def made(path: Path, size: int) -> Path:
    """A file of so many MiB, of which no two are alike."""
    block = bytearray(os.urandom(CHUNK))
    with path.open("wb") as out:
        for number in range(size):
            block[:16] = number.to_bytes(8, "big") + os.urandom(8)
            out.write(block)
    return path


def mebibytes(text: str) -> int:
    number, unit = text[:-3], text[-3:]
    if unit not in UNITS or not number.isdecimal() or not int(number):
        raise argparse.ArgumentTypeError(f"{text} is no size such as 256MiB or 10GiB")
    return int(number) * UNITS[unit]


def peak(code: str, *arguments: object) -> int:
    """Megabytes that a process had in memory at most."""
    command = [sys.executable, "-c", code + PEAK, *map(str, arguments)]
    done = subprocess.run(command, stdout=subprocess.PIPE, text=True, check=True)
    return int(done.stdout.split()[-1]) * 1024 // 1_000_000


def read_so_far() -> int:
    """Bytes that this process has read from anywhere."""
    return int(Path("/proc/self/io").read_text().split("rchar:")[1].split()[0])


if __name__ == "__main__":
    main()
