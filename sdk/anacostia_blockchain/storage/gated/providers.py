"""Who hands envelopes out: the seam between licences and keys."""

from __future__ import annotations

from pathlib import Path
from typing import Protocol

from anacostia_blockchain.content.encryption.envelopes import Envelope, RecipientKey
from anacostia_blockchain.errors import DecryptionError, NotFoundError
from anacostia_blockchain.storage.disk import typed_errors
from anacostia_blockchain.storage.gated.opening import Opener, SealedContent, read_header


class KeyProvider(Protocol):
    """Gives licence holders their envelopes.

    A folder (`EnvelopeFolder`), a node that answers a contract's events, a server that checks
    `entitled` on chain: whatever it is, it need not be trusted with more than the content key, and
    what it answers is checked against the content and the recipient's own key.
    """

    def envelope(self, content: bytes, recipient: bytes) -> Envelope:
        """The envelope of a recipient.

        Args:
            content: digest of the content's header.
            recipient: X25519 public key.

        Raises:
            NotFoundError: there is none, or none yet.
            AccessDeniedError: the recipient has no licence.
        """
        ...


class EnvelopeFolder:
    """Envelopes as files, `<content>/<recipient>.json`: for one machine, or to be published.

    Args:
        folder: made when the first one is added.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def add(self, envelope: Envelope) -> Path:
        """Keep an envelope, in place of an older one for the same content and recipient."""
        path = self._path(envelope.content, envelope.recipient)
        part = path.with_suffix(".part")
        with typed_errors(self.folder):
            path.parent.mkdir(parents=True, exist_ok=True)
            part.write_bytes(envelope.to_json())
            part.replace(path)
        return path

    def envelope(self, content: bytes, recipient: bytes) -> Envelope:
        """The envelope of a recipient; see `KeyProvider.envelope`."""
        path = self._path(content, recipient)
        try:
            return Envelope.parse(path.read_bytes())
        except FileNotFoundError:
            raise NotFoundError(
                f"no envelope for 0x{recipient.hex()} and this content in {self.folder}: ask "
                "whoever sold the licence for one"
            ) from None

    def _path(self, content: bytes, recipient: bytes) -> Path:
        return self.folder / content.hex() / f"{recipient.hex()}.json"


def open_sealed(
    opener: Opener, provider: KeyProvider, key: RecipientKey, *, context: str | None = None
) -> SealedContent:
    """Open content with one's own envelope.

    Args:
        opener: where the content is: `in_folder` or `in_store`.
        provider: who has the envelope.
        key: one's own.
        context: that the envelope must be bound to, if given.

    Raises:
        NotFoundError: there is no envelope, or the content is not sealed.
        DecryptionError: the envelope is for another key, content or context.
    """
    header = read_header(opener)
    envelope = provider.envelope(header.digest, key.public)
    if envelope.content != header.digest:
        raise DecryptionError("the envelope is for other content")
    if context is not None and envelope.context != context:
        raise DecryptionError(
            f"the envelope is bound to {envelope.context[:80]!r}, not to {context[:80]!r}"
        )
    return SealedContent(opener, envelope.unwrap(key))


def grant(
    opener: Opener, provider: KeyProvider, key: RecipientKey, recipient: bytes, *, context: str = ""
) -> Envelope:
    """Let somebody in: make an envelope for them from one's own.

    Args:
        opener: where the content is; only its header is read.
        provider: who has one's own envelope.
        key: one's own.
        recipient: the other's public key.
        context: what the new envelope is bound to.

    Raises:
        DecryptionError: one's own envelope does not open.
        FormatError: the public key is none.
    """
    header = read_header(opener)
    content_key = provider.envelope(header.digest, key.public).unwrap(key)
    header.check_key(content_key)
    return Envelope.wrap(content_key, recipient, content=header.digest, context=context)
