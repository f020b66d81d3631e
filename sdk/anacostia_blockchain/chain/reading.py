"""`Reader`: what anybody may ask of a chain."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from itertools import islice
from typing import Any

from eth_utils import to_checksum_address

from anacostia_blockchain.chain.abi import Interface, decode_revert
from anacostia_blockchain.chain.rpc import Rpc, RpcError, block_tag, to_bytes, to_hex
from anacostia_blockchain.chain.values import Call, Log
from anacostia_blockchain.errors import ChainError, ChainUnavailableError, NoContractError
from anacostia_blockchain.types import Address

_LOG_RANGE = 10_000
"""Blocks asked for at a time, at first."""

_AT_ONCE = 100
"""Calls in one request."""


class Reader:
    """A chain behind an endpoint, without an account.

    Attributes:
        rpc: the endpoint.
        chain_id: as the endpoint gave it.
    """

    def __init__(self, rpc: Rpc, chain_id: int) -> None:
        self.rpc = rpc
        self.chain_id = chain_id

    def call(self, call: Call, block: int | str = "latest") -> Any:  # noqa: ANN401 - as the ABI says
        """Call a view function.

        Raises:
            ContractRevertedError: the contract refused.
            NoContractError: there is no code at the address.
            VersionMismatchError: the answer is not what this package's ABI declares.
        """
        return self._decode(call, self._simulate(_asked(call), block), block)

    def call_many(self, calls: Iterable[Call], block: int | str = "latest") -> Iterator[Any]:
        """Call view functions, many in one request; the first that fails raises as `call` does."""
        rest = iter(calls)
        while some := list(islice(rest, _AT_ONCE)):
            tag = block_tag(block)
            answers = self.rpc.batch([("eth_call", [_asked(call), tag]) for call in some])
            for call, answer in zip(some, answers, strict=True):
                if isinstance(answer, RpcError):
                    raise _refusal(answer)
                yield self._decode(call, to_bytes(answer), block)

    def block_number(self) -> int:
        """Number of the newest block."""
        return self.rpc.number("eth_blockNumber")

    def header(self, block: int | str = "latest") -> dict[str, Any]:
        """A block's header, as JSON-RPC gives it.

        Raises:
            ChainError: there is no such block.
        """
        found = self.rpc("eth_getBlockByNumber", block_tag(block), False)
        if found is None:
            raise ChainError(f"{self.rpc.host} has no block {block}")
        return dict(found)

    def code(self, address: Address, block: int | str = "latest") -> bytes:
        """Code at an address; empty if there is none."""
        return to_bytes(self.rpc("eth_getCode", address, block_tag(block)))

    def balance(self, address: Address) -> int:
        """Wei that an address holds."""
        return self.rpc.number("eth_getBalance", address, "latest")

    def proof(self, address: Address, slots: Sequence[int], block: int) -> dict[str, Any]:
        """Storage slots with their path to the block's state root (EIP-1186).

        Raises:
            ChainUnavailableError: the endpoint does not keep that block's state.
        """
        keys = [f"0x{slot:064x}" for slot in slots]
        try:
            return dict(self.rpc("eth_getProof", address, keys, block_tag(block)))
        except RpcError as error:
            raise ChainUnavailableError(
                f"{self.rpc.host} cannot prove the state of block {block} ({error.reason}): "
                "use an archive node that serves eth_getProof"
            ) from None

    def logs(
        self,
        address: Address,
        interface: str,
        event: str,
        *,
        topics: Sequence[bytes | None] = (),
        from_block: int = 0,
        to_block: int | None = None,
    ) -> Iterator[Log]:
        """Events of a contract, oldest first, read in bounded ranges of blocks.

        A range that the endpoint refuses is halved, and later ones grow again.

        Args:
            address: of the contract.
            interface: name of its ABI.
            event: its name.
            topics: values of the indexed parameters in order, 32 bytes each; None is any.
            from_block: the first block.
            to_block: the last block; None: the newest.

        Raises:
            RpcError: the endpoint refuses even a single block.
        """
        declared = Interface.of(interface)
        wanted: list[str | None] = [to_hex(declared.events[event].signature)]
        query: dict[str, object] = {
            "address": address,
            "topics": wanted + [None if topic is None else to_hex(topic) for topic in topics],
        }
        end = self.block_number() if to_block is None else to_block
        for found in self._log_ranges(query, from_block, end):
            for raw in found:
                yield _log(raw, declared, event)

    def _log_ranges(
        self, query: dict[str, object], start: int, end: int
    ) -> Iterator[list[dict[str, Any]]]:
        width = _LOG_RANGE
        while start <= end:
            stop = min(start + width - 1, end)
            bounds = {"fromBlock": hex(start), "toBlock": hex(stop)}
            try:
                found = self.rpc("eth_getLogs", query | bounds)
            except RpcError:
                if start == stop:
                    raise
                width = (stop - start + 1) // 2  # too wide, or too many results, for this node
                continue
            yield found
            start = stop + 1
            width = min(2 * width, _LOG_RANGE)

    def _simulate(self, transaction: dict[str, object], block: int | str) -> bytes:
        """What a call would return at the end of a block.

        Raises:
            ContractRevertedError: the contract refused.
            RpcError: the call cannot be made, or the endpoint does not hold the block's state.
        """
        try:
            return to_bytes(self.rpc("eth_call", transaction, block_tag(block)))
        except RpcError as error:
            refused = _refusal(error)
        raise refused

    def _decode(self, call: Call, answer: bytes, block: int | str) -> Any:  # noqa: ANN401 - as the ABI says
        if not answer and not self.code(call.to, block):
            raise NoContractError(call.to, call.interface)
        return Interface.of(call.interface).decode(call.function, answer)


def _asked(call: Call) -> dict[str, object]:
    return {"to": call.to, "data": to_hex(call.data)}


def _refusal(error: RpcError) -> Exception:
    return error if error.data is None else decode_revert(error.data)


def _log(raw: dict[str, Any], declared: Interface, event: str) -> Log:
    topics = [to_bytes(topic) for topic in raw["topics"]]
    return Log(
        address=to_checksum_address(raw["address"]),
        event=event,
        values=declared.decode_log(event, topics, to_bytes(raw["data"])),
        block_number=int(raw["blockNumber"], 16),
        tx_hash=raw["transactionHash"],
        log_index=int(raw["logIndex"], 16),
    )
