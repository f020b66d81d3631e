"""Serve a model over HTTP, for as long as it may be used.

It is loaded by `load_verified` alone. Afterwards the chain is asked again and again whether the
version, or anything that it was made from, was revoked: then the model is dropped from memory and
every request is refused, with the reason. So it is while the chain cannot be asked for too long.
"""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable
from importlib import import_module
from typing import TYPE_CHECKING, Annotated, Any

from fastapi import Body, FastAPI, HTTPException, Request
from fastapi.responses import JSONResponse

from anacostia_blockchain.errors import (
    ChainUnavailableError,
    ConfigError,
    TaintedError,
)
from anacostia_blockchain.loading import How, Loaded, load
from anacostia_blockchain.web.problems import explain_errors

if TYPE_CHECKING:
    from anacostia_blockchain.client import Anacostia

Predict = Callable[[Any, list[Any]], Any]
"""Called with the model and a list of inputs; returns one output for each."""

_log = logging.getLogger(__name__)


class ServedModel:
    """A verified model, and whether it may still be used.

    Args:
        hub: a connection.
        reference: which version; an alias is followed once, at the start.
        how: how it is read.
        predict: computes outputs; None: the model's own method of that name.
        every: seconds between asking the chain; a revocation takes effect after as many at most.
        patience: seconds without an answer after which nothing is served.

    Raises:
        UnverifiedError, TaintedError, UnsafeFileError: see `loading.load_verified`.
        ConfigError: the model has no method `predict`, and none was given.
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
    ) -> None:
        loaded = load(hub, reference, how)
        if predict is None and not callable(getattr(loaded.model, "predict", None)):
            raise ConfigError(
                f"{loaded.file} has no method predict: say with predict= (on the command line, "
                "--predict MODULE:FUNCTION) how outputs are computed from it"
            )
        self.version = loaded.version
        self.file = loaded.file
        self.id = f"{hub.caip19(loaded.version.model_id)}@{loaded.version.version}"
        self._hub = hub
        self._loaded: Loaded | None = loaded
        self._predict = predict or (lambda model, inputs: model.predict(inputs))
        self._every, self._patience = every, patience
        self._asked = time.monotonic()
        self._refusal: TaintedError | None = None
        self._stop = threading.Event()

    def check(self) -> None:
        """Ask the chain whether the version may still be used; what is revoked stays so."""
        if self._refusal is not None:
            return
        asked = time.monotonic()
        try:
            taint = self._hub.models.taint(f"{self.version.model_id}@{self.version.version}")
        except ChainUnavailableError as error:
            _log.warning("the chain cannot be asked about %s: %s", self.id, error)
            return
        if taint is not None:
            self._refusal, self._loaded = TaintedError(taint), None
            _log.error("%s is not served any more: %s", self.id, taint)
        self._asked = asked

    def predict(self, inputs: list[Any]) -> list[Any]:
        """Outputs, one for each input.

        Raises:
            TaintedError: the version may not be used any more.
            ChainUnavailableError: it is not known whether it may.
        """
        loaded = self._usable()
        outputs = self._predict(loaded.model, inputs)
        return list(outputs.tolist() if hasattr(outputs, "tolist") else outputs)

    def describe(self) -> dict[str, Any]:
        """What is served; raises as `predict` does."""
        self._usable()
        return {
            "id": self.id,
            "root": str(self.version.root),
            "file": self.file,
            "status": self.version.status.name.lower(),
            "asked_seconds_ago": round(time.monotonic() - self._asked, 1),
        }

    def watch(self) -> threading.Thread:
        """Begin to ask the chain, in a thread that ends with `close`."""
        watcher = threading.Thread(target=self._watch, name="recall", daemon=True)
        watcher.start()
        return watcher

    def close(self) -> None:
        """Stop asking."""
        self._stop.set()

    def _usable(self) -> Loaded:
        loaded, silent = self._loaded, time.monotonic() - self._asked
        if self._refusal is not None or loaded is None:
            raise self._refusal or ConfigError("nothing is loaded")
        if silent > self._patience:
            raise ChainUnavailableError(
                f"the chain did not answer for {silent:.0f} s: whether {self.id} is revoked is not "
                "known, and so it is not used"
            )
        return loaded

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
            return {"outputs": served.predict(inputs), "id": served.id}
        except (IndexError, KeyError, TypeError, ValueError) as error:
            raise HTTPException(422, f"the model cannot take these inputs: {error}") from error

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
