"""`Chain`: one endpoint and, if it signs, one account."""

from __future__ import annotations

import os
import time
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import rlp
from eth_utils import keccak, to_checksum_address

from anacostia_blockchain.chain.abi import Interface, decode_revert
from anacostia_blockchain.chain.nonces import Nonces
from anacostia_blockchain.chain.rpc import Rpc, RpcError
from anacostia_blockchain.chain.signers import Signer
from anacostia_blockchain.chain.values import Call, Log, Receipt, SignedTransaction
from anacostia_blockchain.errors import (
    ChainError,
    ChainUnavailableError,
    ConfigError,
    InsufficientFundsError,
    NoContractError,
    NonceConflictError,
    ReorgError,
    TransactionFailedError,
    TransactionTimeoutError,
    WrongNetworkError,
)
from anacostia_blockchain.types import Address, Progress

_GAS_MARGIN = 1.15
"""Estimates are exact for one state; the transaction meets another."""

_BATCH = 200
_LOG_RANGE = 10_000
_POLL = (0.01, 0.5)
_PATIENCE = 30.0
"""Seconds after which a transaction that is not mined is sent again with higher fees."""


@dataclass(slots=True)
class _Fees:
    max_fee: int
    tip: int
    until: float


class Chain:
    """A connection to a chain. Made by `Chain.connect`.

    Attributes:
        chain_id: as the endpoint gave it.
        address: of the signer; None where the connection only reads.
        confirmations: blocks that must follow a transaction's own before it counts.
    """

    def __init__(
        self,
        rpc: Rpc,
        chain_id: int,
        *,
        signer: Signer | None,
        confirmations: int,
        state_dir: Path,
    ) -> None:
        self.rpc = rpc
        self.chain_id = chain_id
        self.signer = signer
        self.address: Address | None = signer.address if signer is not None else None
        self.confirmations = confirmations
        self._nonces = Nonces(
            state_dir / "nonces.db", chain_id, self.address or "", self._transaction_counts
        )
        self._fees: _Fees | None = None

    def __repr__(self) -> str:
        return f"Chain({self.rpc.host!r}, chain_id={self.chain_id}, address={self.address})"

    @classmethod
    def connect(
        cls,
        rpc_url: str,
        *,
        signer: Signer | None = None,
        chain_id: int | None = None,
        confirmations: int = 0,
        state_dir: Path | None = None,
    ) -> Chain:
        """Connect to an endpoint.

        Args:
            rpc_url: http or https.
            signer: who signs; None: the connection only reads.
            chain_id: the chain that is meant; None: whichever the endpoint serves.
            confirmations: blocks that must follow a transaction's own before it counts.
            state_dir: folder of the nonce leases; None: `ANACOSTIA_HOME`, or `~/.anacostia`.

        Raises:
            ChainUnavailableError: the endpoint does not answer.
            WrongNetworkError: it serves another chain.
        """
        rpc = Rpc(rpc_url)
        actual = int(rpc("eth_chainId"), 16)
        if chain_id is not None and actual != chain_id:
            raise WrongNetworkError(chain_id, actual)
        home = Path(os.environ.get("ANACOSTIA_HOME", Path.home() / ".anacostia"))
        return cls(
            rpc,
            actual,
            signer=signer,
            confirmations=confirmations,
            state_dir=state_dir or home,
        )

    # ------------------------------------------------------------------ read

    def call(self, call: Call, block: int | str = "latest") -> Any:  # noqa: ANN401 - as the ABI says
        """Call a view function.

        Raises:
            ContractRevertedError: the contract refused.
            NoContractError: there is no code at the address.
        """
        answer = self._simulate({"to": call.to, "data": _hex(call.data)}, block)
        if not answer and not self.code(call.to, block):
            raise NoContractError(call.to, call.interface)
        return Interface.of(call.interface).decode(call.function, answer)

    def block_number(self) -> int:
        """Number of the newest block."""
        return int(self.rpc("eth_blockNumber"), 16)

    def header(self, block: int | str = "latest") -> dict[str, Any]:
        """A block's header, as JSON-RPC gives it.

        Raises:
            ChainError: there is no such block.
        """
        found = self.rpc("eth_getBlockByNumber", _block(block), False)
        if found is None:
            raise ChainError(f"the endpoint has no block {block}")
        return dict(found)

    def code(self, address: Address, block: int | str = "latest") -> bytes:
        """Code at an address; empty if there is none."""
        return _bytes(self.rpc("eth_getCode", address, _block(block)))

    def balance(self, address: Address) -> int:
        """Wei that an address holds."""
        return int(self.rpc("eth_getBalance", address, "latest"), 16)

    def proof(self, address: Address, slots: Sequence[int], block: int) -> dict[str, Any]:
        """Storage slots with their path to the block's state root (EIP-1186).

        Raises:
            ChainUnavailableError: the endpoint does not keep that block's state.
        """
        keys = [f"0x{slot:064x}" for slot in slots]
        try:
            return dict(self.rpc("eth_getProof", address, keys, _block(block)))
        except RpcError as error:
            raise ChainUnavailableError(
                f"{self.rpc.host} cannot prove the state of block {block} ({error}): "
                "use an archive node"
            ) from error

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

        `topics` are the values of the indexed parameters in order, 32 bytes each; None is any.
        """
        declared = Interface.of(interface).events[event]
        wanted: list[str | None] = [_hex(declared.signature)]
        wanted += [None if topic is None else _hex(topic) for topic in topics]
        start, width = from_block, _LOG_RANGE
        end = self.block_number() if to_block is None else to_block
        while start <= end:
            stop = min(start + width - 1, end)
            query = {"address": address, "topics": wanted}
            query |= {"fromBlock": hex(start), "toBlock": hex(stop)}
            try:
                found = self.rpc("eth_getLogs", query)
            except RpcError:
                if width == 1:
                    raise
                width = max(1, width // 2)  # too many results, or too wide a range for this node
                continue
            for raw in found:
                yield _log(raw, interface, event)
            start = stop + 1

    # ------------------------------------------------------------------ send

    def send(self, call: Call, *, timeout: float = 180) -> Receipt:
        """Send a call as a transaction and wait until it counts.

        Raises:
            ContractRevertedError: the contract refused; where that shows before, nothing is sent.
            InsufficientFundsError, ChainUnavailableError, TransactionTimeoutError: see there.
        """
        signed = self.sign(call)
        self.broadcast(signed.raw)
        hashes = [signed.hash]
        deadline = time.monotonic() + timeout
        while True:
            patience = min(_PATIENCE, deadline - time.monotonic())
            try:
                return self._wait_any(hashes, patience)
            except TransactionTimeoutError:
                if time.monotonic() >= deadline:
                    raise
            signed = self.bump(signed.raw)
            try:
                self.broadcast(signed.raw)
                hashes.append(signed.hash)
            except NonceConflictError:
                continue  # one of the others was mined meanwhile

    def send_many(
        self, calls: Iterable[Call], *, timeout: float = 600, progress: Progress | None = None
    ) -> list[Receipt]:
        """Send many calls in the order given, with many in flight; every receipt is checked.

        A call that has no gas limit is estimated against the state before all of them.

        Raises:
            ContractRevertedError: of the first that failed, once all are mined.
        """
        calls = list(calls)
        receipts: list[Receipt] = []
        for start in range(0, len(calls), _BATCH):
            signed = self._sign_all(calls[start : start + _BATCH])
            answers = self.rpc.batch([("eth_sendRawTransaction", [_hex(tx.raw)]) for tx in signed])
            for transaction, answer in zip(signed, answers, strict=True):
                if isinstance(answer, RpcError):
                    self._refused(answer, transaction.raw)
            receipts += self._wait_all(signed, timeout)
            if progress is not None:
                progress(len(receipts), len(calls))
        return receipts

    def sign(self, call: Call) -> SignedTransaction:
        """Sign a call with a leased nonce; nothing is sent.

        Raises:
            ConfigError: the connection has no signer.
            ContractRevertedError: the call would fail.
        """
        return self._sign_all([call])[0]

    def bump(self, raw: bytes) -> SignedTransaction:
        """Sign a transaction of ours again, with higher fees and the same nonce, to replace it.

        Only one of the two can ever be mined. Nodes ask for 10 % more, some for 12.5 %.
        """
        fields = rlp.decode(raw[1:])
        nonce, tip, fee, gas, value = (int.from_bytes(fields[i], "big") for i in (1, 2, 3, 4, 6))
        self._fees = None
        now = self._current_fees()
        raised = _Fees(max(fee * 5 // 4 + 1, now.max_fee), max(tip * 5 // 4 + 1, now.tip), 0)
        to = to_checksum_address(fields[5])
        return self._sign_one(to, value, fields[7], gas, nonce, raised)

    def abandon(self, signed: SignedTransaction) -> None:
        """Give up a transaction that was never broadcast: its nonce is free again."""
        self._nonces.give_back(signed.nonce)

    def broadcast(self, raw: bytes) -> None:
        """Hand signed bytes to the network; the same bytes again do no harm.

        Raises:
            NonceConflictError: another transaction has taken the nonce.
            InsufficientFundsError: the account cannot pay.
        """
        try:
            self.rpc("eth_sendRawTransaction", _hex(raw))
        except RpcError as error:
            self._refused(error, raw)

    def receipt(self, tx_hash: str) -> Receipt | None:
        """The receipt of a mined transaction; None while it is not mined.

        Raises:
            ContractRevertedError: it was mined and the contract refused.
            TransactionFailedError: it was mined and failed without a reason.
        """
        found = self.rpc("eth_getTransactionReceipt", tx_hash)
        return None if found is None else self._checked(found)

    def wait(self, tx_hash: str, *, timeout: float = 180) -> Receipt:
        """Wait until a transaction is mined and confirmed.

        Raises:
            TransactionTimeoutError: not in time; it may still be, and may be waited for again.
            ReorgError: it was mined, and is no longer on the chain.
            ContractRevertedError, TransactionFailedError: see `receipt`.
        """
        return self._wait_any([tx_hash], timeout)

    def _wait_any(self, hashes: Sequence[str], timeout: float) -> Receipt:
        """Wait for whichever of several transactions with one nonce is mined."""
        deadline, pause = time.monotonic() + timeout, _POLL[0]
        seen: Receipt | None = None
        while True:
            found = next(filter(None, map(self.receipt, hashes)), None)
            if found is None and seen is not None:
                raise ReorgError(
                    f"transaction {seen.hash} was in block {seen.block_number} and is gone: "
                    "the chain was reorganised; send it again"
                )
            if found is not None:
                if self._depth(found) >= self.confirmations:
                    return found
                seen = found
            if time.monotonic() > deadline:
                raise TransactionTimeoutError(
                    f"transaction {hashes[-1]} is not confirmed after {timeout:.0f} s: "
                    "it may still be; wait for it again"
                )
            time.sleep(pause)
            pause = min(pause * 1.5, _POLL[1])

    # ------------------------------------------------------------------ internal

    def _sign_all(self, calls: list[Call]) -> list[SignedTransaction]:
        if self.signer is None:
            raise ConfigError("this connection has no signer: pass signer=, or set a private key")
        fees = self._current_fees()
        limits = [call.gas or self._estimate(call, fees) for call in calls]
        nonces = self._nonces.lease(len(calls))
        return [
            self._sign_one(call.to, call.value, call.data, gas, nonce, fees)
            for call, gas, nonce in zip(calls, limits, nonces, strict=True)
        ]

    def _sign_one(
        self, to: Address, value: int, data: bytes, gas: int, nonce: int, fees: _Fees
    ) -> SignedTransaction:
        if self.signer is None or self.address is None:
            raise ConfigError("this connection has no signer: pass signer=, or set a private key")
        raw = self.signer.sign_transaction(
            {
                "type": 2,
                "chainId": self.chain_id,
                "nonce": nonce,
                "to": to_checksum_address(to),
                "value": value,
                "data": data,
                "gas": gas,
                "maxFeePerGas": fees.max_fee,
                "maxPriorityFeePerGas": fees.tip,
            }
        )
        return SignedTransaction(raw, _hex(keccak(raw)), nonce, self.address)

    def _wait_all(self, signed: list[SignedTransaction], timeout: float) -> list[Receipt]:
        """The last one first: when it is mined, so are those before it."""
        self.wait(signed[-1].hash, timeout=timeout)
        found = self.rpc.batch([("eth_getTransactionReceipt", [tx.hash]) for tx in signed])
        return [
            self._checked(raw) if isinstance(raw, dict) else self.wait(tx.hash, timeout=timeout)
            for tx, raw in zip(signed, found, strict=True)
        ]

    def _estimate(self, call: Call, fees: _Fees) -> int:
        transaction = {
            "from": self.address,
            "to": call.to,
            "data": _hex(call.data),
            "value": hex(call.value),
        }
        try:
            return int(int(self.rpc("eth_estimateGas", transaction), 16) * _GAS_MARGIN)
        except RpcError as error:
            if error.data:
                raise decode_revert(error.data) from None
            self._check_funds(call.value + fees.max_fee * 21_000, error)
            raise TransactionFailedError(f"the call cannot succeed: {error}") from None

    def _simulate(self, transaction: dict[str, object], block: int | str) -> bytes:
        try:
            return _bytes(self.rpc("eth_call", transaction, _block(block)))
        except RpcError as error:
            if error.data is None:
                raise ChainError(f"{self.rpc.host}: {error}") from None
            raise decode_revert(error.data) from None

    def _refused(self, error: RpcError, raw: bytes) -> None:
        """Tell apart why the network did not take a transaction; return if it has it already."""
        text = str(error).lower()
        if "already known" in text or "already imported" in text:
            return
        if "nonce too low" in text or "replacement" in text:
            if self.rpc("eth_getTransactionByHash", _hex(keccak(raw))) is not None:
                return
            raise NonceConflictError(
                "another transaction of this account has taken the nonce: "
                "something else signs with the same key"
            ) from None
        self._check_funds(None, error)
        raise TransactionFailedError(f"the network refused the transaction: {error}") from None

    def _check_funds(self, needed: int | None, error: RpcError) -> None:
        if "insufficient funds" in str(error).lower():
            held = self.balance(self.address or "")
            shown = f", needs at least {needed} wei" if needed is not None else ""
            raise InsufficientFundsError(
                f"{self.address} holds {held} wei{shown}: send it some of the chain's coin"
            ) from None

    def _checked(self, raw: dict[str, Any]) -> Receipt:
        if int(raw["status"], 16) != 1:
            self._explain(raw)
        created = raw.get("contractAddress")
        return Receipt(
            hash=raw["transactionHash"],
            block_number=int(raw["blockNumber"], 16),
            block_hash=raw["blockHash"],
            gas_used=int(raw["gasUsed"], 16),
            logs=tuple(raw["logs"]),
            contract_address=to_checksum_address(created) if created else None,
        )

    def _explain(self, raw: dict[str, Any]) -> None:
        """Call again what was mined and failed, to learn why."""
        sent = self.rpc("eth_getTransactionByHash", raw["transactionHash"])
        fields = {"from": sent["from"], "to": sent["to"], "data": sent["input"]}
        fields["value"] = sent["value"]
        self._simulate(fields, int(raw["blockNumber"], 16) - 1)
        raise TransactionFailedError(
            f"transaction {raw['transactionHash']} was mined and failed without a reason; "
            f"it used {int(raw['gasUsed'], 16)} gas of {int(sent['gas'], 16)}"
        )

    def _depth(self, receipt: Receipt) -> int:
        return self.block_number() - receipt.block_number if self.confirmations else 0

    def _transaction_counts(self) -> tuple[int, int]:
        mined, pending = self.rpc.batch(
            [
                ("eth_getTransactionCount", [self.address, "latest"]),
                ("eth_getTransactionCount", [self.address, "pending"]),
            ]
        )
        for answer in (mined, pending):
            if isinstance(answer, RpcError):
                raise ChainUnavailableError(f"{self.rpc.host}: {answer}")
        return int(mined, 16), int(pending, 16)

    def _current_fees(self) -> _Fees:
        """EIP-1559: twice the base fee leaves room for six full blocks. Kept for a moment."""
        now = time.monotonic()
        if self._fees is None or self._fees.until < now:
            base = int(self.header("latest").get("baseFeePerGas", "0x0"), 16)
            try:
                tip = int(self.rpc("eth_maxPriorityFeePerGas"), 16)
            except RpcError:
                tip = 10**9
            self._fees = _Fees(2 * base + tip, tip, now + 2)
        return self._fees


def _log(raw: dict[str, Any], interface: str, event: str) -> Log:
    topics = [_bytes(topic) for topic in raw["topics"]]
    return Log(
        address=to_checksum_address(raw["address"]),
        event=event,
        values=Interface.of(interface).decode_log(event, topics, _bytes(raw["data"])),
        block_number=int(raw["blockNumber"], 16),
        tx_hash=raw["transactionHash"],
        log_index=int(raw["logIndex"], 16),
    )


def _block(block: int | str) -> str:
    return hex(block) if isinstance(block, int) else block


def _hex(data: bytes) -> str:
    return "0x" + bytes(data).hex()


def _bytes(text: str) -> bytes:
    return bytes.fromhex(text.removeprefix("0x"))
