"""Ways to do the same, by turns, so that all meet the same weather on a machine that is shared.

A ratio is the median of the ratios of turns: above 1 is faster than the rival. "Best" compares the
shortest time of each, which is what a quiet machine would come closest to.
"""

from __future__ import annotations

import os
import shutil
import statistics
import time
from collections.abc import Callable, Mapping
from pathlib import Path

Work = Callable[[], object]
"""Returns its own seconds as a float, or anything else to be timed as a whole."""


def side_by_side(
    title: str,
    size: int,
    works: Mapping[str, Work],
    turns: int,
    bound: str | None = None,
    target: Path | None = None,
) -> None:
    """Do each in turn, several times, and print how they compare with the first.

    Args:
        title: what is done.
        size: bytes, for the rate.
        works: the rival first.
        turns: how often.
        bound: the name of another one of them: what the machine can do at most.
        target: what each of them writes.
    """
    seconds: dict[str, list[float]] = {name: [] for name in works}
    for _ in range(turns):
        for name, work in works.items():
            at_rest(target)
            seconds[name].append(timed(work))
    rival = next(iter(seconds.values()))
    load = f"load {os.getloadavg()[0]:.1f} on {os.cpu_count()} cores"
    print(f"\n{title} ({load})")
    print(f"{'':40} {'MB/s':>7} {'ratio':>7} {'best':>7} {'of the bound' if bound else ''}")
    for name, own in seconds.items():
        rate = size / 1e6 / statistics.median(own)
        ratio = statistics.median(theirs / ours for theirs, ours in zip(rival, own, strict=True))
        best = min(rival) / min(own)
        most = zip(seconds[bound], own, strict=True) if bound else ()
        share = f"{statistics.median(least / ours for least, ours in most):>11.0%}" if bound else ""
        print(f"{name:40} {rate:>7,.0f} {ratio:>6.2f}x {best:>6.2f}x {share}", flush=True)


def timed(work: Work) -> float:
    """Seconds that something takes, or says that it took."""
    started = time.perf_counter()
    told = work()
    return told if isinstance(told, float) else time.perf_counter() - started


def at_rest(target: Path | None) -> None:
    """Nothing where they write, and nothing of what another wrote still on its way to the disk."""
    if target and target.is_dir():
        shutil.rmtree(target)
    elif target:
        target.unlink(missing_ok=True)
    os.sync()
