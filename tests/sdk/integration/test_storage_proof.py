"""Storage proofs of a real chain."""

import json
import uuid

import pytest

from anacostia_blockchain.content.cid import CID
from anacostia_blockchain.errors import FormatError, IntegrityError
from anacostia_blockchain.proofs.storage import block_hash, header_fields, prove
from anacostia_blockchain.types import Kind

pytestmark = pytest.mark.integration


@pytest.fixture
def proven(hub):
    hub.registry.register(f"model-{uuid.uuid4().hex}", Kind.MODEL, CID.of(b""))
    number = hub.chain.block_number()
    header = header_fields(hub.chain.header(number))
    return header, hub.chain.proof(hub.registry.address, [2, 1000], number)


def test_the_hash_of_a_header_is_the_blocks(hub):
    for number in (0, 1, hub.chain.block_number()):
        block = hub.chain.header(number)
        assert "0x" + block_hash(header_fields(block)).hex() == block["hash"]


def test_a_proof_gives_the_values_that_the_chain_has(hub, proven):
    header, proof = proven
    _code, values = prove(header, proof, [2, 1000])
    assert values == {2: hub.registry.model_count(), 1000: 0}


@pytest.mark.parametrize(
    ("field", "value"),
    [("gasLimit", "-0x1"), ("gasUsed", 7), ("timestamp", "soon"), ("number", None), ("miner", [])],
)
def test_a_header_of_something_else_is_none(proven, field, value):
    header, _proof = proven
    with pytest.raises(FormatError, match="hexadecimal"):
        block_hash(header | {field: value})


def test_a_proof_against_another_state_fails(proven):
    header, proof = proven
    with pytest.raises(IntegrityError, match="does not lead to the header's state root"):
        prove(header | {"stateRoot": "0x" + "11" * 32}, proof, [2])


def test_a_proof_of_another_value_fails(proven):
    header, proof = proven
    spoiled = json.loads(json.dumps(proof))
    node = spoiled["storageProof"][0]["proof"][0]
    spoiled["storageProof"][0]["proof"][0] = node[:-2] + f"{int(node[-2:], 16) ^ 1:02x}"
    with pytest.raises((IntegrityError, FormatError)):
        prove(header, spoiled, [2])


@pytest.mark.parametrize("part", ["address", "accountProof", "storageProof"])
def test_an_answer_without_a_part_is_no_answer(proven, part):
    header, proof = proven
    with pytest.raises(FormatError, match="not an eth_getProof answer"):
        prove(header, {k: v for k, v in proof.items() if k != part}, [2])
