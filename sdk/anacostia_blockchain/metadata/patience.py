"""Waiting for a database or a server that is away for a while, and not for ever."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from typing import TypeVar

from anacostia_blockchain.errors import StoreBusyError, StoreUnavailableError

T = TypeVar("T")

_PAUSE = 0.5


def patiently(
    step: Callable[[], T],
    patience: float,
    stopped: threading.Event,
    say: Callable[[Exception], None],
) -> T:
    """Take a step that must not be lost: again and again while what it needs is away.

    Args:
        step: what to do; whole or not at all.
        patience: seconds for which to try again; then the last error is raised.
        stopped: set when there is no use any more: likewise.
        say: told of every error that the step is tried again after.
    """
    deadline = time.monotonic() + patience
    while True:
        try:
            return step()
        except (StoreBusyError, StoreUnavailableError) as error:
            if time.monotonic() > deadline or stopped.wait(_PAUSE):
                raise
            say(error)
