"""`Account`: an account on a chain, that signs transactions and sends none."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import rlp
from eth_utils import keccak, to_checksum_address

from anacostia_blockchain.chain import refusals
from anacostia_blockchain.chain.fees import Fees, Market
from anacostia_blockchain.chain.keyless import KeylessSigner
from anacostia_blockchain.chain.nonces import Nonces
from anacostia_blockchain.chain.rpc import Rpc, RpcError, block_tag, to_hex
from anacostia_blockchain.chain.signers import Signer
from anacostia_blockchain.chain.values import Call, SignedTransaction
from anacostia_blockchain.chain.waiting import Watcher
from anacostia_blockchain.errors import ConfigError, NonceConflictError
from anacostia_blockchain.types import Address

BATCH = 100
"""Calls in one request. Two batches are in flight at a time: nodes drop what goes much beyond."""

_GAS_MARGIN = (1.25, 40_000)
"""Estimates are exact for one state; the transaction meets another. Beside a share of all, that is
two words of storage first written: somebody else has moved an alias, or taken their money out."""

_MOST_GAS = 2**24
"""What chains since Fusaka let one transaction use (EIP-7825)."""


class Account(Watcher):
    """A chain and who signs on it, if anybody does.

    Attributes:
        signer: who signs; None where the connection only reads.
        address: of the signer; None likewise.
    """

    def __init__(
        self, rpc: Rpc, chain_id: int, *, signer: Signer | None, confirmations: int, state_dir: Path
    ) -> None:
        super().__init__(rpc, chain_id, confirmations)
        self.signer = signer
        self.address: Address | None = signer.address if signer is not None else None
        self._market = Market(rpc)
        self._nonces = Nonces(
            state_dir / "nonces.db",
            chain_id,
            self.address or "",
            self._transaction_counts,
            self._has_transactions,
        )

    @property
    def can_sign(self) -> bool:
        """Whether the key of the account is here."""
        return self.signer is not None and not isinstance(self.signer, KeylessSigner)

    def sign(self, call: Call) -> SignedTransaction:
        """Sign a call with a leased nonce; nothing is sent.

        Raises:
            ConfigError: the connection has no signer.
            ContractRevertedError, TransactionFailedError: the call would fail.
            InsufficientFundsError: the account cannot pay.
        """
        return self._sign_all([call], self._gas_limits([call]))[0]

    def bump(self, raw: bytes) -> SignedTransaction:
        """Sign a transaction of ours again, with higher fees and the same nonce, to replace it.

        Only one of the two can ever be mined. What offers so much that no more is sensible is
        returned as it is.
        """
        old = refusals.Offer.read(raw)
        raised = Fees(old.fee, old.tip).raised(self._market.fees(fresh=True))
        if raised is None:
            return self._as_signed(raw)
        call = Call(old.to, old.data, "", "", value=old.value)
        signed = self._sign_one(call, old.gas, old.nonce, raised)
        self._nonces.signed([signed])  # or nobody would know of it that its nonce is taken
        return signed

    def abandon(self, signed: SignedTransaction) -> None:
        """Give up a transaction that was never broadcast: its nonce is free again."""
        self._nonces.give_back(signed.nonce)

    def let_go(self, raw: bytes) -> None:
        """End the lease of what may have been broadcast: its nonce is taken if the network has it.

        Else whatever is sent next takes it: whoever sends these bytes later has to `hold` it first.
        """
        self._nonces.end([self._as_signed(raw)])

    def hold(self, raw: bytes) -> None:
        """Lease the nonce of what was signed, and let go, again: it is about to be sent.

        Raises:
            NonceConflictError: somebody else has it, who has not sent or given it back yet.
        """
        signed = self._as_signed(raw)
        if not self._nonces.hold(signed):
            raise NonceConflictError(
                f"somebody else has leased nonce {signed.nonce} meanwhile: wait until it is used "
                "or given back, and send again"
            )

    def has_signed(self, raw: bytes, tx_hash: str) -> bool:
        """Whether bytes are a transaction of this account's on this chain, with that hash.

        Whoever is handed signed bytes asks first: to wait for them is to offer higher fees for what
        they say, in this account's name.
        """
        from eth_account import Account as Recovery  # noqa: PLC0415 - 0.3 s that others need not wait

        if raw[:1] != b"\x02" or tx_hash != to_hex(keccak(raw)):
            return False
        try:
            chain_id = int.from_bytes(rlp.decode(raw[1:])[0], "big")
            signer = Recovery.recover_transaction(raw)
        except Exception:  # noqa: BLE001 - of four libraries, for bytes that may be a stranger's
            return False
        return chain_id == self.chain_id and signer == self.address

    def stands(self, raw: bytes, hashes: Sequence[str]) -> bool | None:
        """Whether the network has one of several transactions with one nonce, mined or not.

        None: nor ever will, as it has confirmed another one with that nonce. That is asked together
        with them: of two requests, two nodes could answer.
        """
        block = self.block_number() - self.confirmations if self.confirmations else None
        tag = "latest" if block is None else block_tag(max(block, 0))
        requests = [("eth_getTransactionByHash", [tx_hash]) for tx_hash in hashes]
        count, *found = self.rpc.batch(
            [("eth_getTransactionCount", [self._account()[1], tag]), *requests]
        )
        for answer in (count, *found):
            if isinstance(answer, RpcError):
                raise answer
        if any(found):
            return True
        return None if int(count, 16) > refusals.Offer.read(raw).nonce else False

    def in_flight(self) -> int:
        """Number of the account's transactions that the network has and no block has yet."""
        mined, pending = self._transaction_counts()
        return pending - mined

    def fees(self) -> tuple[int, int]:
        """Wei for one gas: what is paid at present, and what a transaction offers at most."""
        offer = self._market.fees()
        return (offer.limit + offer.tip) // 2, offer.limit

    # ------------------------------------------------------------------ internal

    def _gas_limits(self, calls: list[Call]) -> list[int]:
        """Limits as given, or estimated in one request."""
        sender = self._account()[1]
        open_ = [i for i, call in enumerate(calls) if call.gas is None]
        requests = [
            {"from": sender, "to": c.to, "data": to_hex(c.data), "value": hex(c.value)}
            for c in (calls[i] for i in open_)
        ]
        limits = [call.gas or 0 for call in calls]
        for start in range(0, len(open_), BATCH):
            batch = [("eth_estimateGas", [r]) for r in requests[start : start + BATCH]]
            for i, answer in zip(open_[start:], self.rpc.batch(batch), strict=False):
                if isinstance(answer, RpcError):
                    raise refusals.of_estimate(self, sender, calls[i], answer)
                limits[i] = _with_margin(int(answer, 16))
        return limits

    def _sign_all(self, calls: list[Call], limits: list[int]) -> list[SignedTransaction]:
        return self._sign_with(self._nonces.lease(len(calls)), calls, limits)

    def _sign_fillers(self, below: int) -> list[SignedTransaction]:
        """Payments of nothing to the account itself, with nonces that nobody holds, if any."""
        nonces = self._nonces.lease(BATCH, below)
        nothing = Call(self._account()[1], b"", "", "")
        return self._sign_with(nonces, [nothing] * len(nonces)) if nonces else []

    def _sign_with(
        self, nonces: list[int], calls: list[Call], limits: list[int] | None = None
    ) -> list[SignedTransaction]:
        try:
            limits = limits or self._gas_limits(calls)
            fees = self._market.fees()
            signed = [
                self._sign_one(call, gas, nonce, fees)
                for call, gas, nonce in zip(calls, limits, nonces, strict=True)
            ]
            self._nonces.signed(signed)
        except BaseException:  # a key service that does not answer must leave no gap behind
            self._nonces.give_back(*nonces)
            raise
        return signed

    def _sign_one(self, call: Call, gas: int, nonce: int, fees: Fees) -> SignedTransaction:
        signer, sender = self._account()
        raw = signer.sign_transaction(
            {
                "type": 2,
                "chainId": self.chain_id,
                "nonce": nonce,
                "to": to_checksum_address(call.to),
                "value": call.value,
                "data": call.data,
                "gas": gas,
                "maxFeePerGas": fees.limit,
                "maxPriorityFeePerGas": fees.tip,
            }
        )
        return SignedTransaction(raw, to_hex(keccak(raw)), nonce, sender)

    def _as_signed(self, raw: bytes) -> SignedTransaction:
        nonce = refusals.Offer.read(raw).nonce
        return SignedTransaction(raw, to_hex(keccak(raw)), nonce, self._account()[1])

    def _account(self) -> tuple[Signer, Address]:
        if self.signer is None or self.address is None:
            raise ConfigError("this connection has no signer: pass signer=, or set a private key")
        return self.signer, self.address

    def _transaction_counts(self) -> tuple[int, int]:
        mined, pending = self.rpc.batch(
            [("eth_getTransactionCount", [self.address, tag]) for tag in ("latest", "pending")]
        )
        for answer in (mined, pending):
            if isinstance(answer, RpcError):
                raise answer
        return int(mined, 16), int(pending, 16)

    def _has_transactions(self, hashes: Sequence[str]) -> list[bool]:
        """Which transactions the network has, mined or not."""
        found: list[bool] = []
        for start in range(0, len(hashes), BATCH):
            requests = [("eth_getTransactionByHash", [tx]) for tx in hashes[start : start + BATCH]]
            for answer in self.rpc.batch(requests):
                if isinstance(answer, RpcError):
                    raise answer
                found.append(answer is not None)
        return found


def _with_margin(estimate: int) -> int:
    share, words = _GAS_MARGIN
    limit = int(estimate * share) + words
    return limit if estimate > _MOST_GAS else min(limit, _MOST_GAS)
