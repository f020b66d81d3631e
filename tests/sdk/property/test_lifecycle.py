"""Runs and their inputs against a plain model: whatever fails, stops or is killed in between."""

from __future__ import annotations

from pathlib import Path
from tempfile import TemporaryDirectory

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule

from anacostia_blockchain.metadata import SqliteMetadataStore
from anacostia_blockchain.nodes import MonitoringDataStoreNode

DIGEST = "00" * 32


class Runs(RuleBasedStateMachine):
    """Files come and runs begin, read, fail, succeed, or are lost with their process."""

    def __init__(self) -> None:
        super().__init__()
        self.folder = TemporaryDirectory()
        self.new: set[str] = set()
        self.given: set[str] | None = None  # to the run under way
        self.used: set[str] = set()
        self.closed: list[str] = []
        self.count = 0
        self.open()

    def open(self) -> None:
        path = Path(self.folder.name)
        self.store = SqliteMetadataStore("m", f"sqlite:///{path}/m.db")
        self.data = MonitoringDataStoreNode("data", path / "data", self.store)
        self.store.setup()
        for name in ("m", "data", "step"):
            self.store.add_node(name, "T", "B")

    def teardown(self) -> None:
        self.store.release()
        self.folder.cleanup()

    @rule()
    def a_file_comes(self) -> None:
        name = f"f{self.count}"
        self.count += 1
        self.store.create_entry("data", name, DIGEST, "sha256")
        self.new.add(name)

    @precondition(lambda self: self.given is None)
    @rule()
    def a_run_begins(self) -> None:
        self.store.start_run()
        self.given, self.new = self.new, set()
        assert set(self.data.list_artifacts("new")) == self.given

    @precondition(lambda self: self.given is not None)
    @rule(pick=st.randoms(use_true_random=False))
    def the_run_reads(self, pick) -> None:
        known = sorted(self.given | self.new | self.used)
        if known:
            name = pick.choice(known)
            self.store.mark_using("data", name)
            self.store.mark_used("data", name)
            if name in self.new:  # it came later, but was read: it is this run's
                self.new.remove(name)
                self.given.add(name)

    @precondition(lambda self: self.given is not None)
    @rule(result=st.sampled_from(["success", "failure", "error"]))
    def the_run_ends(self, result: str) -> None:
        self.store.node_result("step", result)
        self.store.end_run()
        self.store.run_id += 1
        self.used |= self.given
        self.given = None
        self.closed.append("succeeded" if result == "success" else "failed")

    @rule()
    def the_process_is_killed(self) -> None:
        self.store.release()  # what the kernel does
        if self.given is not None:
            self.closed.append("aborted")
            self.new |= self.given - self.used
            self.given = None
        self.open()

    @invariant()
    def the_database_agrees(self) -> None:
        with self.store.engine.connect() as connection:
            sql = "select status from ab_runs order by run_id"
            statuses = list(connection.exec_driver_sql(sql).scalars())
        running = [] if self.given is None else ["running"]
        assert statuses == self.closed + running
        waiting = {e["location"] for e in self.store.get_entries("data", "new")}
        given = self.given or set()
        assert self.new <= waiting <= self.new | given
        assert self.store.run_id == len(self.closed)
        if self.given is None:
            assert waiting == self.new
            used = {e["location"] for e in self.store.get_entries("data", "used")}
            assert used == self.used


Runs.TestCase.settings = settings(max_examples=25, stateful_step_count=25)
TestRuns = Runs.TestCase
