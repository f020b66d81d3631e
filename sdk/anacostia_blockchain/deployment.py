"""Where the contracts are on a chain, and putting them there.

The contracts' constructors take nothing but each other's addresses, their code carries no metadata,
and the CREATE2 proxy has one address on every chain; so have they. A deployment file,
`deployments/<chain id>.json`, is a record for people and tools: `check` compares the chain itself
with this package's own build.
"""

from __future__ import annotations

import hashlib
import json
import os
from dataclasses import asdict, dataclass
from functools import cache
from importlib.resources import files
from pathlib import Path
from typing import TYPE_CHECKING, Any

from eth_utils import is_checksum_address, keccak, to_checksum_address

from anacostia_blockchain.chain.values import Call
from anacostia_blockchain.errors import (
    ChainError,
    ConfigError,
    ContractRevertedError,
    NoContractError,
    TransactionFailedError,
    VersionMismatchError,
)

if TYPE_CHECKING:
    from anacostia_blockchain.chain import Chain
    from anacostia_blockchain.types import Address

CREATE2_PROXY = "0x4e59b44847b379578588920cA78FbF26c0B4956C"
"""Arachnid's deterministic deployment proxy: calldata is salt and init code."""

SALT = bytes(32)

DEPLOYED = ("ModelRegistry", "RunLedger", "ModelLicensing", "ModelMarket")
"""What is sent to the proxy, in this order."""

ARGUMENTS = {"ModelLicensing": ("ModelRegistry",), "ModelMarket": ("ModelLicensing",)}
"""Contracts whose addresses a constructor takes."""

CREATED = {"ModelNFT": ("ModelRegistry", "nft"), "LicenseToken": ("ModelLicensing", "licenseToken")}
"""What another contract's constructor creates, and the function that says where."""

_HOW = (
    {"PromotionGate": "run `anacostia up` if this is your local chain"}
    | dict.fromkeys(
        ("UsdFeeds", "MetricReceiver", "AttestedMetrics", "ModelPricing"),
        "run `anacostia up --prices` if this is your local chain",
    )
    | dict.fromkeys(("StoryAdapter", "StorySale"), "run `anacostia story deploy`")
)
"""What puts contracts on a chain that are not everywhere."""

_PACKAGE = "anacostia_blockchain"


@dataclass(frozen=True, slots=True)
class DeployedContract:
    """A contract on a chain.

    Attributes:
        version: as `version()` says.
        block: number of the block that created it; None if it was found there.
        tx: hash of the transaction that created it; None likewise.
        code_sha256: of this package's runtime bytecode, immutables zeroed.
        deployer: account that called the proxy, see `origins`; None if it was found there.
        arguments: of its constructor, ABI-encoded, hexadecimal; None where a file does not say.
        compiler: of this package's bytecode, with its settings.
    """

    address: Address
    version: str
    block: int | None
    tx: str | None
    code_sha256: str
    deployer: Address | None = None
    arguments: str | None = None
    compiler: str = ""


@dataclass(frozen=True, slots=True)
class Deployment:
    """The contracts on one chain."""

    chain_id: int
    contracts: dict[str, DeployedContract]

    def address(self, name: str) -> Address:
        """Address of a contract.

        Raises:
            ConfigError: it is not part of this deployment.
        """
        try:
            return self.contracts[name].address
        except KeyError:
            hint = f": {_HOW[name]}" if name in _HOW else ""
            raise ConfigError(f"{name} is not deployed on chain {self.chain_id}{hint}") from None

    @classmethod
    def load(cls, chain_id: int, folder: Path | None = None) -> Deployment:
        """Read a chain's deployment file, from a folder first, else the package's own.

        Raises:
            ConfigError: there is none for that chain, or it cannot be read.
        """
        own = files(_PACKAGE).joinpath("deployments", f"{chain_id}.json")
        local = folder / f"{chain_id}.json" if folder is not None else None
        try:
            text = local.read_text() if local is not None and local.exists() else own.read_text()
            document = json.loads(text)
            contracts = {name: DeployedContract(**c) for name, c in document["contracts"].items()}
            found = cls(int(document["chain_id"]), contracts)
            found._refuse_nonsense(chain_id)
        except FileNotFoundError:
            raise ConfigError(
                f"no deployment on chain {chain_id} is known: deploy with `anacostia up` "
                "(local) or `ape run deploy`, or add its deployment file"
            ) from None
        except (KeyError, TypeError, ValueError, AttributeError) as error:
            raise ConfigError(
                f"the deployment file of chain {chain_id} is damaged: {error}"
            ) from None
        return found

    def _refuse_nonsense(self, chain_id: int) -> None:
        """Find what no `save` ever wrote; raises ValueError."""
        if self.chain_id != chain_id:
            raise ValueError(f"it says that it is of chain {self.chain_id}")
        for name, contract in self.contracts.items():
            if not is_checksum_address(contract.address):
                raise ValueError(f"{name}'s address {contract.address!r} is none, with checksum")

    def save(self, folder: Path) -> Path:
        """Write the deployment file; returns its path."""
        folder.mkdir(parents=True, exist_ok=True)
        path = folder / f"{self.chain_id}.json"
        document = {"chain_id": self.chain_id, "contracts": {}}
        document["contracts"] = {name: asdict(c) for name, c in sorted(self.contracts.items())}
        partial = path.with_suffix(f".{os.getpid()}.part")  # another process may write its own
        partial.write_text(json.dumps(document, indent=2) + "\n")
        partial.replace(path)
        return path

    def check(self, chain: Chain) -> None:
        """Compare the code on chain with this package's own build.

        Raises:
            NoContractError: nothing is at an address.
            VersionMismatchError: something else is.
        """
        for name, contract in self.contracts.items():
            code = chain.code(contract.address)
            if not code:
                raise NoContractError(contract.address, name)
            _expect_build(name, contract.address, code)


def deploy(chain: Chain) -> Deployment:
    """Put the contracts on a chain; what is there already is kept.

    Raises:
        NoContractError: the chain has no CREATE2 proxy.
        ConfigError: the connection has no signer.
    """
    if not chain.code(CREATE2_PROXY):
        raise NoContractError(CREATE2_PROXY, "the deterministic deployment proxy")
    contracts = {name: create2(chain, name, linked(name)) for name in DEPLOYED}
    for name, (creator, function) in CREATED.items():
        if creator in contracts:
            by = contracts[creator]
            address = to_checksum_address(read(chain, by.address, creator, function))
            contracts[name] = _record(chain, name, address, b"", (by.block, by.tx, by.deployer))
    deployment = Deployment(chain.chain_id, contracts)
    deployment.check(chain)
    return deployment


def is_build_of(name: str, code: bytes) -> bool:
    """Whether code on a chain is this package's own build of a contract, immutables aside."""
    return _masked(name, code) == _runtime(name)


def immutables(name: str, code: bytes) -> set[int]:
    """The values that a contract's constructor wrote into its code, as words."""
    places = _bytecode(name)["immutableReferences"].values()
    return {
        int.from_bytes(code[place["start"] : place["start"] + place["length"]], "big")
        for group in places
        for place in group
    }


def token_of(creator: Address) -> Address:
    """Address of a registry's token, or of a licensing's: the first contract that it creates."""
    import rlp  # noqa: PLC0415 - comes with web3; only what verifies offline needs it

    made = keccak(rlp.encode([_bytes(creator), 1]))
    return str(to_checksum_address(made[12:]))


def predicted_address(name: str) -> Address:
    """The address of a contract of the core, on every chain (EIP-1014)."""
    if name in CREATED:
        return token_of(predicted_address(CREATED[name][0]))
    return create2_address(init_code(name) + linked(name))


def init_code(name: str) -> bytes:
    """This package's build of a contract, which creates it; its arguments follow."""
    return _bytes(_bytecode(name)["bytecode"])


def code_digest(name: str) -> str:
    """SHA-256 of this package's runtime bytecode, immutables zeroed, hexadecimal."""
    return hashlib.sha256(_runtime(name)).hexdigest()


def compiler_of(name: str) -> str:
    """What this package's bytecode was compiled with, and how."""
    return str(_bytecode(name).get("compiler", ""))


def creation_call(code: bytes) -> bytes:
    """What the proxy is called with to run init code, arguments included."""
    return SALT + code


def create2_address(code: bytes) -> Address:
    """Where the proxy puts what init code, arguments included, creates (EIP-1014)."""
    digest = keccak(b"\xff" + _bytes(CREATE2_PROXY) + SALT + keccak(code))
    return str(to_checksum_address(digest[12:]))


def create2(chain: Chain, name: str, arguments: bytes) -> DeployedContract:
    """Put one contract on a chain, or find it where it is.

    Args:
        chain: with a signer.
        name: of the contract.
        arguments: of its constructor, encoded.

    Raises:
        VersionMismatchError: other code is where it would be.
        ContractRevertedError: its constructor refuses, with the reason.
        ChainError: see `Chain.send`.
    """
    code = init_code(name) + arguments
    address = create2_address(code)
    if there := chain.code(address):
        _expect_build(name, address, there)
        return _record(chain, name, address, arguments)
    try:
        receipt = chain.send(Call(CREATE2_PROXY, creation_call(code), name, "constructor"))
    except (ContractRevertedError, TransactionFailedError) as error:
        if there := chain.code(address):  # somebody else was quicker
            _expect_build(name, address, there)
            return _record(chain, name, address, arguments)
        raise _constructor_error(chain, code) or error from None
    created = (receipt.block_number, receipt.hash, chain.address)
    return _record(chain, name, address, arguments, created)


def _constructor_error(chain: Chain, code: bytes) -> ChainError | None:
    """Why a constructor refuses, which the proxy does not pass on."""
    from anacostia_blockchain.chain.abi import decode_revert  # noqa: PLC0415 - loads eth_abi
    from anacostia_blockchain.chain.rpc import RpcError  # noqa: PLC0415 - loads web3

    try:
        chain.rpc("eth_call", {"from": CREATE2_PROXY, "data": "0x" + code.hex()}, "latest")
    except RpcError as error:
        return decode_revert(error.data) if error.data else None
    return None


def _expect_build(name: str, address: Address, code: bytes) -> None:
    if not is_build_of(name, code):
        raise VersionMismatchError(
            f"the code of {name} at {address} is not what this package was built with: "
            "install the version that the deployment was made with, or deploy anew"
        )


def linked(name: str) -> bytes:
    """The addresses that a constructor of the core takes, a word each."""
    arguments = (_bytes(predicted_address(other)) for other in ARGUMENTS.get(name, ()))
    return b"".join(argument.rjust(32, b"\0") for argument in arguments)


def _record(
    chain: Chain,
    name: str,
    address: Address,
    arguments: bytes,
    created: tuple[int | None, str | None, Address | None] = (None, None, None),
) -> DeployedContract:
    """What is at an address; `created`: in which block, by which transaction, and by whom."""
    block, tx, deployer = created
    return DeployedContract(
        address=address,
        version=read(chain, address, name, "version"),
        block=block,
        tx=tx,
        code_sha256=code_digest(name),
        deployer=deployer,
        arguments="0x" + arguments.hex(),
        compiler=compiler_of(name),
    )


def read(chain: Chain, address: Address, name: str, function: str) -> Any:  # noqa: ANN401 - its own
    """What a function without arguments of one of our contracts answers."""
    from anacostia_blockchain.chain.abi import Interface  # noqa: PLC0415 - loads eth_abi

    data = Interface.of(name).encode(function)
    return chain.call(Call(address, data, name, function))


@cache
def _bytecode(name: str) -> dict[str, Any]:
    try:
        return dict(json.loads(files(_PACKAGE).joinpath("bytecode", f"{name}.json").read_text()))
    except FileNotFoundError:
        raise ConfigError(
            f"the package holds no bytecode of {name}: in a checkout, run scripts/build"
        ) from None


def _runtime(name: str) -> bytes:
    return _bytes(_bytecode(name)["deployedBytecode"])


def _masked(name: str, code: bytes) -> bytes:
    """Code with its immutables zeroed, as the compiler gives it."""
    masked = bytearray(code)
    for places in _bytecode(name)["immutableReferences"].values():
        for place in places:
            start, length = place["start"], place["length"]
            masked[start : start + length] = bytes(min(length, max(0, len(masked) - start)))
    return bytes(masked)


def _bytes(text: str) -> bytes:
    return bytes.fromhex(text.removeprefix("0x"))
