"""Whether what is on a chain is this package's build, byte for byte, and wired as it should be.

Constructors fill immutables into the code, so that two deployments need not have the same bytes.
They are accounted for by running the constructor again, at the contract's own address, on the chain
itself and without a transaction: what it returns must be what is there.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from functools import partial
from typing import TYPE_CHECKING

from eth_utils import to_checksum_address

from anacostia_blockchain.chain.abi import Interface, decode_revert
from anacostia_blockchain.chain.rpc import RpcError, to_bytes, to_hex
from anacostia_blockchain.contracts.usd_feeds import UsdFeeds
from anacostia_blockchain.deployment import (
    CREATE2_PROXY,
    CREATED,
    code_digest,
    compiler_of,
    init_code,
    is_build_of,
    predicted_address,
    read,
)
from anacostia_blockchain.errors import (
    ConfigError,
    IntegrityError,
    NoContractError,
    VersionMismatchError,
)
from anacostia_blockchain.oracles import NATIVE, OracleNetwork
from anacostia_blockchain.origins import check_origin
from anacostia_blockchain.plan import (
    EDITED,
    SUITE,
    Plan,
    address_by,
    argument_bytes,
    known_network,
)
from anacostia_blockchain.story.service import known_addresses
from anacostia_blockchain.verify import Check, made

if TYPE_CHECKING:
    from anacostia_blockchain.chain import Chain
    from anacostia_blockchain.deployment import DeployedContract, Deployment
    from anacostia_blockchain.story.addresses import StoryAddresses
    from anacostia_blockchain.types import Address

WIRES = {
    "feeds": "UsdFeeds",
    "licenseToken": "LicenseToken",
    "licensing": "ModelLicensing",
    "nft": "ModelNFT",
    "registry": "ModelRegistry",
}
"""Functions that tell another contract's address, on whichever contract, and which one it is."""

OUTSIDE = ("eas", "forwarder", "sequencer")
"""The same of contracts that are not ours: `OracleNetwork` knows where they are."""

STORY = {
    "accessController": "access_controller",
    "coreMetadataModule": "core_metadata_module",
    "ipAssetRegistry": "ip_asset_registry",
    "licenseTemplate": "license_template",
    "licensingModule": "licensing_module",
    "royaltyModule": "royalty_module",
    "wrappedCoin": "wrapped_coin",
}
"""The same of Story's, and the fields of `StoryAddresses` where they are."""

ALL_OF_STORY = "story"
"""Tells all of those at once, in that order."""

FEEDS = ("assets", "feedOf")
"""Tell the tokens that `UsdFeeds` takes, and the feed of each."""


def inspect(
    chain: Chain,
    deployment: Deployment,
    network: OracleNetwork | None = None,
    story: StoryAddresses | None = None,
) -> Iterator[Check]:
    """Check that nothing is missing, and each contract's record, code and wires.

    Nothing that the record says is believed, but where nobody else knows: on a chain of which
    `oracles.json` says nothing, and no argument, what Chainlink's addresses are.

    Args:
        chain: it is read only.
        deployment: as its file says.
        network: where Chainlink's contracts are; None: where they are known to be.
        story: where Story's contracts are; None: likewise.
    """
    plan = Plan.of(chain.chain_id, network, story)
    outside = _outside(chain, network) | _story(chain, story)
    yield made("suite", partial(_suite, chain, deployment, plan))
    for name in sorted(SUITE.intersection(deployment.contracts)):
        yield made(f"{name} record", partial(_record, chain, deployment, name, plan))
        yield made(f"{name} code", partial(_code, chain, deployment, name, plan))
        if _wires_of(name):
            yield made(f"{name} wires", partial(_wires, chain, deployment, name, outside))


def _suite(chain: Chain, deployment: Deployment, plan: Plan) -> str:
    """Find what is missing, and what is none of ours; say what is believed."""
    there = set(deployment.contracts)
    if unknown := there - SUITE:
        raise IntegrityError(f"{_listed(unknown)}: no contract of this package: {EDITED}")
    if missing := plan.missing(there):
        raise IntegrityError(
            f"the deployment file lacks {_listed(missing)}: it was edited, or what it records was "
            "not finished; `ape run deploy` finds or deploys it"
        )
    shown = f"{len(there)} contracts"
    if left_out := plan.arguments.keys() - there:
        shown += f", without {_listed(left_out)}"
    if believed := there - plan.arguments.keys():
        shown += (
            f"; what {_listed(believed)} take is as the file says, for nobody else knows what is "
            f"on chain {chain.chain_id}"
        )
    return shown


def _listed(names: Iterable[str]) -> str:
    return ", ".join(sorted(names))


def _record(chain: Chain, deployment: Deployment, name: str, plan: Plan) -> str:
    """Compare what the file says with what can be computed, and with what the chain says."""
    contract = deployment.contracts[name]
    if contract.code_sha256 != code_digest(name):
        raise VersionMismatchError(
            f"recorded from another build ({str(contract.code_sha256)[:12]}…, this package has "
            f"{code_digest(name)[:12]}…): use the package version that deployed it"
        )
    if contract.compiler != compiler_of(name):
        raise IntegrityError(
            f"the deployment file says compiler {contract.compiler!r}, and this build's is "
            f"{compiler_of(name)!r}: {EDITED}"
        )
    arguments, planned = _arguments(deployment, name, plan), plan.arguments.get(name)
    expected = address_by(name, arguments)
    if contract.address != expected:
        raise IntegrityError(
            f"the deployment file says {contract.address}, and by its arguments it is at "
            f"{expected}: {EDITED}"
        )
    if planned is not None and planned != arguments:
        raise IntegrityError(
            "its constructor took other arguments than this package's, by which it is at "
            f"{address_by(name, planned)}: they changed since, or {EDITED}"
        )
    version = read(chain, contract.address, name, "version")
    if version != contract.version:
        raise VersionMismatchError(
            f"the deployment file says version {contract.version}, the contract {version}: {EDITED}"
        )
    return f"{contract.address}, version {version}, {_creation(chain, name, contract, arguments)}"


def _arguments(deployment: Deployment, name: str, plan: Plan) -> bytes:
    """What the file says that a constructor took; where it does not, what the plan gives it."""
    told, planned = deployment.contracts[name].arguments, plan.arguments.get(name)
    if told is not None:
        return argument_bytes(name, told)
    if planned is None:
        raise ConfigError(
            f"the deployment file does not say the arguments of {name}, and nobody else knows "
            "them: write it anew with `ape run deploy`"
        )
    return planned


def _creation(chain: Chain, name: str, contract: DeployedContract, arguments: bytes) -> str:
    """Compare by whom and when it was created, as far as anybody remembers."""
    compared = check_origin(chain, name, contract, arguments)
    if contract.tx is None:
        return "its transaction is not recorded"
    if not compared:
        return f"transaction {contract.tx} is not known to {chain.rpc.host}"
    return f"created in block {contract.block} by {contract.deployer}"


def _code(chain: Chain, deployment: Deployment, name: str, plan: Plan) -> str:
    """Compare every byte, those of immutables included where the endpoint lets us."""
    contract = deployment.contracts[name]
    code = chain.code(contract.address)
    if not code:
        raise NoContractError(contract.address, name)
    if not is_build_of(name, code):
        raise VersionMismatchError(f"other code than this package's build at {contract.address}")
    expected = _constructed(chain, contract, name, _arguments(deployment, name, plan))
    if expected is None:
        return f"{len(code):,} bytes, immutables aside: the endpoint takes no state overrides"
    if code != expected:
        raise IntegrityError(
            f"the immutables at {contract.address} are not what its constructor gives"
        )
    return f"{len(code):,} bytes, immutables included"


def _constructed(
    chain: Chain, contract: DeployedContract, name: str, arguments: bytes
) -> bytes | None:
    """The code that the constructor returns at the contract's own address; None if not to be had.

    Its init code stands in as the code of the contract, called by its creator, on empty storage;
    what it creates itself is absent, so that it can be created.
    """
    absent: dict[str, object] = {"code": "0x", "nonce": "0x0", "state": {}}
    state = {
        predicted_address(child): absent
        for child, (creator, _function) in CREATED.items()
        if creator == name
    }
    start = to_hex(init_code(name) + arguments)
    state[contract.address] = {"code": start, "nonce": "0x1", "state": {}}
    creator = predicted_address(CREATED[name][0]) if name in CREATED else CREATE2_PROXY
    call = {"from": creator, "to": contract.address, "data": "0x"}
    try:
        return to_bytes(chain.rpc("eth_call", call, "latest", state))
    except RpcError as error:
        if error.data is None:
            return None
        reason = decode_revert(error.data)
        raise IntegrityError(
            f"the constructor of {name} would refuse today ({reason}): a contract that it relies "
            "on has changed"
        ) from None


def _wires(
    chain: Chain, deployment: Deployment, name: str, outside: dict[str, tuple[str, str]]
) -> str:
    """Compare the addresses that a contract holds with those of the deployment."""
    shown = []
    for function, held in _held(chain, deployment, name):
        if (ours := WIRES.get(function.removesuffix("()"))) is not None:
            meant, expected = ours, deployment.address(ours)
        else:
            meant, expected = outside.get(function, (function, held))
        if held != expected:
            raise IntegrityError(f"{function} is {held}, and {meant} is {expected}")
        if held != NATIVE and not chain.code(held):
            raise NoContractError(held, f"{name}.{function}")
        shown.append(f"{function} {held}")
    return ", ".join(shown)


def _held(chain: Chain, deployment: Deployment, name: str) -> Iterator[tuple[str, Address]]:
    """The addresses that a contract holds, by the call that tells each."""
    address = deployment.address(name)
    for function in _wires_of(name):
        answer = read(chain, address, name, function)
        told = zip(STORY, answer, strict=True) if function == ALL_OF_STORY else [(function, answer)]
        yield from ((f"{f}()", str(to_checksum_address(held))) for f, held in told)
    if name == UsdFeeds.interface:
        contract = UsdFeeds(chain, address)
        for number, asset in enumerate(contract.assets()):
            yield f"assets()[{number}]", asset
            yield f"feedOf({asset})", str(to_checksum_address(contract.feed_of(asset)["feed"]))


def _wires_of(name: str) -> list[str]:
    known, functions = (*WIRES, *OUTSIDE, *STORY, ALL_OF_STORY), Interface.of(name).functions
    return sorted(f for f in known if f in functions and not functions[f].types)


def _outside(chain: Chain, network: OracleNetwork | None) -> dict[str, tuple[str, str]]:
    """What contracts that are not ours should be, and where; nothing where nobody knows."""
    known = network or known_network(chain.chain_id)
    if known is None:
        return {}
    found = {"forwarder()": known.forwarder, "sequencer()": known.sequencer or NATIVE}
    if known.attestations is not None:
        found["eas()"] = known.attestations
    for number, feed in enumerate(known.feeds):
        found |= {f"assets()[{number}]": feed.asset, f"feedOf({feed.asset})": feed.feed}
    return {call: ("the address in oracles.json", where) for call, where in found.items()}


def _story(chain: Chain, story: StoryAddresses | None) -> dict[str, tuple[str, str]]:
    """The same of Story's."""
    known = story or known_addresses(chain.chain_id)
    if known is None:
        return {}
    return {f"{f}()": (f"Story's {f}", getattr(known, field)) for f, field in STORY.items()}
