"""An operation that fails or dies at each point at which it waits for the outside world.

`strike_everywhere` is for short operations, of which no point and no way to fail may be missed;
`suffer` is for one step of a longer story, such as a state machine tells.
"""

from __future__ import annotations

import os
import pickle
import traceback
from collections.abc import Callable, Container
from pathlib import Path
from typing import TypeVar

from hypothesis import settings

from outside import KILLED, WAYS, Outside, Strike

NIGHTLY = "ANACOSTIA_NIGHTLY"
"""Environment variable: how many times as many examples the state machines try."""

T = TypeVar("T")


def every_strike(
    operation: Callable[[], object], *, below: Path | None = None, omit: Container[str] = ()
) -> list[Strike]:
    """Do something once, and list each way to fail at each point that it reached.

    Args:
        operation: what to do.
        below: only files below this folder count; None: no files do.
        omit: kinds of points, and ways to fail, that are left out.
    """
    with Outside(below=below) as outside:
        operation()
    return [
        Strike(number, how, point.name)
        for number, point in enumerate(outside.points)
        for how in WAYS[point.kind]
        if point.kind not in omit and how not in omit
    ]


def strike_everywhere(
    begin: Callable[[], T],
    operation: Callable[[T], object],
    check: Callable[[T], object],
    *,
    below: Callable[[T], Path] | None = None,
    omit: Container[str] = (),
) -> set[str]:
    """Let an operation fail or die at each point, in each way, each time in a world of its own.

    Args:
        begin: makes a world.
        operation: what is to fail; in it, every connection is its own.
        check: says whether a world is as it should be, once whoever comes next has been at work.
        below: the folder in a world whose files count.
        omit: kinds of points, and ways to fail, that are left out.

    Returns:
        The names of the points.
    """
    world = begin()
    folder = below(world) if below else None
    strikes = every_strike(lambda: operation(world), below=folder, omit=omit)
    check(world)
    for strike in strikes:
        world = begin()
        try:
            outside = strike.outside(below(world) if below else None)
            suffer(outside, lambda world=world: operation(world), dies=strike.is_deadly)
            check(world)
        except BaseException as error:
            error.add_note(f"point {strike.number}: {strike.name} {strike.how}")
            raise
    return {strike.name for strike in strikes}


def suffer(outside: Outside, operation: Callable[[], object], *, dies: bool) -> None:
    """Do something in a world in which something goes wrong, and go on after it.

    Args:
        outside: the world.
        operation: raises nothing, unless something has gone wrong.
        dies: what goes wrong kills it: it is done in a process of its own.
    """

    def suffered() -> None:
        with outside:
            try:
                operation()
            except Exception:
                if not outside.struck:
                    raise

    if dies:
        apart(suffered, dies=True)
    else:
        suffered()


def apart(work: Callable[[], T], *, dies: bool = False) -> T | None:
    """Do something in a child process, and return what it returned; None if it was killed.

    Args:
        work: what to do. An error in it fails the test.
        dies: a strike is expected to kill it.
    """
    reading, writing = os.pipe()
    child = os.fork()
    if child == 0:
        code = 1
        try:
            os.close(reading)
            with os.fdopen(writing, "wb") as pipe:
                pickle.dump(work(), pipe)
            code = 0
        except BaseException:  # noqa: BLE001 - it must not go on as a second test run
            traceback.print_exc()
        finally:
            os._exit(code)
    os.close(writing)
    with os.fdopen(reading, "rb") as pipe:
        told = pipe.read()
    code = os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])
    assert code in ((0, KILLED) if dies else (0,)), f"the child left with {code}"
    return pickle.loads(told) if code == 0 else None  # noqa: S301 - our own child's


def at_night() -> bool:
    """Whether there is time for more than what a change needs."""
    return NIGHTLY in os.environ


def examples(count: int, steps: int = 20) -> settings:
    """Settings of a state machine: so many examples, and more at night."""
    times = int(os.environ.get(NIGHTLY, "1"))
    return settings(max_examples=count * times, stateful_step_count=steps, print_blob=True)
