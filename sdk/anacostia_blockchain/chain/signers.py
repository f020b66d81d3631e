"""Who signs. A key is never logged, shown, stored or put into an error."""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, Protocol

import rlp
from coincurve import PrivateKey
from eth_utils import keccak, to_checksum_address

from anacostia_blockchain.chain.rpc import to_bytes
from anacostia_blockchain.errors import ConfigError
from anacostia_blockchain.types import Address

KEY_VARIABLE = "ANACOSTIA_PRIVATE_KEY"

_TYPE_2 = b"\x02"
_FIELDS = (
    "chainId",
    "nonce",
    "maxPriorityFeePerGas",
    "maxFeePerGas",
    "gas",
    "to",
    "value",
    "data",
)
"""Of an EIP-1559 transaction, in the order that is signed."""

_TO = _FIELDS.index("to")


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

    _address: Address = ""
    """Set on the class, so that a signer that is refused can be shown."""

    def __init__(self, key: bytes | str) -> None:
        found = _private_key(key)
        del key  # error reporters show the variables of frames
        if found is None:
            raise ConfigError("the private key is not 32 bytes in hexadecimal, or not on the curve")
        self._key = found
        public = found.public_key.format(compressed=False)
        self._address = str(to_checksum_address(keccak(public[1:])[-20:]))

    def __repr__(self) -> str:
        return f"PrivateKeySigner({self.address})"

    def __reduce_ex__(self, _protocol: object) -> str:
        raise TypeError("a signer is not written anywhere")

    @property
    def address(self) -> Address:
        """The account's checksummed address."""
        return self._address

    def sign_transaction(self, transaction: Mapping[str, Any]) -> bytes:
        """Sign an EIP-1559 transaction.

        The bytes are those of `eth_account`, which takes some ten times as long over them.
        """
        fields = [transaction[name] for name in _FIELDS]
        fields[_TO] = to_bytes(fields[_TO])
        unsigned: list[Any] = [*fields, []]  # no access list
        digest = keccak(_TYPE_2 + rlp.encode(unsigned))
        signature = self._key.sign_recoverable(digest, hasher=None)
        r, s = (int.from_bytes(signature[i : i + 32], "big") for i in (0, 32))
        return _TYPE_2 + bytes(rlp.encode([*unsigned, signature[64], r, s]))

    def sign_typed_data(
        self, domain: Mapping[str, Any], types: Mapping[str, Any], message: Mapping[str, Any]
    ) -> bytes:
        """Sign EIP-712 typed data."""
        from eth_account import Account  # noqa: PLC0415 - 0.3 s that readers need not wait

        account = Account.from_key(self._key.secret)
        return bytes(account.sign_typed_data(dict(domain), dict(types), dict(message)).signature)


def _private_key(key: bytes | str) -> PrivateKey | None:
    """A key, or None: no error of any library, which might show it, leaves here."""
    try:
        secret = to_bytes(key.strip()) if isinstance(key, str) else bytes(key)
        return PrivateKey(secret) if len(secret) == 32 else None
    except (ValueError, TypeError):
        return None


def keystore_signer(path: Path, password: Callable[[], str]) -> PrivateKeySigner:
    """The account of a geth or Ape keystore file.

    Args:
        path: JSON file, Web3 Secret Storage version 3.
        password: asked once, for instance `getpass.getpass`.

    Raises:
        ConfigError: the file is no keystore, or the password is wrong.
    """
    from eth_account import Account  # noqa: PLC0415 - as above

    try:
        return PrivateKeySigner(bytes(Account.decrypt(path.read_text(), password())))
    except (ValueError, KeyError, TypeError, AttributeError, OSError) as error:
        reason = type(error).__name__
    raise ConfigError(
        f"the keystore {path} cannot be opened ({reason}): check the path and the password"
    )


def signer_from_env() -> PrivateKeySigner | None:
    """The account whose key is in `ANACOSTIA_PRIVATE_KEY`, if it is set."""
    return PrivateKeySigner(os.environ[KEY_VARIABLE]) if os.environ.get(KEY_VARIABLE) else None
