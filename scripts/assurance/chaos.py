"""Half an hour of accidents: every run ends up anchored once, and every version published once.

usage: scripts/assure chaos [-- SECONDS [SEED]]

Two processes train: they record runs, store what they made in a Kubo node, and publish some of it.
They hold no key; two workers with the key anchor and publish for them. Meanwhile, at random: a
trainer, a worker, the Kubo node or the chain's node is killed (SIGKILL) and started again; requests
to the chain are lost before it has seen them, or its answers after it has acted. When the time is
over all is left alone, one worker finishes, and what is on chain is compared with what the runs'
records say.

Anvil keeps no disk, so its blocks are read out before it is killed, and what it is asked from then
on is lost with its pool: as with a node whose disk is sound.
"""

from __future__ import annotations

import gzip
import json
import random
import shutil
import signal
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory, mkdtemp

sys.path.insert(0, str(Path(__file__).resolve().parents[2] / "tests" / "sdk"))

from anacostia_blockchain.audit import RecordedRun, RunDatabase
from anacostia_blockchain.chain import Chain, KeylessSigner
from anacostia_blockchain.chain.rpc import Rpc
from anacostia_blockchain.client import Anacostia
from anacostia_blockchain.content.statement import Statement
from anacostia_blockchain.deployment import Deployment
from anacostia_blockchain.errors import AnacostiaError
from anacostia_blockchain.metadata.database import open_database
from anacostia_blockchain.outbox.worker import Worker, local_source
from anacostia_blockchain.storage.testing import KuboNode
from anacostia_blockchain.testing import LocalChain, dev_signer
from chains import anchored_sizes
from faults import FaultyEndpoint

MODEL = "chaos"
CHAIN = "chain.json"
"""File of the chain's state."""
PUBLISH_EVERY = 4
PAUSE = (1.0, 12.0)
"""Seconds between two accidents."""
STARTS = 4.0
"""Seconds in which all processes start on a machine that has nothing else to do."""
LOST = 0.04
"""Share of the chain's requests that are lost while accidents happen, and of its answers."""
PATIENCE = 900
"""Seconds in which one worker has to finish what is left."""
CAST = ("trainer 1", "trainer 2", "worker 1", "worker 2")


def main() -> None:
    arguments = sys.argv[1:]
    if arguments and arguments[0] in ROLES:
        ROLES[arguments[0]](Path(arguments[1]), Path(arguments[2]))
        return
    seconds = float(arguments[0]) if arguments else 1800
    seed = int(arguments[1]) if len(arguments) > 1 else time.time_ns() % 1_000_000
    print(f"chaos: {seconds:.0f} s, seed {seed}", flush=True)
    with (
        kept_if_it_fails() as folder,
        LocalChain(state=folder / CHAIN) as chain,
        KuboNode() as kubo,
        FaultyEndpoint(chain.rpc_url) as endpoint,
    ):
        chain.deploy().save(folder)
        chance = random.Random(seed)  # noqa: S311 - it decides what breaks
        world = World(folder, chain, kubo, endpoint, chance)
        world.run(seconds)
        world.finish()
        world.compare()


@contextmanager
def kept_if_it_fails() -> Iterator[Path]:
    """A folder of which what went wrong can be read."""
    folder = Path(mkdtemp(prefix="anacostia-chaos-"))
    try:
        yield folder
    except BaseException:
        print(f"chaos: what was recorded is kept in {folder}", file=sys.stderr)
        raise
    shutil.rmtree(folder)


class World:
    """What runs, and what happens to it.

    Args:
        folder: of all that is written.
        endpoint: stands before the chain, under the same address however often that starts.
        chance: decides what happens.
    """

    def __init__(
        self,
        folder: Path,
        chain: LocalChain,
        kubo: KuboNode,
        endpoint: FaultyEndpoint,
        chance: random.Random,
    ) -> None:
        self._folder = folder
        self._chain = chain
        self._kubo = kubo
        self._endpoint = endpoint
        self._chance = chance
        self._happened: Counter[str] = Counter()
        self._processes: dict[str, subprocess.Popen[bytes]] = {}

    def run(self, seconds: float) -> None:
        """Let accidents happen for some time."""
        self._endpoint.fault = lambda _body: self._lose("request lost")
        self._endpoint.after = lambda _body: self._lose("answer lost")
        pace = self._pace()
        end = time.monotonic() + seconds
        while (left := end - time.monotonic()) > 0:
            self._keep_running()
            # What is alive gets on meanwhile.
            time.sleep(min(self._chance.uniform(*PAUSE) * pace, left))
            self._accident()
        self._endpoint.fault = self._endpoint.after = lambda _body: None

    def finish(self) -> None:
        """End what runs, and let one worker carry out what is left."""
        for process in self._processes.values():
            process.kill()
            process.wait()
        self._write_addresses()
        hub = connect(self._folder, self._folder / "last", with_key=True)
        # What the dead left open is closed, as it is by whatever run comes next.
        with hub.runs.start("last", database=database_uri(self._folder), wait=0):
            pass
        worker = make_worker(self._folder, hub)
        left = worker.once(PATIENCE)
        if left or worker.refused():
            raise SystemExit(f"error: {left} intents are left, refused: {worker.refused()}")

    def compare(self) -> None:
        """Hold the chain against the record."""
        hub = connect(self._folder, self._folder / "last", with_key=False)
        database = RunDatabase(self._folder / "runs.db")
        runs = database.runs()
        _, log = local_source(open_database(database_uri(self._folder)), hub)
        sizes = anchored_sizes(hub, hub.ledger.log_id_of(hub.address, log.salt))
        if sizes != sorted(set(sizes)) or sizes[-1] != len(runs):
            raise SystemExit(f"error: {len(runs)} runs, and heads of {sizes[-20:]}")
        if unmarked := [run.run_id for run in runs if run.block is None]:
            raise SystemExit(
                f"error: {len(unmarked)} of {len(runs)} runs are not marked as anchored: "
                f"{unmarked[:10]} … {unmarked[-1]}"
            )
        for run in runs:
            report = database.verify(run.run_id, hub)
            if not all(check.passed for check in report.checks):
                raise SystemExit(f"error: run {run.run_id} is not as it should be: {report}")
        asked = {run.leaf for run in runs if asked_to_publish(database, run)}
        if not asked:
            raise SystemExit(f"error: nothing was to be published by {len(runs)} runs: take longer")
        made = Counter(self._leaves(hub))
        if made != Counter(asked):
            missing, strange = asked - made.keys(), made.keys() - asked
            raise SystemExit(
                f"error: {len(asked)} runs asked to publish, and there are {made.total()} versions:"
                f" {len(missing)} runs without one, {len(strange)} versions of no such run"
            )
        states = Counter(run.status for run in runs)
        print(f"happened: {dict(sorted(self._happened.items()))}")
        print(
            f"recorded: {len(runs)} runs, {dict(states)}, each anchored once, in {len(sizes)} heads"
        )
        print(f"published: {len(asked)} runs succeeded and asked to, each has its one version")

    def _leaves(self, hub: Anacostia) -> list[str]:
        """Of each version on chain the run that made it, as the version's own content has it."""
        leaves = []
        for version in hub.models.versions(MODEL):
            with TemporaryDirectory() as folder:
                made = hub.storage.get(version.root, Path(folder) / "version")
                leaf = Statement.parse((made / "statement.json").read_bytes()).run_leaf
            leaves.append("" if leaf is None else leaf.hex())
        return leaves

    def _pace(self) -> float:
        """Accidents come more slowly where processes do, or most would die before they begin."""
        started = time.monotonic()
        while not all((self._folder / name.replace(" ", "-")).exists() for name in CAST):
            self._keep_running()
            time.sleep(0.1)  # nothing but the folders that they make tells it
        return max(1.0, (time.monotonic() - started) / STARTS)

    def _keep_running(self) -> None:
        self._write_addresses()
        for name in CAST:
            process = self._processes.get(name)
            if process is not None and process.poll() not in (None, -signal.SIGKILL):
                told = (self._folder / "log").read_text()[-3000:]
                raise SystemExit(f"error: {name} ended by itself ({process.returncode}):\n{told}")
            if process is None or process.poll() is not None:
                home = self._folder / name.replace(" ", "-")
                command = [sys.executable, __file__, name.split()[0], self._folder, home]
                with (self._folder / "log").open("ab") as log:
                    self._processes[name] = subprocess.Popen(
                        [str(part) for part in command], stdin=subprocess.DEVNULL, stderr=log
                    )

    def _accident(self) -> None:
        name = self._chance.choice([*CAST, "Kubo", "chain"])
        self._happened[f"{name.split()[0]} killed"] += 1
        if name == "Kubo":
            self._kubo.kill()
            time.sleep(self._chance.uniform(0, 1))  # others find no node for a while
            self._kubo.start()
        elif name == "chain":
            self._kill_chain()
        else:
            self._processes[name].send_signal(signal.SIGKILL)
            self._processes[name].wait()

    def _kill_chain(self) -> None:
        """Its blocks survive, and what waits for one does not."""
        rpc = Rpc(self._chain.rpc_url)
        rpc("evm_setAutomine", False)
        time.sleep(0.5)  # whatever block was being made is done; what comes now waits in the pool
        blocks = gzip.decompress(bytes.fromhex(rpc("anvil_dumpState").removeprefix("0x")))
        self._chain.kill()
        (self._folder / CHAIN).write_bytes(blocks)
        time.sleep(self._chance.uniform(0, 1))  # others find no chain for a while
        self._chain.start()
        self._endpoint.target = self._chain.rpc_url

    def _lose(self, what: str) -> str | None:
        if self._chance.random() >= LOST:
            return None
        self._happened[what] += 1
        return "drop"

    def _write_addresses(self) -> None:
        """Where the chain and the node are now: a node that starts again has another port."""
        told = {"rpc": self._endpoint.url, "store": self._kubo.api.replace("http", "kubo", 1)}
        partial = self._folder / "addresses.part"
        partial.write_text(json.dumps(told))
        partial.replace(self._folder / "addresses.json")


# ------------------------------------------------------------------ what is killed


def train(world: Path, home: Path) -> None:
    """Record runs until killed; a run that cannot store what it made fails, and is recorded too.

    Every fourth asks to be published. Who is killed counts from one again: it is fewer than a
    quarter of them all.
    """
    number = 0
    while True:
        hub = connect(world, home, with_key=False)
        number += 1
        made = home / "model.bin"
        made.write_bytes(f"{home.name} {number} {time.time_ns()}\n".encode() * 1000)
        try:
            with hub.runs.start("train", database=database_uri(world), wait=0) as run:
                run.log_params(number=number)
                run.log_metrics(loss=1 / number)
                if number % PUBLISH_EVERY:
                    run.log_artifact(made)
                else:
                    run.publish(made, MODEL)
        except AnacostiaError as error:
            print(f"{home.name}: {error}", file=sys.stderr, flush=True)
        time.sleep(0.5)  # some are killed between two runs; without a rest too many to compare


def work(world: Path, home: Path) -> None:
    """Anchor and publish until killed."""
    while True:
        try:
            make_worker(world, connect(world, home, with_key=True)).once(5)
        except AnacostiaError as error:
            print(f"{home.name}: {error}", file=sys.stderr, flush=True)
        time.sleep(0.2)  # a worker's own pace when there is nothing to do


ROLES: dict[str, Callable[[Path, Path], None]] = {"trainer": train, "worker": work}


def connect(world: Path, home: Path, *, with_key: bool) -> Anacostia:
    """A connection of one process, by way of the endpoint that loses things."""
    home.mkdir(exist_ok=True)
    while True:
        told = json.loads((world / "addresses.json").read_text())
        key = dev_signer()
        signer = key if with_key else KeylessSigner(key.address)
        try:
            # One file of nonces for all that sign with this account on this machine.
            chain = Chain.connect(told["rpc"], signer=signer, state_dir=world)
            deployment = Deployment.load(chain.chain_id, world)
            return Anacostia(chain, deployment, home=home, store=told["store"])
        except AnacostiaError as error:
            print(f"{home.name}: {error}", file=sys.stderr, flush=True)
            time.sleep(0.1)  # there may be no chain for a second


def asked_to_publish(database: RunDatabase, run: RecordedRun) -> bool:
    """Whether a run has promised a version: it asked for one, and succeeded."""
    numbers = database.record(run.run_id).find("param", "number")
    return run.status == "succeeded" and any(it.value % PUBLISH_EVERY == 0 for it in numbers)


def make_worker(world: Path, hub: Anacostia) -> Worker:
    return Worker(local_source(open_database(database_uri(world)), hub), hub)


def database_uri(world: Path) -> str:
    return f"sqlite:///{world}/runs.db"


if __name__ == "__main__":
    main()
