"""Where Story's contracts are: configuration, with what is known of its networks."""

from __future__ import annotations

import json
import os
from dataclasses import dataclass, fields, replace
from pathlib import Path

from eth_utils import is_checksum_formatted_address, is_hex_address, to_checksum_address

from anacostia_blockchain.errors import ConfigError
from anacostia_blockchain.types import Address

VARIABLE = "STORY_ADDRESSES"
"""Names a JSON file of addresses by contract name, or is such JSON itself."""

FILE = "story.json"
"""The same, in a project's home."""


@dataclass(frozen=True, slots=True)
class StoryAddresses:
    """Story's contracts on a chain; the defaults are those of both of its networks.

    Attributes:
        wrapped_coin: ERC-20 token of the chain's own coin, in which licences are paid.
    """

    access_controller: Address = "0xcCF37d0a503Ee1D4C11208672e622ed3DFB2275a"
    core_metadata_module: Address = "0x6E81a25C99C6e8430aeC7353325EB138aFE5DC16"
    dispute_module: Address = "0x9b7A9c70AFF961C799110954fc06F3093aeb94C5"
    ip_asset_registry: Address = "0x77319B4031e6eF1250907aa00018B8B1c67a244b"
    license_registry: Address = "0x529a750E02d8E2f15649c13D69a465286a780e24"
    license_token: Address = "0xFe3838BFb30B34170F00030B52eA4893d8aAC6bC"  # noqa: S105 - no password
    licensing_module: Address = "0x04fbd8a2e56dd85CFD5500A4A4DfA955B9f1dE6f"
    license_template: Address = "0x2E896b0b2Fdb7457499B56AAaA4AE55BCB4Cd316"
    royalty_module: Address = "0xD2f60c40fEbccf6311f8B47c4f2Ec6b040400086"
    royalty_policy: Address = "0xBe54FB168b3c982b7AaE60dB6CF75Bd8447b390E"
    wrapped_coin: Address = "0x1514000000000000000000000000000000000000"

    @classmethod
    def of(cls, addresses: dict[str, str]) -> StoryAddresses:
        """From addresses by contract name; what is not named is as on Story's networks.

        Raises:
            ConfigError: a name or an address is none.
        """
        addresses = {name: where for name, where in addresses.items() if name not in OURS}
        if unknown := set(addresses) - set(NAMES):
            known = ", ".join(NAMES)
            raise ConfigError(
                f"{', '.join(sorted(unknown))} is no contract of Story's: use {known}"
            )
        for name, address in addresses.items():
            if not is_hex_address(address):
                raise ConfigError(f"{address!r} is no address of {name}")
            if is_checksum_formatted_address(address) and to_checksum_address(address) != address:
                raise ConfigError(f"{address} of {name} has a wrong checksum: it was mistyped")
        given = {NAMES[name]: str(to_checksum_address(a)) for name, a in addresses.items()}
        return replace(cls(), **given)

    @classmethod
    def configured(cls, chain_id: int, home: Path) -> StoryAddresses:
        """As the environment says, else the project's `story.json`, else of Story's networks.

        Raises:
            ConfigError: nothing says where Story is on that chain, or it cannot be read.
        """
        said = os.environ.get(VARIABLE, "")
        file = home / FILE
        if said.lstrip().startswith("{"):
            return cls.of(_parsed(said, VARIABLE))
        if said or file.exists():
            path = Path(said) if said else file
            try:
                return cls.of(_parsed(path.read_text(), str(path)))
            except OSError as error:
                raise ConfigError(
                    f"{VARIABLE} names {path}, which cannot be read: {error}"
                ) from None
        if chain_id in CHAINS:
            return cls()
        raise ConfigError(
            f"Story Protocol is not known to be on chain {chain_id}: connect to `story` or "
            f"`story-aeneid`, or say where it is in {file} or {VARIABLE}"
        )

    def to_dict(self) -> dict[str, str]:
        """By contract name."""
        return {name: getattr(self, field) for name, field in NAMES.items()}


CHAINS = {1514: "story", 1315: "story-aeneid"}
"""Story's networks (the DATA Network since 2026), with their names in `connect`."""

NAMES = dict(
    zip(
        (
            *("AccessController", "CoreMetadataModule", "DisputeModule", "IPAssetRegistry"),
            *("LicenseRegistry", "LicenseToken", "LicensingModule", "PILicenseTemplate"),
            *("RoyaltyModule", "RoyaltyPolicyLAP", "WIP"),
        ),
        (field.name for field in fields(StoryAddresses)),
        strict=True,
    )
)
"""Story's own names of its contracts, and the fields here."""

OURS = {"StoryAdapter", "StorySale"}
"""Once written here too; the deployment's record says where they are."""


def _parsed(text: str, where: str) -> dict[str, str]:
    try:
        found = json.loads(text)
    except ValueError:
        found = None
    if not isinstance(found, dict) or not all(isinstance(v, str) for v in found.values()):
        raise ConfigError(f"{where} holds no JSON object of addresses by contract name")
    return found
