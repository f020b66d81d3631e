"""Delegations and invocations: UCAN 0.9.1, as the w3up protocol signs and sends it.

What is signed is the JWT form (base64url of dag-json), what is sent is dag-cbor; both say the same.
https://github.com/ucan-wg/spec/tree/v0.9.1
"""

from __future__ import annotations

import base64
import re
import secrets
import time
from collections import deque
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from anacostia_blockchain.content.dagpb import read_varint
from anacostia_blockchain.errors import AccessDeniedError, ConfigError, FormatError, IntegrityError
from anacostia_blockchain.storage.web3storage.capability import Capability, typed
from anacostia_blockchain.storage.web3storage.identity import (
    Signer,
    did_bytes,
    did_from_bytes,
    verify,
)
from anacostia_blockchain.storage.web3storage.ipld import (
    CAR,
    Blocks,
    Link,
    dag_json,
    get,
    put,
    read_car,
    write_car,
)

VERSION = "0.9.1"
LIFETIME = 300
"""Seconds for which an invocation counts."""

_ARCHIVE = "ucan@0.9.1"
_TEXT = re.compile(rb"m[A-Za-z0-9+/]+\s*")
_FIELDS = {"v", "iss", "aud", "att", "prf", "exp", "nbf", "fct", "nnc", "s"}
_LONGEST_CHAIN = 16
_LATEST = 1 << 53
_EMAIL_SIGNATURE = b"\x80\xa0\x03"  # varint of 0xd000: no key, another delegation attests to it


@dataclass(frozen=True, slots=True)
class Delegation:
    """A signed statement that `audience` may do what `capabilities` say.

    An invocation is one too: addressed to the service that shall do it.

    Attributes:
        link: of the document.
        proofs: delegations from which the issuer has its own rights.
        expires: Unix time in seconds; None: never.
        blocks: the document, and those of its proofs as far as they came with it.
    """

    link: Link
    issuer: str
    audience: str
    capabilities: tuple[Capability, ...]
    proofs: tuple[Link, ...]
    expires: int | None
    not_before: int | None
    facts: tuple[Mapping[str, Any], ...]
    nonce: str
    signature: bytes
    blocks: Blocks = field(repr=False, compare=False)

    @classmethod
    def parse(cls, link: Link, blocks: Blocks) -> Delegation:
        """Read a document; signature and times are `check`'s matter.

        Raises:
            FormatError: it is missing or no UCAN.
        """
        data = get(blocks, link)
        if not isinstance(data, dict) or not set(data) <= _FIELDS or data.get("v") != VERSION:
            raise FormatError(f"UCAN: {link} is not of version {VERSION}")
        facts = _list(data, "fct", dict)
        return cls(
            link=link,
            issuer=did_from_bytes(data.get("iss")),
            audience=did_from_bytes(data.get("aud")),
            capabilities=tuple(Capability.parse(entry) for entry in _list(data, "att", dict)),
            proofs=tuple(_list(data, "prf", Link)),
            expires=_seconds(data, "exp"),
            not_before=_seconds(data, "nbf"),
            facts=tuple(facts),
            nonce=typed(data.get("nnc", ""), str, "nnc"),
            signature=typed(data.get("s"), bytes, "s"),
            blocks=blocks,
        )

    @classmethod
    def extract(cls, archive: bytes) -> Delegation:
        """Read the CAR that `storacha delegation create` writes, or the older form of it.

        Raises:
            FormatError: it is none.
            IntegrityError: a block's bytes are not those of its link.
        """
        root, blocks = read_car(archive)
        index = get(blocks, root)
        named = isinstance(index, dict) and set(index) == {_ARCHIVE}
        return cls.parse(typed(index[_ARCHIVE], Link, _ARCHIVE) if named else root, blocks)

    @classmethod
    def from_text(cls, text: str) -> Delegation:
        """Read what `storacha delegation create --base64` prints: an archive within a CID.

        Raises:
            FormatError: it is something else.
            IntegrityError: a block's bytes are not those of its link.
        """
        try:
            data = base64.b64decode(text[1:] + "=" * (-(len(text) - 1) % 4), validate=True)
        except ValueError as error:
            raise FormatError("not a delegation in base64") from error
        link = Link(data)
        size, at = read_varint(link.multihash, 1)
        if text[0] != "m" or link.codec != CAR or link.multihash[0] != 0:
            raise FormatError("not a delegation in base64")
        return cls.extract(link.multihash[at : at + size])

    @classmethod
    def from_file(cls, path: Path) -> Delegation:
        """Read an archive, or its text, from a file.

        Raises:
            ConfigError: it cannot be read.
            FormatError: it is none.
        """
        try:
            data = path.read_bytes()
        except OSError as error:
            raise ConfigError(f"{path}: no delegation there ({type(error).__name__})") from error
        return cls.from_text(data.decode().strip()) if _TEXT.fullmatch(data) else cls.extract(data)

    def archive(self) -> bytes:
        """Write it, with its proofs, as one CAR."""
        blocks = dict(self.blocks)
        return write_car(put(blocks, {_ARCHIVE: self.link}), blocks)

    def check(self, now: float | None = None, keys: Mapping[str, str] | None = None) -> None:
        """Check signature, times and chain: of this delegation, and of all proofs that it carries.

        Args:
            now: Unix time; this machine's clock, if not given.
            keys: the `did:key` of DIDs that do not name their key, such as a service's.

        Raises:
            IntegrityError: a signature is not the issuer's, or a proof is addressed to another.
            AccessDeniedError: it has expired, or does not count yet.
            FormatError: a proof is malformed, or the chain too long.
        """
        for delegation in self._chain():
            delegation.check_times(now)
            delegation.check_signature(keys)

    def check_times(self, now: float | None = None) -> None:
        """Check when it counts.

        Raises:
            AccessDeniedError: not now.
        """
        now = time.time() if now is None else now
        if self.expires is not None and self.expires <= now:
            raise AccessDeniedError(
                f"the delegation of {self.issuer} to {self.audience} expired at "
                f"{_shown(self.expires)}: ask for a new one"
            )
        if self.not_before is not None and now < self.not_before:
            raise AccessDeniedError(
                f"the delegation of {self.issuer} to {self.audience} counts from "
                f"{_shown(self.not_before)} on"
            )

    def check_signature(self, keys: Mapping[str, str] | None = None) -> None:
        """Check that the issuer signed it.

        An account (`did:mailto:`) has no key and does not sign: the service attests to it, and
        alone can judge that.

        Raises:
            IntegrityError: it is another's signature.
            FormatError: the issuer's key is not known.
        """
        if self.issuer.startswith("did:mailto:") and self.signature.startswith(_EMAIL_SIGNATURE):
            return
        verify((keys or {}).get(self.issuer, self.issuer), _signed(self), self.signature)

    def allows(self, can: str, resource: str) -> bool:
        """Whether it covers an ability on a resource."""
        return any(capability.allows(can, resource) for capability in self.capabilities)

    def _chain(self) -> Iterator[Delegation]:
        """This one and its proofs: each once, however many name it."""
        read = {self.link: self}
        pending = deque([(self, 0)])
        while pending:
            delegation, depth = pending.popleft()
            if depth > _LONGEST_CHAIN:
                raise FormatError(f"UCAN: a chain of more than {_LONGEST_CHAIN} delegations")
            yield delegation
            for link in delegation.proofs:
                if link not in self.blocks:
                    continue  # the service may have it
                if link not in read:
                    read[link] = Delegation.parse(link, self.blocks)
                    pending.append((read[link], depth + 1))
                proof = read[link]
                attests = any(entry.can == "ucan/attest" for entry in proof.capabilities)
                if proof.audience != delegation.issuer and not attests:
                    raise IntegrityError(
                        f"UCAN: a proof is addressed to {proof.audience}, not {delegation.issuer}"
                    )


def delegate(
    issuer: Signer,
    audience: str,
    capabilities: Iterable[Capability],
    *,
    proofs: Sequence[Delegation] = (),
    expires: int | None,
    facts: Sequence[Mapping[str, Any]] = (),
    nonce: str = "",
) -> Delegation:
    """Sign a delegation.

    Args:
        issuer: who gives.
        audience: who gets.
        capabilities: what.
        proofs: from which the issuer has it, if the resource is not its own.
        expires: Unix time in seconds; None: never.
        facts: anything else that is to be signed along.
        nonce: makes it another document than one that says the same.
    """
    made = {
        "v": VERSION,
        "iss": did_bytes(issuer.did),
        "aud": did_bytes(audience),
        "att": [capability.data() for capability in capabilities],
        "prf": [proof.link for proof in proofs],
        "exp": expires,
        **({"fct": [dict(fact) for fact in facts]} if facts else {}),
        **({"nnc": nonce} if nonce else {}),
    }
    blocks = {link: block for proof in proofs for link, block in proof.blocks.items()}
    draft: Blocks = {}
    unsigned = Delegation.parse(put(draft, made | {"s": b""}), draft)
    link = put(blocks, made | {"s": issuer.sign(_signed(unsigned))})
    return Delegation.parse(link, blocks)


def invoke(
    issuer: Signer, service: str, capability: Capability, *, proofs: Sequence[Delegation] = ()
) -> Delegation:
    """Sign an invocation; it counts for five minutes, and never equals another."""
    expires = int(time.time()) + LIFETIME
    nonce = secrets.token_hex(8)
    return delegate(issuer, service, [capability], proofs=proofs, expires=expires, nonce=nonce)


def _signed(ucan: Delegation) -> bytes:
    """The bytes that a signature covers: header and payload of the JWT form."""
    payload: dict[str, Any] = {
        "iss": ucan.issuer,
        "aud": ucan.audience,
        "att": [capability.data() for capability in ucan.capabilities],
        "prf": [str(link) for link in ucan.proofs],
        "exp": ucan.expires,
    }
    payload |= {"fct": list(ucan.facts)} if ucan.facts else {}
    payload |= {"nnc": ucan.nonce} if ucan.nonce else {}
    payload |= {"nbf": ucan.not_before} if ucan.not_before else {}
    return _base64(dag_json({"alg": "EdDSA", "typ": "JWT", "ucv": VERSION})) + (
        b"." + _base64(dag_json(payload))
    )


def _base64(data: bytes) -> bytes:
    return base64.urlsafe_b64encode(data).rstrip(b"=")


def _list(data: dict[str, Any], name: str, kind: type[Any]) -> list[Any]:
    entries = typed(data.get(name, []), list, name)
    return [typed(entry, kind, name) for entry in entries]


def _seconds(data: dict[str, Any], name: str) -> int | None:
    value = data.get(name)
    if value is None:
        return None
    seconds: int = typed(value, int, name)
    if isinstance(value, bool) or not 0 <= seconds < _LATEST:
        raise FormatError(f"UCAN: {name} is no time")
    return seconds


def _shown(seconds: int) -> str:
    try:
        return f"{datetime.fromtimestamp(seconds, UTC):%Y-%m-%d %H:%M:%S} UTC"
    except (ValueError, OverflowError):
        return f"{seconds} seconds after 1970"
