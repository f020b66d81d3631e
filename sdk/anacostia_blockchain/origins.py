"""By whom, when and in which transaction a contract was created: found, or compared with a record.

The CREATE2 proxy is called with the init code, so that the transaction carries it: to the proxy
itself, or inside what is sent to a contract account, such as a Safe, which calls the proxy. The
deployer is whoever called it: of a Safe the Safe, and not the owner who handed its transaction in.
"""

from __future__ import annotations

import re
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from eth_utils import to_checksum_address

from anacostia_blockchain.chain.rpc import RpcError, to_hex
from anacostia_blockchain.deployment import CREATE2_PROXY, creation_call
from anacostia_blockchain.errors import IntegrityError
from anacostia_blockchain.plan import EDITED, creation

if TYPE_CHECKING:
    from anacostia_blockchain.chain import Chain
    from anacostia_blockchain.deployment import DeployedContract
    from anacostia_blockchain.types import Address

_HASH = re.compile("0x[0-9a-f]{64}")


def find_origin(
    chain: Chain, name: str, contract: DeployedContract, arguments: bytes
) -> DeployedContract:
    """A contract with the transaction that created it; where the node forgot it, left open.

    Args:
        chain: to look at, by bisection over its past.
        name: of the contract.
        contract: where it is.
        arguments: of its constructor.
    """
    try:
        block = _first_block(chain, contract.address)
        sent = _transactions(chain, block)
    except RpcError:
        return contract  # no archive: that it is there is all that can be known
    for tx in sent:
        if _carries(tx, creation(name, arguments)):
            return replace(contract, block=block, tx=tx["hash"], deployer=_deployer(tx))
    return replace(contract, block=block)


def check_origin(chain: Chain, name: str, contract: DeployedContract, arguments: bytes) -> bool:
    """Compare what a record says of it with the chain.

    Args:
        chain: to look at.
        name: of the contract.
        contract: as its record says.
        arguments: of its constructor.

    Returns:
        Whether it could be compared: old transactions some nodes forget.

    Raises:
        IntegrityError: the record was edited.
    """
    if contract.tx is None:
        if contract.deployer is not None:
            raise IntegrityError(f"the deployment file names a deployer, and no tx: {EDITED}")
        return contract.block is None or _check_birth(chain, name, contract)
    tx = _transaction(chain, contract)
    if tx is None:
        return False
    if not _carries(tx, creation(name, arguments)):
        raise IntegrityError(f"transaction {contract.tx} does not create {name}: {EDITED}")
    _compare("block", contract.block, int(tx["blockNumber"], 16))
    _compare("deployer", contract.deployer, _deployer(tx))
    mined = chain.rpc("eth_getTransactionReceipt", contract.tx)
    if mined is not None and int(mined["status"], 16) == 0:
        raise IntegrityError(f"transaction {contract.tx} failed, and created nothing: {EDITED}")
    if not _is_direct(tx):  # a contract account's transaction succeeds where its call does not
        _check_birth(chain, name, contract)
    return True


def _compare(field: str, said: object, found: object) -> None:
    if said != found:
        raise IntegrityError(
            f"the deployment file says {field} {said}, and by its transaction it is {found}: "
            f"{EDITED}"
        )


def _transaction(chain: Chain, contract: DeployedContract) -> dict[str, Any] | None:
    """The recorded transaction; None where the node has forgotten it, and the block as well."""
    if not isinstance(contract.tx, str) or not _HASH.fullmatch(contract.tx):
        raise IntegrityError(f"{contract.tx!r} is no transaction: {EDITED}")
    found = chain.rpc("eth_getTransactionByHash", contract.tx)
    if found is not None and found["blockNumber"] is not None:
        return dict(found)
    try:  # nodes that forget where a transaction is still have blocks
        sent = _transactions(chain, _number(chain, contract))
    except RpcError:
        return None
    for tx in sent:
        if tx["hash"] == contract.tx:
            return tx
    raise IntegrityError(f"block {contract.block} has no transaction {contract.tx}: {EDITED}")


def _check_birth(chain: Chain, name: str, contract: DeployedContract) -> bool:
    """Whether there is code after the recorded block and none before, where the node knows that."""
    block = _number(chain, contract)
    try:
        codes = [chain.code(contract.address, number) for number in (block - 1, block)]
    except RpcError:
        return False
    if codes[0] or not codes[1]:
        raise IntegrityError(
            f"the deployment file says block {block}, which did not create {name}: {EDITED}"
        )
    return True


def _number(chain: Chain, contract: DeployedContract) -> int:
    if not isinstance(contract.block, int) or not 0 < contract.block <= chain.block_number():
        raise IntegrityError(f"the deployment file says block {contract.block!r}: {EDITED}")
    return contract.block


def _transactions(chain: Chain, block: int) -> list[dict[str, Any]]:
    """What was sent in a block."""
    found = chain.rpc("eth_getBlockByNumber", hex(block), True)
    if found is None:
        raise RpcError(chain.rpc.host, f"block {block} is not known", None, None)
    return list(found["transactions"])


def _carries(tx: dict[str, Any], code: bytes) -> bool:
    """Whether a transaction calls the proxy with init code, or has somebody call it so."""
    call = to_hex(creation_call(code))
    return bool(tx["input"] == call if _is_direct(tx) else call[2:] in tx["input"])


def _deployer(tx: dict[str, Any]) -> Address:
    """Who called the proxy."""
    caller = tx["from"] if _is_direct(tx) or tx["to"] is None else tx["to"]
    return str(to_checksum_address(caller))


def _is_direct(tx: dict[str, Any]) -> bool:
    return tx["to"] is not None and to_checksum_address(tx["to"]) == CREATE2_PROXY


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
