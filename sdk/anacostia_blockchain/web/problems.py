"""Errors of this package as answers of a server."""

from __future__ import annotations

from fastapi import FastAPI, Request
from fastapi.responses import JSONResponse

from anacostia_blockchain.errors import AnacostiaError, NotFoundError


def explain_errors(app: FastAPI) -> None:
    """Answer 404 for what is not there and 503 for what cannot be answered now, and say why."""

    @app.exception_handler(AnacostiaError)
    async def explain(_request: Request, error: AnacostiaError) -> JSONResponse:
        return JSONResponse(
            {"detail": str(error)}, 404 if isinstance(error, NotFoundError) else 503
        )
