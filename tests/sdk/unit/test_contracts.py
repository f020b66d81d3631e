"""The wrappers say what the contracts say, in the same order, and nothing is forgotten."""

from __future__ import annotations

import json
import re
from importlib.resources import files
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from anacostia_blockchain.contracts import (
    AttestedMetrics,
    LicenseToken,
    MetricReceiver,
    ModelLicensing,
    ModelMarket,
    ModelNFT,
    ModelPricing,
    ModelRegistry,
    PromotionGate,
    RunLedger,
    StoryAdapter,
    StorySale,
    UsdFeeds,
)
from anacostia_blockchain.contracts.attested_metrics import AttestedMetricsCalls
from anacostia_blockchain.contracts.base import Calls, Contract
from anacostia_blockchain.contracts.license_token import LicenseTokenCalls
from anacostia_blockchain.contracts.metric_receiver import MetricReceiverCalls
from anacostia_blockchain.contracts.model_licensing import ModelLicensingCalls
from anacostia_blockchain.contracts.model_market import ModelMarketCalls
from anacostia_blockchain.contracts.model_nft import ModelNFTCalls
from anacostia_blockchain.contracts.model_pricing import ModelPricingCalls
from anacostia_blockchain.contracts.model_registry import ModelRegistryCalls, label
from anacostia_blockchain.contracts.promotion_gate import PromotionGateCalls
from anacostia_blockchain.contracts.run_ledger import RunLedgerCalls
from anacostia_blockchain.contracts.story_adapter import StoryAdapterCalls
from anacostia_blockchain.contracts.story_sale import StorySaleCalls
from anacostia_blockchain.contracts.usd_feeds import UsdFeedsCalls
from anacostia_blockchain.errors import ConfigError

INTERFACES = Path(__file__).resolve().parents[3] / "contracts" / "interfaces"

SKIPPED = {
    ModelRegistry: {"eip712Domain"},
    ModelNFT: {
        # the registry's alone
        *("mint", "notifyPublished"),
        # ERC-721, ERC-165: for marketplaces and wallets, which bring their own ABI
        *("balanceOf", "isApprovedForAll", "name", "safeTransferFrom"),
        *("setApprovalForAll", "supportsInterface", "symbol"),
    },
    LicenseToken: {
        # the licensing contract's alone
        *("mint", "bind"),
        *("approve", "getApproved", "isApprovedForAll", "name", "safeTransferFrom"),
        *("setApprovalForAll", "supportsInterface", "symbol"),
    },
    ModelLicensing: set(),
    ModelMarket: set(),
    PromotionGate: set(),
    RunLedger: set(),
    UsdFeeds: set(),
    MetricReceiver: {"onReport", "supportsInterface"},  # the forwarder's alone
    ModelPricing: set(),
    AttestedMetrics: set(),
    StoryAdapter: set(),
    StorySale: {"eip712Domain"},
}
"""Functions without a method."""

ADDED = {
    ModelRegistry: {"published_in", "version_with_root", "alias_names", "sign_publication"},
    ModelNFT: {"owners_ever"},
    LicenseToken: {"received_by"},
    ModelLicensing: {"logs", "claimed_in"},
    ModelMarket: {"ever_listed", "settled_first"},
    PromotionGate: {"logs"},
    RunLedger: {"root_at", "block_of", "anchored", "proof_in"},
    UsdFeeds: set(),
    MetricReceiver: {"accepted"},
    ModelPricing: {"logs"},
    AttestedMetrics: set(),
    StoryAdapter: set(),
    StorySale: set(),
}
"""Methods that read events, or sign."""

WRAPPERS = [
    (ModelRegistry, ModelRegistryCalls),
    (ModelNFT, ModelNFTCalls),
    (LicenseToken, LicenseTokenCalls),
    (ModelLicensing, ModelLicensingCalls),
    (ModelMarket, ModelMarketCalls),
    (PromotionGate, PromotionGateCalls),
    (RunLedger, RunLedgerCalls),
    (UsdFeeds, UsdFeedsCalls),
    (MetricReceiver, MetricReceiverCalls),
    (ModelPricing, ModelPricingCalls),
    (AttestedMetrics, AttestedMetricsCalls),
    (StoryAdapter, StoryAdapterCalls),
    (StorySale, StorySaleCalls),
]


POWERS = {
    *("owner", "transferOwnership", "renounceOwnership", "acceptOwnership", "admin", "initialize"),
    *("grantRole", "revokeRole", "setRoleAdmin", "pause", "unpause", "freeze", "blacklist"),
    *("upgradeTo", "upgradeToAndCall", "setImplementation", "rescue", "sweep", "drain"),
}
"""By which who deployed a contract could own it, stop it, change it, or take what is in it."""

OUTSIDE = {"forwarder_", "registry_", "sequencer_"}
"""Contracts that a constructor takes as plain addresses; `inspection` compares them as wires."""


def snake(name: str) -> str:
    """`tokenURI` to `token_uri`, `MAX_PARENTS` to `max_parents`."""
    return name.lower() if name.isupper() else re.sub(r"(?<=[a-z])(?=[A-Z])", "_", name).lower()


def abi(contract: type[Contract]) -> list[dict[str, Any]]:
    text = files("anacostia_blockchain").joinpath("abi", f"{contract.__name__}.json").read_text()
    entries: list[dict[str, Any]] = json.loads(text)
    return entries


def functions(contract: type[Contract]) -> dict[str, bool]:
    """The ABI's functions that have methods; whether each writes."""
    return {
        entry["name"]: entry["stateMutability"] not in ("view", "pure")
        for entry in abi(contract)
        if entry["type"] == "function" and entry["name"] not in SKIPPED[contract]
    }


def methods(wrapper: type) -> list[str]:
    return [name for name in vars(wrapper) if name[0] != "_" and name not in ("interface", "calls")]


@pytest.mark.parametrize(("wrapper", "calls"), WRAPPERS)
def test_methods_are_the_abis_functions(wrapper: type[Contract], calls: type[Calls]) -> None:
    declared = functions(wrapper)
    assert set(methods(wrapper)) - ADDED[wrapper] == {snake(name) for name in declared}
    assert set(methods(calls)) == {snake(name) for name, writes in declared.items() if writes}
    assert wrapper.interface == calls.interface == wrapper.__name__


@pytest.mark.parametrize(("wrapper", "calls"), WRAPPERS)
def test_methods_are_in_interface_order(wrapper: type[Contract], calls: type[Calls]) -> None:
    source = (INTERFACES / f"I{wrapper.__name__}.sol").read_text()
    declared = [snake(name) for name in re.findall(r"^    function (\w+)", source, re.MULTILINE)]
    for kind in (wrapper, calls):
        shared = [name for name in methods(kind) if name in declared]
        assert shared == [name for name in declared if name in shared]


@pytest.mark.parametrize("skipped", SKIPPED.items())
def test_what_is_skipped_exists(skipped: tuple[type[Contract], set[str]]) -> None:
    contract, names = skipped
    assert names <= {entry.get("name") for entry in abi(contract)}


def test_every_contract_has_a_wrapper() -> None:
    assert {wrapper.__name__ for wrapper, _ in WRAPPERS} == {
        path.stem for path in (INTERFACES.parent).glob("*.sol")
    }


@pytest.mark.parametrize("wrapper", [wrapper for wrapper, _ in WRAPPERS])
def test_who_deploys_keeps_nothing(wrapper: type[Contract]) -> None:
    """No function by which to own or stop a contract; no account that its constructor trusts."""
    assert not POWERS & {entry.get("name") for entry in abi(wrapper)}
    for entry in abi(wrapper):
        if entry["type"] != "constructor":
            continue
        plain = [part["name"] for part in entry["inputs"] if part["internalType"] == "address"]
        assert set(plain) <= OUTSIDE


ALIASES = st.from_regex(r"[A-Za-z0-9._/-]{1,32}", fullmatch=True)


@given(ALIASES)
def test_label_comes_back(text: str) -> None:
    encoded = label(text)
    assert len(encoded) == 32
    assert encoded.rstrip(b"\0").decode() == text


@given(ALIASES, ALIASES)
def test_labels_differ_where_texts_do(one: str, other: str) -> None:
    assert (label(one) == label(other)) == (one == other)


@pytest.mark.parametrize("text", ["", "a" * 33, "é", "a b", "a\0", "champion\n", "a@b", "日本"])
def test_label_refuses(text: str) -> None:
    with pytest.raises(ConfigError, match=r"is no alias: use 1 to 32 of A-Z a-z 0-9 \. _ / -"):
        label(text)
