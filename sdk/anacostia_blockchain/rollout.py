"""Rolling the contracts out on a public chain: rehearsed, recorded, and resumed where it broke off.

There is one plan, `deploy_all`: the core, the gate, and what relies on Chainlink. A rehearsal runs
it on a copy of the chain, so that what it costs, and what a constructor refuses, is known before
anything is paid. What is on the chain is the only state: run again after a crash, the plan goes on,
and the transactions of the first attempt are found by looking.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from decimal import Decimal
from typing import TYPE_CHECKING

from eth_utils import to_checksum_address

from anacostia_blockchain.chain.rpc import RpcError, to_hex
from anacostia_blockchain.deployment import CREATED, Deployment, deploy, init_code
from anacostia_blockchain.errors import (
    ChainUnavailableError,
    ConfigError,
    InsufficientFundsError,
    NonceConflictError,
)
from anacostia_blockchain.oracles import OracleNetwork, coin_price, deploy_oracles
from anacostia_blockchain.promotion.service import deploy_gate, install_service
from anacostia_blockchain.testing import LocalChain

if TYPE_CHECKING:
    from pathlib import Path

    from anacostia_blockchain.chain import Chain
    from anacostia_blockchain.deployment import DeployedContract
    from anacostia_blockchain.types import Address

_WEI = Decimal(10) ** 18


@dataclass(frozen=True, slots=True)
class Step:
    """A contract of the plan.

    Attributes:
        gas: that its creation used in the rehearsal; None: it is there already.
    """

    name: str
    address: Address
    gas: int | None


@dataclass(frozen=True, slots=True)
class Estimate:
    """What a rehearsal found.

    Attributes:
        steps: in the order of the plan.
        besides: gas of what is no contract of ours: an attestation service, its schemas.
        fee: wei for one gas at present.
        highest_fee: wei for one gas that the transactions would offer at most.
        coin_usd: dollars for a coin by the chain's Chainlink feed; None: not known.
    """

    chain_id: int
    steps: tuple[Step, ...]
    besides: int
    fee: int
    highest_fee: int
    coin_usd: Decimal | None

    @property
    def gas(self) -> int:
        """Of all that is to be sent."""
        return self.besides + sum(step.gas or 0 for step in self.steps)

    def coins(self, gas: int, *, highest: bool = False) -> Decimal:
        """What gas costs, in whole coins."""
        return gas * (self.highest_fee if highest else self.fee) / _WEI

    def dollars(self, gas: int, *, highest: bool = False) -> Decimal | None:
        """What gas costs in dollars, if anybody knows."""
        return None if self.coin_usd is None else self.coins(gas, highest=highest) * self.coin_usd


def deploy_all(
    chain: Chain, *, prices: bool = True, network: OracleNetwork | None = None
) -> Deployment:
    """Run the whole plan; what is there already is kept.

    A chain without a known attestation service gets one, at the address that it has on every such
    chain.

    Args:
        chain: with a signer.
        prices: whether to deploy what relies on Chainlink, where it is.
        network: what is on the chain of Chainlink's; None: what is known of it, if anything is.

    Raises:
        ChainError: see `deploy`, `deploy_gate`, `deploy_oracles`.
    """
    known = network or _known(chain.chain_id)
    service = known.attestations if known is not None else None
    deployment = deploy_gate(chain, deploy(chain), service or install_service(chain))
    if known is None or not prices:
        return deployment
    return deploy_oracles(chain, deployment, known)


def rehearse(
    chain: Chain, rpc_url: str, *, prices: bool = True, network: OracleNetwork | None = None
) -> Estimate:
    """Run the plan on a local copy of the chain, from a development account; nothing is sent.

    Rollups charge for data besides, which a copy does not see.

    Args:
        chain: to be copied; it is read only.
        rpc_url: of the same chain.
        prices: see `deploy_all`.
        network: likewise.

    Raises:
        ConfigError: anvil is not installed.
        ChainUnavailableError: the chain cannot be copied.
        ChainError: what the plan itself would meet.
    """
    try:
        with LocalChain(chain_id=chain.chain_id, fork=rpc_url) as local:
            copy = local.chain()
            first = copy.block_number()
            deployment = deploy_all(copy, prices=prices, network=network)
            steps = tuple(
                Step(name, contract.address, _gas(copy, name, contract, first))
                for name, contract in deployment.contracts.items()
            )
            used = sum(_used(copy, block) for block in range(first + 1, copy.block_number() + 1))
    except (ChainUnavailableError, RpcError) as error:
        raise ChainUnavailableError(
            f"chain {chain.chain_id} cannot be copied for a rehearsal ({error}): "
            "check that its RPC endpoint still answers"
        ) from None
    fee, highest = chain.fees()
    known = network or _known(chain.chain_id)
    usd = None if known is None else coin_price(chain, known)
    besides = used - sum(step.gas or 0 for step in steps)
    return Estimate(chain.chain_id, steps, besides, fee, highest, usd)


def check_account(chain: Chain, estimate: Estimate) -> None:
    """Refuse an account that could not carry the plan out.

    Raises:
        ConfigError: the connection has no account.
        NonceConflictError: it has transactions under way.
        InsufficientFundsError: it cannot pay.
    """
    if chain.address is None:
        raise ConfigError("nobody to deploy: name an account")
    if not estimate.gas:
        return
    counts = [
        chain.rpc.number("eth_getTransactionCount", chain.address, tag)
        for tag in ("latest", "pending")
    ]
    if counts[0] != counts[1]:
        raise NonceConflictError(
            f"{chain.address} has transactions under way, nonces {counts[0]} to {counts[1] - 1}: "
            "wait until they are mined, or replace them, and run this again; what is there is kept"
        )
    needed, held = estimate.coins(estimate.gas), chain.balance(chain.address) / _WEI
    if held < needed:
        raise InsufficientFundsError(
            f"{chain.address} holds {held:f} coins on chain {chain.chain_id} and needs about "
            f"{needed:.6f}: send it the difference, from a faucet on a test network"
        )


def completed(chain: Chain, deployment: Deployment, known: Deployment | None) -> Deployment:
    """Fill in by whom and when contracts were created that were found where they are.

    Args:
        chain: to look at.
        deployment: as `deploy_all` found it.
        known: an earlier record of the same chain.
    """
    return Deployment(
        deployment.chain_id,
        {
            name: contract if contract.tx is not None else _origin(chain, name, contract, known)
            for name, contract in deployment.contracts.items()
        },
    )


def previous(chain_id: int, folder: Path) -> Deployment | None:
    """The record of a chain in a folder, if there is one.

    Raises:
        ConfigError: it is damaged.
    """
    path = folder / f"{chain_id}.json"
    if not path.exists():
        return None
    try:
        return Deployment.load(chain_id, folder)
    except ConfigError as error:
        raise ConfigError(
            f"{error}: move {path} away and run this again, which finds what is on the chain"
        ) from None


def _known(chain_id: int) -> OracleNetwork | None:
    try:
        return OracleNetwork.known(chain_id)
    except ConfigError:
        return None


def _gas(chain: Chain, name: str, contract: DeployedContract, first: int) -> int | None:
    """What a creation used, if it was in the rehearsal; by another contract, nothing of its own."""
    if contract.tx is None or contract.block is None or contract.block <= first:
        return None
    receipt = chain.receipt(contract.tx)
    return 0 if name in CREATED or receipt is None else receipt.gas_used


def _used(chain: Chain, block: int) -> int:
    return int(chain.header(block)["gasUsed"], 16)


def _origin(
    chain: Chain, name: str, contract: DeployedContract, known: Deployment | None
) -> DeployedContract:
    """A contract with the transaction that created it; where the node forgot it, left open."""
    before = known.contracts.get(name) if known is not None else None
    if before is not None and before.address == contract.address and _is_mined(chain, before):
        return replace(contract, block=before.block, tx=before.tx, deployer=before.deployer)
    code = to_hex(init_code(CREATED[name][0] if name in CREATED else name))[2:]
    try:
        block = _first_block(chain, contract.address)
        sent = chain.rpc("eth_getBlockByNumber", hex(block), True)["transactions"]
    except RpcError:
        return contract  # no archive: that it is there is all that can be known
    for tx in sent:
        if code in tx["input"]:  # to the proxy, or to a wallet that calls it
            return replace(
                contract, block=block, tx=tx["hash"], deployer=to_checksum_address(tx["from"])
            )
    return replace(contract, block=block)


def _is_mined(chain: Chain, contract: DeployedContract) -> bool:
    """Whether a recorded transaction is one, in the recorded block."""
    if contract.tx is None:
        return False
    mined = chain.rpc("eth_getTransactionReceipt", contract.tx)
    return mined is not None and int(mined["blockNumber"], 16) == contract.block


def _first_block(chain: Chain, address: Address) -> int:
    """The first block after which there is code, by bisection."""
    low, high = 0, chain.block_number()
    while low < high:
        middle = (low + high) // 2
        if chain.code(address, middle):
            high = middle
        else:
            low = middle + 1
    return low
