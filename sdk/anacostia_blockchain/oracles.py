"""Chainlink on each network: feeds, forwarder, sequencer; and the contracts that rely on them.

`oracles.json` says where they are, by whose word and since when. Nothing of it is believed: at
deployment a feed must describe itself as it is described there, and the forwarder must name its
type; `check_oracles` looks again at any time.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from decimal import Decimal
from functools import cache
from importlib.resources import files
from typing import TYPE_CHECKING, Any

from eth_utils import to_checksum_address

from anacostia_blockchain.chain.values import Call
from anacostia_blockchain.deployment import Deployment, create2, create2_address, init_code
from anacostia_blockchain.errors import (
    ConfigError,
    ContractRevertedError,
    NoContractError,
    VersionMismatchError,
)

if TYPE_CHECKING:
    from anacostia_blockchain.chain import Chain
    from anacostia_blockchain.types import Address

NATIVE = "0x" + "00" * 20
FORWARDER_TYPE = "KeystoneForwarder "
"""How the forwarder's own `typeAndVersion()` begins."""

_PACKAGE = "anacostia_blockchain"
_FEED = "(address,address,uint32,uint8,bool,uint128,uint128,string)"


@dataclass(frozen=True, slots=True)
class Feed:
    """A payment asset and its feed; see `contracts/types/Feed.sol`.

    Attributes:
        symbol: of the asset, for people.
        max_age: seconds.
        min_answer: dollars, for one whole unit of the asset.
        max_answer: likewise.
    """

    symbol: str
    asset: Address
    feed: Address
    description: str
    decimals: int
    max_age: int
    at_par: bool
    min_answer: Decimal
    max_answer: Decimal

    def to_abi(self) -> tuple[object, ...]:
        """As `UsdFeeds` takes it."""
        low, high = (int(a.scaleb(self.decimals)) for a in (self.min_answer, self.max_answer))
        rules = (self.max_age, self.decimals, self.at_par, low, high, self.description)
        return (self.asset, self.feed, *rules)


@dataclass(frozen=True, slots=True)
class OracleNetwork:
    """What Chainlink has on one network.

    Attributes:
        forwarder: of the Runtime Environment.
        sequencer: uptime feed of a rollup's sequencer; None where there is none.
        attestations: the Ethereum Attestation Service; None where there is none.
    """

    name: str
    forwarder: Address
    sequencer: Address | None
    feeds: tuple[Feed, ...]
    attestations: Address | None = None

    @classmethod
    def known(cls, chain_id: int) -> OracleNetwork:
        """A network by its chain id.

        Raises:
            ConfigError: Chainlink is not there, as far as this package knows.
        """
        document = _document()
        try:
            entry = document["networks"][str(chain_id)]
        except KeyError:
            names = ", ".join(network["name"] for network in document["networks"].values())
            raise ConfigError(
                f"no Chainlink feeds or forwarder are known on chain {chain_id}: price there with "
                f"a fixed amount, or use one of {names}"
            ) from None
        feeds = tuple(_feed(feed, document) for feed in entry["feeds"])
        addresses = (entry["forwarder"], entry["sequencer"])
        return cls(entry["name"], *addresses, feeds, entry["attestations"])


@dataclass(frozen=True, slots=True)
class OracleCheck:
    """Whether something of Chainlink's is what it should be."""

    name: str
    passed: bool
    detail: str


def deploy_oracles(
    chain: Chain, deployment: Deployment, network: OracleNetwork | None = None
) -> Deployment:
    """Add `UsdFeeds`, `MetricReceiver`, `AttestedMetrics` and `ModelPricing` to a deployment.

    What is there is kept; `AttestedMetrics` needs the Ethereum Attestation Service.

    Args:
        chain: with a signer.
        deployment: of the core contracts.
        network: Chainlink's addresses; None: those that are known for the chain.

    Raises:
        ConfigError: none are known, or the connection has no signer.
        VersionMismatchError: what should be the forwarder is something else.
        ContractRevertedError: a feed is not what it should be, with the reason.
    """
    network = network or OracleNetwork.known(chain.chain_id)
    kind = _type(chain, network.forwarder)
    if not kind.startswith(FORWARDER_TYPE):
        raise VersionMismatchError(
            f"{network.forwarder} is {kind or 'no contract'!r}, not {FORWARDER_TYPE.strip()}: "
            "check the forwarder's address in Chainlink's directory"
        )
    arguments = oracle_arguments(network, deployment.address)
    found = {name: create2(chain, name, taken) for name, taken in arguments.items()}
    deployed = Deployment(deployment.chain_id, deployment.contracts | found)
    deployed.check(chain)
    return deployed


def oracle_arguments(network: OracleNetwork, where: Callable[[str], Address]) -> dict[str, bytes]:
    """What the constructors of those contracts take on a network, encoded, in order of deployment.

    Args:
        network: Chainlink's addresses, and the Ethereum Attestation Service's.
        where: tells the address of a contract of the core by its name.
    """
    feeds = [feed.to_abi() for feed in network.feeds]
    found = {
        "UsdFeeds": _encode(f"address,{_FEED}[]", (network.sequencer or NATIVE, feeds)),
        "MetricReceiver": _encode("address", (network.forwarder,)),
    }
    if network.attestations is not None:
        pair = (network.attestations, where("ModelRegistry"))
        found["AttestedMetrics"] = _encode("address,address", pair)
    usd = create2_address(init_code("UsdFeeds") + found["UsdFeeds"])
    found["ModelPricing"] = _encode("address,address", (where("ModelNFT"), usd))
    return found


def check_oracles(chain: Chain, network: OracleNetwork) -> Iterator[OracleCheck]:
    """Ask a chain whether forwarder, feeds and sequencer are what they should be."""
    kind = _type(chain, network.forwarder)
    detail = f"{network.forwarder}: {kind or 'no contract of that kind'}"
    yield OracleCheck("forwarder", kind.startswith(FORWARDER_TYPE), detail)
    now = int(chain.header()["timestamp"], 16)
    for feed in network.feeds:
        yield _check_feed(chain, feed, now)
    if network.sequencer is not None:
        answer = _round(chain, network.sequencer)
        up = answer is not None and answer[1] == 0
        since = f"up for {now - answer[2]} s" if answer is not None and up else "down, or no feed"
        yield OracleCheck("sequencer", up, f"{network.sequencer}: {since}")


def coin_price(chain: Chain, network: OracleNetwork) -> Decimal | None:
    """Dollars for one of the chain's own coins; None where no feed is, or is fit, to be used."""
    now = int(chain.header()["timestamp"], 16)
    for feed in network.feeds:
        if feed.asset == NATIVE and _check_feed(chain, feed, now).passed:
            answer = _round(chain, feed.feed)
            return None if answer is None else Decimal(answer[1]).scaleb(-feed.decimals)
    return None


def _check_feed(chain: Chain, feed: Feed, now: int) -> OracleCheck:
    name, wrong = f"feed {feed.symbol}", []
    description = _ask(chain, feed.feed, "AggregatorV3Interface", "description")
    if description != feed.description:
        wrong.append(f"describes itself as {description!r}, not {feed.description!r}")
    decimals = _ask(chain, feed.feed, "AggregatorV3Interface", "decimals")
    if decimals != feed.decimals:
        wrong.append(f"has {decimals} decimals, not {feed.decimals}")
    answer = _round(chain, feed.feed)
    if answer is None:
        return OracleCheck(name, passed=False, detail="; ".join([*wrong, "gives no answer"]))
    price, age = Decimal(answer[1]).scaleb(-feed.decimals), now - answer[3]
    if not feed.min_answer <= price <= feed.max_answer:
        wrong.append(f"{price} is outside of {feed.min_answer} to {feed.max_answer}")
    if not 0 <= age <= feed.max_age:
        wrong.append(f"the answer is {age} s old, of at most {feed.max_age}")
    shown = f"{feed.description} {price} USD, {age} s old, {feed.decimals} decimals"
    return OracleCheck(name, not wrong, "; ".join(wrong) or shown)


def _round(chain: Chain, feed: Address) -> tuple[int, ...] | None:
    """Round, answer, start, time and round again of the newest answer; None if there is none."""
    answer = _ask(chain, feed, "AggregatorV3Interface", "latestRoundData")
    return None if answer is None else tuple(answer)


def _type(chain: Chain, forwarder: Address) -> str:
    """What a forwarder says that it is; empty if it says nothing."""
    return str(_ask(chain, forwarder, "KeystoneForwarder", "typeAndVersion") or "")


def _ask(chain: Chain, address: Address, interface: str, function: str) -> Any:  # noqa: ANN401 - as the ABI says
    """An answer of a contract that is not ours; None from one that has none, or is none."""
    from anacostia_blockchain.chain.abi import Interface  # noqa: PLC0415 - loads eth_abi

    name = f"external/{interface}"
    data = Interface.of(name).encode(function)
    try:
        return chain.call(Call(address, data, name, function))
    except (NoContractError, VersionMismatchError, ContractRevertedError):
        return None


def _encode(types: str, values: tuple[object, ...]) -> bytes:
    from eth_abi import encode  # noqa: PLC0415 - loads slowly
    from eth_abi.grammar import parse  # noqa: PLC0415 - loads eth-abi

    parts = [part.to_type_str() for part in parse(f"({types})").components]
    return bytes(encode(parts, values))


@cache
def _document() -> dict[str, Any]:
    return dict(json.loads(files(_PACKAGE).joinpath("oracles.json").read_text()))


def _feed(entry: dict[str, Any], document: dict[str, Any]) -> Feed:
    heartbeat = entry["heartbeat"] or document["unknown_heartbeat"]
    return Feed(
        symbol=entry["symbol"],
        asset=to_checksum_address(entry["asset"]),
        feed=to_checksum_address(entry["feed"]),
        description=entry["description"],
        decimals=entry["decimals"],
        max_age=heartbeat + document["margin"],
        at_par=entry["at_par"],
        min_answer=Decimal(entry["min_answer"]),
        max_answer=Decimal(entry["max_answer"]),
    )
