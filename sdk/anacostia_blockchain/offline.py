"""Files that verify without a chain: which kind one is, and its verification."""

from __future__ import annotations

import zipfile
from collections.abc import Iterable
from pathlib import Path
from typing import TYPE_CHECKING

from anacostia_blockchain._archives import DAMAGED
from anacostia_blockchain.errors import FormatError, NotFoundError
from anacostia_blockchain.evidence import check
from anacostia_blockchain.evidence.archive import INDEX
from anacostia_blockchain.proofs import alias, bundle

if TYPE_CHECKING:
    from anacostia_blockchain.verify import Report

_LARGEST_PROOF = 1 << 24
"""Bytes of an alias proof; a real one is some tens of thousands."""


def verify_file(
    path: Path, *, block_hashes: Iterable[str] = (), rpc_url: str | None = None
) -> Report:
    """Verify a file against block hashes, or against an RPC endpoint, that the caller trusts.

    Raises:
        NotFoundError: there is no such file.
        FormatError: it is none of the files that this package writes.
    """
    if _is_archive(path):
        if _is_evidence(path):
            return check.verify_evidence(path, block_hashes=block_hashes, rpc_url=rpc_url)
        return bundle.verify_bundle(path, block_hashes=block_hashes, rpc_url=rpc_url)
    return alias.verify_alias_proof(_read_proof(path), block_hashes=block_hashes, rpc_url=rpc_url)


def block_numbers(path: Path) -> list[int]:
    """Numbers of the blocks whose hashes decide about a file.

    Raises:
        NotFoundError: there is no such file.
        FormatError: it is none of the files that this package writes.
    """
    if _is_archive(path):
        return check.block_numbers(path) if _is_evidence(path) else bundle.block_numbers(path)
    return [alias.AliasProof.from_json(_read_proof(path)).number]


def _is_archive(path: Path) -> bool:
    """Whatever does not begin as a JSON object is taken for an archive, and has to be one."""
    if not path.is_file():
        raise NotFoundError(f"there is no file {path}")
    with path.open("rb") as file:
        return not file.read(64).lstrip().startswith(b"{") or zipfile.is_zipfile(path)


def _is_evidence(path: Path) -> bool:
    """Whether an archive is of a whole model, and not of one version."""
    try:
        with zipfile.ZipFile(path) as archive:
            return archive.namelist()[:1] == [INDEX]
    except DAMAGED:
        return False


def _read_proof(path: Path) -> bytes:
    if path.stat().st_size > _LARGEST_PROOF:
        raise FormatError(f"{path} is too large for a proof")
    return path.read_bytes()
