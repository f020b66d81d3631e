"""ABIs as the package ships them: encode calls, decode answers, logs and the contracts' errors."""

from __future__ import annotations

import json
import re
from dataclasses import dataclass
from functools import cache, cached_property
from importlib.resources import files
from typing import Any

from eth_abi import decode, encode
from eth_abi.exceptions import DecodingError, EncodingError
from eth_utils import keccak, to_checksum_address

from anacostia_blockchain.errors import (
    ChainError,
    ConfigError,
    ContractRevertedError,
    VersionMismatchError,
)

_PACKAGE = "anacostia_blockchain"

_PANICS = {
    0x01: "assertion failed",
    0x11: "arithmetic overflow",
    0x12: "division by zero",
    0x21: "value out of an enum's range",
    0x31: "pop on an empty array",
    0x32: "index out of bounds",
    0x41: "out of memory",
}


_UNREADABLE = (DecodingError, ValueError, OverflowError)
"""What `eth_abi` raises on bytes that are not of the types; of text, an encoding's error."""

_ONE_WORD = re.compile(r"(u?int\d+|address|bool|bytes\d+)$")
"""Types whose value is a topic itself; of others the topic is a hash."""


@dataclass(frozen=True)
class Item:
    """A function, event or error of an ABI.

    Attributes:
        types: of the inputs, canonical, tuples written out.
        outputs: of a function, likewise.
        indexed: for an event, which inputs are topics.
    """

    name: str
    names: tuple[str, ...]
    types: tuple[str, ...]
    outputs: tuple[str, ...] = ()
    indexed: tuple[bool, ...] = ()

    @cached_property
    def signature(self) -> bytes:
        """Keccak-256 of the canonical signature: a topic; its first 4 bytes are a selector."""
        return bytes(keccak(text=f"{self.name}({','.join(self.types)})"))

    @cached_property
    def topic_types(self) -> tuple[str, ...]:
        """Of an event's topics after the first."""
        pairs = zip(self.types, self.indexed, strict=True)
        return tuple(t if _ONE_WORD.match(t) else "bytes32" for t, indexed in pairs if indexed)

    @cached_property
    def data_types(self) -> tuple[str, ...]:
        """Of an event's data."""
        return tuple(t for t, i in zip(self.types, self.indexed, strict=True) if not i)


class Interface:
    """One contract's ABI. Use `Interface.of(name)`, which loads each once."""

    def __init__(self, name: str, abi: list[dict[str, Any]]) -> None:
        self.name = name
        self._items: dict[str, dict[str, Item]] = {"function": {}, "event": {}, "error": {}}
        for entry in abi:
            if entry["type"] in self._items:
                item = _item(entry)
                # Of overloaded functions (two `safeTransferFrom`) the shorter one is kept.
                kept = self._items[entry["type"]].setdefault(item.name, item)
                if len(item.types) < len(kept.types):
                    self._items[entry["type"]][item.name] = item

    @classmethod
    @cache
    def of(cls, name: str) -> Interface:
        """The ABI of a contract of ours.

        Raises:
            ConfigError: the package ships none of that name.
        """
        try:
            text = files(_PACKAGE).joinpath("abi", f"{name}.json").read_text()
        except FileNotFoundError:
            raise ConfigError(f"the package holds no ABI of {name}") from None
        return cls(name, json.loads(text))

    @property
    def functions(self) -> dict[str, Item]:
        """Functions by name."""
        return self._items["function"]

    @property
    def events(self) -> dict[str, Item]:
        """Events by name."""
        return self._items["event"]

    @cached_property
    def errors(self) -> dict[bytes, Item]:
        """Errors by selector."""
        return {item.signature[:4]: item for item in self._items["error"].values()}

    def encode(self, function: str, *arguments: object) -> bytes:
        """Calldata of a call.

        Raises:
            ConfigError: an argument is not of the type, or out of the range, that the ABI declares.
        """
        item = self.functions[function]
        try:
            return item.signature[:4] + encode(item.types, arguments)
        except (EncodingError, ValueError, TypeError, AttributeError) as error:
            declared = f"{self.name}.{function}({', '.join(item.types)})"
            raise ConfigError(f"{declared} does not take these arguments: {error}") from None

    def decode(self, function: str, data: bytes) -> Any:  # noqa: ANN401 - as the ABI says
        """A function's return value, or a tuple of several.

        Raises:
            VersionMismatchError: the data is not what the function returns.
        """
        try:
            values = decode(self.functions[function].outputs, data)
        except _UNREADABLE as error:
            raise VersionMismatchError(
                f"the contract's answer to {self.name}.{function} is not of this ABI: the address "
                "holds another contract or version; check it with `anacostia doctor`"
            ) from error
        return values[0] if len(values) == 1 else values

    def arguments(self, function: str, data: bytes) -> tuple[Any, ...] | None:
        """What `encode` was given; None if the data are no call of that function."""
        item = self.functions[function]
        try:
            values = decode(item.types, data[4:]) if data[:4] == item.signature[:4] else None
        except _UNREADABLE:
            return None
        return None if values is None else tuple(values)

    def decode_log(self, event: str, topics: list[bytes], data: bytes) -> dict[str, Any]:
        """An event's values by name; of an indexed string, bytes, array or tuple, its hash.

        Raises:
            VersionMismatchError: topics or data are not what the event declares.
        """
        item = self.events[event]
        try:
            topic_values = decode(item.topic_types, b"".join(topics[1:]))
            data_values = decode(item.data_types, data)
        except _UNREADABLE as error:
            raise VersionMismatchError(
                f"the event is not {self.name}.{event} of this ABI: "
                "another contract or version emitted it"
            ) from error
        values = {True: iter(topic_values), False: iter(data_values)}
        return {
            name: next(values[indexed])
            for name, indexed in zip(item.names, item.indexed, strict=True)
        }


def decode_revert(data: bytes) -> ChainError:
    """A contract's revert data as an error: ours by name, Solidity's own, or `Unknown`."""
    selector, rest = data[:4], data[4:]
    try:
        if selector == keccak(text="Error(string)")[:4]:
            return ContractRevertedError("Error", {"message": decode(["string"], rest)[0]}, data)
        if selector == keccak(text="Panic(uint256)")[:4]:
            code = decode(["uint256"], rest)[0]
            meaning = _PANICS.get(code, "see the Solidity manual")
            return ContractRevertedError("Panic", {"code": hex(code), "meaning": meaning}, data)
        item = _known_errors().get(selector)
        if item is not None:
            values = (
                _shown(t, v) for t, v in zip(item.types, decode(item.types, rest), strict=True)
            )
            return ContractRevertedError(
                item.name, dict(zip(item.names, values, strict=True)), data
            )
    except _UNREADABLE:
        pass  # bytes that only begin like an error
    return ContractRevertedError("Unknown", {"data": data}, data)


@cache
def _known_errors() -> dict[bytes, Item]:
    """The errors of every ABI that the package ships, by selector."""
    folder = files(_PACKAGE).joinpath("abi")
    folders = {"": folder, "external/": folder.joinpath("external")}
    names = [
        prefix + entry.name.removesuffix(".json")
        for prefix, place in folders.items()
        for entry in place.iterdir()
        if entry.name.endswith(".json")
    ]
    return {key: item for name in sorted(names) for key, item in Interface.of(name).errors.items()}


def _item(entry: dict[str, Any]) -> Item:
    inputs = entry["inputs"]
    return Item(
        name=entry["name"],
        names=tuple(part["name"] or str(i) for i, part in enumerate(inputs)),
        types=tuple(_type(part) for part in inputs),
        outputs=tuple(_type(part) for part in entry.get("outputs", ())),
        indexed=tuple(part.get("indexed", False) for part in inputs),
    )


def _type(part: dict[str, Any]) -> str:
    if not part["type"].startswith("tuple"):
        return str(part["type"])
    inner = ",".join(_type(component) for component in part["components"])
    return f"({inner}){part['type'].removeprefix('tuple')}"


def _shown(kind: str, value: object) -> object:
    return to_checksum_address(value) if kind == "address" and isinstance(value, str) else value
