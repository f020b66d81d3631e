"""Gated content beside what bounds it: AES-GCM and SHA-256 themselves, over the same bytes.

Sealing takes three digests of every byte (its SHA-256, its leaf's, and the ciphertext leaf's) and
encrypts it; the rival does just that, 1 MiB at a time, on all cores, and neither reads nor writes a
file. Set ANACOSTIA_BENCH_MIB for another size than 1,024 MiB.
"""

from __future__ import annotations

import os
import resource
import tempfile
import threading
import time
from collections.abc import Callable
from hashlib import sha256
from pathlib import Path

from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from anacostia_blockchain.storage.gated import (
    EnvelopeFolder,
    RecipientKey,
    in_folder,
    open_sealed,
    seal,
)

CHUNK = 1 << 20
MIB = int(os.environ.get("ANACOSTIA_BENCH_MIB", "1024"))


def main() -> None:
    """Print the table."""
    with tempfile.TemporaryDirectory(prefix="anacostia-bench-") as scratch:
        folder = Path(scratch)
        with (folder / "plain").open("wb") as file:
            for _ in range(MIB):
                file.write(os.urandom(CHUNK))
        key, envelopes = RecipientKey.generate(), EnvelopeFolder(folder / "envelopes")
        rival = seconds(bare)
        started = time.perf_counter()
        made = seal(folder / "plain", folder / "sealed", [key.public])
        sealing = time.perf_counter() - started
        envelopes.add(made.envelopes[0])
        opened = open_sealed(in_folder(folder / "sealed"), envelopes, key)
        opening = seconds(lambda: opened.decrypt(folder / "opened"))
    memory = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024
    print(f"{f'{MIB} MiB in one file':38} {'MB/s':>7} {'ratio':>7}")
    for name, taken in (
        ("AES-GCM and three digests", rival),
        ("encrypt, with CIDs and commitment", sealing),
        ("decrypt, compared with the commitment", opening),
    ):
        print(f"{name:38} {MIB * CHUNK / 1e6 / taken:7,.0f} {rival / taken:7.2f}")
    print(f"peak memory {memory} MB")


def bare() -> None:
    """Encrypt and hash with nothing around it."""

    def work(start: int) -> None:
        cipher, data = AESGCM(bytes(32)), bytes(CHUNK)
        for number in range(start, MIB, cores):
            sha256(data).digest()
            sha256(data).digest()
            sha256(cipher.encrypt(number.to_bytes(12), data, None)).digest()

    cores = os.cpu_count() or 1
    workers = [threading.Thread(target=work, args=(n,)) for n in range(cores)]
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join()


def seconds(task: Callable[[], object]) -> float:
    """How long it takes."""
    started = time.perf_counter()
    task()
    return time.perf_counter() - started


if __name__ == "__main__":
    main()
