"""An account whose key is elsewhere: what is intended in its name is signed by an anchor worker."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, NoReturn

from eth_utils import is_address, to_checksum_address

from anacostia_blockchain.errors import ConfigError
from anacostia_blockchain.types import Address


def checked_address(text: str) -> Address:
    """An address with its checksum.

    Raises:
        ConfigError: it is none.
    """
    if not is_address(text):
        raise ConfigError(f"{text!r} is no address: give 0x and 40 hexadecimal digits")
    return str(to_checksum_address(text))


class KeylessSigner:
    """Stands for an account on a machine that must not hold its key.

    Args:
        address: of the account.

    Raises:
        ConfigError: it is no address.
    """

    def __init__(self, address: Address) -> None:
        self._address = checked_address(address)

    def __repr__(self) -> str:
        return f"KeylessSigner({self.address})"

    @property
    def address(self) -> Address:
        """The account's checksummed address."""
        return self._address

    def sign_transaction(self, transaction: Mapping[str, Any]) -> NoReturn:  # noqa: ARG002 - the protocol's signature
        """Refuse.

        Raises:
            ConfigError: always.
        """
        self._refuse()

    def sign_typed_data(
        self,
        domain: Mapping[str, Any],  # noqa: ARG002 - a protocol's
        types: Mapping[str, Any],  # noqa: ARG002 - the protocol's signature
        message: Mapping[str, Any],  # noqa: ARG002 - the protocol's signature
    ) -> NoReturn:
        """Refuse.

        Raises:
            ConfigError: always.
        """
        self._refuse()

    def _refuse(self) -> NoReturn:
        raise ConfigError(
            f"this machine holds no key of {self.address}: `anacostia anchor`, where the key is, "
            "sends what is intended here"
        )
