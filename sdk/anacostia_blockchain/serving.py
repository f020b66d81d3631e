"""Serve a model over HTTP, for as long as it may be used.

It is loaded by `load_verified` alone. Afterwards the chain is asked again and again whether the
version, or anything that it was made from, was revoked: then the model is dropped from memory and
every request is refused, with the reason. So it is while the chain cannot be asked for too long.
An alias can be followed: what it points to next is verified and loaded beside, and then served.
"""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, replace
from importlib import import_module
from typing import TYPE_CHECKING, Annotated, Any

from fastapi import Body, FastAPI, HTTPException, Request
from fastapi.responses import JSONResponse

from anacostia_blockchain.errors import (
    ChainUnavailableError,
    ConfigError,
    NotFoundError,
    TaintedError,
)
from anacostia_blockchain.loading import How, Loaded, load
from anacostia_blockchain.reference import Reference
from anacostia_blockchain.web.problems import explain_errors

if TYPE_CHECKING:
    from anacostia_blockchain.client import Anacostia
    from anacostia_blockchain.types import ModelVersion

Predict = Callable[[Any, list[Any]], Any]
"""Called with the model and a list of inputs; returns one output for each."""

_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class _Serving:
    """What is served, or was until it was refused; all of it is replaced at once."""

    loaded: Loaded
    id: str
    refusal: TaintedError | None = None


@dataclass(frozen=True, slots=True)
class _PassedOver:
    """A version that the alias points to and that is not served; None: it points to nothing."""

    version: int | None
    why: str
    at: float


class ServedModel:
    """A verified model, and whether it may still be used.

    Args:
        hub: a connection.
        reference: which version; an alias is followed once, at the start, unless `follow`.
        how: how it is read.
        predict: computes outputs; None: the model's own method of that name.
        every: seconds between asking the chain; a revocation takes effect after as many at most.
        patience: seconds without an answer after which nothing is served.
        follow: serve what the alias points to from then on, once it is verified and loaded; until
            then, and where it is refused, what was served before. Both are in memory meanwhile.

    Raises:
        UnverifiedError, TaintedError, UnsafeFileError: see `loading.load_verified`.
        ConfigError: the model has no method `predict`, and none was given; or there is no alias to
            follow.
    """

    def __init__(
        self,
        hub: Anacostia,
        reference: str,
        how: How | None = None,
        *,
        predict: Predict | None = None,
        every: float = 5.0,
        patience: float = 60.0,
        follow: bool = False,
    ) -> None:
        if follow and not isinstance(Reference.parse(reference).selector, str):
            raise ConfigError(
                f"{reference} names no alias: only an alias, as in model@champion, moves"
            )
        self._hub, self._reference, self._how, self._follow = hub, reference, how, follow
        self._predict = predict
        self._every, self._patience = every, patience
        self._now: _Serving = self._load(reference)
        self._asked = time.monotonic()
        self._lock = threading.Lock()
        self._passed_over: _PassedOver | None = None
        self._loader: threading.Thread | None = None
        self._stop = threading.Event()

    @property
    def version(self) -> ModelVersion:
        """What is served now."""
        return self._now.loaded.version

    @property
    def file(self) -> str:
        """The file that it was loaded from."""
        return self._now.loaded.file

    @property
    def id(self) -> str:
        """Its id, which means the same everywhere."""
        return self._now.id

    def check(self) -> None:
        """Ask the chain whether the version may still be used, and whether another one is to be."""
        asked = time.monotonic()
        try:
            self._check_taint()
            if self._follow:
                self._check_alias()
        except ChainUnavailableError as error:
            _log.warning("the chain cannot be asked about %s: %s", self.id, error)
            return
        self._asked = asked

    def predict(self, inputs: list[Any]) -> list[Any]:
        """Outputs, one for each input.

        Raises:
            TaintedError: the version may not be used any more.
            ChainUnavailableError: it is not known whether it may.
        """
        return self.answer(inputs)[0]

    def answer(self, inputs: list[Any]) -> tuple[list[Any], str]:
        """Outputs, and the id of the version that they are from; raises as `predict` does."""
        now = self._usable()
        model = now.loaded.model
        outputs = self._predict(model, inputs) if self._predict else model.predict(inputs)
        return list(outputs.tolist() if hasattr(outputs, "tolist") else outputs), now.id

    def describe(self) -> dict[str, Any]:
        """What is served; raises as `predict` does."""
        now, passed_over = self._usable(), self._passed_over
        version = now.loaded.version
        found = {
            "id": now.id,
            "root": str(version.root),
            "file": now.loaded.file,
            "status": version.status.name.lower(),
            "asked_seconds_ago": round(time.monotonic() - self._asked, 1),
        }
        if passed_over is not None:
            found["passed_over"] = {"version": passed_over.version, "why": passed_over.why}
        return found

    def watch(self) -> threading.Thread:
        """Begin to ask the chain, in a thread that ends with `close`."""
        watcher = threading.Thread(target=self._watch, name="recall", daemon=True)
        watcher.start()
        return watcher

    def close(self) -> None:
        """Stop asking."""
        self._stop.set()

    def _load(self, reference: str) -> _Serving:
        loaded = load(self._hub, reference, self._how)
        if self._predict is None and not callable(getattr(loaded.model, "predict", None)):
            raise ConfigError(
                f"{loaded.file} has no method predict: say with predict= (on the command line, "
                "--predict MODULE:FUNCTION) how outputs are computed from it"
            )
        version = loaded.version
        return _Serving(loaded, f"{self._hub.caip19(version.model_id)}@{version.version}")

    def _check_taint(self) -> None:
        """What is revoked stays so."""
        now = self._now
        if now.refusal is not None:
            return
        version = now.loaded.version
        taint = self._hub.models.taint(f"{version.model_id}@{version.version}")
        if taint is None:
            return
        _log.error("%s is not served any more: %s", now.id, taint)
        with self._lock:
            if self._now is now:  # and not another version by now
                dropped = replace(now.loaded, model=None)
                self._now = replace(now, loaded=dropped, refusal=TaintedError(taint))

    def _check_alias(self) -> None:
        """Begin to load what the alias points to, if it is another version than before."""
        if self._loader is not None and self._loader.is_alive():
            return
        try:
            model_id, number = self._hub.models.resolve(self._reference)
        except NotFoundError as error:  # it points to nothing: nobody said to serve nothing
            self._pass_over(None, error)
            return
        version = self.version
        if (model_id, number) == (version.model_id, version.version):
            self._passed_over = None
        elif not self._is_passed_over(number):
            self._loader = threading.Thread(
                target=self._move, args=(model_id, number), name="follow", daemon=True
            )
            self._loader.start()

    def _move(self, model_id: int, number: int) -> None:
        """Serve another version, if it may be; what was served is served until then."""
        try:
            new = self._load(f"{model_id}@{number}")
        except Exception as error:  # noqa: BLE001 - a library's error about a file is a reason too
            self._pass_over(number, error)
            return
        with self._lock:
            self._now, self._passed_over = new, None
        _log.info("serving %s", new.id)

    def _pass_over(self, number: int | None, why: Exception) -> None:
        if not self._is_passed_over(number):
            _log.error("%s is not followed to version %s: %s", self._reference, number, why)
        self._passed_over = _PassedOver(number, str(why), time.monotonic())

    def _is_passed_over(self, number: int | None) -> bool:
        """Whether a version was refused, and not so long ago that it is tried again."""
        found = self._passed_over
        if found is None or found.version != number:
            return False
        return time.monotonic() - found.at < self._patience

    def _usable(self) -> _Serving:
        now, silent = self._now, time.monotonic() - self._asked
        if now.refusal is not None:
            raise now.refusal
        if silent > self._patience:
            raise ChainUnavailableError(
                f"the chain did not answer for {silent:.0f} s: whether {now.id} is revoked is not "
                "known, and so it is not used"
            )
        return now

    def _watch(self) -> None:
        while not self._stop.wait(self._every):
            self.check()


def model_app(served: ServedModel) -> FastAPI:
    """`POST /predict`, `GET /` and `GET /health`, which refuse once the model must not be used."""
    app = FastAPI(title="Anacostia model", docs_url=None, redoc_url=None)
    explain_errors(app)

    @app.exception_handler(TaintedError)
    async def refuse(_request: Request, error: TaintedError) -> JSONResponse:
        return JSONResponse({"detail": str(error), "id": served.id}, 409)

    @app.get("/")
    def describe() -> dict[str, Any]:
        """What is served."""
        return served.describe()

    @app.get("/health")
    def health() -> dict[str, str]:
        """200 while it is."""
        served.describe()
        return {"status": "serving"}

    @app.post("/predict")
    def predict(inputs: Annotated[list[Any], Body(embed=True)]) -> dict[str, Any]:
        """Outputs, one for each input."""
        try:
            outputs, version = served.answer(inputs)
        except (IndexError, KeyError, TypeError, ValueError) as error:
            raise HTTPException(422, f"the model cannot take these inputs: {error}") from error
        return {"outputs": outputs, "id": version}

    return app


def find_function(name: str) -> Predict:
    """A function by `module:name`, of code that is installed here.

    Raises:
        ConfigError: there is none.
    """
    module, _, function = name.partition(":")
    try:
        found = getattr(import_module(module), function)
    except (ImportError, AttributeError, ValueError) as error:
        raise ConfigError(f"there is no function {name!r}: {error}") from error
    if not callable(found):
        raise ConfigError(f"{name!r} is no function")
    return found  # type: ignore[no-any-return]
