"""What a leaf pipeline needs of its root, over HTTP. Always behind a `Guard`.

Sealed records, one after the other, and the content of the root's model stores, by CID.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Annotated, Any

from fastapi import APIRouter, HTTPException, Query
from fastapi.responses import Response

from anacostia_blockchain.content.cid import CID
from anacostia_blockchain.errors import FormatError, IntegrityError, NotFoundError
from anacostia_blockchain.metadata.runlog import record_after

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from anacostia_blockchain.metadata.database import Database
    from anacostia_blockchain.storage.base import Store

LEAF_PATHS = re.compile(r"/api/following/(record|block/[a-z0-9]+)")
"""What a leaf's own token is good for."""


def following_routes(
    database: Callable[[], Database], stores: Callable[[], Iterable[Store]]
) -> APIRouter:
    """The routes.

    Args:
        database: of the runs; called for every request.
        stores: where content is looked for, in that order; likewise.
    """
    routes = APIRouter(prefix="/api/following", tags=["following"])

    @routes.get("/record")
    def record(
        index: Annotated[int | None, Query(ge=0, lt=2**31)] = None,
        leaf: Annotated[str | None, Query(pattern="^[0-9a-f]{64}$")] = None,
    ) -> dict[str, Any] | None:
        """The record after the one that the asking side has: none if it has all."""
        try:
            with database().read() as connection:
                found = record_after(connection, index, leaf)
        except IntegrityError as error:
            raise HTTPException(409, str(error)) from error
        return None if found is None else {"index": found[0], "record": found[1]}

    @routes.get("/block/{cid}")
    def block(cid: str) -> Response:
        """One block of what runs made."""
        try:
            wanted = CID.parse(cid)
        except FormatError as error:
            raise HTTPException(422, str(error)) from error
        for store in stores():
            try:
                return Response(store.block(wanted), media_type="application/vnd.ipld.raw")
            except NotFoundError:
                continue
        raise HTTPException(404, f"no store of this pipeline holds {cid}")

    return routes
