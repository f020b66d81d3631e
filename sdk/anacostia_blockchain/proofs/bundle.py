"""Evidence bundles: one file that verifies a version later, without the chain that it came from.

A bundle is a ZIP archive:

    evidence.json      block headers, `eth_getProof` answers for the registry and the ledger, the
                       run's inclusion proof, and the evaluations that the chain's node told of
    content.car        the version's directory, complete
    evaluations/*.json what each evaluator says in full, signed by them

Whoever trusts a block's hash (from any node, explorer or light client of their choice) can check
everything else offline: the storage proofs lead from the hash to the contracts' state, the state to
the root CID and the log's head, and these to every byte and to the run's record. It says how things
stood at the newest of its blocks, and nothing of what was revoked since: look at that block's time.
"""

from __future__ import annotations

import json
import tempfile
import zipfile
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any, BinaryIO, cast

from anacostia_blockchain import verify
from anacostia_blockchain._archives import DAMAGED
from anacostia_blockchain._files import read_all
from anacostia_blockchain.content.cid import CID
from anacostia_blockchain.content.documents import field, read_object
from anacostia_blockchain.deployment import predicted_address, token_of
from anacostia_blockchain.errors import FormatError, IntegrityError, NotFoundError
from anacostia_blockchain.ledger.proof import RunProof
from anacostia_blockchain.promotion import portable
from anacostia_blockchain.proofs.layout import LedgerHeadSlots, VersionHeader, VersionSlots
from anacostia_blockchain.proofs.state import ProvenState, contract_at, header_number, trust
from anacostia_blockchain.storage import LocalStore
from anacostia_blockchain.types import Status
from anacostia_blockchain.verify import Check, Evidence, Report

SCHEMA = "anacostia/bundle/1"
EVIDENCE = "evidence.json"
CONTENT = "content.car"

_LARGEST_DOCUMENT = 1 << 28

_REGISTRY, _LEDGER = "ModelRegistry", "RunLedger"


@dataclass(slots=True)
class _Bundle:
    """An opened bundle, and what earlier checks proved for later ones."""

    document: dict[str, Any]
    archive: zipfile.ZipFile
    folder: Path
    state: ProvenState
    evidence: Evidence | None = None

    @property
    def version(self) -> tuple[int, int]:
        return self.document["model_id"], self.document["version"]

    @contextmanager
    def read(self, name: str) -> Iterator[IO[bytes]]:
        """A member; what is damaged is no evidence."""
        try:
            with self.archive.open(name) as stream:
                yield stream
        except (KeyError, *DAMAGED) as error:
            raise IntegrityError(f"{name} is missing or damaged: {error}") from error

    def about(self, number: int) -> portable.Subject:
        """The version that the bundle is of, as proven."""
        if number != self.document["version"]:
            raise IntegrityError(f"it is of version {number}")
        return str(self.document["subject"]), _evidence(self).root.digest

    def header(self, version: tuple[int, int]) -> VersionHeader:
        """The proven header of a version's record."""
        slots = VersionSlots(*version)
        return slots.read_header(self.slot(_REGISTRY, self.document["registry"], slots.header))

    def slot(self, name: str, address: str, slot: int) -> int:
        """A proven slot of a contract."""
        return self.state.slot(name, address, slot)


def verify_bundle(
    path: Path,
    *,
    block_hashes: Iterable[str] = (),
    rpc_url: str | None = None,
    on_check: Callable[[Check], None] | None = None,
) -> Report:
    """Verify a bundle against block hashes, or against an RPC endpoint, that the caller trusts.

    Args:
        path: the file that `bundling.write_bundle` wrote.
        block_hashes: hashes of the blocks that the bundle names, as hexadecimal.
        rpc_url: asked for the hashes of the blocks instead.
        on_check: called with each check as it is made.

    Raises:
        FormatError: the file is truncated or is no bundle.
    """
    with _open(path) as (archive, document), tempfile.TemporaryDirectory() as scratch:
        trusted = trust(document["chain_id"], block_hashes, rpc_url)
        bundle = _Bundle(
            document, archive, Path(scratch), ProvenState(trusted, document["chain_id"])
        )
        made = verify.made_all(_checks(bundle), on_check)
    return Report(str(document["subject"]), made)


def block_numbers(path: Path) -> list[int]:
    """Numbers of the blocks whose hashes decide about a bundle."""
    with _open(path) as (_archive, document):
        return sorted({header_number(block, "number") for block in document["blocks"]})


def _checks(bundle: _Bundle) -> Iterator[tuple[str, Callable[[], str]]]:
    yield "blocks", lambda: _blocks(bundle)
    yield "registry", lambda: _registry(bundle)
    yield "content", lambda: _content(bundle)
    yield "manifest", lambda: verify.check_manifest(_evidence(bundle))
    yield "statement", lambda: verify.check_statement(_evidence(bundle))
    yield "run", lambda: _run(bundle)
    yield "evaluations", lambda: _evaluated(bundle)
    yield "lineage", lambda: _lineage_clean(bundle)


def _blocks(bundle: _Bundle) -> str:
    """Trusted hash → header → state root → every slot that later checks read.

    The ledger's may be of an older block, at which the log's head was the one that the proof is
    for. The registry's are of the newest: of an older one, they would not show what was revoked
    since.
    """
    for block in bundle.document["blocks"]:
        bundle.state.add(block, contract_at)
    shown = ", ".join(map(str, sorted(bundle.state.blocks)))
    at = bundle.state.number(_REGISTRY, predicted_address(_REGISTRY))
    if at != max(bundle.state.blocks):
        raise IntegrityError(f"the registry is shown at block {at}, not at the newest of {shown}")
    return f"state of block {shown} proven against trusted hashes, the registry's at {at}"


def _registry(bundle: _Bundle) -> str:
    registry, slots = bundle.document["registry"], VersionSlots(*bundle.version)
    if registry.lower() != predicted_address(_REGISTRY).lower():
        raise IntegrityError(f"{registry} is not where this package's registry is")
    token = f"eip155:{bundle.document['chain_id']}/erc721:{token_of(registry)}"
    subject = f"{token}/{slots.model_id}@{slots.version}"
    if bundle.document["subject"] != subject:
        raise IntegrityError(f"the bundle says another subject than it proves: {subject}")
    header = bundle.header(bundle.version)
    if header.status is Status.REVOKED:
        raise IntegrityError("revoked at that block")
    if header.status is Status.NONE:
        raise IntegrityError("no such version is published at that block")
    root = CID(header.codec, bundle.slot(_REGISTRY, registry, slots.digest).to_bytes(32, "big"))
    bundle.evidence = Evidence(root, bundle.folder / "version")
    when = f"{header.published_at:%Y-%m-%d %H:%M:%S} UTC"
    return f"{header.status.name.lower()} by {header.publisher} at {when}"


def _content(bundle: _Bundle) -> str:
    evidence = _evidence(bundle)
    store = LocalStore(bundle.folder / "store")
    with bundle.read(CONTENT) as stream:
        held = store.put_car(cast("BinaryIO", stream))
    if held != evidence.root:
        raise IntegrityError(f"the content is {held}, the chain says {evidence.root}")
    return verify.check_content(store, evidence)


def _run(bundle: _Bundle) -> str:
    statement = _evidence(bundle).statement
    if statement is None:
        raise IntegrityError("there is no valid statement that names a run")
    if statement.run_leaf is None:
        return "published without a run record"
    if bundle.document["run"] is None:
        raise NotFoundError("the bundle holds no proof of the run")
    proof = RunProof.from_json(json.dumps(bundle.document["run"]).encode())
    if (proof.leaf, proof.log_id) != (statement.run_leaf, statement.log_id):
        raise IntegrityError("the proof is of another run than the statement names")
    expected = (bundle.document["chain_id"], predicted_address(_LEDGER).lower())
    if (proof.chain_id, proof.ledger.lower()) != expected:
        raise IntegrityError("the proof is for another chain or ledger")
    proof.verify()
    slots = LedgerHeadSlots(proof.log_id)
    packed = bundle.slot(_LEDGER, proof.ledger, slots.writer_and_size)
    size = slots.read_size(packed)
    root = bundle.slot(_LEDGER, proof.ledger, slots.root).to_bytes(32, "big")
    if (size, root) != (proof.size, proof.root):
        raise IntegrityError("the log's head at that block is not the one that the proof is for")
    publisher = bundle.header(bundle.version).publisher
    return verify.claimed(
        f"run record {proof.index + 1} of {proof.size}",
        {"written": slots.read_writer(packed)},
        {publisher: "its publisher"},
        by={publisher},
    )


def _evaluated(bundle: _Bundle) -> str:
    """What evaluators signed is what they are told to attest, about this very content."""
    rows = bundle.document.get("evaluations")
    names = [n for n in bundle.archive.namelist() if n.startswith(portable.FOLDER)]
    if rows is None and not names:
        return "none are recorded in this bundle"
    if not isinstance(rows, list) or not all(isinstance(row, dict) for row in rows):
        raise FormatError("the evaluations are no list of them")
    return str(portable.check_all(rows, names, bundle.read, bundle.about))


def _lineage_clean(bundle: _Bundle) -> str:
    """Walk the proven edges; nothing on the way may be revoked."""
    registry = bundle.document["registry"]
    queue = [bundle.version]
    for version in queue:
        slots = VersionSlots(*version)
        header = bundle.header(version)
        if header.status is Status.REVOKED:
            raise IntegrityError(f"{version[0]}@{version[1]} is revoked")
        pairs = [
            bundle.slot(_REGISTRY, registry, s) for s in slots.parent_pairs(header.parent_count)
        ]
        for parent in slots.read_parents(pairs, header.parent_count):
            if (parent.model_id, parent.version) not in queue:
                queue.append((parent.model_id, parent.version))
    return f"{len(queue) - 1} ancestors, none revoked"


def _evidence(bundle: _Bundle) -> Evidence:
    if bundle.evidence is None:
        raise IntegrityError("the registry's record could not be proven")
    return bundle.evidence


class _open:  # noqa: N801 - a context manager, used as a function
    """Open a bundle's archive and its document."""

    def __init__(self, path: Path) -> None:
        self._path = path

    def __enter__(self) -> tuple[zipfile.ZipFile, dict[str, Any]]:
        try:
            self._archive = zipfile.ZipFile(self._path)
        except DAMAGED as error:
            raise FormatError(f"{self._path} is truncated, or no bundle: {error}") from error
        try:
            return self._archive, self._document()
        except BaseException:
            self._archive.close()
            raise

    def __exit__(self, *_: object) -> None:
        self._archive.close()

    def _document(self) -> dict[str, Any]:
        """What the bundle says, of the form that it has to have."""
        try:
            with self._archive.open(EVIDENCE) as stream:
                data = read_all(stream, _LARGEST_DOCUMENT, EVIDENCE)
        except (KeyError, *DAMAGED) as error:
            raise FormatError(f"{self._path} is truncated, or no bundle: {error}") from error
        document = read_object(data, EVIDENCE)
        if document.get("schema") != SCHEMA:
            raise FormatError(f"{self._path} is a bundle of form {document.get('schema')!r}")
        for name, kind in (("subject", str), ("registry", str), ("blocks", list), ("run", object)):
            field(document, name, kind, EVIDENCE)
        for name, bits in (("chain_id", 53), ("model_id", 53), ("version", 32)):
            number = field(document, name, int, EVIDENCE)
            if isinstance(number, bool) or not 0 <= number < 1 << bits:
                raise FormatError(f"{EVIDENCE}: {name} is not such a number")
        return document
