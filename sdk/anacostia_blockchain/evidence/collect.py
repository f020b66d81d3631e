"""Make the evidence about a model: everything is read at one block, and written as it is read."""

from __future__ import annotations

import tempfile
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

from anacostia_blockchain.content.cid import CID
from anacostia_blockchain.contracts.model_registry import label
from anacostia_blockchain.errors import (
    ConfigError,
    ContentError,
    IntegrityError,
    LedgerError,
    StorageError,
)
from anacostia_blockchain.evidence import documents, report, runs
from anacostia_blockchain.evidence import index as contents
from anacostia_blockchain.evidence.archive import INDEX, SCHEMA, Draft, line
from anacostia_blockchain.evidence.prover import Prover
from anacostia_blockchain.evidence.runs import Database
from anacostia_blockchain.evidence.sections import SECTIONS, Asked, collect
from anacostia_blockchain.evidence.state import (
    LEDGER,
    REGISTRY,
    Lineage,
    ProvenModel,
    alias_data,
    chunks,
    head,
)
from anacostia_blockchain.promotion import portable
from anacostia_blockchain.promotion.envelope import open_envelope
from anacostia_blockchain.promotion.statement import Evaluation
from anacostia_blockchain.proofs.layout import (
    AliasSlots,
    LedgerHeadSlots,
    VersionSlots,
    model_id_slot,
    model_slot,
)

if TYPE_CHECKING:
    from anacostia_blockchain.client import Anacostia
    from anacostia_blockchain.types import LedgerHead, RegisteredModel

OnStep = Callable[[str, int], None]
"""Called with what is being read, and how many are done."""

VERSIONS, ALIASES, DOCUMENTS = "versions.jsonl", "aliases.jsonl", "documents.jsonl"


def write_evidence(
    client: Anacostia,
    model: str | int,
    target: Path,
    *,
    databases: Iterable[Database] = (),
    block: int | None = None,
    max_ancestors: int = 65_536,
    on_step: OnStep | None = None,
) -> dict[str, Any]:
    """Write the evidence about a model to one file; all of it, or no file.

    Args:
        client: a connection whose node serves `eth_getProof`.
        model: a reference to a model; which version it names does not matter.
        target: the file.
        databases: of metadata stores, files or `postgresql://` URIs: their runs are shown as well,
            with their metrics, not only those that published.
        block: whose state is shown; None: the newest that is settled.
        max_ancestors: how many versions of other models may be looked at for taint.
        on_step: called on the way.

    Returns:
        The index.

    Raises:
        NotFoundError: there is no such model or database.
        ConfigError: the block is not there yet.
        ChainUnavailableError: the node does not serve that block's state; ask an archive node.
        IntegrityError: a database holds something else than what was anchored.
        LedgerError: there are more ancestors than `max_ancestors`.
    """
    found = client.models.get(model)
    newest = max(client.chain.block_number() - client.chain.confirmations, 0)
    if block is not None and block > newest:
        raise ConfigError(f"block {block} is not there yet, or not settled: {newest} is the newest")
    with tempfile.TemporaryDirectory(prefix="anacostia-audit-") as scratch:
        draft = Draft(Path(scratch))
        number = newest if block is None else block
        collector = _Collector(client, found, number, draft, on_step or (lambda _what, _n: None))
        collector.state(max_ancestors)
        collector.documents()
        collector.sections()
        collector.runs(databases)
        index = collector.index()
        with draft.open(report.NAME) as stream:
            stream.writelines(report.render(draft, index))
        index["members"] = draft.digests()
        draft.write(INDEX, index)
        draft.pack(target)
    return index


class _Collector:
    """Writes the members one after the other."""

    def __init__(
        self,
        client: Anacostia,
        found: RegisteredModel,
        number: int,
        draft: Draft,
        on_step: OnStep,
    ) -> None:
        self._client, self._found, self._draft, self._on_step = client, found, draft, on_step
        self._prover = Prover(client, number, draft)
        self._proven = ProvenModel(self._prover.state.slot, client.registry.address, found.model_id)
        self._rows: dict[str, int] = {}
        self._aliases: list[str] = []
        self._runs: dict[str, int] = {}  # by leaf, the version that the run published
        self._evaluated: set[str] = set()  # leaves of the runs that evaluations rest on
        self._heads: dict[bytes, LedgerHead] = {}
        self._logs: set[bytes | None] = set()
        self._unproven: list[str] = []
        self._versions = 0

    # ------------------------------------------------------------------ proven

    def state(self, max_ancestors: int) -> None:
        """Versions, all that they were made from, and aliases."""
        model = self._found
        self._prover.prove(
            REGISTRY, [model_slot(model.model_id), model_id_slot(model.creator, model.name)]
        )
        _creator, self._versions, _kind = self._proven.model()
        lineage = self._lineage(max_ancestors)
        numbers = range(1, self._versions + 1)
        self._lines(VERSIONS, (self._proven.version(number, lineage) for number in numbers))
        self._lines(ALIASES, self._alias_lines())

    def _lineage(self, max_ancestors: int) -> Lineage:
        lineage = Lineage()
        waiting = [(self._found.model_id, number) for number in range(1, self._versions + 1)]
        seen = set(waiting)
        while waiting:
            above: list[tuple[int, int]] = []
            for chunk in chunks(waiting):
                slots = [VersionSlots(*key) for key in chunk]
                self._prover.prove(REGISTRY, [s for one in slots for s in (one.digest, one.header)])
                counts = [self._proven.header(key).parent_count for key in chunk]
                pairs = [one.parent_pairs(n) for one, n in zip(slots, counts, strict=True)]
                self._prover.prove(REGISTRY, [slot for pair in pairs for slot in pair])
                for key in chunk:
                    parents = self._proven.parents(key)
                    lineage.records[key] = (self._proven.header(key).status, parents)
                    above += [(p.model_id, p.version) for p in parents]
                self._on_step("versions", len(lineage.records))
            waiting = [key for key in dict.fromkeys(above) if key not in seen]
            seen.update(waiting)
            if len(seen) - self._versions > max_ancestors:
                raise LedgerError(f"there are more than {max_ancestors} ancestors: ask for more")
        return lineage

    def _alias_lines(self) -> Iterator[dict[str, Any]]:
        asked = self._asked()
        moves = asked.logs(REGISTRY, "AliasSet", asked.topic)
        names = {log.values["aliasName"].rstrip(b"\0").decode("ascii") for log in moves}
        for name in sorted(names):
            slots = AliasSlots(self._found.model_id, label(name))
            self._prover.prove(REGISTRY, [slots.head])
            count = slots.read_count(
                self._prover.state.slot(REGISTRY, self._client.registry.address, slots.head)
            )
            for chunk in chunks(range(0, count, 3)):
                self._prover.prove(REGISTRY, [slots.of_move(index, count) for index in chunk])
            if count:
                self._aliases.append(name)
                yield alias_data(name, self._proven.alias(label(name)))

    # ------------------------------------------------------------------ content

    def documents(self) -> None:
        """The documents of each version, as far as the store holds them."""
        self._lines(DOCUMENTS, self._document_lines())

    def _document_lines(self) -> Iterator[dict[str, Any]]:
        for one in self._draft.lines(VERSIONS):
            number, root = one["version"], CID.parse(one["root"])
            member = f"versions/{number:06}.car"
            try:
                with self._draft.open(member) as stream:
                    told = documents.copy(self._client.storage.block, root, stream)
                self._rows["versions/"] = self._rows.get("versions/", 0) + 1
            except (ContentError, IntegrityError, StorageError) as error:
                (self._draft.folder / member).unlink(missing_ok=True)
                told = {"held": False, "why": str(error)}
            if told.get("run_leaf"):
                self._runs.setdefault(told["run_leaf"], number)
            self._on_step("documents", number)
            yield {"version": number} | told

    # ------------------------------------------------------------------ told

    def sections(self) -> None:
        """What the node tells."""
        asked = self._asked()
        for section in SECTIONS:
            rows = collect(section, asked)
            if rows is not None:
                self._lines(section.member, rows)

    def _asked(self) -> Asked:
        return Asked(
            self._client,
            self._found.model_id,
            self._versions,
            self._prover.number,
            self._prover.time,
            self._keep,
        )

    # ------------------------------------------------------------------ runs

    def runs(self, databases: Iterable[Database]) -> None:
        """Proofs of the runs that published or were evaluated, and of all in the databases."""
        self._lines(runs.MEMBER, self._run_lines(list(databases)))

    def _run_lines(self, databases: list[Database]) -> Iterator[dict[str, Any]]:
        done: set[str] = set()
        count = 0
        for path in databases:
            log_id = runs.log_in(self._client, path)
            if log_id is not None:
                self._head(log_id)
            for one in runs.from_database(self._client, path, self._heads, self._runs):
                leaf = one["proof"]["leaf"]
                done.update([leaf] if leaf in self._runs or leaf in self._evaluated else [])
                self._logs.add(log_id)
                count += 1
                self._on_step("runs", count)
                yield one
        smallest: dict[bytes, int] = {}
        for leaf in self._waiting(done):
            proof = runs.from_store(self._client, leaf)
            if proof is None or proof.size > self._head(proof.log_id).size:
                self._unproven += [leaf] if leaf in self._runs else []
                continue
            self._logs.add(proof.log_id)
            smallest[proof.log_id] = min(proof.size, smallest.get(proof.log_id, proof.size))
            count += 1
            self._on_step("runs", count)
            yield runs.stored_line(proof, self._runs)
        for log_id, size in sorted(smallest.items()):
            known, block = self._heads[log_id], self._prover.number
            if size < known.size:
                runs.write_heads(self._client, self._draft, log_id, size, known, block)

    def _waiting(self, done: set[str]) -> list[str]:
        """Leaves of runs that no database showed, those that published in order of the versions."""
        published = sorted(self._runs.keys() - done, key=lambda leaf: self._runs[leaf])
        return published + sorted(self._evaluated - self._runs.keys() - done)

    def _head(self, log_id: bytes) -> LedgerHead:
        if log_id not in self._heads:
            self._prover.prove(LEDGER, LedgerHeadSlots(log_id).all)
            read, ledger = self._prover.state.slot, self._client.ledger.address
            self._heads[log_id] = head(read, ledger, log_id)
        return self._heads[log_id]

    # ------------------------------------------------------------------ index

    def index(self) -> dict[str, Any]:
        """All that is known at the end, without the members' digests."""
        header, client, model = self._prover.header, self._client, self._found
        creator, versions, kind = self._proven.model()
        rows = self._rows
        logs = {log_id: one for log_id, one in self._heads.items() if log_id in self._logs}
        return {
            "schema": SCHEMA,
            **contents.head(),
            "subject": {
                "id": client.caip19(model.model_id),
                "chain_id": client.chain.chain_id,
                "registry": client.registry.address,
                "ledger": client.ledger.address,
                "model_id": model.model_id,
                "name": model.name,
                "creator": creator,
                "kind": kind.name.lower(),
            },
            "block": {
                "number": self._prover.number,
                "hash": header["hash"],
                "time": self._prover.time.isoformat(),
            },
            "versions": versions,
            "aliases": self._aliases,
            "runs": rows[runs.MEMBER],
            "runs_without_proof": self._unproven,
            **contents.parts(self._draft, contents.FORM, rows, logs),
        }

    def _keep(self, member: str, envelope: bytes) -> None:
        """Write what an attester has signed, and remember the run that it rests on."""
        with self._draft.open(member) as stream:
            stream.write(envelope)
        self._rows[portable.FOLDER] = self._rows.get(portable.FOLDER, 0) + 1
        run = Evaluation.parse(open_envelope(envelope)[0]).run
        if run is not None:
            self._evaluated.add("0x" + run.hex())

    def _lines(self, member: str, rows: Iterable[dict[str, Any]]) -> None:
        count = 0
        with self._draft.open(member) as stream:
            for row in rows:
                stream.write(line(row))
                count += 1
        self._rows[member] = count
