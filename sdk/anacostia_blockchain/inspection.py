"""Whether what is on a chain is this package's build, byte for byte, and wired as it should be.

Constructors fill immutables into the code, so that two deployments need not have the same bytes.
They are accounted for by running the constructor again, at the contract's own address, on the chain
itself and without a transaction: what it returns must be what is there.
"""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial
from typing import TYPE_CHECKING

from eth_utils import to_checksum_address

from anacostia_blockchain.chain.abi import Interface, decode_revert
from anacostia_blockchain.chain.rpc import RpcError, to_bytes, to_hex
from anacostia_blockchain.deployment import (
    CREATE2_PROXY,
    CREATED,
    code_digest,
    create2_address,
    init_code,
    is_build_of,
    read,
)
from anacostia_blockchain.errors import (
    ConfigError,
    IntegrityError,
    NoContractError,
    VersionMismatchError,
)
from anacostia_blockchain.oracles import NATIVE, OracleNetwork
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


def inspect(
    chain: Chain,
    deployment: Deployment,
    network: OracleNetwork | None = None,
    story: StoryAddresses | None = None,
) -> Iterator[Check]:
    """Check each contract's record, code and wires; nothing that the record says is believed.

    Args:
        chain: it is read only.
        deployment: as its file says.
        network: where Chainlink's contracts are; None: where they are known to be.
        story: where Story's contracts are; None: likewise.
    """
    outside = _outside(chain, network) | _story(chain, story)
    for name in sorted(deployment.contracts):
        yield made(f"{name} record", partial(_record, chain, deployment, name))
        yield made(f"{name} code", partial(_code, chain, deployment, name))
        if _wires_of(name):
            yield made(f"{name} wires", partial(_wires, chain, deployment, name, outside))


def _record(chain: Chain, deployment: Deployment, name: str) -> str:
    """Compare what the file says with what can be computed, and with what the contract says."""
    contract = deployment.contracts[name]
    if contract.code_sha256 != code_digest(name):
        raise VersionMismatchError(
            f"recorded from another build ({contract.code_sha256[:12]}…, this package has "
            f"{code_digest(name)[:12]}…): use the package version that deployed it"
        )
    expected = _address(chain, deployment, name)
    if contract.address != expected:
        raise IntegrityError(
            f"the deployment file says {contract.address}, and by its arguments it is at "
            f"{expected}: the file was edited; write it anew with `ape run deploy`"
        )
    version = read(chain, contract.address, name, "version")
    if version != contract.version:
        raise VersionMismatchError(
            f"the deployment file says version {contract.version}, the contract {version}: "
            "the file was edited; write it anew with `ape run deploy`"
        )
    return f"{contract.address}, version {version}, {_creation(chain, contract)}"


def _creation(chain: Chain, contract: DeployedContract) -> str:
    """Compare the recorded transaction with the chain's; old ones some nodes forget."""
    if contract.tx is None:
        return "its transaction is not recorded"
    mined = chain.rpc("eth_getTransactionReceipt", contract.tx)
    if mined is None:
        return f"transaction {contract.tx} is not known to {chain.rpc.host}"
    block, sender = int(mined["blockNumber"], 16), to_checksum_address(mined["from"])
    if block != contract.block:
        raise IntegrityError(
            f"the deployment file says block {contract.block} of a transaction in block {block}: "
            "the file was edited; write it anew with `ape run deploy`"
        )
    return f"created in block {block} by {sender}"


def _address(chain: Chain, deployment: Deployment, name: str) -> Address:
    """Where a contract must be: by CREATE2, or by the word of the one that created it."""
    if name in CREATED:
        creator, function = CREATED[name]
        asked = read(chain, deployment.address(creator), creator, function)
        return str(to_checksum_address(asked))
    arguments = deployment.contracts[name].arguments
    if arguments is None:
        return deployment.address(name)
    return create2_address(init_code(name) + _argument_bytes(name, arguments))


def _argument_bytes(name: str, arguments: str) -> bytes:
    try:
        return to_bytes(arguments)
    except (ValueError, AttributeError):
        raise ConfigError(
            f"the arguments of {name} in the deployment file are not hexadecimal: the file was "
            "edited; write it anew with `ape run deploy`"
        ) from None


def _code(chain: Chain, deployment: Deployment, name: str) -> str:
    """Compare every byte, those of immutables included where the endpoint lets us."""
    contract = deployment.contracts[name]
    code = chain.code(contract.address)
    if not code:
        raise NoContractError(contract.address, name)
    if not is_build_of(name, code):
        raise VersionMismatchError(f"other code than this package's build at {contract.address}")
    if contract.arguments is None:
        return f"{len(code):,} bytes, immutables aside: the file does not say its arguments"
    expected = _constructed(chain, deployment, name)
    if expected is None:
        return f"{len(code):,} bytes, immutables aside: the endpoint takes no state overrides"
    if code != expected:
        raise IntegrityError(
            f"the immutables at {contract.address} are not what its constructor gives"
        )
    return f"{len(code):,} bytes, immutables included"


def _constructed(chain: Chain, deployment: Deployment, name: str) -> bytes | None:
    """The code that the constructor returns at the contract's own address; None if not to be had.

    Its init code stands in as the code of the contract, called by its creator, on empty storage;
    what it creates itself is absent, so that it can be created.
    """
    contract = deployment.contracts[name]
    start = init_code(name) + _argument_bytes(name, contract.arguments or "0x")
    absent: dict[str, object] = {"code": "0x", "nonce": "0x0", "state": {}}
    state = {
        deployment.address(child): absent
        for child, (creator, _function) in CREATED.items()
        if creator == name and child in deployment.contracts
    }
    state[contract.address] = {"code": to_hex(start), "nonce": "0x1", "state": {}}
    creator = deployment.address(CREATED[name][0]) if name in CREATED else CREATE2_PROXY
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
        if function in WIRES:
            meant, expected = WIRES[function], deployment.address(WIRES[function])
        else:
            meant, expected = outside.get(function, (function, held))
        if held != expected:
            raise IntegrityError(f"{function}() is {held}, and {meant} is {expected}")
        if held != NATIVE and not chain.code(held):
            raise NoContractError(held, f"{name}.{function}()")
        shown.append(f"{function}() {held}")
    return ", ".join(shown)


def _held(chain: Chain, deployment: Deployment, name: str) -> Iterator[tuple[str, Address]]:
    """The addresses that a contract holds, by the function that tells each."""
    for function in _wires_of(name):
        answer = read(chain, deployment.address(name), name, function)
        told = zip(STORY, answer, strict=True) if function == ALL_OF_STORY else [(function, answer)]
        yield from ((f, str(to_checksum_address(held))) for f, held in told)


def _wires_of(name: str) -> list[str]:
    known, functions = (*WIRES, *OUTSIDE, *STORY, ALL_OF_STORY), Interface.of(name).functions
    return sorted(f for f in known if f in functions and not functions[f].types)


def _outside(chain: Chain, network: OracleNetwork | None) -> dict[str, tuple[str, str]]:
    """What contracts that are not ours should be, and where; nothing where nobody knows."""
    try:
        known = network or OracleNetwork.known(chain.chain_id)
    except ConfigError:
        return {}
    found = {"forwarder": known.forwarder, "sequencer": known.sequencer or NATIVE}
    if known.attestations is not None:
        found["eas"] = known.attestations
    return {function: ("the address in oracles.json", where) for function, where in found.items()}


def _story(chain: Chain, story: StoryAddresses | None) -> dict[str, tuple[str, str]]:
    """The same of Story's."""
    known = story or known_addresses(chain.chain_id)
    if known is None:
        return {}
    return {f: (f"Story's {f}", getattr(known, field)) for f, field in STORY.items()}
