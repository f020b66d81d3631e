"""Principal messages: invocations on the way to a service, receipts on the way back.

`{"ucanto/message@7.0.0": {execute: [link]}}` goes, `{…: {report: {task: receipt}}}` comes back,
each in a CAR with all documents that it speaks of.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from anacostia_blockchain.errors import (
    AccessDeniedError,
    FormatError,
    IntegrityError,
    NotFoundError,
    StorageError,
    StoreFullError,
)
from anacostia_blockchain.storage.web3storage.identity import Signer, did_bytes, verify
from anacostia_blockchain.storage.web3storage.ipld import (
    Blocks,
    Link,
    encode,
    get,
    put,
    read_car,
    write_car,
)
from anacostia_blockchain.storage.web3storage.ucan import Delegation

CONTENT_TYPE = "application/vnd.ipld.car"

_MESSAGE = "ucanto/message@7.0.0"
_DENIED = ("Unauthorized", "InvalidAudience", "UnavailableProof", "DelegationError")


@dataclass(frozen=True, slots=True)
class Receipt:
    """What became of a task, signed by whoever carried it out.

    Attributes:
        ran: the task's link.
        outcome: `{"ok": …}` or `{"error": …}`.
        forks: tasks that follow from it.
    """

    link: Link
    ran: Link
    outcome: Mapping[str, Any]
    forks: tuple[Link, ...]
    issuer: str
    signed: bytes = field(repr=False)
    signature: bytes = field(repr=False)
    blocks: Blocks = field(repr=False, compare=False)

    @classmethod
    def parse(cls, link: Link, blocks: Blocks) -> Receipt:
        """Read a receipt; the signature is `verify`'s matter.

        Raises:
            FormatError: it is missing or none.
        """
        data = get(blocks, link)
        ocm = data.get("ocm") if isinstance(data, dict) else None
        if not isinstance(ocm, dict) or not isinstance(data.get("sig"), bytes):
            raise FormatError(f"receipt: {link} is none")
        out, effects = ocm.get("out"), ocm.get("fx")
        if not isinstance(out, dict) or len(out) != 1 or not set(out) <= {"ok", "error"}:
            raise FormatError("receipt: it says neither ok nor error")
        forks = effects.get("fork", []) if isinstance(effects, dict) else None
        if not isinstance(forks, list) or not all(isinstance(fork, Link) for fork in forks):
            raise FormatError("receipt: its effects are no list of tasks")
        ran, issuer = ocm.get("ran"), ocm.get("iss")
        if not isinstance(ran, Link) or not isinstance(issuer, str):
            raise FormatError("receipt: it does not say what was done, or by whom")
        did_bytes(issuer)
        return cls(link, ran, out, tuple(forks), issuer, encode(ocm), data["sig"], blocks)

    def verify(self, ran: Link, issuer: str, key: str) -> None:
        """Check that it is about this task, and signed by whom it should be.

        Args:
            ran: the task.
            issuer: the DID that it must name.
            key: the `did:key` that stands for that DID.

        Raises:
            IntegrityError: another task, another issuer, or another's signature.
        """
        if self.ran != ran:
            raise IntegrityError(f"the receipt is about {self.ran}, not about {ran}")
        if self.issuer not in (issuer, key):
            raise IntegrityError(f"the receipt is from {self.issuer}, not from {issuer}")
        verify(key, self.signed, self.signature)

    def ok(self) -> dict[str, Any]:
        """What came out of it.

        Raises:
            AccessDeniedError: no right to it.
            NotFoundError: what it is about is not there.
            StoreFullError: the space may hold no more.
            StorageError: any other refusal, in the service's words.
        """
        if "error" in self.outcome:
            raise _refusal(self.outcome["error"])
        value = self.outcome["ok"]
        if not isinstance(value, dict):
            raise FormatError("receipt: what came out is not an object")
        return value

    def following(self) -> dict[str, Delegation]:
        """Tasks that follow and came along, by ability; `ucan/conclude` is left to `concluded`."""
        tasks = [Delegation.parse(link, self.blocks) for link in self._present()]
        named = ((task.capabilities[0].can, task) for task in tasks if task.capabilities)
        return {can: task for can, task in named if can != "ucan/conclude"}

    def concluded(self) -> dict[Link, Receipt]:
        """Receipts of following tasks that were carried out at once, by task."""
        found: dict[Link, Receipt] = {}
        for link in self._present():
            for capability in Delegation.parse(link, self.blocks).capabilities:
                if capability.can == "ucan/conclude":
                    receipt = Receipt.parse(capability.argument("receipt", Link), self.blocks)
                    found[receipt.ran] = receipt
        return found

    def _present(self) -> list[Link]:
        return [link for link in self.forks if link in self.blocks]


def issue_receipt(signer: Signer, ran: Link, ok: Mapping[str, Any]) -> tuple[Link, Blocks]:
    """Sign a receipt for a task that was carried out here."""
    outcome = {
        "ran": ran,
        "out": {"ok": dict(ok)},
        "fx": {"fork": []},
        "meta": {},
        "iss": signer.did,
        "prf": [],
    }
    blocks: Blocks = {}
    link = put(blocks, {"ocm": outcome, "sig": signer.sign(encode(outcome))})
    return link, blocks


def write_request(invocation: Delegation) -> bytes:
    """Write the message that carries an invocation."""
    blocks = dict(invocation.blocks)
    return write_car(put(blocks, {_MESSAGE: {"execute": [invocation.link]}}), blocks)


def read_receipt(message: bytes, task: Link) -> Receipt:
    """Find a task's receipt in a message.

    Raises:
        FormatError: no message, or it does not report on this task.
        IntegrityError: a block's bytes are not those of its link.
    """
    root, blocks = read_car(message)
    document = get(blocks, root)
    body = document.get(_MESSAGE) if isinstance(document, dict) else None
    report = body.get("report") if isinstance(body, dict) else None
    link = report.get(str(task)) if isinstance(report, dict) else None
    if not isinstance(link, Link):
        raise FormatError(f"the answer is not about the task {task}")
    return Receipt.parse(link, blocks)


def _refusal(error: object) -> StorageError:
    details = error if isinstance(error, dict) else {}
    name, message = str(details.get("name", "")), str(details.get("message", ""))
    said = " ".join(re.sub(r"[^\x20-\x7e]+", " ", f"{name}: {message}").split())[:500]
    if name in _DENIED:
        return AccessDeniedError(f"the service refuses: {said}")
    if name.endswith("NotFound"):
        return NotFoundError(f"the service does not have it: {said}")
    if name in ("InsufficientStorage", "BlobSizeOutsideOfSupportedRange", "BlobSizeLimitExceeded"):
        return StoreFullError(f"the service takes no more: {said}")
    return StorageError(f"the service refuses: {said}")
