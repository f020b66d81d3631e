"""Evidence bundles: one file that verifies a version later, without the chain that it came from.

A bundle is a ZIP archive of two members:

    evidence.json   block headers, `eth_getProof` answers for the registry and the ledger, and the
                    run's inclusion proof
    content.car     the version's directory, complete

Whoever trusts a block's hash (from any node, explorer or light client of their choice) can check
everything else offline: the storage proofs lead from the hash to the contracts' state, the state to
the root CID and the log's head, and these to every byte and to the run's record.
"""

from __future__ import annotations

import json
import os
import tempfile
import zipfile
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, BinaryIO, cast

from anacostia_blockchain import verify
from anacostia_blockchain.content.cid import CID
from anacostia_blockchain.content.documents import read_object
from anacostia_blockchain.content.statement import Statement
from anacostia_blockchain.deployment import predicted_address, token_of
from anacostia_blockchain.errors import FormatError, IntegrityError, NotFoundError
from anacostia_blockchain.ledger.proof import RunProof
from anacostia_blockchain.proofs.layout import LedgerHeadSlots, VersionSlots
from anacostia_blockchain.proofs.state import ProvenState, prove_state, trust
from anacostia_blockchain.storage import LocalStore
from anacostia_blockchain.types import Parent, Status
from anacostia_blockchain.verify import Check, Evidence, Report

if TYPE_CHECKING:
    from anacostia_blockchain.client import Anacostia

SCHEMA = "anacostia/bundle/1"
EVIDENCE = "evidence.json"
CONTENT = "content.car"

_REGISTRY, _LEDGER = "ModelRegistry", "RunLedger"


# ---------------------------------------------------------------------- write


def write_bundle(
    client: Anacostia, model: str | int, target: Path, *, max_visits: int = 256
) -> Path:
    """Write the evidence for a version to one file; all of it, or no file.

    Raises:
        NotFoundError: the version or its content is not there.
        ChainUnavailableError: the node does not serve `eth_getProof` for the blocks needed; ask an
            archive node.
    """
    model_id, number = client.models.resolve(model)
    root = client.registry.version_of(model_id, number).root
    evidence = _gather(client, model_id, number, max_visits)
    partial = target.with_name(f".{target.name}.part")
    try:
        with zipfile.ZipFile(partial, "w") as archive:
            archive.writestr(EVIDENCE, json.dumps(evidence, indent=1))
            with archive.open(CONTENT, "w", force_zip64=True) as stream:
                client.storage.export_car(root, cast("BinaryIO", stream))
        with partial.open("rb") as written:
            os.fsync(written.fileno())
        partial.replace(target)
    finally:
        partial.unlink(missing_ok=True)
    return target


def _gather(client: Anacostia, model_id: int, number: int, max_visits: int) -> dict[str, Any]:
    block = client.chain.block_number()
    slots = [
        slot
        for parent in _lineage(client, Parent(model_id, number), max_visits)
        for slot in _record_slots(client, parent)
    ]
    blocks = [prove_state(client, block, {client.registry.address: slots})]
    proof = _run_proof(client, model_id, number)
    if proof is not None:
        head = client.ledger.head_of(proof.log_id)
        # The log may have grown since: then its head is proven where it still was this one.
        at = block if head.size == proof.size else client.ledger.block_of(proof.log_id, proof.size)
        blocks.append(
            prove_state(client, at, {client.ledger.address: LedgerHeadSlots(proof.log_id).all})
        )
    return {
        "schema": SCHEMA,
        "subject": f"{client.caip19(model_id)}@{number}",
        "chain_id": client.chain.chain_id,
        "registry": client.registry.address,
        "model_id": model_id,
        "version": number,
        "blocks": blocks,
        "run": None if proof is None else json.loads(proof.to_json()),
    }


def _run_proof(client: Anacostia, model_id: int, number: int) -> RunProof | None:
    root = client.registry.version_of(model_id, number).root
    with client.storage.open(root, "statement.json") as stream:
        statement = Statement.parse(stream.read())
    return None if statement.run_leaf is None else client.runs.find_proof(statement.run_leaf)


def _lineage(client: Anacostia, start: Parent, max_visits: int) -> list[Parent]:
    """The version and all that it was made from, each once."""
    queue, seen = [start], {(start.model_id, start.version)}
    for version in queue:
        for parent in client.registry.parents_of(version.model_id, version.version):
            if (parent.model_id, parent.version) not in seen:
                seen.add((parent.model_id, parent.version))
                queue.append(parent)
        if len(queue) > max_visits:
            raise IntegrityError(f"the lineage has more than {max_visits} versions: ask for more")
    return queue


def _record_slots(client: Anacostia, version: Parent) -> list[int]:
    slots = VersionSlots(version.model_id, version.version)
    edges = len(client.registry.parents_of(version.model_id, version.version))
    return [slots.digest, slots.header, *slots.parent_pairs(edges)]


# ---------------------------------------------------------------------- verify


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
        path: the file that `write_bundle` wrote.
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
        made = []
        for name, check in _checks(bundle):
            made.append(verify.made(name, check))
            if on_check is not None:
                on_check(made[-1])
    return Report(str(document["subject"]), tuple(made))


def block_numbers(path: Path) -> list[int]:
    """Numbers of the blocks whose hashes decide about a bundle."""
    with _open(path) as (_archive, document):
        return sorted({int(block["header"]["number"], 16) for block in document["blocks"]})


def _checks(bundle: _Bundle) -> Iterator[tuple[str, Callable[[], str]]]:
    yield "blocks", lambda: _blocks(bundle)
    yield "registry", lambda: _registry(bundle)
    yield "content", lambda: _content(bundle)
    yield "manifest", lambda: verify.check_manifest(_evidence(bundle))
    yield "statement", lambda: verify.check_statement(_evidence(bundle))
    yield "run", lambda: _run(bundle)
    yield "lineage", lambda: _lineage_clean(bundle)


def _blocks(bundle: _Bundle) -> str:
    """Trusted hash → header → state root → every slot that later checks read."""
    for block in bundle.document["blocks"]:
        bundle.state.add(
            block, lambda address: _REGISTRY if _is_registry(bundle, address) else _LEDGER
        )
    shown = ", ".join(map(str, sorted(bundle.state.blocks)))
    return f"state of block {shown} proven against trusted hashes"


def _registry(bundle: _Bundle) -> str:
    registry, slots = bundle.document["registry"], VersionSlots(*bundle.version)
    if registry.lower() != predicted_address(_REGISTRY).lower():
        raise IntegrityError(f"{registry} is not where this package's registry is")
    token = f"eip155:{bundle.document['chain_id']}/erc721:{token_of(registry)}"
    subject = f"{token}/{slots.model_id}@{slots.version}"
    if bundle.document["subject"] != subject:
        raise IntegrityError(f"the bundle says another subject than it proves: {subject}")
    header = slots.read_header(bundle.slot(_REGISTRY, registry, slots.header))
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
    with bundle.archive.open(CONTENT) as stream:
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
    proof.verify()
    slots = LedgerHeadSlots(proof.log_id)
    size = slots.read_size(bundle.slot(_LEDGER, proof.ledger, slots.writer_and_size))
    root = bundle.slot(_LEDGER, proof.ledger, slots.root).to_bytes(32, "big")
    if (size, root) != (proof.size, proof.root):
        raise IntegrityError("the log's head at that block is not the one that the proof is for")
    return f"run record {proof.index + 1} of {proof.size}, anchored at that block"


def _lineage_clean(bundle: _Bundle) -> str:
    """Walk the proven edges; nothing on the way may be revoked."""
    registry = bundle.document["registry"]
    queue = [bundle.version]
    for version in queue:
        slots = VersionSlots(*version)
        header = slots.read_header(bundle.slot(_REGISTRY, registry, slots.header))
        if header.status is Status.REVOKED:
            raise IntegrityError(f"{version[0]}@{version[1]} is revoked")
        pairs = [
            bundle.slot(_REGISTRY, registry, s) for s in slots.parent_pairs(header.parent_count)
        ]
        for parent in slots.read_parents(pairs, header.parent_count):
            if (parent.model_id, parent.version) not in queue:
                queue.append((parent.model_id, parent.version))
    return f"{len(queue) - 1} ancestors, none revoked"


def _is_registry(bundle: _Bundle, address: str) -> bool:
    return address.lower() == str(bundle.document["registry"]).lower()


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
            document = read_object(self._archive.read(EVIDENCE), EVIDENCE)
            if document["schema"] != SCHEMA:
                raise FormatError(f"{self._path} is a bundle of form {document['schema']!r}")
            for name in ("subject", "chain_id", "registry", "model_id", "version", "blocks", "run"):
                document[name]
        except (zipfile.BadZipFile, KeyError, TypeError, ValueError, OSError) as error:
            raise FormatError(f"{self._path} is truncated, or no bundle: {error}") from error
        return self._archive, document

    def __exit__(self, *_: object) -> None:
        self._archive.close()
