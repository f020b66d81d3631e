"""Waiting for what another thread or process is about to do."""

from __future__ import annotations

import time
from collections.abc import Callable


def wait_for(
    condition: Callable[[], object],
    seconds: float = 60,
    *,
    instead: Callable[[], object] = lambda: "it did not happen in time",
) -> None:
    """Ask until it is so; machines that test are busy. `instead` tells what is so if it is not."""
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, instead()
        time.sleep(0.05)  # nothing tells when to ask again
