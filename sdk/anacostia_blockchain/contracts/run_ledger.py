"""`contracts/RunLedger.sol`: append-only logs of run records."""

from __future__ import annotations

from typing import TYPE_CHECKING

from eth_utils import to_checksum_address

from anacostia_blockchain.chain.abi import Interface
from anacostia_blockchain.contracts.base import Calls, Contract
from anacostia_blockchain.errors import IntegrityError
from anacostia_blockchain.types import Address, LedgerHead

if TYPE_CHECKING:
    from collections.abc import Sequence

    from anacostia_blockchain.chain import Call, Log, Receipt


class RunLedgerCalls(Calls):
    """`RunLedger`'s transactions, encoded."""

    interface = "RunLedger"

    def open_log(self, salt: bytes, writer: Address) -> Call:
        """Open a log."""
        return self._encode("openLog", salt, writer)

    def set_writer(self, log_id: bytes, writer: Address) -> Call:
        """Let another account anchor."""
        return self._encode("setWriter", log_id, writer)

    def anchor(self, log_id: bytes, size: int, root: bytes, proof: Sequence[bytes]) -> Call:
        """Anchor a head that extends the present one."""
        return self._encode("anchor", log_id, size, root, list(proof))


class RunLedger(Contract):
    """One append-only log for each pipeline; see `IRunLedger.sol`."""

    interface = "RunLedger"

    @property
    def calls(self) -> RunLedgerCalls:
        """The same transactions, encoded and not sent."""
        return RunLedgerCalls(self.address)

    def open_log(self, salt: bytes, writer: Address) -> Receipt:
        """Open a log whose id follows from the sender's address and the salt (32 bytes)."""
        return self.chain.send(self.calls.open_log(salt, writer))

    def set_writer(self, log_id: bytes, writer: Address) -> Receipt:
        """Let another account anchor; the owner's to decide."""
        return self.chain.send(self.calls.set_writer(log_id, writer))

    def anchor(self, log_id: bytes, size: int, root: bytes, proof: Sequence[bytes]) -> Receipt:
        """Anchor a head; the proof (RFC 9162 §2.1.4) shows that it extends the present one."""
        return self.chain.send(self.calls.anchor(log_id, size, root, proof))

    def head_of(self, log_id: bytes) -> LedgerHead:
        """The newest head; size 0 before the first."""
        size, root = self._read("headOf", log_id)
        return LedgerHead(size, root)

    def log_of(self, log_id: bytes) -> tuple[Address, Address]:
        """Owner and writer of a log; zero addresses if there is none."""
        owner, writer = self._read("logOf", log_id)
        return to_checksum_address(owner), to_checksum_address(writer)

    def log_id_of(self, owner: Address, salt: bytes) -> bytes:
        """The id of an owner's log."""
        return bytes(self._read("logIdOf", owner, salt))

    def verify_inclusion(
        self, log_id: bytes, leaf_hash: bytes, index: int, proof: Sequence[bytes]
    ) -> bool:
        """Whether a leaf is in the newest head (RFC 9162 §2.1.3)."""
        return bool(self._read("verifyInclusion", log_id, leaf_hash, index, list(proof)))

    def version(self) -> str:
        """Version of the contract."""
        return str(self._read("version"))

    # ------------------------------------------------------------------ from events

    def root_at(self, log_id: bytes, size: int) -> bytes:
        """The root of a head that was anchored, now or earlier.

        Raises:
            IntegrityError: no head of that size was anchored.
        """
        return bytes(self.anchored(log_id, size).values["root"])

    def block_of(self, log_id: bytes, size: int) -> int:
        """Number of the block in which a head was anchored.

        Raises:
            IntegrityError: no head of that size was anchored.
        """
        return self.anchored(log_id, size).block_number

    def proof_in(self, log: Log) -> list[bytes] | None:
        """The proof that a head extends the one before, as it was sent with an `Anchored` event.

        None where the transaction called another contract, which called this one.
        """
        sent = self.chain.rpc("eth_getTransactionByHash", log.tx_hash)
        if sent is None or str(sent["to"]).lower() != self.address.lower():
            return None
        data = bytes.fromhex(sent["input"].removeprefix("0x"))
        arguments = Interface.of(self.interface).arguments("anchor", data)
        wanted = (log.values["logId"], log.values["size"], log.values["root"])
        if arguments is None or arguments[:3] != wanted:
            return None
        return [bytes(step) for step in arguments[3]]

    def anchored(self, log_id: bytes, size: int) -> Log:
        """The event of a head that was anchored.

        Raises:
            IntegrityError: no head of that size was anchored.
        """
        topics = [log_id, size.to_bytes(32, "big")]
        for log in self.chain.logs(self.address, self.interface, "Anchored", topics=topics):
            return log
        raise IntegrityError(f"no head of {size} records was ever anchored in that log")
