"""Attestations that are not made yet, and what an evaluator signs for others to send."""

from __future__ import annotations

from dataclasses import dataclass

from anacostia_blockchain.contracts.eas import Request, Signed
from anacostia_blockchain.promotion.statement import digest_of


@dataclass(frozen=True, slots=True)
class Draft:
    """An attestation that is not made yet.

    Attributes:
        request: as the service takes it.
        statement: what an evaluation says in full; None for an approval.
    """

    request: Request
    statement: bytes | None = None

    @property
    def evidence(self) -> bytes | None:
        """Digest of the statement, which the attestation commits to."""
        return None if self.statement is None else digest_of(self.statement)


@dataclass(frozen=True, slots=True)
class Delegated(Signed):
    """What an evaluator has signed, for somebody else to send.

    Attributes:
        envelope: the statement, signed as well; None for an approval.
    """

    envelope: bytes | None = None
