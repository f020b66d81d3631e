"""Verify evidence: offline, member by member, against a block hash that the verifier trusts."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime
from hashlib import sha256
from itertools import zip_longest
from pathlib import Path
from typing import Any

from jinja2 import TemplateError

from anacostia_blockchain import verify
from anacostia_blockchain.content.cid import CID
from anacostia_blockchain.content.documents import field as lookup
from anacostia_blockchain.contracts.model_registry import label
from anacostia_blockchain.deployment import predicted_address, token_of
from anacostia_blockchain.errors import ConfigError, FormatError, IntegrityError
from anacostia_blockchain.evidence import documents, report, runs
from anacostia_blockchain.evidence import index as contents
from anacostia_blockchain.evidence.archive import INDEX, Archive
from anacostia_blockchain.evidence.sections import ATTESTATIONS
from anacostia_blockchain.evidence.state import (
    LEDGER,
    REGISTRY,
    Lineage,
    ProvenModel,
    alias_data,
    head,
    writer,
)
from anacostia_blockchain.ledger.proof import RunProof
from anacostia_blockchain.promotion import portable
from anacostia_blockchain.proofs.layout import model_id_slot
from anacostia_blockchain.proofs.state import (
    ProvenState,
    Trust,
    contract_at,
    header_number,
    trust,
)
from anacostia_blockchain.types import LedgerHead
from anacostia_blockchain.verify import Check, Report


def verify_evidence(
    path: Path,
    *,
    block_hashes: Iterable[str] = (),
    rpc_url: str | None = None,
    on_check: Callable[[Check], None] | None = None,
) -> Report:
    """Verify evidence against a block hash, or against an RPC endpoint, that the caller trusts.

    Raises:
        FormatError: the file is truncated or is no evidence.
    """
    archive = Archive(path)
    try:
        subject = _Subject.read(archive.index)
        evidence = _Evidence(archive, subject, trust(subject.chain_id, block_hashes, rpc_url))
        made = verify.made_all(evidence.checks(), on_check)
    finally:
        archive.close()
    return Report(f"{subject.id}, {subject.name}", made, subject.block)


def block_numbers(path: Path) -> list[int]:
    """Numbers of the blocks whose hashes decide about evidence."""
    archive = Archive(path)
    try:
        return [_Subject.read(archive.index).block]
    finally:
        archive.close()


@dataclass(frozen=True, slots=True)
class _Subject:
    """What the evidence says it is about."""

    id: str
    chain_id: int
    registry: str
    ledger: str
    model_id: int
    name: str
    creator: str
    kind: str
    block: int
    block_hash: str

    @classmethod
    def read(cls, index: dict[str, Any]) -> _Subject:
        found: dict[str, Any] = {}
        for name in ("id", "registry", "ledger", "name", "creator", "kind"):
            found[name] = lookup(index, f"subject/{name}", str, INDEX)
        for name in ("chain_id", "model_id"):
            found[name] = _number(index, f"subject/{name}")
        number = _number(index, "block/number")
        return cls(**found, block=number, block_hash=lookup(index, "block/hash", str, INDEX))


@dataclass(slots=True)
class _Evidence:
    """An opened archive, and what earlier checks proved for later ones."""

    archive: Archive
    subject: _Subject
    trusted: Trust
    state: ProvenState = field(init=False)
    model: ProvenModel = field(init=False)
    creator: str = ""
    count: int = 0
    time: str = ""
    logs: dict[bytes, tuple[LedgerHead, dict[int, bytes]]] = field(default_factory=dict)
    leaves: dict[str, tuple[int, str]] = field(default_factory=dict)
    evaluated: set[bytes] = field(default_factory=set)

    def __post_init__(self) -> None:
        self.state = ProvenState(self._one_block, self.subject.chain_id)
        self.model = ProvenModel(self.state.slot, self.subject.registry, self.subject.model_id)

    def checks(self) -> Iterator[tuple[str, Callable[[], str]]]:
        yield "members", self.archive.check_members
        yield "state", self._state
        yield "model", self._model
        yield "versions", self._versions
        yield "aliases", self._aliases
        yield "documents", self._documents
        yield "evaluations", self._evaluations
        yield "runs", self._runs
        yield "index", self._index
        yield "report", self._report

    def _one_block(self, number: int, found: bytes) -> None:
        """All is about one block, which is trusted."""
        self.trusted(number, found)
        if (number, "0x" + found.hex()) != (self.subject.block, self.subject.block_hash.lower()):
            raise IntegrityError(f"a part is about block {number}, and not the one in the index")

    def _state(self) -> str:
        for name, given in ((REGISTRY, self.subject.registry), (LEDGER, self.subject.ledger)):
            if given.lower() != predicted_address(name).lower():
                raise IntegrityError(f"{given} is not where this package's {name} is")
        members = self.archive.members("state/")
        for member in members:
            block = self.archive.document(member)
            self.state.add(block, contract_at)
            made = datetime.fromtimestamp(header_number(block, "timestamp"), UTC)
            self.time = made.isoformat()
        return f"{len(members)} parts of block {self.subject.block} proven against a trusted hash"

    def _model(self) -> str:
        subject = self.subject
        self.creator, self.count, kind = self.model.model()
        creator = self.creator
        slot = model_id_slot(creator, subject.name)
        if self.state.slot(REGISTRY, subject.registry, slot) != subject.model_id:
            raise IntegrityError(f"{subject.name} of {creator} is another model")
        claimed = (subject.creator, subject.kind, self.archive.index.get("versions"))
        if claimed != (creator, kind.name.lower(), self.count):
            raise IntegrityError("the index claims another creator, kind or number of versions")
        return f"{creator}/{subject.name} is model {subject.model_id}, of {self.count} versions"

    def _versions(self) -> str:
        """Every version there is, in order; each line is what the state says."""
        self._need_model()
        lineage = self._lineage()
        told = self.archive.lines("versions.jsonl")
        tainted = 0
        for number, line in zip_longest(range(1, self.count + 1), told):
            if number is None or line is None:
                raise IntegrityError(f"not exactly the {self.count} versions are told")
            if line != self.model.version(number, lineage):
                raise IntegrityError(f"version {number} is told to be what it is not")
            tainted += line["tainted_by"] is not None
        ancestors = len(lineage.records) - self.count
        return f"all {self.count} versions, {ancestors} ancestors; {tainted} revoked or tainted"

    def _need_model(self) -> None:
        """What follows is compared with versions whose number has to be proven first."""
        if not self.count:
            raise IntegrityError("how many versions there are could not be proven")

    def _lineage(self) -> Lineage:
        lineage = Lineage()
        waiting = [(self.subject.model_id, number) for number in range(1, self.count + 1)]
        while waiting:
            key = waiting.pop()
            if key not in lineage.records:
                parents = self.model.parents(key)
                lineage.records[key] = (self.model.header(key).status, parents)
                waiting += [(parent.model_id, parent.version) for parent in parents]
        return lineage

    def _aliases(self) -> str:
        """Each alias that is named, with all its moves; names that are kept back cannot be seen."""
        names = []
        for line in self.archive.lines("aliases.jsonl"):
            name = lookup(line, "alias", str, "aliases.jsonl")
            try:
                moves = self.model.alias(label(name))
            except ConfigError as error:
                raise FormatError(str(error)) from error
            if line != alias_data(name, moves):
                raise IntegrityError(f"the moves of {name} are told to be what they are not")
            names.append(name)
        if names != self.archive.index.get("aliases"):
            raise IntegrityError("the index names other aliases")
        return f"all moves of {', '.join(names) or 'no alias'}"

    def _documents(self) -> str:
        """What describes each version, led back to its root."""
        self._need_model()
        missing = []
        told = self.archive.lines("documents.jsonl")
        for number, line in zip_longest(range(1, self.count + 1), told):
            if number is None or line is None or line.get("version") != number:
                raise IntegrityError(f"the documents are not those of {self.count} versions")
            if line.get("held") is not True:
                missing.append(number)
                continue
            root: CID = self.model.root((self.subject.model_id, number))
            with self.archive.open(f"versions/{number:06}.car") as stream:
                found = documents.read_copy(stream, root)
            if json.loads(json.dumps({"version": number} | found)) != line:
                raise IntegrityError(f"the documents of version {number} say something else")
            if found["run_leaf"]:
                self.leaves.setdefault(found["run_leaf"], (number, found["log_id"]))
        if missing:
            shown = ", ".join(map(str, missing[:20])) + (", …" if len(missing) > 20 else "")
            raise IntegrityError(
                f"{self.count - len(missing)} of {self.count} versions are described; the store "
                f"did not hold {shown}"
            )
        return f"statements and cards of {self.count} versions lead to their roots"

    def _evaluations(self) -> str:
        """What attesters signed is what they are told to attest, about versions that are proven."""
        self._need_model()
        found = portable.check_all(
            self.archive.lines(ATTESTATIONS),
            self.archive.members(portable.FOLDER),
            self.archive.open,
            self._about,
        )
        self.evaluated = found.runs
        return str(found)

    def _about(self, number: int) -> portable.Subject:
        if not 1 <= number <= self.count:
            raise IntegrityError(f"there is no version {number}")
        root: CID = self.model.root((self.subject.model_id, number))
        return f"{self.subject.id}@{number}", root.digest

    def _runs(self) -> str:
        """Each run is in the head of its log that is on chain, or in one that this extends."""
        self._need_model()
        count, waiting, evaluated = 0, dict(self.leaves), set(self.evaluated)
        for line in self.archive.lines(runs.MEMBER):
            leaf = self._run(line)
            waiting.pop("0x" + leaf.hex(), None)
            evaluated.discard(leaf)
            count += 1
        if count != self.archive.index.get("runs"):
            raise IntegrityError(f"there are {count} runs, and the index says otherwise")
        if waiting:
            numbers = sorted(number for number, _log in waiting.values())
            raise IntegrityError(
                f"{count} runs are proven; that of {len(numbers)} versions is not: the first is "
                f"version {numbers[0]}"
            )
        more = f"; {len(evaluated)} that evaluations rest on are not shown" if evaluated else ""
        return f"{count} runs are in {len(self.logs)} logs whose heads are proven{more}" + (
            self._anothers()
        )

    def _run(self, line: dict[str, Any]) -> bytes:
        """Check the line of a run; returns the record's root."""
        proof = RunProof.from_document(lookup(line, "proof", dict, runs.MEMBER))
        leaf, log_id = "0x" + proof.leaf.hex(), "0x" + proof.log_id.hex()
        if (proof.chain_id, proof.ledger) != (self.subject.chain_id, self.subject.ledger):
            raise IntegrityError(f"the proof of {leaf} is for another chain or ledger")
        if proof.log_id not in self.logs:
            self.logs[proof.log_id] = self._log(proof.log_id)
        known, roots = self.logs[proof.log_id]
        anchored = known.root if proof.size == known.size else roots.get(proof.size)
        if anchored != proof.root:
            raise IntegrityError(f"the proof of {leaf} is for a head that is not proven")
        proof.verify()
        runs.check_disclosed(line, proof.leaf)
        published = self.leaves.get(leaf, (None, log_id))
        if (line.get("version"), log_id) != published:
            raise IntegrityError(f"run {leaf} did not publish version {line.get('version')}")
        return proof.leaf

    def _anothers(self) -> str:
        """Versions that name a run of a log which is of others; see `verify.claimed`."""
        claims = sorted(self.leaves.values())
        others = [number for number, log_id in claims if not self._may_claim(number, log_id)]
        if not others:
            return ""
        shown = ", ".join(map(str, others[:20])) + (", …" if len(others) > 20 else "")
        return (
            f"; {verify.ANOTHERS}: version {shown} names one of a log that neither its publisher "
            "nor the model's creator writes"
        )

    def _may_claim(self, version: int, log_id: str) -> bool:
        publisher = self.model.header((self.subject.model_id, version)).publisher
        log = bytes.fromhex(log_id.removeprefix("0x"))
        return writer(self.state.slot, self.subject.ledger, log) in {publisher, self.creator}

    def _index(self) -> str:
        """What the index says of itself: ids, times, numbers of entries, headings."""
        self._need_model()
        index, subject = self.archive.index, self.subject
        token = f"eip155:{subject.chain_id}/erc721:{token_of(subject.registry)}"
        rows = {
            name: self.archive.count(name) for name in self.archive.members("") if _is_lines(name)
        }
        for folder in ("versions/", portable.FOLDER):
            rows[folder] = len(self.archive.members(folder))
        logs = {log_id: known for log_id, (known, _roots) in self.logs.items()}
        expected = contents.parts(self.archive, contents.form_of(index), rows, logs)
        expected |= {"runs_without_proof": []}
        for name, value in expected.items():
            if index.get(name) != value:
                raise IntegrityError(f"the index says something else about its {name}")
        if (subject.id, lookup(index, "block/time", str, INDEX)) != (
            f"{token}/{subject.model_id}",
            self.time,
        ):
            raise IntegrityError("the index says something else about its id or time")
        return f"{subject.id}; the headings are those of what is there"

    def _report(self) -> str:
        """The report is made again: what it says is in the members, and nothing else."""
        made = sha256()
        try:
            for piece in report.render(self.archive, self.archive.index):
                made.update(piece)
        except (TemplateError, AttributeError, KeyError, RuntimeError, TypeError, ValueError) as e:
            raise FormatError(f"no report can be made of the members: {e!r}") from e
        if made.hexdigest() != lookup(self.archive.index, "members", dict, INDEX).get(report.NAME):
            raise IntegrityError(
                "the report is not what this version of the package makes of the members: "
                "do not rely on it"
            )
        return "made again from the members, it is the same"

    def _log(self, log_id: bytes) -> tuple[LedgerHead, dict[int, bytes]]:
        known = head(self.state.slot, self.subject.ledger, log_id)
        member = f"heads/{log_id.hex()}.jsonl"
        held = member in self.archive.names
        return known, runs.read_heads(self.archive.lines(member), known) if held else {}


def _number(index: dict[str, Any], path: str) -> int:
    number = lookup(index, path, int, INDEX)
    if isinstance(number, bool) or not 0 <= number < 1 << 53:
        raise FormatError(f"{INDEX}: {path} is not such a number")
    return number


def _is_lines(name: str) -> bool:
    return name.endswith(".jsonl") and not name.startswith("heads/")
