"""Who may open: X25519 keys of recipients, and envelopes with a content key for one of them each.

An envelope is HPKE (RFC 9180: DHKEM(X25519), HKDF-SHA256, AES-256-GCM): 80 bytes that only the
recipient's secret key opens, and only for the content and the context that it was made for.
"""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PrivateKey, X25519PublicKey
from cryptography.hazmat.primitives.hpke import AEAD, KDF, KEM, Suite

from anacostia_blockchain._keyfiles import SecretKey, read_private, write_private
from anacostia_blockchain.content.documents import canonical, field, hex_field, read_object
from anacostia_blockchain.errors import ConfigError, DecryptionError, FormatError

SIZE = 80
"""Bytes of what is wrapped."""

_SUITE = Suite(KEM.X25519, KDF.HKDF_SHA256, AEAD.AES_256_GCM)
_FORMAT = "anacostia-envelope/1"
_SECRET = "anacostia-x25519-secret:"  # noqa: S105 - the word before a secret


class RecipientKey(SecretKey):
    """The secret key of somebody who may open content.

    Example:
        >>> key = RecipientKey.generate()
        >>> envelope = Envelope.wrap(bytes(32), key.public, content=bytes(32))
        >>> envelope.unwrap(key) == bytes(32)
        True

    Args:
        secret: 32 bytes.

    Raises:
        ConfigError: not 32 bytes.
    """

    def __init__(self, secret: bytes) -> None:
        if len(secret) != 32:
            raise ConfigError("an X25519 secret has 32 bytes")
        self._key = X25519PrivateKey.from_private_bytes(secret)
        self.public = self._key.public_key().public_bytes_raw()

    def __repr__(self) -> str:
        return f"RecipientKey(0x{self.public.hex()})"

    @classmethod
    def generate(cls) -> RecipientKey:
        """Make a new key."""
        return cls(os.urandom(32))

    @classmethod
    def from_file(cls, path: Path) -> RecipientKey:
        """Read a key from a file that only its owner can read.

        Raises:
            ConfigError: it is missing, others can read it, or it holds no key.
        """
        text = read_private(path)
        secret = _from_hex(text.removeprefix(_SECRET)) if text.startswith(_SECRET) else None
        del text  # error reporters show the variables of frames
        if secret is None or len(secret) != 32:
            raise ConfigError(f"{path} holds no key: `anacostia gated keygen` makes one")
        return cls(secret)

    def save(self, path: Path) -> None:
        """Write the key into a new file that only its owner can read.

        Raises:
            ConfigError: there is a file already.
        """
        write_private(path, f"{_SECRET}{self._key.private_bytes_raw().hex()}\n".encode())

    def decrypt(self, wrapped: bytes, info: bytes) -> bytes:
        """Open what was encrypted to this key with HPKE.

        Raises:
            DecryptionError: it was for another key or with other info, or was altered.
        """
        try:
            return _SUITE.decrypt(wrapped, self._key, info=info)
        except (InvalidTag, ValueError):
            raise DecryptionError(
                "the envelope does not open: it is for another key, content or context"
            ) from None


@dataclass(frozen=True, slots=True)
class Envelope:
    """A content key for one recipient.

    Attributes:
        content: SHA-256 of the header of what the key opens.
        recipient: X25519 public key, 32 bytes.
        context: what else it is bound to, for instance a licence's id; empty if nothing.
        wrapped: 80 bytes.
    """

    content: bytes
    recipient: bytes
    context: str
    wrapped: bytes

    @classmethod
    def wrap(
        cls, content_key: bytes, recipient: bytes, *, content: bytes, context: str = ""
    ) -> Envelope:
        """Encrypt a content key to a recipient.

        Raises:
            FormatError: the public key is none.
        """
        public = _public(recipient)
        wrapped = _SUITE.encrypt(content_key, public, info=_info(content, context))
        return cls(content, recipient, context, wrapped)

    def unwrap(self, key: RecipientKey) -> bytes:
        """Take the content key out.

        Raises:
            DecryptionError: it is for another key, or content and context are not what it says.
        """
        if key.public != self.recipient:
            raise DecryptionError(
                f"the envelope is for 0x{self.recipient.hex()}, this key is 0x{key.public.hex()}"
            )
        return key.decrypt(self.wrapped, _info(self.content, self.context))

    def to_json(self) -> bytes:
        """Write it; there is nothing secret in it."""
        return canonical(
            {
                "format": _FORMAT,
                "content": "0x" + self.content.hex(),
                "recipient": "0x" + self.recipient.hex(),
                "context": self.context,
                "wrapped": "0x" + self.wrapped.hex(),
            }
        )

    @classmethod
    def parse(cls, data: bytes) -> Envelope:
        """Read what `to_json` wrote.

        Raises:
            FormatError: it is something else.
        """
        what = "envelope"
        document = read_object(data, what)
        if field(document, "format", str, what) != _FORMAT:
            raise FormatError(f"{what}: not {_FORMAT}")
        wrapped = _from_hex(field(document, "wrapped", str, what).removeprefix("0x"))
        if wrapped is None or len(wrapped) != SIZE:
            raise FormatError(f"{what}: wrapped is not {SIZE} bytes in hexadecimal")
        return cls(
            content=hex_field(document, "content", what),
            recipient=hex_field(document, "recipient", what),
            context=field(document, "context", str, what),
            wrapped=wrapped,
        )


def parse_public(text: str) -> bytes:
    """Read a recipient's public key, as `0x` and 64 hexadecimal digits.

    Raises:
        FormatError: it is none.
    """
    public = _from_hex(text.removeprefix("0x"))
    if public is None or len(public) != 32:
        raise FormatError(f"not an X25519 public key: {text[:80]!r}")
    _public(public)
    return public


def _public(recipient: bytes) -> X25519PublicKey:
    if len(recipient) != 32:
        raise FormatError("an X25519 public key has 32 bytes")
    try:
        # A point of small order gives everybody the same secret.
        X25519PrivateKey.generate().exchange(X25519PublicKey.from_public_bytes(recipient))
    except ValueError as error:
        raise FormatError("not a usable X25519 public key") from error
    return X25519PublicKey.from_public_bytes(recipient)


def _info(content: bytes, context: str) -> bytes:
    return f"{_FORMAT} ".encode() + content + context.encode()


def _from_hex(text: str) -> bytes | None:
    """Bytes, or None: no error that might show them leaves here."""
    try:
        return bytes.fromhex(text) if " " not in text else None
    except ValueError:
        return None
