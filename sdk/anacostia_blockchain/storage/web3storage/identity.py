"""Who speaks: DIDs and the Ed25519 keys behind them. A secret is never shown, logged or pickled."""

from __future__ import annotations

import base64
import os
from pathlib import Path

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import (
    Ed25519PrivateKey,
    Ed25519PublicKey,
)

from anacostia_blockchain._keyfiles import SecretKey, read_private, write_private
from anacostia_blockchain.content.dagpb import read_varint, varint
from anacostia_blockchain.errors import ConfigError, FormatError, IntegrityError

KEY_VARIABLE = "ANACOSTIA_W3UP_PRINCIPAL"

_ED25519 = b"\xed\x01"
_KEY_KINDS = (0xED, 0xE7, 0xEA, 0xEB, 0x1200, 0x1201, 0x1202, 0x1205)
"""Public keys that a `did:key` can hold, by multicodec: Ed25519, and others that are only named."""

_TEXT_DID = b"\x9d\x1a"  # varint of 0x0d1d: the rest is the DID's own text
_SECRET = b"\x80\x26"  # varint of 0x1300
_EDDSA = varint(0xD0ED) + varint(64)
_ALPHABET = "123456789ABCDEFGHJKLMNPQRSTUVWXYZabcdefghijkmnopqrstuvwxyz"
_LONGEST_DID = 2048


class Signer(SecretKey):
    """A principal's or a space's key in this process's memory.

    Its text is what `storacha key create` prints, so keys of that command line can be used as they
    are.

    Args:
        secret: 32 bytes.

    Example:
        >>> str(Signer(bytes(32)))
        'did:key:z6MkiTBz1ymuepAQ4HEHYSF1H8quG5GLVVQR3djdX3mDooWp'

    Raises:
        ConfigError: not 32 bytes.
    """

    def __init__(self, secret: bytes) -> None:
        if len(secret) != 32:
            raise ConfigError("an Ed25519 secret has 32 bytes")
        self._key = Ed25519PrivateKey.from_private_bytes(secret)
        self.did = did_from_bytes(_ED25519 + self._key.public_key().public_bytes_raw())

    def __str__(self) -> str:
        return self.did

    def __repr__(self) -> str:
        return f"Signer({self.did})"

    @classmethod
    def generate(cls) -> Signer:
        """Make a new key."""
        return cls(os.urandom(32))

    @classmethod
    def from_text(cls, text: str) -> Signer:
        """Read a key's text.

        Raises:
            ConfigError: it is none; what it was is not said.
        """
        archive = _unarmoured(text.strip())
        del text  # error reporters show the variables of frames
        if archive is None:
            raise ConfigError("not a principal's key: it begins with M and has 93 characters")
        return cls.from_archive(archive)

    @classmethod
    def from_archive(cls, archive: bytes) -> Signer:
        """Read a key's binary form: secret and public part, each with its kind before it.

        Raises:
            ConfigError: it is none, or its parts do not belong together.
        """
        if len(archive) != 68 or archive[:2] != _SECRET or archive[34:36] != _ED25519:
            raise ConfigError("not an Ed25519 key")
        signer = cls(archive[2:34])
        if did_bytes(signer.did) != archive[34:]:
            raise ConfigError("the key's public part is not that of its secret")
        return signer

    @classmethod
    def from_file(cls, path: Path) -> Signer:
        """Read a key from a file that only its owner can read.

        Raises:
            ConfigError: it is missing, others can read it, or it holds no key.
        """
        return cls.from_text(read_private(path))

    @classmethod
    def from_env(cls) -> Signer | None:
        """The key whose text is in `ANACOSTIA_W3UP_PRINCIPAL`, if it is set."""
        return cls.from_text(os.environ[KEY_VARIABLE]) if os.environ.get(KEY_VARIABLE) else None

    def save(self, path: Path) -> None:
        """Write the key into a new file that only its owner can read.

        Raises:
            ConfigError: there is a file already.
        """
        archive = _SECRET + self._key.private_bytes_raw() + did_bytes(self.did)
        write_private(path, b"M" + base64.b64encode(archive) + b"\n")

    def sign(self, message: bytes) -> bytes:
        """Sign; the signature says its own kind (varsig)."""
        return _EDDSA + self._key.sign(message)


def verify(did: str, message: bytes, signature: bytes) -> None:
    """Check a signature of a `did:key`.

    Raises:
        IntegrityError: it is not this key's signature of these bytes.
        FormatError: not Ed25519.
    """
    public = did_bytes(did)
    if public[:2] != _ED25519 or not signature.startswith(_EDDSA):
        raise FormatError(f"{did}: only Ed25519 signatures can be checked")
    try:
        key = Ed25519PublicKey.from_public_bytes(public[2:])
        key.verify(signature[len(_EDDSA) :], message)
    except InvalidSignature as error:
        raise IntegrityError(f"the signature is not {did}'s") from error


def did_bytes(did: str) -> bytes:
    """Write a DID in its binary form.

    Raises:
        FormatError: it is no DID that the protocol knows.
    """
    if did.startswith("did:key:z"):
        data = unbase58(did.removeprefix("did:key:z"))
        if data[:2] == _TEXT_DID or did_from_bytes(data) != did:
            raise FormatError(f"not a DID: {did[:80]!r}")
        return data
    method, _, rest = did.removeprefix("did:").partition(":")
    if not did.startswith("did:") or method in ("", "key") or not rest:
        raise FormatError(f"not a DID: {did[:80]!r}")
    return _TEXT_DID + did.removeprefix("did:").encode()


def did_from_bytes(data: object) -> str:
    """Read a DID's binary form.

    Raises:
        FormatError: it is none.
    """
    if not isinstance(data, bytes) or not 2 < len(data) <= _LONGEST_DID:
        raise FormatError("not a DID")
    if data[:2] == _TEXT_DID:
        try:
            did = "did:" + data[2:].decode()
        except UnicodeDecodeError as error:
            raise FormatError("not a DID: not UTF-8") from error
        if did_bytes(did) != data:
            raise FormatError(f"not a DID: {did[:80]!r}")
        return did
    kind, _ = read_varint(data, 0)
    if kind not in _KEY_KINDS:
        raise FormatError(f"not a DID: no kind of key is {kind:#x}")
    if data[:2] == _ED25519 and len(data) != 34:
        raise FormatError("not a DID: an Ed25519 key has 32 bytes")
    return "did:key:z" + base58(data)


def base58(data: bytes) -> str:
    """Write base58 in the alphabet of Bitcoin."""
    number, text = int.from_bytes(data), ""
    while number:
        number, digit = divmod(number, 58)
        text = _ALPHABET[digit] + text
    return "1" * (len(data) - len(data.lstrip(b"\0"))) + text


def unbase58(text: str) -> bytes:
    """Read base58.

    Raises:
        FormatError: it is none.
    """
    if len(text) > _LONGEST_DID or not set(text) <= set(_ALPHABET):
        raise FormatError("not base58")
    number = 0
    for character in text:
        number = number * 58 + _ALPHABET.index(character)
    zeros = len(text) - len(text.lstrip("1"))
    return bytes(zeros) + number.to_bytes((number.bit_length() + 7) // 8)


def _unarmoured(text: str) -> bytes | None:
    """The archive, or None: no error of any library, which might show it, leaves here."""
    try:
        return base64.b64decode(text[1:], validate=True) if text.startswith("M") else None
    except ValueError:
        return None
