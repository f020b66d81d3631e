"""Storage of a contract, proven against a block header: what makes a bundle verify without a chain.

An `eth_getProof` answer (EIP-1186) is a path through two Merkle-Patricia tries: from the header's
state root to the account, and from the account's storage root to each slot. Whoever trusts a block
hash can check all of it offline.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from anacostia_blockchain.errors import FormatError, IntegrityError

_NUMBERS = frozenset(
    [
        "difficulty",
        "number",
        "gasLimit",
        "gasUsed",
        "timestamp",
        "baseFeePerGas",
        "blobGasUsed",
        "excessBlobGas",
    ]
)
_FIELDS = [
    "parentHash",
    "sha3Uncles",
    "miner",
    "stateRoot",
    "transactionsRoot",
    "receiptsRoot",
    "logsBloom",
    "difficulty",
    "number",
    "gasLimit",
    "gasUsed",
    "timestamp",
    "extraData",
    "mixHash",
    "nonce",
    "baseFeePerGas",
    "withdrawalsRoot",
    "blobGasUsed",
    "excessBlobGas",
    "parentBeaconBlockRoot",
    "requestsHash",
]
"""Order of a header's fields (execution-specs, up to Prague); each fork appended to it."""


def header_fields(block: Mapping[str, Any]) -> dict[str, str]:
    """The part of an `eth_getBlockBy…` answer that is hashed, as its own JSON strings."""
    return {name: block[name] for name in _FIELDS if block.get(name) is not None}


def block_hash(header: Mapping[str, Any]) -> bytes:
    """Keccak-256 of the header's RLP encoding.

    Args:
        header: fields by their JSON-RPC names, as hexadecimal strings.

    Raises:
        FormatError: a field is missing or is no hexadecimal.
    """
    import rlp  # noqa: PLC0415 - comes with web3; only bundles need it
    from eth_utils import keccak  # noqa: PLC0415 - loads eth-utils

    encoded: list[int | bytes] = []
    for name in _FIELDS:
        if name not in header:
            break
        encoded.append(_number(header[name]) if name in _NUMBERS else _bytes(header[name]))
    return bytes(keccak(rlp.encode(encoded)))


def prove(
    header: Mapping[str, Any], proof: Mapping[str, Any], slots: Sequence[int]
) -> tuple[bytes, dict[int, int]]:
    """Check an `eth_getProof` answer against a header.

    Args:
        header: of the block that the proof was made for.
        proof: the answer: `address`, `accountProof`, `storageProof`.
        slots: the slots that must be proven; the answer may hold more.

    Returns:
        The account's code hash, and each slot's value.

    Raises:
        IntegrityError: a path does not lead from the state root to what is claimed.
        FormatError: the answer is not one of `eth_getProof`.
    """
    import rlp  # noqa: PLC0415 - loads eth-utils
    from eth_utils import keccak  # noqa: PLC0415 - loads eth-utils

    try:
        address = _bytes(proof["address"])
        found = _walk(_bytes(header["stateRoot"]), keccak(address), proof["accountProof"])
        if not found:
            raise IntegrityError(f"the state holds no account {proof['address']}")
        _nonce, _balance, storage_root, code_hash = rlp.decode(found)
        paths = {_number(entry["key"]): entry["proof"] for entry in proof["storageProof"]}
        values = {}
        for slot in slots:
            value = _walk(storage_root, keccak(slot.to_bytes(32, "big")), paths[slot])
            values[slot] = int.from_bytes(rlp.decode(value), "big") if value else 0
    except (KeyError, OverflowError, TypeError, ValueError, rlp.exceptions.RLPException) as error:
        raise FormatError(f"not an eth_getProof answer: {error!r}") from error
    return code_hash, values


def mapping_slot(key: int | bytes | str, slot: int) -> int:
    """Slot of `mapping[key]` where the mapping itself stands at `slot` (Solidity's layout)."""
    from eth_utils import keccak  # noqa: PLC0415 - loads eth-utils

    if isinstance(key, str):
        word = key.encode()
    else:
        word = key.to_bytes(32, "big") if isinstance(key, int) else key.rjust(32, b"\0")
    return int.from_bytes(keccak(word + slot.to_bytes(32, "big")), "big")


def _walk(root: bytes, key: bytes, path: Sequence[str]) -> bytes:
    """The value that a root commits to for a key; a node is read only if it hashes as it should."""
    from eth_utils import keccak  # noqa: PLC0415 - loads eth-utils
    from trie import HexaryTrie  # noqa: PLC0415 - loads trie
    from trie.exceptions import MissingTrieNode  # noqa: PLC0415 - loads trie

    nodes = {bytes(keccak(node)): node for node in map(_bytes, path)}
    try:
        return bytes(HexaryTrie(nodes, root).get(key))
    except MissingTrieNode as error:
        raise IntegrityError(
            "the storage proof does not lead to the header's state root"
        ) from error
    except Exception as error:  # what trie and rlp raise where a node is none is of many kinds
        raise FormatError(f"not an eth_getProof answer: {error!r}"[:200]) from error


def _number(text: str) -> int:
    try:
        number = int(text, 16)
    except (TypeError, ValueError):
        number = -1
    if number < 0:
        raise FormatError(f"not a number in hexadecimal: {text!r:.80}")
    return number


def _bytes(text: str) -> bytes:
    try:
        return bytes.fromhex(text.removeprefix("0x"))
    except (AttributeError, ValueError) as error:
        raise FormatError(f"not hexadecimal: {text!r:.80}") from error
