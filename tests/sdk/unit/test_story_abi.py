"""Our interfaces of Story's contracts against the ABIs that Story itself publishes.

Story's sources are not ours to copy, so the interfaces are written by hand; here every selector,
topic and type in them is compared with the ABIs in the wheel of `story-protocol-python-sdk`. The
package is read and never imported (it needs an older web3).
"""

from __future__ import annotations

import json
from functools import cache
from importlib.metadata import PackageNotFoundError, distribution, files
from pathlib import Path
from typing import Any

import pytest

import anacostia_blockchain
from anacostia_blockchain.chain.abi import Interface

try:
    distribution("story-protocol-python-sdk")
except PackageNotFoundError:  # it needs another web3 than Ape's environment has
    pytest.skip("story-protocol-python-sdk is not installed here", allow_module_level=True)

OURS = Path(anacostia_blockchain.__file__).parent / "abi" / "external"

THEIRS = {
    "StoryAccessController": ["AccessController"],
    "StoryCoreMetadataModule": ["CoreMetadataModule"],
    "StoryDisputeModule": ["DisputeModule"],
    "StoryIPAccount": ["IPAccountImpl"],
    "StoryIPAssetRegistry": ["IPAssetRegistry"],
    "StoryLicenseRegistry": ["LicenseRegistry"],
    "StoryLicenseToken": ["LicenseToken"],
    "StoryLicensingModule": ["LicensingModule"],
    "StoryPILicenseTemplate": ["PILicenseTemplate"],
    "StoryRoyaltyModule": ["RoyaltyModule"],
    "StoryRoyaltyPolicy": ["RoyaltyPolicyLAP", "RoyaltyPolicyLRP"],
    "StoryRoyaltyVault": ["IpRoyaltyVaultImpl"],
    "WrappedCoin": ["WIP"],
}

NEWER = {
    "LicenseRegistry__ParentIpNotRegistered",
    "LicenseRegistry__TooManyAncestors",
    "LicenseRegistry__TooManyParents",
    "LicensingConfigSetForLicense",
    "PILicenseTemplate__CommercializerCheckerNotRegistered",
    "PILicenseTemplate__MintingFeeRequiresRoyaltyPolicy",
    "RoyaltyModule__IpIdNotRegistered",
    "RoyaltyModule__PaymentAmountIsTooLow",
    "RoyaltyModule__VaultAlreadyDeployed",
    "deployVault",
}
"""Raised or emitted by Story 1.3.2, whose source says so, and missing from the published ABIs."""

SELECTORS = {
    "StoryIPAssetRegistry.register": "fca247ac",
    "StoryCoreMetadataModule.setAll": "b76520c6",
    "StoryLicensingModule.attachLicenseTerms": "2a4130c0",
    "StoryLicensingModule.mintLicenseTokens": "02bf96a5",
    "StoryLicensingModule.registerDerivative": "4a4d56c5",
    "StoryLicensingModule.registerDerivativeWithLicenseTokens": "938b7b7a",
    "StoryLicensingModule.setLicensingConfig": "b33f673e",
    "StoryRoyaltyModule.payRoyaltyOnBehalf": "d2577f3b",
}
"""Seen in calls to the real contracts."""


@cache
def published(name: str) -> list[dict[str, Any]]:
    """An ABI of the wheel."""
    found = [f for f in files("story-protocol-python-sdk") or [] if f.match(f"jsons/{name}.json")]
    return json.loads(found[0].locate().read_text())


@cache
def all_errors() -> set[str]:
    """Of all contracts: Story raises one contract's error in another."""
    names = [f.stem for f in files("story-protocol-python-sdk") or [] if f.match("jsons/*.json")]
    return {shape(e) for n in names for e in published(n) if e["type"] == "error"}


def kind(part: dict[str, Any]) -> str:
    if not part["type"].startswith("tuple"):
        return part["type"]
    inner = ",".join(f"{kind(c)} {c['name']}" for c in part["components"])
    return f"({inner}){part['type'].removeprefix('tuple')}"


def shape(entry: dict[str, Any]) -> str:
    """All that matters of an entry: types, which are indexed, names in tuples, what is returned."""
    inputs = [kind(p) + " indexed" * p.get("indexed", False) for p in entry["inputs"]]
    outputs = ",".join(map(kind, entry.get("outputs", ())))
    payable = entry.get("stateMutability", "")
    return f"{entry['type']} {entry['name']}({','.join(inputs)}) {payable} -> ({outputs})"


def test_every_foreign_interface_is_compared():
    own = {path.stem for path in OURS.glob("Story*.json")} | {"WrappedCoin"}
    assert own == set(THEIRS)


@pytest.mark.parametrize("name", THEIRS)
def test_functions_and_events_are_those_that_story_publishes(name: str):
    for theirs in THEIRS[name]:
        known = {shape(e) for e in published(theirs) if e["type"] in {"function", "event"}}
        own = [e for e in json.loads((OURS / f"{name}.json").read_text()) if e["type"] != "error"]
        assert own
        missing = [shape(e) for e in own if shape(e) not in known and e["name"] not in NEWER]
        assert not missing


@pytest.mark.parametrize("name", [n for n in THEIRS if n != "WrappedCoin"])
def test_errors_are_those_that_story_publishes(name: str):
    own = [e for e in json.loads((OURS / f"{name}.json").read_text()) if e["type"] == "error"]
    assert not [e for e in own if shape(e) not in all_errors() and e["name"] not in NEWER]


@pytest.mark.parametrize(("function", "selector"), SELECTORS.items())
def test_selectors_are_those_seen_on_chain(function: str, selector: str):
    name, _, wanted = function.partition(".")
    declared = Interface.of(f"external/{name}")
    assert declared.functions[wanted].signature[:4].hex() == selector
