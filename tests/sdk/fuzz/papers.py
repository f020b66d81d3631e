"""What strangers hand over: archives and documents of the last release, of which a part is another.

A fuzzer that begins with an archive breaks its checksums and stays at the door. So what it makes
says which value of which document to replace, and by what; the archive is then packed again.

To import this adds its targets to those of `targets.py`, which need much less and begin at once.
"""

from __future__ import annotations

import contextlib
import io
import json
import tempfile
import zipfile
from collections.abc import Iterator
from decimal import Decimal
from hashlib import sha256
from pathlib import Path
from typing import Any

import rlp
from eth_utils import keccak
from targets import TARGETS, Target

from anacostia_blockchain.chain.signers import PrivateKeySigner
from anacostia_blockchain.content.cid import CID
from anacostia_blockchain.content.documents import read_object
from anacostia_blockchain.content.statement import Provenance, Statement
from anacostia_blockchain.deployment import Deployment
from anacostia_blockchain.errors import AnacostiaError
from anacostia_blockchain.ledger.merkle import leaf_hash
from anacostia_blockchain.ledger.proof import RunProof
from anacostia_blockchain.ledger.record import Disclosure, RunRecord
from anacostia_blockchain.licensing.values import LicenseId
from anacostia_blockchain.offline import block_numbers, verify_file
from anacostia_blockchain.promotion import delegation, portable
from anacostia_blockchain.promotion import envelope as envelopes
from anacostia_blockchain.promotion.statement import Evaluation
from anacostia_blockchain.proofs.storage import block_hash, prove
from anacostia_blockchain.reference import Reference

GOLDEN = max((Path(__file__).parents[1] / "golden").iterdir())
TRUSTED = tuple(json.loads((GOLDEN / "block-hashes.json").read_text()).values())
CHAIN = 31337
INDEX = "index.json"

ADDRESS = bytes([0x11]) * 20
SIGNER = PrivateKeySigner(bytes([3]) * 32)


# ------------------------------------------------------------------ files that verify


def _members(name: str) -> dict[str, bytes]:
    with zipfile.ZipFile(GOLDEN / name) as archive:
        return {member: archive.read(member) for member in archive.namelist()}


ARCHIVES = [_members("bundle.zip"), _members("evidence.zip")]
ALIAS_PROOF = (GOLDEN / "alias-proof.json").read_bytes()


def archive(data: bytes) -> None:
    """A bundle or evidence. Bytes 0 and 1 say which and which member; of what follows, `altered`.

    Without anything to replace, all is as it was released, and passes.
    """
    members = dict(ARCHIVES[data[0] % 2 if data else 0])
    if len(data) > 1:
        names = [name for name in members if ".json" in name and members[name]]
        name = names[data[1] % len(names)]
        first, *rest = (
            members[name].splitlines(keepends=True) if name[-1] == "l" else [members[name]]
        )
        members[name] = b"".join([altered(first, data[2:]), *rest])
        if INDEX in members and name != INDEX:
            index = json.loads(members[INDEX])
            index["members"][name] = sha256(members[name]).hexdigest()
            members[INDEX] = json.dumps(index).encode()
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder, "archive.zip")
        with zipfile.ZipFile(path, "w") as made:
            for name, content in members.items():
                made.writestr(name, content)
        _verify(path, whole=len(data) < 2)


def alias_proof(data: bytes) -> None:
    """A proof of what an alias pointed to, altered."""
    _verify_bytes(altered(ALIAS_PROOF, data), whole=not data)


def any_file(data: bytes) -> None:
    """Whatever else may come in such a file."""
    _verify_bytes(data, whole=False)


def file_seeds() -> tuple[bytes, ...]:
    """The smallest archives of either kind."""
    made = []
    for member in ("evidence.json", INDEX):
        stream = io.BytesIO()
        with zipfile.ZipFile(stream, "w", zipfile.ZIP_DEFLATED) as small:
            small.writestr(member, b'{"schema": "anacostia/bundle/1"}')
        made.append(stream.getvalue())
    return tuple(made)


def _verify_bytes(data: bytes, *, whole: bool) -> None:
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder, "file")
        path.write_bytes(data)
        _verify(path, whole=whole)


def _verify(path: Path, *, whole: bool) -> None:
    with contextlib.suppress(AnacostiaError):
        block_numbers(path)
    try:
        report = verify_file(path, block_hashes=[*TRUSTED, *_hashes])
    except AnacostiaError:
        assert not whole
    else:
        assert report.passed or not whole


_hashes: list[str] = []
"""Of the last header that was altered: what is behind it is to be reached as well."""


def altered(document: bytes, data: bytes) -> bytes:
    """A JSON document with another value in one place: which one say two bytes, what the rest.

    What is no JSON is a text; nothing at all leaves the place out.
    """
    _hashes.clear()
    if not data:
        return document
    root = json.loads(document)
    places = list(_places(root))
    parent, key = places[int.from_bytes(data[:2], "big") % len(places)]
    if data[2:]:
        parent[key] = _value(data[2:])
    else:
        del parent[key]
    for header in _headers(root):
        with contextlib.suppress(Exception):
            _hashes.append("0x" + block_hash(header).hex())
    return json.dumps(root).encode()


def _value(data: bytes) -> Any:
    try:
        return json.loads(data)
    except (ValueError, RecursionError):
        return data.decode(errors="replace")


def _places(value: Any) -> Iterator[tuple[Any, Any]]:
    """Every value within another, from the outside inwards."""
    inside = range(len(value)) if isinstance(value, list) else list(value)
    for key in inside:
        yield value, key
    for key in inside:
        if isinstance(value[key], (dict, list)):
            yield from _places(value[key])


def _headers(root: dict[str, Any]) -> list[Any]:
    blocks = [root, root.get("block"), *(root.get("blocks") or [])]
    return [block.get("header") for block in blocks if isinstance(block, dict)]


# ------------------------------------------------------------------ proofs of storage


def storage_proof(data: bytes) -> None:
    """Nodes of tries, hashed here; `\\xfe` and a number in one stand for an earlier one's hash."""
    hashes: list[bytes] = []
    nodes: list[str] = []
    for piece in data.split(b"\xff\x00")[:16]:
        node = piece
        for number, known in enumerate(hashes):
            node = node.replace(b"\xfe" + bytes((number,)), known)
        hashes.append(keccak(node))
        nodes.append("0x" + node.hex())
    prove(
        {"stateRoot": "0x" + hashes[-1].hex()},
        {
            "address": "0x" + ADDRESS.hex(),
            "accountProof": nodes,
            "storageProof": [{"key": "0x0", "proof": nodes}],
        },
        [0],
    )


def storage_seeds() -> tuple[bytes, ...]:
    slot = rlp.encode([b"\x20" + keccak(bytes(32)), rlp.encode(7)])
    root = keccak(slot)
    account = rlp.encode([1, 0, root, keccak(b"")])
    leaf = rlp.encode([b"\x20" + keccak(ADDRESS), account])
    branch = rlp.encode([keccak(leaf)] + [b""] * 16)
    return (slot + b"\xff\x00" + leaf.replace(root, b"\xfe\x00"), branch, rlp.encode([b"\0", leaf]))


# ------------------------------------------------------------------ documents


def document(data: bytes) -> None:
    """Statements, envelopes, disclosures, records, proofs of runs, approvals: each takes any."""
    for read in (
        Statement.parse,
        Evaluation.parse,
        RunRecord.from_json,
        delegation.from_json,
        lambda it: Evaluation.parse(it).check_shown(),
        lambda it: Disclosure.from_json(it).verify(bytes(32)),
        lambda it: RunProof.from_json(it).verify(),
        lambda it: portable.check(ROW, it, "model@1", bytes([2]) * 32),
        lambda it: portable.check(read_object(it, "row"), ENVELOPE, "model@1", bytes([2]) * 32),
    ):
        with contextlib.suppress(AnacostiaError):
            read(data)


RECORD = RunRecord.build([("metric", "train", "accuracy", 0.92)], secret=bytes(32))
SHOWN = RECORD.disclose("metric", "train", "accuracy")
EVALUATION = Evaluation(
    "model@1", bytes([2]) * 32, bytes([0x11]) * 32, "accuracy", Decimal("0.92"), RECORD.root, SHOWN
).to_json()
ENVELOPE = envelopes.sign(EVALUATION, SIGNER)
ROW = {
    "attester": SIGNER.address,
    "evidence": "0x" + sha256(EVALUATION).hexdigest(),
    "dataset": "0x" + "11" * 32,
    "subject": "accuracy",
    "value": "0.92",
}


def document_seeds() -> tuple[bytes, ...]:
    statement = Statement(
        "model",
        bytes(32),
        Provenance(),
    )
    proof = RunProof(
        chain_id=CHAIN,
        ledger="0x" + ADDRESS.hex(),
        log_id=bytes(32),
        leaf=RECORD.root,
        index=0,
        size=1,
        root=leaf_hash(RECORD.root),
        path=(),
    )
    return (
        EVALUATION,
        ENVELOPE,
        statement.to_json(),
        SHOWN.to_json(),
        RECORD.to_json(),
        proof.to_json(),
        json.dumps(ROW).encode(),
    )


# ------------------------------------------------------------------ names


def name(data: bytes) -> None:
    """CIDs, references and numbers of licences as people type them."""
    text = data.decode(errors="replace")
    with contextlib.suppress(AnacostiaError):
        assert str(CID.parse(text)) == text
    with contextlib.suppress(AnacostiaError):
        assert CID.from_bytes(data).bytes == data
    for parse in (Reference.parse, LicenseId.parse):
        with contextlib.suppress(AnacostiaError):
            parse(text)


def name_seeds() -> tuple[bytes, ...]:
    cid = CID.of(b"")
    texts = ("acme/digits@champion", "0x" + "11" * 20 + "/digits@3", "12@4", "1/2/3")
    return (str(cid).encode(), cid.bytes, *(text.encode() for text in texts))


def deployment(data: bytes) -> None:
    """The file that says where the contracts are: as it comes, and the released one altered."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder, f"{CHAIN}.json")
        for content in (data, altered(DEPLOYMENT, data)):
            path.write_bytes(content)
            with contextlib.suppress(AnacostiaError):
                found = Deployment.load(CHAIN, path.parent)
                assert found.chain_id == CHAIN
                assert found.address("ModelRegistry")


DEPLOYMENT = (GOLDEN / f"{CHAIN}.json").read_bytes()

TARGETS.update(
    {
        "archive": Target(archive, (b"", b"\1", b"\0\0\0\5null", b"\1\0\0\3[]")),
        "alias-proof": Target(alias_proof, (b"", b"\0\3null", b"\0\4", b"\0\x20{}")),
        "file": Target(any_file, (b"PK\5\6" + bytes(18), b"{}", *file_seeds())),
        "storage-proof": Target(storage_proof, storage_seeds()),
        "document": Target(document, document_seeds()),
        "name": Target(name, name_seeds()),
        "deployment": Target(deployment, (b"", b"{}", b"\0\1null", b"\0\4[]")),
    }
)
