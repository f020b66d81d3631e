"""What describes a version, as its root commits to it: a few blocks instead of all its bytes."""

from __future__ import annotations

from collections.abc import Callable
from io import BytesIO
from typing import IO, Any

from anacostia_blockchain._files import DOCUMENT, read_all
from anacostia_blockchain.content import car, manifest, statement
from anacostia_blockchain.content.cid import CID
from anacostia_blockchain.content.documents import read_object
from anacostia_blockchain.content.manifest import Manifest
from anacostia_blockchain.content.statement import Statement
from anacostia_blockchain.content.version import CARD_NAME, METADATA_NAME
from anacostia_blockchain.errors import IntegrityError, NotFoundError
from anacostia_blockchain.storage import dag

NAMES = (statement.NAME, manifest.NAME, METADATA_NAME, CARD_NAME)
"""What publishing puts beside the files."""

Fetch = Callable[[CID], bytes]

_LARGEST_COPY = (len(NAMES) + 4) * DOCUMENT
"""Bytes of the documents, and of the directory's blocks that lead to them."""


def describe(fetch: Fetch, root: CID) -> dict[str, Any]:
    """What a version's documents say, after they were compared with each other.

    Raises:
        NotFoundError: a block or a document is not there.
        IntegrityError: the statement is about other files than the manifest lists.
        FormatError: one is not what it should be.
    """
    found = {name: _read(fetch, root, name) for name in NAMES}
    made = Statement.parse(found[statement.NAME])
    listed = Manifest.parse(found[manifest.NAME])
    if made.subject_digest != listed.root:
        raise IntegrityError("the in-toto statement is about other files than the manifest lists")
    metadata = read_object(found[METADATA_NAME], METADATA_NAME)
    how, leaf = made.provenance, made.run_leaf
    return {
        "held": True,
        "description": _text(metadata.get("description")),
        "licence": _licence(metadata),
        "attributes": _attributes(metadata),
        "files": len(listed.files),
        "manifest_root": listed.root.hex(),
        "builder": made.builder_id,
        "invocation": how.invocation_id,
        "finished_on": how.finished_on.isoformat() if how.finished_on else None,
        "inputs": [
            {"name": one.name, "sha256": one.digest.hex(), "uri": one.uri} for one in how.inputs
        ],
        "log_id": None if made.log_id is None else "0x" + made.log_id.hex(),
        "run_leaf": None if leaf is None else "0x" + leaf.hex(),
    }


def copy(fetch: Fetch, root: CID, stream: IO[bytes]) -> dict[str, Any]:
    """Write the blocks that `describe` needs as a CAR, and describe."""
    blocks: dict[CID, bytes] = {}

    def recorded(cid: CID) -> bytes:
        blocks[cid] = fetch(cid)
        return blocks[cid]

    described = describe(recorded, root)
    stream.write(car.header(root))
    for cid, block in blocks.items():
        stream.write(car.section_head(cid, len(block)) + block)
    return described


def read_copy(stream: IO[bytes], root: CID) -> dict[str, Any]:
    """Describe from what `copy` wrote, every block hashed again.

    Raises:
        IntegrityError: a block is not what its CID says, or of another version.
        FormatError: it is larger than documents are.
    """
    opened = car.Car.read(BytesIO(read_all(stream, _LARGEST_COPY, "the copy of the documents")))
    if opened.roots != (root,):
        raise IntegrityError(f"the documents are of another version than {root}")
    blocks = dict(opened.blocks())

    def fetch(cid: CID) -> bytes:
        if cid not in blocks:
            raise NotFoundError(f"block {cid} is missing")
        return blocks[cid]

    return describe(fetch, root)


def _read(fetch: Fetch, root: CID, name: str) -> bytes:
    with dag.open_file(fetch, dag.lookup(fetch, root, name)) as file:
        return read_all(file, DOCUMENT, name)


def _licence(metadata: dict[str, Any]) -> str | None:
    properties = metadata.get("properties")
    licence = properties.get("license") if isinstance(properties, dict) else None
    return licence if isinstance(licence, str) else None


def _attributes(metadata: dict[str, Any]) -> dict[str, Any]:
    """The metrics that the publisher states; tags are left out."""
    found = metadata.get("attributes")
    entries = [one for one in found if isinstance(one, dict)] if isinstance(found, list) else []
    return {
        str(one.get("trait_type")): one.get("value")
        for one in entries
        if isinstance(one.get("value"), int | float)
    }


def _text(value: object) -> str:
    return value if isinstance(value, str) else ""
