"""What came of executing a pipeline."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

if TYPE_CHECKING:
    from anacostia_blockchain.metadata.lifecycle import RunSummary
    from anacostia_blockchain.outbox.outbox import Outbox

Ended = Literal["idle", "runs", "timeout", "signal"]


@dataclass(frozen=True, slots=True)
class ExecutionReport:
    """What came of `Pipeline.execute`.

    Attributes:
        runs: the runs that ended meanwhile, in order; those that an earlier process left open and
            this one closed as aborted come first.
        ended: why the execution ended: nothing was left to do, the asked number of runs was done,
            the time was over, or a signal came.
        unsent: intents that have not reached the chain yet; the next execution sends them.
        refused: keys of the intents that a contract refused, with its reason.
        handed_over: intents that an anchor worker sends, because no key is here.
    """

    runs: tuple[RunSummary, ...]
    ended: Ended
    unsent: int
    refused: dict[str, str]
    handed_over: int = 0

    @property
    def ok(self) -> bool:
        """Whether every run succeeded and everything that had to reach the chain did."""
        good = all(run.status == "succeeded" for run in self.runs)
        return good and not self.unsent and not self.refused


def make_report(
    runs: Iterable[RunSummary],
    ended: Ended,
    unsent: int,
    outbox: Outbox | None,
    *,
    sends: bool,
) -> ExecutionReport:
    """The report; what a worker is to send waits for nothing else any more.

    Args:
        runs: see `ExecutionReport`.
        ended: likewise.
        unsent: likewise.
        outbox: of the pipeline; None: it has no chain.
        sends: the pipeline sends by itself.
    """
    failed = outbox.failed() if outbox is not None else []
    refused = {intent.key: intent.error or "" for intent in failed}
    waiting = 0
    if outbox is not None and not sends:
        outbox.flush()
        waiting = len(outbox.open())
    return ExecutionReport(tuple(runs), ended, unsent, refused, waiting)
