"""All evidence about a model, at two sizes: time should grow with it, memory should not.

Versions have parents and statements, and every tenth run published one. Each audit and each
verification is a process of its own, so that peaks can be told apart; seconds are its processor's,
which do not depend on what else the machine does. Set ANACOSTIA_BENCH_VERSIONS
for another size than 1,000 versions with 10,000 runs.
"""

from __future__ import annotations

import dataclasses
import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from sqlalchemy import insert

from anacostia_blockchain.client import Anacostia
from anacostia_blockchain.content.cid import CID
from anacostia_blockchain.content.version import describe_version
from anacostia_blockchain.ledger.log import MerkleLog
from anacostia_blockchain.ledger.record import RunRecord
from anacostia_blockchain.metadata import runlog, schema
from anacostia_blockchain.testing import LocalChain
from anacostia_blockchain.tracking import open_book
from anacostia_blockchain.types import Kind, Parent

VERSIONS = int(os.environ.get("ANACOSTIA_BENCH_VERSIONS", "1000"))
RUNS = 10
"""For each version."""

PEAK = """
def peak():
    lines = open("/proc/self/status")
    return next(int(line.split()[1]) for line in lines if line.startswith("VmHWM")) / 1024
"""
"""Most memory in MB; what `getrusage` says includes the parent's, at the time of the fork."""

AUDIT = """
import sys, time
from pathlib import Path
from anacostia_blockchain.client import connect
from anacostia_blockchain.evidence.collect import write_evidence
url, home, target = sys.argv[1:]
hub = connect(url, home=home)
started = time.process_time()
index = write_evidence(hub, 1, Path(target), databases=[Path(home, "runs.db")])
print(time.process_time() - started, peak())
print(index["block"]["hash"])
"""

VERIFY = """
import sys, time
from pathlib import Path
from anacostia_blockchain.evidence.check import verify_evidence
target, digest = sys.argv[1:]
started = time.process_time()
report = verify_evidence(Path(target), block_hashes=[digest])
assert report.passed, report
print(time.process_time() - started, peak())
"""


def main() -> None:
    """Print the table."""
    head = f"{'versions':>9} {'runs':>7} {'audit s':>8} {'peak MB':>8} {'verify s':>9}"
    print(f"{head} {'peak MB':>8} {'file MB':>8}")
    peaks = []
    for versions in (VERSIONS // 10, VERSIONS):
        with (
            tempfile.TemporaryDirectory(prefix="anacostia-bench-") as scratch,
            LocalChain() as local,
        ):
            home = Path(scratch)
            hub = Anacostia(local.chain(), local.deploy(), home=home)
            hub.deployment.save(home / "deployments")
            publish(hub, home, versions)
            target = home / "evidence.zip"
            (taken, peak), digest = child(AUDIT, local.rpc_url, home, target)
            (checked, check_peak), _ = child(VERIFY, target, digest)
            row = f"{versions:9,} {versions * RUNS:7,} {taken:8.1f} {peak:8.0f} {checked:9.1f}"
            print(f"{row} {check_peak:8.0f} {target.stat().st_size / 1e6:8.1f}", flush=True)
            peaks.append((peak, check_peak))
    (small, small_check), (large, large_check) = peaks
    print(f"memory at ten times the size: {large / small:.2f} and {large_check / small_check:.2f}")


def publish(hub: Anacostia, home: Path, versions: int) -> None:
    """Record runs, anchor them, and publish a version for every tenth."""
    salt, leaves = record(home / "runs.db", versions * RUNS, hub)
    log_id = hub.ledger.log_id_of(hub.address, salt)
    model_id, calls, previous = 1, [], None
    for number in range(1, versions + 1):
        file = home / "weights.bin"
        file.write_bytes(os.urandom(256))
        leaf = leaves[(number - 1) * RUNS]
        described = describe_version(
            file,
            name="digits",
            licence="apache-2.0",
            metrics={"accuracy": 0.9},
            provenance={"log_id": "0x" + log_id.hex(), "run_leaf": "0x" + leaf.hex()},
        )
        root: CID = hub.storage.put(described)
        if previous is None:
            hub.registry.register("digits", Kind.MODEL, root)
        else:
            calls.append(hub.registry.calls.publish(model_id, root, [previous]))
        previous = Parent(model_id, number)
    if calls:
        # A call is estimated on the state before all of them, which does not have its parent yet.
        hub.chain.send_many([dataclasses.replace(call, gas=300_000) for call in calls])
    for number in range(1, versions + 1, max(versions // 20, 1)):
        hub.registry.set_alias(model_id, "champion", number)


def record(path: Path, count: int, hub: Anacostia) -> tuple[bytes, list[bytes]]:
    """Runs as they are recorded when they end, all in one transaction, and their head anchored."""
    book = open_book(f"sqlite:///{path}", hub)
    salt = bytes.fromhex(book.setting("log_salt"))
    records = [
        RunRecord.build([("metric", "train", "loss", 1 / (number + 1))]) for number in range(count)
    ]
    leaves = [record.root for record in records]
    with book.database.write() as connection:
        rows = [
            {
                "run_id": number,
                "status": "succeeded",
                "source": "train",
                "started_at": "2026-01-01T00:00:00",
                "ended_at": "2026-01-01T00:01:00",
                "record": record.to_json().decode(),
                "leaf": record.root.hex(),
                "log_index": number,
            }
            for number, record in enumerate(records)
        ]
        connection.execute(insert(schema.runs), rows)
        MerkleLog(connection, runlog.NAME).extend(leaves)
        root = MerkleLog(connection, runlog.NAME).root()
        log_id = hub.ledger.log_id_of(hub.address, salt)
        anchor = {"run_id": 0, "network": runlog.network(hub), "size": count, "proof": ""}
        connection.execute(insert(schema.anchors).values(anchor | {"log_id": "0x" + log_id.hex()}))
    hub.ledger.open_log(salt, hub.address)
    hub.ledger.anchor(log_id, count, root, [])
    return salt, leaves


def child(program: str, *arguments: object) -> tuple[tuple[float, float], str]:
    """Run it in a process of its own; returns seconds, peak and the rest of what it printed."""
    done = subprocess.run(
        [sys.executable, "-c", PEAK + program, *map(str, arguments)],
        check=True,
        stdout=subprocess.PIPE,
        text=True,
    )
    first, *rest = done.stdout.splitlines()
    seconds, peak = map(float, first.split())
    return (seconds, peak), "".join(rest)


if __name__ == "__main__":
    started = time.perf_counter()
    main()
    print(f"in all {time.perf_counter() - started:.0f} s")
