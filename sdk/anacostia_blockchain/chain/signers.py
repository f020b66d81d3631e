"""Who signs. A key is never logged, shown, stored or put into an error."""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, Protocol

from anacostia_blockchain.errors import ConfigError
from anacostia_blockchain.types import Address

KEY_VARIABLE = "ANACOSTIA_PRIVATE_KEY"


class Signer(Protocol):
    """An account that can sign: a key in memory, a keystore, a cloud key service, a device."""

    @property
    def address(self) -> Address:
        """The account's checksummed address."""

    def sign_transaction(self, transaction: Mapping[str, Any]) -> bytes:
        """The signed bytes of an EIP-1559 transaction, given by its JSON-RPC names."""

    def sign_typed_data(
        self, domain: Mapping[str, Any], types: Mapping[str, Any], message: Mapping[str, Any]
    ) -> bytes:
        """An EIP-712 signature, 65 bytes."""


class PrivateKeySigner:
    """A key in this process's memory.

    Args:
        key: 32 bytes, or as hexadecimal.

    Raises:
        ConfigError: the text is no private key.
    """

    def __init__(self, key: bytes | str) -> None:
        from eth_account import Account  # noqa: PLC0415 - 0.3 s that readers need not wait

        try:
            self._account = Account.from_key(key)
        except Exception:  # noqa: BLE001 - whatever the library says may hold the key
            raise ConfigError("the private key is not 32 bytes in hexadecimal") from None

    def __repr__(self) -> str:
        return f"PrivateKeySigner({self.address})"

    def __reduce__(self) -> str:
        raise TypeError("a signer is not written anywhere")

    @property
    def address(self) -> Address:
        """The account's checksummed address."""
        return str(self._account.address)

    def sign_transaction(self, transaction: Mapping[str, Any]) -> bytes:
        """Sign an EIP-1559 transaction."""
        return bytes(self._account.sign_transaction(dict(transaction)).raw_transaction)

    def sign_typed_data(
        self, domain: Mapping[str, Any], types: Mapping[str, Any], message: Mapping[str, Any]
    ) -> bytes:
        """Sign EIP-712 typed data."""
        signed = self._account.sign_typed_data(dict(domain), dict(types), dict(message))
        return bytes(signed.signature)


def keystore_signer(path: Path, password: Callable[[], str]) -> PrivateKeySigner:
    """The account of a geth or Ape keystore file.

    Args:
        path: JSON file, Web3 Secret Storage version 3.
        password: asked once, for instance `getpass.getpass`.

    Raises:
        ConfigError: the file is no keystore, or the password is wrong.
    """
    from eth_account import Account  # noqa: PLC0415

    try:
        return PrivateKeySigner(bytes(Account.decrypt(path.read_text(), password())))
    except (ValueError, KeyError, OSError) as error:
        raise ConfigError(f"{path} cannot be opened: {type(error).__name__}") from None


def signer_from_env() -> PrivateKeySigner | None:
    """The account whose key is in `ANACOSTIA_PRIVATE_KEY`, if it is set."""
    key = os.environ.get(KEY_VARIABLE)
    return PrivateKeySigner(key) if key else None
