"""Optional dependencies: what is missing, and how to get it."""

from __future__ import annotations

from importlib.util import find_spec

from anacostia_blockchain.errors import ConfigError


def require(extra: str, *modules: str) -> None:
    """Check that the modules of an extra can be imported.

    Raises:
        ConfigError: one cannot; the message names the extra that brings it.
    """
    for module in modules:
        try:
            found = find_spec(module)
        except ModuleNotFoundError:  # the package above it
            found = None
        if found is None:
            raise ConfigError(
                f"{module} is not installed: pip install 'anacostia-blockchain[{extra}]'"
            )
