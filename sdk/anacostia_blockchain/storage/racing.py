"""The same question to several sources: the best first, others beside it when it takes long."""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Callable, Iterable
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from dataclasses import dataclass
from typing import Generic, TypeVar

from anacostia_blockchain.content.cid import CID
from anacostia_blockchain.errors import (
    AnacostiaError,
    IntegrityError,
    NotFoundError,
    StorageError,
    StoreUnavailableError,
)

_HEDGE = 0.5
"""Seconds after which a second source is asked, at least."""

_SLOW = 3.0
_PENALTY = 5.0
_WORST = 60.0
_SMOOTHING = 0.3
_WORKERS = 16


@dataclass(eq=False)
class Runner:
    """A source, and what it has shown of itself.

    Attributes:
        label: what it is called in messages.
        seconds: how long it takes to answer, smoothed; failures count as slow. None: not known.
        dropped: why it is not asked any more; empty while it is.
    """

    label: str
    seconds: float | None = None
    dropped: str = ""

    def took(self, seconds: float) -> None:
        """Record how long an answer took."""
        known = self.seconds if self.seconds is not None else seconds
        self.seconds = known + _SMOOTHING * (seconds - known)

    def failed(self) -> None:
        """Record that it did not answer."""
        self.seconds = min((self.seconds or _HEDGE) + _PENALTY, _WORST)


_R = TypeVar("_R", bound=Runner)


def ranked(runners: Iterable[_R]) -> list[_R]:
    """Those that are asked, the quickest first; what is not known yet before all others."""
    usable = [runner for runner in runners if not runner.dropped]
    return sorted(usable, key=lambda runner: runner.seconds or 0.0)


class Race(Generic[_R]):
    """Races runners for blocks.

    Args:
        runners: the sources.
        ask: gets a block from one of them, verified, or raises.
    """

    def __init__(self, runners: list[_R], ask: Callable[[_R, CID], bytes]) -> None:
        self.runners = runners
        self._ask = ask
        self._pool = ThreadPoolExecutor(_WORKERS, "race")

    def block(self, cid: CID) -> bytes:
        """A block from whoever is first with it.

        Raises:
            NotFoundError: all answered, and none has it.
            IntegrityError: none sent it unaltered.
            StorageError: none could give it.
        """
        waiting = deque(ranked(self.runners))
        running: set[Future[bytes]] = set()
        errors: list[AnacostiaError] = []
        while waiting or running:
            delay: float | None = None
            if waiting:
                runner = waiting.popleft()
                running.add(self._pool.submit(self._run, runner, cid))
                if waiting:
                    known = runner.seconds is not None
                    delay = max(_HEDGE, _SLOW * (runner.seconds or 0)) if known else 0.0
            done, running = wait(running, delay, FIRST_COMPLETED)
            for future in done:
                error = future.exception()
                if error is None:
                    return future.result()
                if not isinstance(error, AnacostiaError):
                    raise error
                errors.append(error)
        raise _combined(cid, errors)

    def _run(self, runner: _R, cid: CID) -> bytes:
        started = time.monotonic()
        try:
            block = self._ask(runner, cid)
        except StoreUnavailableError:
            runner.failed()
            raise
        runner.took(time.monotonic() - started)
        return block


def _combined(cid: CID, errors: list[AnacostiaError]) -> AnacostiaError:
    reasons = "; ".join(dict.fromkeys(str(error) for error in errors))
    if not errors or any(isinstance(error, IntegrityError) for error in errors):
        return IntegrityError(f"nobody sent {cid} unaltered: {reasons or 'all were dropped'}")
    if all(isinstance(error, NotFoundError) for error in errors):
        return NotFoundError(f"nobody has {cid}: {reasons}")
    if all(isinstance(error, StoreUnavailableError | NotFoundError) for error in errors):
        return StoreUnavailableError(f"{cid} cannot be had: {reasons}")
    return StorageError(f"{cid} cannot be had: {reasons}")
