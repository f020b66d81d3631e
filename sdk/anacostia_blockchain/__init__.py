"""Prove, license and sell machine-learning models.

    from anacostia_blockchain import connect

    hub = connect("local")
    hub.models.publish("model/", "digits", aliases=["champion"])

Importing the package loads nothing but itself; web3 and the pipeline engine load when used.
"""

from __future__ import annotations

from importlib import import_module

from anacostia_blockchain._version import __version__

_HOMES = {
    "Anacostia": "client",
    "connect": "client",
    "CID": "content.cid",
    "AnacostiaError": "errors",
    "AliasMove": "types",
    "AliasState": "types",
    "Kind": "types",
    "LedgerHead": "types",
    "ModelVersion": "types",
    "Parent": "types",
    "RegisteredModel": "types",
    "Relation": "types",
    "RevocationReason": "types",
    "Status": "types",
    "load_verified": "loading",
    "verify_version": "verify",
}

__all__ = ["__version__", *sorted(_HOMES)]  # noqa: PLE0604 - the names are the table's


def __getattr__(name: str) -> object:
    if name not in _HOMES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    value = getattr(import_module(f"{__name__}.{_HOMES[name]}"), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return sorted(__all__)
