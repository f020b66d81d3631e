"""Write an evidence bundle about a version; `bundle.py` says what is in one, and verifies it."""

from __future__ import annotations

import json
import zipfile
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any, BinaryIO, cast

from anacostia_blockchain._files import DOCUMENT, read_all, whole
from anacostia_blockchain.content.statement import Statement
from anacostia_blockchain.errors import ConfigError, IntegrityError
from anacostia_blockchain.ledger.proof import RunProof
from anacostia_blockchain.promotion import portable
from anacostia_blockchain.proofs.bundle import CONTENT, EVIDENCE, SCHEMA
from anacostia_blockchain.proofs.layout import LedgerHeadSlots, VersionSlots
from anacostia_blockchain.proofs.state import prove_state
from anacostia_blockchain.types import Parent

if TYPE_CHECKING:
    from anacostia_blockchain.client import Anacostia


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
    evidence["evaluations"], envelopes = _evaluations(client, evidence)
    with whole(target) as partial, zipfile.ZipFile(partial, "w") as archive:
        archive.writestr(EVIDENCE, json.dumps(evidence, indent=1))
        with archive.open(CONTENT, "w", force_zip64=True) as stream:
            client.storage.export_car(root, cast("BinaryIO", stream))
        for name, envelope in envelopes.items():
            archive.writestr(name, envelope)
    return target


def _gather(client: Anacostia, model_id: int, number: int, max_visits: int) -> dict[str, Any]:
    proof = _run_proof(client, model_id, number)
    head = None if proof is None else client.ledger.head_of(proof.log_id)
    block = client.chain.block_number()  # last: nothing is shown at a newer block than the registry
    slots = [
        slot
        for parent in _lineage(client, Parent(model_id, number), max_visits)
        for slot in _record_slots(client, parent)
    ]
    blocks = [prove_state(client, block, {client.registry.address: slots})]
    if proof is not None and head is not None:
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


def _evaluations(
    client: Anacostia, evidence: dict[str, Any]
) -> tuple[list[portable.Row] | None, dict[str, bytes]]:
    """The version's evaluations at the block, and their envelopes by member.

    None where the deployment has nothing that evaluations are made by.
    """
    number, at = evidence["version"], evidence["blocks"][0]["header"]["timestamp"]
    time = datetime.fromtimestamp(int(at, 16), UTC)
    try:
        attested = client.attest.list(f"{evidence['model_id']}@{number}")
    except ConfigError:
        return None, {}
    rows, envelopes = [], {}
    for found in attested:
        if found.kind != "evaluation" or found.attested_at > time:
            continue
        row, envelope = portable.told(client, found, time, number)
        rows.append(row)
        if envelope is not None:
            envelopes[row["envelope"]] = envelope
    return rows, envelopes


def _run_proof(client: Anacostia, model_id: int, number: int) -> RunProof | None:
    root = client.registry.version_of(model_id, number).root
    with client.storage.open(root, "statement.json") as stream:
        statement = Statement.parse(read_all(stream, DOCUMENT, "statement.json"))
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
