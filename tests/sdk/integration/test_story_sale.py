"""Licences on Story at a price that a contract is asked for, on the double or the real thing."""

from __future__ import annotations

import json
from dataclasses import replace
from datetime import timedelta

import pytest
from eth_utils import keccak, to_checksum_address

from anacostia_blockchain import local_prices
from anacostia_blockchain.chain import Call, Chain
from anacostia_blockchain.deployment import CREATE2_PROXY, SALT, Deployment, create2_address
from anacostia_blockchain.errors import (
    ConfigError,
    ContractRevertedError,
    FormatError,
    WrongNetworkError,
)
from anacostia_blockchain.licensing.terms import Right, commercial_remix, preset
from anacostia_blockchain.licensing.values import Price
from anacostia_blockchain.prices.values import Pricing
from anacostia_blockchain.story import sale
from anacostia_blockchain.story.values import SignedOffer
from story_world import RPC_URL, model

pytestmark = pytest.mark.integration

PRICE = 3 * 10**14
TERMS = "commercial-use"


def quoter(chain: Chain, price: int) -> str:
    """A contract that answers everything with one number."""
    runtime = b"\x7f" + price.to_bytes(32, "big") + bytes.fromhex("5f5260205ff3")
    code = bytes.fromhex("6027806009") + bytes.fromhex("5f395ff3") + runtime
    if not chain.code(create2_address(code)):
        chain.send(Call(CREATE2_PROXY, SALT + code, "a quoter", "constructor"))
    return create2_address(code)


def refused(name: str):
    return pytest.raises(ContractRevertedError, match=f"^StorySale_{name}")


def test_whoever_brings_the_offer_and_the_price_gets_a_licence(alice, bob) -> None:
    made = model(alice)
    signed = sale.offer(alice.story, made, TERMS, quoter(alice.chain, PRICE))
    assert alice.story.attached(made) == [], "nobody can have it of Story itself"
    handed = SignedOffer.from_json(json.loads(json.dumps(signed.to_json())))
    assert handed == signed

    (licence,) = sale.buy(bob.story, handed, max_pay=2 * PRICE)
    assert licence.holder == bob.address
    assert bob.story.entitled(made, Right.SERVE)
    assert alice.story.claimable(made) == PRICE, "exactly the price"
    assert len(sale.buy(bob.story, handed, quantity=2)) == 2
    assert alice.story.claimable(made) == 3 * PRICE
    assert alice.story.collect([made]) == 3 * PRICE


def test_an_offer_ends_with_its_time_its_owner_and_its_price(alice, bob, people) -> None:
    made, pricing = model(alice), quoter(alice.chain, PRICE)
    signed = sale.offer(alice.story, made, TERMS, pricing)
    with refused("AboveMaxPay"):
        sale.buy(bob.story, signed, max_pay=PRICE - 1)
    late = sale.offer(alice.story, made, TERMS, pricing, valid_for=timedelta(hours=-1))
    with refused("DeadlinePassed"):
        sale.buy(bob.story, late)
    forged = replace(signed, offer=replace(signed.offer, pricing=quoter(alice.chain, 1)))
    with refused("NotSignedByOwner"):
        sale.buy(bob.story, forged)

    # Sold on, the permission sleeps with the offer; come back, both are awake.
    carol = people(2)
    alice.nft.transfer_from(alice.address, carol.address, made)
    with refused("NotSignedByOwner"):
        sale.buy(bob.story, signed)
    carol.nft.transfer_from(carol.address, alice.address, made)
    sale.buy(bob.story, signed)

    sale.cancel(alice.story)
    with refused("WrongNonce"):
        sale.buy(bob.story, signed)
    again = sale.offer(alice.story, made, TERMS, pricing)
    sale.withdraw_permission(alice.story, made)
    with pytest.raises(ContractRevertedError, match="LicensorIpHasNoLicenseTerms"):
        sale.buy(bob.story, again)
    assert alice.story.claimable(made) == PRICE


def test_what_cannot_be_sold_that_way(alice, bob) -> None:
    made, pricing = model(alice), quoter(alice.chain, PRICE)
    for terms in ("open", "commercial-remix", commercial_remix(1000)):
        with pytest.raises(ConfigError, match="commercial, without derivatives"):
            sale.offer(alice.story, made, terms, pricing)
    alice.story.offer(made, TERMS, Price.native(PRICE))
    with pytest.raises(ConfigError, match="at a price of its own"):
        sale.offer(alice.story, made, TERMS, pricing)
    with pytest.raises(ContractRevertedError, match="CallerIsNotIPAccountOrOwner"):
        sale.offer(bob.story, model(alice), TERMS, pricing)


def test_an_offer_is_for_one_place(alice, bob, world) -> None:
    signed = sale.offer(alice.story, model(alice), TERMS, quoter(alice.chain, PRICE))
    with pytest.raises(WrongNetworkError):
        sale.buy(bob.story, replace(signed, chain_id=1))
    with pytest.raises(ConfigError, match="is not the one known here"):
        sale.buy(bob.story, replace(signed, sale=bob.address))
    others = {n: c for n, c in world.deployment.contracts.items() if n != "StorySale"}
    bob.deployment = Deployment(bob.chain.chain_id, others)
    with pytest.raises(ConfigError, match=r"StorySale is not deployed.*anacostia story deploy"):
        sale.buy(bob.story, signed)


@pytest.mark.parametrize("broken", [{}, {"chain_id": "x"}, {"signature": "0xzz"}])
def test_what_is_no_offer(alice, broken: dict[str, str]) -> None:
    signed = sale.offer(alice.story, model(alice), TERMS, quoter(alice.chain, PRICE))
    data = signed.to_json() | broken if broken else {}
    with pytest.raises(FormatError, match="no offer of a work on Story"):
        SignedOffer.from_json(data)


def test_the_contract(alice, world) -> None:
    contract = alice.story.sale
    signed = sale.offer(alice.story, model(alice), TERMS, quoter(alice.chain, PRICE))
    assert contract.quote(signed.offer) == PRICE
    assert contract.licensing_module() == world.addresses.licensing_module
    assert contract.license_template() == world.addresses.license_template
    assert contract.royalty_module() == world.addresses.royalty_module
    assert contract.wrapped_coin() == world.addresses.wrapped_coin
    assert contract.version() == "1.0.0"
    kind = (
        "StoryOffer(address ipId,uint256 termsId,address pricing,uint64 modelId,"
        "bytes32 quotedTerms,uint256 nonce,uint256 deadline)"
    )
    types = ["bytes32", "address", "uint256", "address", "uint64", "bytes32", "uint256", "uint256"]
    from eth_abi import encode  # noqa: PLC0415 - an oracle of its own

    struct = keccak(encode(types, [keccak(text=kind), *signed.offer.to_abi()]))
    domain = keccak(
        encode(
            ["bytes32", "bytes32", "bytes32", "uint256", "address"],
            [
                keccak(
                    text="EIP712Domain(string name,string version,uint256 chainId,"
                    "address verifyingContract)"
                ),
                keccak(text="Anacostia StorySale"),
                keccak(text="1"),
                alice.chain.chain_id,
                to_checksum_address(contract.address),
            ],
        )
    )
    assert contract.digest_of(signed.offer) == keccak(b"\x19\x01" + domain + struct)


@pytest.mark.skipif(bool(RPC_URL), reason="Chainlink is not on Story's chain")
def test_a_price_in_dollars(alice, bob) -> None:
    """`ModelPricing` over Chainlink's feed, asked by the sale in the transaction that pays."""
    alice.deployment = local_prices.install(alice.chain, alice.deployment)
    made = model(alice)
    alice.prices.set(made, Pricing.fixed("30"))
    alice.prices.set_terms(made, preset(TERMS).id, share="0.5")
    signed = sale.offer(alice.story, made, TERMS, alice.prices.address)
    due = alice.prices.quote(made, preset(TERMS).id)
    sale.buy(bob.story, signed)
    assert alice.story.claimable(made) == due > 0
    alice.prices.stop(made)
    with pytest.raises(ContractRevertedError, match="ModelPricing_NotForSale"):
        sale.buy(bob.story, signed)
