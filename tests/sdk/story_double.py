"""The double of Story Protocol on a chain, and the way to the real one.

The conformance tests run on the double, unless `STORY_RPC_URL` names a chain with the real
contracts. Then these say the rest:

STORY_ADDRESSES     JSON of addresses by contract name, or a file of it; default: Story's networks'
STORY_PRIVATE_KEYS  keys of five accounts with coins, by commas; default: the development accounts
"""

from __future__ import annotations

import json
import os
from dataclasses import fields
from functools import cache
from pathlib import Path

from eth_abi import encode
from eth_utils import keccak, to_checksum_address

import forge
from anacostia_blockchain.chain import Call, Chain
from anacostia_blockchain.chain.abi import _item
from anacostia_blockchain.deployment import CREATE2_PROXY
from anacostia_blockchain.story import StoryAddresses

SOURCES = forge.ROOT / "tests" / "contracts" / "mocks" / "story"

_WIRED = {
    "access_controller": "AccessControllerDouble",
    "core_metadata_module": "CoreMetadataModuleDouble",
    "dispute_module": "DisputeModuleDouble",
    "ip_asset_registry": "IPAssetRegistryDouble",
    "license_registry": "LicenseRegistryDouble",
    "license_token": "LicenseTokenDouble",
    "licensing_module": "LicensingModuleDouble",
    "license_template": "PILicenseTemplateDouble",
    "royalty_module": "RoyaltyModuleDouble",
    "royalty_policy": "RoyaltyPolicyLAPDouble",
    "wrapped_coin": "WrappedCoinDouble",
}
_ALONE = {"DisputeModuleDouble", "WrappedCoinDouble"}


class StoryDouble:
    """The double on a chain, with what Story's administrators could do."""

    def __init__(self, chain: Chain) -> None:
        self.chain = chain
        self.board = self._create("StoryDouble", b"")
        board = encode(["address"], [self.board])
        made = {
            field: self._create(name, b"" if name in _ALONE else board)
            for field, name in _WIRED.items()
        }
        self.addresses = StoryAddresses(**made)
        self.do(self.board, "StoryDouble", "wire", tuple(made.values()))

    def stand_in(self) -> StoryAddresses:
        """Put its code where Story's networks have the contracts, which then can be built upon.

        What is built has to see code there, and no more: how they are wired is not copied.
        """
        known = StoryAddresses()
        for field in fields(StoryAddresses):
            code = self.chain.code(getattr(self.addresses, field.name))
            self.chain.rpc("anvil_setCode", getattr(known, field.name), "0x" + code.hex())
        return known

    def do(self, to: str, name: str, function: str, *arguments: object) -> None:
        """Call a function that only the double has."""
        entries = artifact(name)["abi"]
        entry = next(e for e in entries if e.get("name") == function)
        item = _item(entry)
        data = item.signature[:4] + encode(item.types, arguments)
        self.chain.send(Call(to, data, name, function))

    def dispute(self, ip_id: str, tag: bytes = b"IMPROPER_USAGE") -> None:
        """Raise a dispute and decide it against an asset."""
        where = (self.addresses.dispute_module, "DisputeModuleDouble")
        self.do(*where, "raiseDispute", ip_id, b"\1" * 32, tag.ljust(32, b"\0"), b"")
        self._disputes = getattr(self, "_disputes", 0) + 1
        self.do(*where, "setDisputeJudgement", self._disputes, True, b"")

    def _create(self, name: str, arguments: bytes) -> str:
        bytecode = artifact(name)["bytecode"]["object"].removeprefix("0x")
        code, salt = bytes.fromhex(bytecode) + arguments, os.urandom(32)
        self.chain.send(Call(CREATE2_PROXY, salt + code, name, "constructor"))
        proxy = bytes.fromhex(CREATE2_PROXY[2:])
        return str(to_checksum_address(keccak(b"\xff" + proxy + salt + keccak(code))[12:]))


@cache
def artifact(name: str) -> dict:
    """What Forge built of one of the double's contracts."""
    return json.loads((_built() / f"{name}.sol" / f"{name}.json").read_text())


@cache
def _built() -> Path:
    return forge.build("story", sorted(SOURCES.glob("*.sol")))
