"""The Anacostia API: sealed runs and the metrics of published versions, for programs.

What it says of a sealed run never changes, except that the run gets anchored: so independent
readers, such as the nodes of a price oracle, read the same.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass, fields
from typing import Annotated, Any

from fastapi import FastAPI, HTTPException, Path, Query
from pydantic import BaseModel, ConfigDict, Field

from anacostia_blockchain._version import __version__
from anacostia_blockchain.errors import LedgerError
from anacostia_blockchain.metadata.reader import MetricProof, RunReader, SealedRun
from anacostia_blockchain.web.problems import explain_errors

PAGE = 50
"""Runs in one answer, at most: it stays below 100 kB."""

METRICS = 500
"""Metrics in one answer, at most, for the same reason."""

_ID = 2**31 - 1
_NAME = 300

Number = Annotated[int, Path(ge=0, le=_ID)]


class _Model(BaseModel):
    model_config = ConfigDict(frozen=True)


class MetricValue(_Model):
    """The last value of a metric."""

    node: str
    name: str
    value: int | float


@dataclass(frozen=True, slots=True)
class RunDetail(SealedRun):
    """A sealed run with its metrics."""

    metrics: list[MetricValue]
    metrics_total: int


class RunPage(_Model):
    """Sealed runs, newest first."""

    runs: list[SealedRun]
    next_before: int | None = Field(description="`before` of the next page; null on the last.")


class VersionMetric(_Model):
    """A metric of a published version, with its proof."""

    model_id: int
    version: int
    run_id: int
    name: str
    node: str
    value: int | float
    micros: int | None = Field(description="The value with 6 decimals, as contracts hold it.")
    finished_at: str
    disclosure: dict[str, Any] = Field(description="The fact's leaf and its path in the record.")
    run: SealedRun


class Problem(_Model):
    """Why there is no answer."""

    detail: str


_ERRORS: dict[int | str, dict[str, Any]] = {
    404: {"model": Problem, "description": "It is not here, or the run has not ended."},
    409: {"model": Problem, "description": "Several nodes have a metric of that name."},
    503: {"model": Problem, "description": "The database does not answer."},
}


def make_api(reader: Callable[[], RunReader]) -> FastAPI:
    """The API as an application, to be mounted at `/api`.

    Args:
        reader: of the runs; called for every request.
    """
    api = FastAPI(
        title="Anacostia API",
        version=__version__,
        description=__doc__,
        docs_url=None,
        redoc_url=None,
        responses={503: _ERRORS[503]},
    )

    explain_errors(api)

    @api.get("/runs")
    def runs(
        before: Annotated[int | None, Query(ge=0, le=_ID)] = None,
        limit: Annotated[int, Query(ge=1, le=PAGE)] = PAGE,
    ) -> RunPage:
        """Sealed runs, newest first."""
        found = reader().sealed(limit + 1, before)
        page = found[:limit]
        return RunPage(runs=page, next_before=page[-1].run_id if len(found) > limit else None)

    @api.get("/runs/{run_id}", responses={404: _ERRORS[404]})
    def run(run_id: Number) -> RunDetail:
        """One sealed run: its metrics, its proof, and where it is anchored."""
        found = reader().run(run_id)
        metrics = reader().metrics(run_id)
        shown = [
            MetricValue(node=leaf.node, name=leaf.name, value=leaf.value)
            for leaf in metrics[:METRICS]
        ]
        known = {field.name: getattr(found, field.name) for field in fields(found)}
        return RunDetail(**known, metrics=shown, metrics_total=len(metrics))

    @api.get("/models/{model_id}/metrics/{name}", responses=_ERRORS)
    def metric(
        model_id: Number,
        name: Annotated[str, Path(min_length=1, max_length=_NAME)],
        version: Annotated[int | None, Query(ge=0, le=_ID)] = None,
        node: Annotated[str | None, Query(max_length=_NAME)] = None,
    ) -> VersionMetric:
        """A metric of the newest version that a run here published, or of the one asked for."""
        try:
            proof = reader().metric_of(model_id, name, version=version, node=node)
        except LedgerError as error:
            raise HTTPException(409, str(error)) from error
        return _metric(proof)

    return api


def _metric(proof: MetricProof) -> VersionMetric:
    leaf = proof.disclosure.leaf
    return VersionMetric(
        model_id=proof.publication.model_id,
        version=proof.publication.version,
        run_id=proof.run.run_id,
        name=leaf.name,
        node=leaf.node,
        value=proof.value,
        micros=proof.micros,
        finished_at=proof.run.finished_at,
        disclosure=json.loads(proof.disclosure.to_json()),
        run=proof.run,
    )
