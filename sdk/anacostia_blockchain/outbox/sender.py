"""Carrying out an outbox's intents, so that nothing is sent twice; see `outbox.py` beside it."""

from __future__ import annotations

import json
import logging
import math
import threading
import time
from collections.abc import Callable, Iterable
from typing import TYPE_CHECKING, Protocol

from anacostia_blockchain.errors import (
    NOT_TAKEN,
    AnacostiaError,
    ChainUnavailableError,
    ConfigError,
    ContractRevertedError,
    InsufficientFundsError,
    LogNotWritableError,
    NonceConflictError,
    OutOfGasError,
    ReorgError,
    StorageError,
    TransactionFailedError,
    TransactionTimeoutError,
)
from anacostia_blockchain.outbox.outbox import Handler, Intent, Outcome, shown

if TYPE_CHECKING:
    from anacostia_blockchain.chain import Chain

log = logging.getLogger(__name__)

_IDLE = 0.25
"""Seconds between two looks at an outbox in which nothing was found, unless one is woken."""

_OUT_OF_GAS = 2
"""How often an intent is estimated anew: each time is paid for."""

TRANSIENT = (
    ChainUnavailableError,
    InsufficientFundsError,
    LogNotWritableError,
    NonceConflictError,
    OutOfGasError,
    ReorgError,
    StorageError,
    TransactionTimeoutError,
)
"""Errors that time, money, another account or a reachable service may cure: the intent stays."""


class Source(Protocol):
    """Where intents come from: an `Outbox`, or one on another machine."""

    def open(self) -> list[Intent]:
        """Intents to be carried out now."""

    def get(self, key: str) -> Intent | None:
        """The intent of that key, if there is one."""

    def failed(self) -> list[Intent]:
        """Intents that a contract refused."""

    def flush(self) -> None:
        """Let whatever waits for others go now."""

    def move(
        self, intent: Intent, state: str, then: Iterable[Intent] = (), **columns: object
    ) -> bool:
        """Change an intent's state if nobody else has, and add what follows, atomically."""

    def retry(self, intent: Intent) -> bool:
        """Let a failed intent be tried again, because what made it fail was mended."""

    def note_error(self, intent: Intent, error: Exception) -> None:
        """Keep the reason why an intent is not done yet."""


class Sender:
    """Carries out an outbox's intents, one at a time, in a thread of its own or step by step.

    Args:
        outbox: what to carry out.
        chain: the connection whose signer sends. One sender is enough; two do no harm.
        handlers: one for each kind of intent.
        on_step: called with the intent and the name of the step just taken (`prepared`, `signed`,
            `broadcast`, `confirmed`, `failed`); progress displays and crash tests hang on it.
        timeout: seconds to wait for a transaction before it is looked at again later.
        only: kinds to carry out; what is of another kind is left alone. None: all.
    """

    def __init__(
        self,
        outbox: Source,
        chain: Chain,
        handlers: Iterable[Handler],
        *,
        on_step: Callable[[str, Intent], None] | None = None,
        timeout: float = 120,
        only: frozenset[str] | None = None,
    ) -> None:
        self.outbox = outbox
        self._chain = chain
        self._handlers = {handler.kind: handler for handler in handlers}
        self._on_step = on_step or (lambda _step, _intent: None)
        self._timeout = timeout
        self._only = only
        self._stopped = threading.Event()
        self._wake = threading.Event()
        self._thread: threading.Thread | None = None

    def start(self) -> None:
        """Work in a daemon thread until `stop` or `drain`."""
        self._thread = threading.Thread(target=self._loop, name="outbox-sender", daemon=True)
        self._thread.start()

    def drain(self, timeout: float) -> int:
        """Wait, at most `timeout` seconds, until nothing is open; stop; return what is left.

        What waits for others waits no longer.
        """
        deadline = time.monotonic() + timeout
        self.outbox.flush()
        self._wake.set()
        while self._open() and time.monotonic() < deadline and not self._stopped.is_set():
            if self._thread is None:
                self.step(deadline)
            time.sleep(0.02)
        self.stop()
        return len(self._open())

    def wake(self) -> None:
        """Look at the outbox now: something was just written."""
        self._wake.set()

    def stop(self) -> None:
        """Stop after the step under way."""
        self._stopped.set()
        self._wake.set()
        if self._thread is not None:
            self._thread.join(timeout=5)

    def step(self, deadline: float = math.inf) -> bool:
        """Carry out every open intent once; False if one had to be put off.

        Args:
            deadline: on the monotonic clock; none is begun after it.
        """
        waits: str | None = None
        for intent in self._open():
            if self._stopped.is_set() or time.monotonic() >= deadline:
                return False
            if intent.kind == waits:
                continue
            try:
                self.carry_out(intent)
            except TRANSIENT as error:
                log.warning("%s is put off: %s", intent.key, error)
                self.outbox.note_error(intent, error)
                if not isinstance(error, LogNotWritableError):
                    return False
                waits = intent.kind  # for somebody to act; all else goes on
            except AnacostiaError as error:
                log.error("%s failed: %s", intent.key, error)  # noqa: TRY400 - no trace needed
        return waits is None

    def carry_out(self, intent: Intent) -> Intent:
        """Take one intent as far as it goes now; returns it as it then stands.

        Raises:
            ChainUnavailableError: (and the other transient errors) try again later.
            AnacostiaError: it was refused; the intent is now `failed`, with the reason.
        """
        known: Intent | None = intent
        try:
            if intent.state == "pending":
                known = self._sign(intent)
            if known is not None and known.state == "signed":
                self._send(known, again=known is intent)
        except TRANSIENT:
            raise
        except AnacostiaError as error:
            if self._fail(known or intent, error):
                raise
            # Another sender is at work on it, and what it has sent may be why this one failed.
        return self.outbox.get(intent.key) or intent

    def _open(self) -> list[Intent]:
        return [i for i in self.outbox.open() if self._only is None or i.kind in self._only]

    def _sign(self, intent: Intent) -> Intent | None:
        """Store signed bytes for a pending intent; None if it turns out to be done."""
        handler = self._handler(intent)
        if self._settled(handler, intent):
            return None
        call, note = handler.prepare(intent)
        note = note | {k: v for k, v in (intent.note or {}).items() if k == "out_of_gas"}
        self._on_step("prepared", intent)
        try:
            signed = self._chain.sign(call)
        except (ContractRevertedError, TransactionFailedError) as error:
            # Another sender may have been quicker: with this, or with what it was built on. The
            # node may judge by what is not mined yet, of which its other answers know nothing.
            if (
                self._chain.in_flight()
                or self._settled(handler, intent)
                or handler.is_stale(intent, error)
            ):
                return None
            raise
        stored: Intent | None = None
        try:
            if self.outbox.move(
                intent, "signed", raw=signed.raw, tx_hash=signed.hash, note=json.dumps(note)
            ):  # else another sender was quicker: its transaction is the one that counts
                self._on_step("signed", intent)
                stored = self.outbox.get(intent.key)
        finally:
            if stored is None:  # or its nonce would be a gap, behind which all others wait
                self._chain.let_go(signed.raw)
        return stored

    def _send(self, intent: Intent, *, again: bool) -> None:
        assert intent.raw is not None  # noqa: S101 - what the state `signed` means
        assert intent.tx_hash is not None  # noqa: S101 - likewise
        handler = self._handler(intent)
        if not self._chain.has_signed(intent.raw, intent.tx_hash):
            # An account's that this outbox had before, or bytes of whoever serves it: in our name
            # nothing is offered for them.
            if not self._settled(handler, intent):
                self.outbox.move(intent, "pending", raw=None, tx_hash=None)
            return
        if again:
            self._chain.hold(intent.raw)
        try:
            self._see_through(handler, intent, intent.raw, intent.tx_hash, again=again)
        finally:
            # However it ended: if it never arrived, or was dropped, it is not known when it is sent
            # again, and nothing else of this process's may wait behind its nonce until then.
            self._chain.let_go(intent.raw)

    def _see_through(
        self, handler: Handler, intent: Intent, raw: bytes, tx_hash: str, *, again: bool
    ) -> None:
        offers = [*(intent.note or {}).get("replaced", []), tx_hash]
        try:
            if not self._stands(raw, offers, again=again):
                # Another transaction was mined with their nonce, so none of them can ever be.
                if not self._settled(handler, intent):
                    self.outbox.move(intent, "pending", raw=None, tx_hash=None)
                return
            self._on_step("broadcast", intent)
            receipt = self._chain.wait(*offers, timeout=self._timeout)
        except TransactionTimeoutError:
            # Sent again with higher fees; of all offers only one can be mined.
            raised = self._chain.bump(raw)
            if raised.hash != tx_hash:
                note = json.dumps({**(intent.note or {}), "replaced": offers})
                self.outbox.move(intent, "signed", raw=raised.raw, tx_hash=raised.hash, note=note)
            raise
        except (ContractRevertedError, TransactionFailedError) as error:
            if not self._is_no_failure(handler, intent, error):
                raise
            return
        self._confirm(intent, handler.outcome(intent, receipt))

    def _is_no_failure(self, handler: Handler, intent: Intent, error: AnacostiaError) -> bool:
        """Whether the chain had only moved on: the intent is done, or is to be signed anew."""
        if isinstance(error, OutOfGasError):
            # It is put off, and all after it: of two moves of an alias, the later one counts.
            self._estimate_anew(intent, error)
            return False
        if self._settled(handler, intent):
            return True
        if handler.is_stale(intent, error):
            self.outbox.move(intent, "pending", raw=None, tx_hash=None)
            return True
        return False

    def _estimate_anew(self, intent: Intent, error: OutOfGasError) -> None:
        """Let it be signed anew: what was mined did nothing, and its nonce is used up.

        Raises:
            TransactionFailedError: that was done often enough.
        """
        note = {name: v for name, v in (intent.note or {}).items() if name != "replaced"}
        note["out_of_gas"] = note.get("out_of_gas", 0) + 1
        if note["out_of_gas"] > _OUT_OF_GAS:
            raise TransactionFailedError(str(error)) from error
        self.outbox.move(intent, "pending", raw=None, tx_hash=None, note=json.dumps(note))

    def _stands(self, raw: bytes, offers: list[str], *, again: bool) -> bool:
        """Broadcast; False if neither this nor what was offered before can ever be mined.

        What the network refuses may be there already, or what it was to replace: it is waited for.
        So it is where this node has forgotten them, as others may not have: `again` says that there
        may be something to forget.

        Raises:
            InsufficientFundsError, NonceConflictError: it has none of them.
            TransactionFailedError: likewise, and never had.
        """
        try:
            self._chain.broadcast(raw)
        except NOT_TAKEN as refusal:
            stands = self._chain.stands(raw, offers)
            if stands is None:
                return False
            if not stands and isinstance(refusal, NonceConflictError):
                self._chain.fill_before(raw)
            if not stands and not (again and isinstance(refusal, TransactionFailedError)):
                raise
            log.warning("%s is not taken, and waited for: %s", offers[-1], refusal)
        return True

    def _settled(self, handler: Handler, intent: Intent) -> bool:
        outcome = handler.done(intent)
        if outcome is not None:
            self._confirm(intent, outcome)
        return outcome is not None

    def _confirm(self, intent: Intent, outcome: Outcome) -> None:
        self.outbox.move(
            intent, "confirmed", outcome.then, result=json.dumps(outcome.result), error=None
        )
        self._on_step("confirmed", intent)

    def _fail(self, intent: Intent, error: AnacostiaError) -> bool:
        failed = self.outbox.move(intent, "failed", error=shown(error))
        if failed:
            self._on_step("failed", intent)
        return failed

    def _handler(self, intent: Intent) -> Handler:
        try:
            return self._handlers[intent.kind]
        except KeyError:
            raise ConfigError(f"nothing here carries out intents of kind {intent.kind}") from None

    def _loop(self) -> None:
        pause = _IDLE
        while not self._stopped.is_set():
            try:
                pause = _IDLE if self.step() else min(pause * 2, 5.0)
            except Exception:  # the thread must outlive a locked database
                log.exception("the sender stumbled; it goes on")
                pause = min(pause * 2, 5.0)
            self._wake.wait(pause)
            self._wake.clear()
