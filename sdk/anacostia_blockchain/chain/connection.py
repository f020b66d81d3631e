"""`Chain`: one endpoint and, if it signs, one account."""

from __future__ import annotations

import logging
import os
import time
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path

from eth_utils import to_checksum_address

from anacostia_blockchain.chain import refusals
from anacostia_blockchain.chain.rpc import Rpc, RpcError, to_hex
from anacostia_blockchain.chain.signers import Signer
from anacostia_blockchain.chain.signing import BATCH, Account
from anacostia_blockchain.chain.values import Call, Receipt, SignedTransaction
from anacostia_blockchain.errors import (
    NOT_TAKEN,
    AnacostiaError,
    ChainError,
    ChainUnavailableError,
    StorageError,
    TransactionTimeoutError,
    WrongNetworkError,
)
from anacostia_blockchain.types import Progress

log = logging.getLogger(__name__)


class Chain(Account):
    """A connection to a chain. Made by `Chain.connect`.

    Attributes:
        rpc: the endpoint.
        chain_id: as the endpoint gave it.
        signer: who signs; None where the connection only reads.
        address: of the signer; None likewise.
        confirmations: blocks that must follow a transaction's own before it counts.
        patience: seconds after which `send` raises the fees of what is not mined.
    """

    patience: float = 30.0

    def __repr__(self) -> str:
        return f"Chain({self.rpc.host!r}, chain_id={self.chain_id}, address={self.address})"

    @classmethod
    def connect(
        cls,
        rpc_url: str,
        *,
        signer: Signer | None = None,
        chain_id: int | None = None,
        confirmations: int = 0,
        state_dir: Path | None = None,
    ) -> Chain:
        """Connect to an endpoint.

        Args:
            rpc_url: http or https.
            signer: who signs; None: the connection only reads.
            chain_id: the chain that is meant; None: whichever the endpoint serves.
            confirmations: blocks that must follow a transaction's own before it counts.
            state_dir: folder of the nonce leases; None: `ANACOSTIA_HOME`, or `~/.anacostia`.

        Raises:
            ConfigError: the URL is none.
            ChainUnavailableError: the endpoint does not answer.
            WrongNetworkError: it serves another chain.
        """
        rpc = Rpc(rpc_url)
        actual = rpc.number("eth_chainId")
        if chain_id is not None and actual != chain_id:
            raise WrongNetworkError(chain_id, actual)
        home = Path(os.environ.get("ANACOSTIA_HOME", Path.home() / ".anacostia"))
        return cls(
            rpc, actual, signer=signer, confirmations=confirmations, state_dir=state_dir or home
        )

    # ------------------------------------------------------------------ send and wait

    def send(self, call: Call, *, timeout: float = 180) -> Receipt:
        """Send a call as a transaction and wait until it counts; one that is stuck pays more.

        Raises:
            ConfigError: the connection has no signer.
            ContractRevertedError: the contract refused; where that shows before, nothing is sent.
            TransactionFailedError: the network refused, or it failed without a reason.
            InsufficientFundsError: the account cannot pay.
            NonceConflictError: something else signs with the same key.
            TransactionTimeoutError, ReorgError: see `wait`.
            ChainUnavailableError: the endpoint stopped answering. If that was after the
                transaction was signed, the error names its hash, and those of what was to replace
                it: whichever of them is mined can be waited for.
        """
        signed = self.sign(call)
        with self._ending(offers := [signed]):
            try:
                self.broadcast(signed.raw)
                return self._see_through(offers, timeout)
            except ChainUnavailableError as error:
                sent = " or ".join(offer.hash for offer in offers)
                raise ChainUnavailableError(
                    f"{error}; transaction {sent} may be on its way: wait for that hash "
                    "before sending it again"
                ) from None

    def send_many(
        self, calls: Iterable[Call], *, timeout: float = 600, progress: Progress | None = None
    ) -> list[Receipt]:
        """Send many calls in the order given, with many in flight; every receipt is checked.

        Gas is estimated on the state before all of them: give a limit to a call that depends on
        one before it. A call that a contract refuses does not stop the others: all are mined, and
        then the first failure is raised, with a note that says which call it was. A call that the
        network refuses to take does stop those after its batch of 100; those in it may have been
        taken, and are mined once another transaction has its nonce: wait for that before you send
        them again.

        Args:
            calls: what to send.
            timeout: seconds to wait for each batch of 100.
            progress: told the number of transactions mined, and of all.

        Raises:
            ContractRevertedError, TransactionFailedError: of the first that failed.
            InsufficientFundsError, NonceConflictError: of the first that was not taken.
            ConfigError, TransactionTimeoutError, ReorgError, ChainUnavailableError: see `send`.
        """
        calls = list(calls)
        limits = self._gas_limits(calls)
        outcomes: list[Receipt | ChainError] = []
        signed: list[SignedTransaction] = []
        waiting: list[SignedTransaction] = []
        refused: ChainError | None = None
        with self._ending(signed):
            for start in range(0, len(calls) + BATCH, BATCH):
                # The next batch is on its way while the one before it is mined.
                batch = slice(start, start + BATCH)
                ahead: list[SignedTransaction] = []
                if refused is None and calls[batch]:
                    signed += self._sign_all(calls[batch], limits[batch])
                    ahead, refused = self._launch_all(signed[batch])
                outcomes += self._collect(waiting, timeout)
                if progress is not None and waiting:
                    progress(len(outcomes), len(calls))
                waiting = ahead
        outcomes += [] if refused is None else [refused]
        for number, outcome in enumerate(outcomes):
            if isinstance(outcome, ChainError):
                outcome.add_note(f"call {number} of {len(calls)}, counted from 0")
                raise outcome
        return [outcome for outcome in outcomes if isinstance(outcome, Receipt)]

    # ------------------------------------------------------------------ step by step

    def broadcast(self, raw: bytes) -> None:
        """Hand signed bytes to the network; the same bytes again do no harm.

        The nonce of what the network refuses stays leased: the network may have what this was to
        replace. Where there is no such thing, `abandon` it.

        Raises:
            NonceConflictError: another transaction has taken the nonce.
            InsufficientFundsError: the account cannot pay.
            TransactionFailedError: the network refused for another reason.
        """
        try:
            self.rpc("eth_sendRawTransaction", to_hex(raw))
        except RpcError as error:
            refused = self._refused(error, raw)
            if refused is not None:
                raise refused from None

    def fill_before(self, raw: bytes) -> None:
        """Fill the gap before signed bytes of ours, if there is one and nobody holds its nonces.

        What has taken their nonce may wait behind it for good.
        """
        self._fill(below=refusals.Offer.read(raw).nonce)

    # ------------------------------------------------------------------ internal

    @contextmanager
    def _ending(self, signed: list[SignedTransaction]) -> Iterator[None]:
        """End the leases of transactions afterwards, whatever became of them.

        What the network has, mined or in its pool, it tells; what it never took, or has dropped,
        must leave no gap, behind which all that is sent later would wait.
        """
        try:
            yield
        finally:
            self._nonces.end(signed)

    def _unblock(self, hashes: Sequence[str]) -> None:
        """Fill the gap that a transaction of ours waits behind, unless somebody holds its nonces.

        A nonce was leased before this one's and then given back, or whoever held it died: nothing
        may ever be sent with it, and then this one would wait for good.
        """
        with suppress(ChainUnavailableError):  # it says nothing of what waits
            found = (self.rpc("eth_getTransactionByHash", tx_hash) for tx_hash in hashes)
            waits = next(filter(None, found), None)
            if waits is None or waits["blockHash"] is not None or not self.can_sign:
                return
            if to_checksum_address(waits["from"]) == self.address:
                self._fill(below=int(waits["nonce"], 16))

    def _fill(self, below: int) -> None:
        try:
            with self._ending(fillers := self._sign_fillers(below)):
                for filler in fillers:
                    log.warning("nonce %d of %s is free: filled", filler.nonce, self.address)
                    self.broadcast(filler.raw)
        except AnacostiaError as error:  # it says nothing of what waits
            log.warning("the gap before nonce %d could not be filled: %s", below, error)

    def _launch_all(
        self, signed: list[SignedTransaction]
    ) -> tuple[list[SignedTransaction], ChainError | None]:
        """Broadcast in one request; returns what was taken up to the first refusal, and that."""
        requests = [("eth_sendRawTransaction", [to_hex(tx.raw)]) for tx in signed]
        answers = self.rpc.batch(requests)
        for place, (tx, answer) in enumerate(zip(signed, answers, strict=True)):
            error = self._refused(answer, tx.raw) if isinstance(answer, RpcError) else None
            if error is not None:
                return signed[:place], error
        return signed, None

    def _see_through(self, offers: list[SignedTransaction], timeout: float) -> Receipt:
        """Wait, raising the fees of what is stuck; whichever offer is mined counts.

        Args:
            offers: what was sent; those that are to replace it are added.
            timeout: seconds.
        """
        newest, deadline = offers[-1], time.monotonic() + timeout
        while True:
            left = deadline - time.monotonic()
            try:
                hashes = [offer.hash for offer in offers]
                return self._checked(self._confirmed(hashes, min(self.patience, left)))
            except TransactionTimeoutError:
                if left <= self.patience:
                    raise
            try:
                newest = self.bump(newest.raw)
                if newest not in offers:
                    offers.append(newest)  # before: it may be taken, and the answer lost
                self.broadcast(newest.raw)
            except (*NOT_TAKEN, StorageError) as error:
                # What was sent before may still be mined, or just was.
                log.warning("%s could not be replaced: %s", offers[0].hash, error)

    def _collect(
        self, signed: list[SignedTransaction], timeout: float
    ) -> list[Receipt | ChainError]:
        """Wait for the last one first: when it is mined, so are those before it."""
        if not signed:
            return []
        self._confirmed([signed[-1].hash], timeout)
        found = self.rpc.batch([("eth_getTransactionReceipt", [tx.hash]) for tx in signed])
        outcomes: list[Receipt | ChainError] = []
        for tx, raw in zip(signed, found, strict=True):
            mined = raw if isinstance(raw, dict) else self._confirmed([tx.hash], timeout)
            try:
                outcomes.append(self._checked(mined))
            except ChainError as error:
                outcomes.append(error)
        return outcomes

    def _refused(self, error: RpcError, raw: bytes) -> ChainError | None:
        return refusals.of_broadcast(self, self.address or "", raw, error)
