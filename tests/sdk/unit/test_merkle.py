"""RFC 9162 trees, against an independent implementation."""

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pymerkle import InmemoryTree

from anacostia_blockchain.errors import LedgerError
from anacostia_blockchain.ledger import merkle

SIZES = range(1, 201)


def leaves(size):
    return [merkle.leaf_hash(str(i).encode()) for i in range(size)]


@pytest.fixture(scope="module")
def oracle():
    """An independent tree of 200 records: its state is known at each size."""
    tree = InmemoryTree(algorithm="sha256")
    for i in range(200):
        tree.append_entry(str(i).encode())
    return tree


def test_root_of_nothing_is_the_hash_of_nothing():
    expected = "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"
    assert merkle.root([]).hex() == expected


def test_every_root_up_to_200_is_the_oracles(oracle):
    for size in SIZES:
        assert merkle.root(leaves(size)) == oracle.get_root(size)


def test_every_inclusion_proof_verifies_and_no_other_leaf_does():
    for size in (1, 2, 3, 7, 8, 9, 31, 64, 65, 200):
        tree = leaves(size)
        root = merkle.root(tree)
        for index in range(size):
            path = merkle.inclusion_proof(tree, index)
            assert merkle.verify_inclusion(tree[index], index, size, root, path)
            assert (
                not merkle.verify_inclusion(tree[index - 1], index, size, root, path) or size == 1
            )


def test_every_consistency_proof_up_to_64_verifies(oracle):
    for new in range(1, 65):
        tree = leaves(new)
        for old in range(1, new + 1):
            path = merkle.consistency_proof(tree, old)
            states = (oracle.get_root(old), oracle.get_root(new))
            assert merkle.verify_consistency(old, states[0], new, states[1], path)


@given(st.data())
def test_a_spoiled_consistency_proof_is_refused(data):
    new = data.draw(st.integers(2, 300))
    old = data.draw(st.integers(1, new - 1))
    tree = leaves(new)
    path = merkle.consistency_proof(tree, old)
    roots = (merkle.root(tree[:old]), merkle.root(tree))
    assert merkle.verify_consistency(old, roots[0], new, roots[1], path)
    place = data.draw(st.integers(0, len(path) - 1))
    flipped = [*path[:place], bytes([path[place][0] ^ 1]) + path[place][1:], *path[place + 1 :]]
    spoiled = [flipped, path[:-1], [*path, path[-1]], path[1:], path[::-1]]
    for candidate in spoiled:
        if candidate != path:
            assert not merkle.verify_consistency(old, roots[0], new, roots[1], candidate)
    assert not merkle.verify_consistency(old, roots[1], new, roots[1], path)
    assert not merkle.verify_consistency(old, roots[0], new, roots[0], path)


@pytest.mark.parametrize(("size", "index"), [(0, 0), (5, 5), (5, -1)])
def test_no_inclusion_proof_of_what_is_not_there(size, index):
    with pytest.raises(LedgerError, match=f"a tree of {size} leaves has no leaf {index}"):
        merkle.inclusion_proof(leaves(size), index)


@pytest.mark.parametrize(("size", "old"), [(5, 0), (5, 6), (0, 1)])
def test_no_consistency_proof_of_what_never_was(size, old):
    with pytest.raises(LedgerError, match=f"a tree of {size} leaves extends none of {old}"):
        merkle.consistency_proof(leaves(size), old)


def test_proofs_of_nonsense_are_refused():
    root = merkle.root(leaves(3))
    assert not merkle.verify_inclusion(leaves(1)[0], 3, 3, root, [])
    assert not merkle.verify_consistency(0, root, 3, root, [])
    assert not merkle.verify_consistency(4, root, 3, root, [])
    assert not merkle.verify_consistency(3, root, 5, root, [])
    assert merkle.verify_consistency(3, root, 3, root, [])
    assert not merkle.verify_consistency(3, root, 3, root, [root])
