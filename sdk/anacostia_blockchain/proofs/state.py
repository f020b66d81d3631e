"""State of the contracts at blocks that a verifier trusts: what every offline document rests on.

Whoever trusts a block's hash (from any node, explorer or light client of their choice) can check
the rest offline: the hash leads to the header, its state root to each contract's account, that to
the code, which has to be this package's own, and to each slot.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from anacostia_blockchain.content.documents import field
from anacostia_blockchain.deployment import immutables, is_build_of, predicted_address
from anacostia_blockchain.errors import ConfigError, FormatError, IntegrityError
from anacostia_blockchain.proofs.storage import block_hash, header_fields, prove

if TYPE_CHECKING:
    from anacostia_blockchain.client import Anacostia

_KNOWS_ITS_CHAIN = "ModelRegistry"
"""Its code holds the number of the chain that it was deployed on, for EIP-712."""

_PROVEN = ("ModelRegistry", "RunLedger")
"""Contracts whose state documents show."""

_LARGEST = 1 << 37
"""More than any block's number, or time in seconds."""

Trust = Callable[[int, bytes], None]
"""Called with a block's number and hash; raises IntegrityError unless they are trusted."""


def trust(chain_id: int, hashes: Iterable[str], rpc_url: str | None) -> Trust:
    """How a block's hash is judged: by the verifier's list, or by the verifier's endpoint.

    Raises:
        ConfigError: a hash is no hash.
        WrongNetworkError: the endpoint serves another chain than the document is about.
    """
    known = {_hash(text) for text in hashes}
    chain = None
    if rpc_url is not None:
        from anacostia_blockchain.chain import Chain  # noqa: PLC0415 - loads web3

        chain = Chain.connect(rpc_url, chain_id=chain_id)

    def trusted(number: int, found: bytes) -> None:
        if chain is not None:
            known.add(_hash(chain.header(number)["hash"]))
        if found not in known:
            raise IntegrityError(
                f"block {number} has hash 0x{found.hex()} here, which you did not say you trust: "
                "look it up where you trust, and give it with --block-hash"
            )

    return trusted


def prove_state(
    client: Anacostia, number: int, accounts: Mapping[str, Sequence[int]]
) -> dict[str, Any]:
    """Slots of contracts at a block, with all that proves them; nothing else of the answer is kept.

    Raises:
        ChainUnavailableError: the node does not serve `eth_getProof` for that block; ask an archive
            node.
    """
    proven = []
    for address, slots in accounts.items():
        answer = client.chain.proof(address, slots, number)
        proven.append(
            {
                "address": address,
                "code": "0x" + client.chain.code(address, number).hex(),
                "accountProof": _needed(answer["accountProof"]),
                "storageProof": [
                    {"key": entry["key"], "proof": _needed(entry["proof"])}
                    for entry in answer["storageProof"]
                ],
            }
        )
    return {"header": header_fields(client.chain.header(number)), "accounts": proven}


def header_number(block: object, name: str) -> int:
    """A number in the header of what `prove_state` wrote, or is said to have.

    Raises:
        FormatError: there is no header, or no such number in it.
    """
    text = field(block, f"header/{name}", str, "block")
    try:
        number = int(text, 16)
    except ValueError:
        number = -1
    if not 0 <= number < _LARGEST:
        raise FormatError(f"block: {text[:80]!r} is not a {name} in hexadecimal")
    return number


def contract_at(address: str) -> str:
    """The name of this package's contract that is at an address, on every chain.

    Code alone tells nothing: a constructor can write whatever storage it likes, and return ours.

    Raises:
        IntegrityError: it is none that documents are about.
    """
    for name in _PROVEN:
        if address.lower() == predicted_address(name).lower():
            return name
    raise IntegrityError(f"{address} is none of this package's contracts")


class ProvenState:
    """Slots that were proven, by contract; all of a contract's are of one block.

    Args:
        trusted: judges the hashes of blocks.
        chain_id: that the registry must have been deployed on; None: whichever.
    """

    def __init__(self, trusted: Trust, chain_id: int | None = None) -> None:
        self.blocks: set[int] = set()
        self._trusted = trusted
        self._chain_id = chain_id
        self._slots: dict[tuple[str, str], dict[int, int]] = {}
        self._of: dict[tuple[str, str], tuple[int, bytes]] = {}

    def add(self, block: Mapping[str, Any], names: Callable[[str], str]) -> None:
        """Check a block that `prove_state` wrote.

        Args:
            block: as it was read.
            names: tells from an address which contract should be there.

        Raises:
            IntegrityError: the hash is not trusted, something is not proven by it, the code is not
                this package's own, or the contract's state was shown at another block already.
            FormatError: it is something else than `prove_state` writes.
        """
        number = header_number(block, "number")
        try:
            header, accounts = block["header"], block["accounts"]
            found = block_hash(header)
        except (KeyError, TypeError, ValueError) as error:
            raise FormatError(f"not a block with its proofs: {error!r}") from error
        if not isinstance(accounts, list):
            raise FormatError("not a block with its proofs: it lists no accounts")
        self._trusted(number, found)
        self.blocks.add(number)
        for account in accounts:
            self._add_account(header, account, names, (number, found))

    def number(self, name: str, address: str) -> int:
        """Number of the block that a contract's slots are of.

        Raises:
            IntegrityError: none of them is proven.
        """
        try:
            return self._of[name, address.lower()][0]
        except KeyError:
            raise IntegrityError(f"nothing of {name} is proven") from None

    def slot(self, name: str, address: str, slot: int) -> int:
        """A proven slot of a contract that was proven to be the one of that name.

        Raises:
            IntegrityError: it is not proven.
        """
        try:
            return self._slots[name, address.lower()][slot]
        except KeyError:
            raise IntegrityError("not all that should be proven is proven") from None

    def _add_account(
        self,
        header: Mapping[str, Any],
        account: Mapping[str, Any],
        names: Callable[[str], str],
        block: tuple[int, bytes],
    ) -> None:
        try:
            address, code = account["address"].lower(), account["code"]
            slots = [int(entry["key"], 16) for entry in account["storageProof"]]
        except (AttributeError, KeyError, TypeError, ValueError) as error:
            raise FormatError(f"not an account with its proofs: {error!r}") from error
        code_hash, values = prove(header, account, slots)
        name = names(address)
        self._check_code(name, code, code_hash)
        if (first := self._of.setdefault((name, address), block)) != block:
            raise IntegrityError(f"{name} is shown at blocks {first[0]} and {block[0]}, not at one")
        self._slots.setdefault((name, address), {}).update(values)

    def _check_code(self, name: str, code: str, code_hash: bytes) -> None:
        """A state proves nothing if it is that of a contract which lies: it has to be ours."""
        from eth_utils import keccak  # noqa: PLC0415 - comes with web3

        try:
            data = bytes.fromhex(code.removeprefix("0x"))
        except (AttributeError, ValueError) as error:
            raise FormatError("the code of a contract is no hexadecimal") from error
        if keccak(data) != code_hash or not is_build_of(name, data):
            raise IntegrityError(f"what stands for {name} is another contract")
        if name == _KNOWS_ITS_CHAIN and self._chain_id not in {None, *immutables(name, data)}:
            raise IntegrityError(f"that {name} was not deployed on chain {self._chain_id}")


def _needed(path: Sequence[str]) -> list[str]:
    """A path without the nodes that some servers repeat although they stand inside their parent."""
    return [node for place, node in enumerate(path) if not place or len(node) >= 2 + 2 * 32]


def _hash(text: str) -> bytes:
    try:
        found = bytes.fromhex(text.removeprefix("0x"))
    except ValueError:
        found = b""
    if len(found) != 32:
        raise ConfigError(f"{text!r} is no block hash: 32 bytes in hexadecimal")
    return found
