"""A rehearsal of the plan on a copy of the chain: what it costs, and what a constructor refuses.

All of it is known before anything is paid, but what changes until then: prices of gas and of data.
"""

from __future__ import annotations

from dataclasses import dataclass
from decimal import Decimal
from typing import TYPE_CHECKING, Any

from anacostia_blockchain.chain.rpc import RpcError
from anacostia_blockchain.deployment import CREATED
from anacostia_blockchain.errors import (
    ChainUnavailableError,
    ConfigError,
    InsufficientFundsError,
    NonceConflictError,
)
from anacostia_blockchain.oracles import OracleNetwork, coin_price
from anacostia_blockchain.plan import known_network
from anacostia_blockchain.rollout import deploy_all
from anacostia_blockchain.rollups import data_fees
from anacostia_blockchain.testing import LocalChain

if TYPE_CHECKING:
    from anacostia_blockchain.chain import Chain
    from anacostia_blockchain.deployment import DeployedContract
    from anacostia_blockchain.story.addresses import StoryAddresses
    from anacostia_blockchain.types import Address


_WEI = Decimal(10) ** 18
_DELEGATES = b"\xef\x01\x00"


def coins_of(wei: int) -> Decimal:
    """An amount in whole coins."""
    return wei / _WEI


@dataclass(frozen=True, slots=True)
class Step:
    """A contract of the plan.

    Attributes:
        gas: that its creation used in the rehearsal; None: it is there already.
        data_fee: wei that the chain charges for its data besides; None: nothing.
    """

    name: str
    address: Address
    gas: int | None
    data_fee: int | None = None


@dataclass(frozen=True, slots=True)
class Estimate:
    """What a rehearsal found.

    Attributes:
        steps: in the order of the plan.
        besides: gas of what is no contract of ours: an attestation service, its schemas.
        fee: wei for one gas at present.
        highest_fee: wei for one gas that the transactions would offer at most.
        coin_usd: dollars for a coin by the chain's Chainlink feed; None: not known.
        data_besides: wei for the data of what is no contract of ours, at present; None: the chain
            charges for no data.
    """

    chain_id: int
    steps: tuple[Step, ...]
    besides: int
    fee: int
    highest_fee: int
    coin_usd: Decimal | None
    data_besides: int | None = None

    @property
    def gas(self) -> int:
        """Of all that is to be sent."""
        return self.besides + sum(step.gas or 0 for step in self.steps)

    @property
    def data_fee(self) -> int | None:
        """Wei for the data of all that is to be sent; None where nothing is charged for data."""
        if self.data_besides is None:
            return None
        return self.data_besides + sum(step.data_fee or 0 for step in self.steps)

    def cost(self, *, highest: bool = False) -> Decimal:
        """What all of it costs, its data included, in whole coins."""
        gas_fee = self.gas * (self.highest_fee if highest else self.fee)
        return coins_of(gas_fee + (self.data_fee or 0))

    def dollars(self, coins: Decimal) -> Decimal | None:
        """What coins are worth, if anybody knows."""
        return None if self.coin_usd is None else coins * self.coin_usd


def rehearse(
    chain: Chain,
    rpc_url: str,
    *,
    prices: bool = True,
    network: OracleNetwork | None = None,
    story: bool = True,
    addresses: StoryAddresses | None = None,
) -> Estimate:
    """Run the plan on a local copy of the chain, from a development account; nothing is sent.

    What a rollup charges for data, the copy does not see: the chain itself is asked for it.

    Args:
        chain: to be copied; it is read only.
        rpc_url: of the same chain.
        prices: see `deploy_all`.
        network: likewise.
        story: likewise.
        addresses: likewise.

    Raises:
        ConfigError: anvil is not installed.
        ChainUnavailableError: the chain cannot be copied.
        ChainError: what the plan itself would meet.
    """
    try:
        with LocalChain(chain_id=chain.chain_id, fork=rpc_url) as local:
            copy = local.chain()
            first = copy.block_number()
            deployment = deploy_all(
                copy, prices=prices, network=network, story=story, addresses=addresses
            )
            gas = {name: _gas(copy, name, c, first) for name, c in deployment.contracts.items()}
            blocks = [_block(copy, n) for n in range(first + 1, copy.block_number() + 1)]
    except (ChainUnavailableError, RpcError) as error:
        said = chain.rpc.scrubbed(str(error))  # anvil's own words, which hold the URL
        raise ChainUnavailableError(
            f"chain {chain.chain_id} cannot be copied for a rehearsal ({said}): "
            "check that its RPC endpoint still answers"
        ) from None
    data = data_fees(chain, [tx for block in blocks for tx in block["transactions"]])
    steps = tuple(
        Step(name, contract.address, gas[name], _data_fee(data, name, contract.tx))
        for name, contract in deployment.contracts.items()
    )
    fee, highest = chain.fees()
    known = network or known_network(chain.chain_id)
    used = sum(int(block["gasUsed"], 16) for block in blocks)
    return Estimate(
        chain_id=chain.chain_id,
        steps=steps,
        besides=used - sum(step.gas or 0 for step in steps),
        fee=fee,
        highest_fee=highest,
        coin_usd=None if known is None else coin_price(chain, known),
        data_besides=None
        if data is None
        else sum(data.values()) - sum(step.data_fee or 0 for step in steps),
    )


def is_wallet(chain: Chain, address: Address | None) -> bool:
    """Whether an account is a contract, such as a Safe: another account sends for it, and pays.

    One that only delegates to a contract (EIP-7702) sends for itself.
    """
    code = b"" if address is None else chain.code(address)
    return bool(code) and not code.startswith(_DELEGATES)


def check_account(chain: Chain, estimate: Estimate) -> None:
    """Refuse an account that could not carry the plan out; of a wallet, only who sends can know.

    Raises:
        ConfigError: the connection has no account.
        NonceConflictError: it has transactions under way.
        InsufficientFundsError: it cannot pay.
    """
    if chain.address is None:
        raise ConfigError("nobody to deploy: name an account")
    if not estimate.gas or is_wallet(chain, chain.address):
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
    needed, held = estimate.cost(), coins_of(chain.balance(chain.address))
    if held < needed:
        raise InsufficientFundsError(
            f"{chain.address} holds {held:f} coins on chain {chain.chain_id} and needs about "
            f"{needed:.6f}: send it the difference, from a faucet on a test network"
        )


def _gas(chain: Chain, name: str, contract: DeployedContract, first: int) -> int | None:
    """What a creation used, if it was in the rehearsal; by another contract, nothing of its own."""
    if contract.tx is None or contract.block is None or contract.block <= first:
        return None
    receipt = chain.receipt(contract.tx)
    return 0 if name in CREATED or receipt is None else receipt.gas_used


def _data_fee(fees: dict[str, int] | None, name: str, tx: str | None) -> int | None:
    """Likewise of its data."""
    if fees is None or tx not in fees:
        return None
    return 0 if name in CREATED else fees[tx]


def _block(chain: Chain, number: int) -> dict[str, Any]:
    """A block with its transactions written out."""
    return dict(chain.rpc("eth_getBlockByNumber", hex(number), True))
