"""What all wrappers share: an address, a chain, and typed access to the ABI."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from anacostia_blockchain.chain import Call
from anacostia_blockchain.chain.abi import Interface

if TYPE_CHECKING:
    from anacostia_blockchain.chain import Chain, Receipt
    from anacostia_blockchain.types import Address


class Calls:
    """Encodes a contract's transactions and sends nothing: for outboxes and batches."""

    interface: str

    def __init__(self, address: Address) -> None:
        self._address = address

    def _encode(self, function: str, *arguments: object) -> Call:
        data = Interface.of(self.interface).encode(function, *arguments)
        return Call(self._address, data, self.interface, function)


class Contract:
    """A deployed contract; subclasses have one method for each function, in interface order.

    Attributes:
        address: where it is.
    """

    interface: str

    def __init__(self, chain: Chain, address: Address) -> None:
        self.chain = chain
        self.address = address

    def __repr__(self) -> str:
        return f"{type(self).__name__}({self.address})"

    def _read(self, function: str, *arguments: object) -> Any:  # noqa: ANN401 - as the ABI says
        return self.chain.call(self._asked(function, *arguments))

    def _asked(self, function: str, *arguments: object) -> Call:
        data = Interface.of(self.interface).encode(function, *arguments)
        return Call(self.address, data, self.interface, function)

    def _events(self, event: str, receipt: Receipt) -> list[dict[str, Any]]:
        """This contract's events of one kind in a receipt, by parameter name."""
        declared = Interface.of(self.interface)
        topic = "0x" + declared.events[event].signature.hex()
        return [
            declared.decode_log(event, [_bytes(t) for t in raw["topics"]], _bytes(raw["data"]))
            for raw in receipt.logs
            if raw["address"].lower() == self.address.lower() and raw["topics"][0] == topic
        ]


def _bytes(text: str) -> bytes:
    return bytes.fromhex(text.removeprefix("0x"))
