"""Whatever bytes a service sends, the parsers return a document or a typed error."""

import contextlib

from hypothesis import given, settings
from hypothesis import strategies as st

from anacostia_blockchain.errors import AnacostiaError
from anacostia_blockchain.storage.web3storage import ipld, messages
from anacostia_blockchain.storage.web3storage.blobs import locations_of
from anacostia_blockchain.storage.web3storage.capability import Capability
from anacostia_blockchain.storage.web3storage.identity import Signer, did_bytes, did_from_bytes
from anacostia_blockchain.storage.web3storage.ipld import Link
from anacostia_blockchain.storage.web3storage.shards import Index
from anacostia_blockchain.storage.web3storage.ucan import Delegation, delegate, invoke

SIGNER, SERVICE = Signer(bytes([1]) * 32), Signer(bytes([2]) * 32)
TASK = invoke(SIGNER, SERVICE.did, Capability("upload/list", SIGNER.did, {}))
PROOF = delegate(SIGNER, SERVICE.did, [Capability("*", SIGNER.did)], expires=None, facts=[{"a": 1}])

texts = st.text(st.characters(exclude_categories=["Cs"]), max_size=12)
links = st.binary(min_size=32, max_size=32).map(lambda digest: Link.of_digest(digest, 0x71))
values = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-(2**64), 2**64 - 1)
    | st.binary(max_size=40)
    | texts
    | st.floats(allow_nan=False, allow_infinity=False)
    | links,
    lambda below: (
        st.lists(below, max_size=4)
        | st.dictionaries(
            st.text(st.characters(exclude_categories=["Cs"]), max_size=8), below, max_size=4
        )
    ),
    max_leaves=12,
)


def message():
    outcome = {
        "ran": TASK.link,
        "out": {"ok": {"site": TASK.link}},
        "fx": {"fork": [TASK.link]},
        "meta": {},
        "iss": SERVICE.did,
        "prf": [],
    }
    blocks = dict(TASK.blocks)
    link = ipld.put(blocks, {"ocm": outcome, "sig": SERVICE.sign(ipld.encode(outcome))})
    body = {"ucanto/message@7.0.0": {"report": {str(TASK.link): link}}}
    return ipld.write_car(ipld.put(blocks, body), blocks)


MESSAGE = message()
RECEIPT = messages.read_receipt(MESSAGE, TASK.link)


def use_everything(data: bytes) -> None:
    """What a client does with an answer."""
    with contextlib.suppress(AnacostiaError):
        receipt = messages.read_receipt(data, TASK.link)
        receipt.verify(TASK.link, SERVICE.did, SERVICE.did)
        receipt.following()
        receipt.concluded()
        receipt.ok()
    for read in (Delegation.extract, Index.read):
        with contextlib.suppress(AnacostiaError):
            read(data)


@settings(max_examples=300)
@given(values)
def test_dag_cbor_comes_back(value):
    assert ipld.decode(ipld.encode(value)) == value


@settings(max_examples=500)
@given(st.binary(max_size=200))
def test_what_decodes_encodes_to_the_same_bytes(data):
    with contextlib.suppress(AnacostiaError):
        assert ipld.encode(ipld.decode(data)) == data


@settings(max_examples=500)
@given(st.binary(max_size=300))
def test_noise_is_a_typed_error(data):
    use_everything(data)
    with contextlib.suppress(AnacostiaError):
        did_from_bytes(data)
    with contextlib.suppress(AnacostiaError):
        Delegation.from_text("m" + data.decode(errors="replace"))


@settings(max_examples=500)
@given(st.sampled_from([MESSAGE, PROOF.archive()]), st.integers(0), st.integers(1, 255))
def test_an_altered_message_never_counts(whole, at, flipped):
    """One byte off anywhere: a typed error, or the same receipt.

    That can be where the byte was in the name of a document that the receipt does not need.
    """
    altered = bytearray(whole)
    altered[at % len(whole)] ^= flipped
    use_everything(bytes(altered))
    with contextlib.suppress(AnacostiaError):
        assert messages.read_receipt(bytes(altered), TASK.link) == RECEIPT


@settings(max_examples=500)
@given(st.data())
def test_documents_of_any_shape_are_typed_errors(data):
    """Well-formed blocks with any value in any place."""
    blocks = dict(PROOF.blocks)
    ucan = ipld.get(PROOF.blocks, PROOF.link)
    name = data.draw(st.sampled_from([*ucan, "nbf", "nnc", "x"]))
    link = ipld.put(blocks, ucan | {name: data.draw(values)})
    with contextlib.suppress(AnacostiaError):
        read = Delegation.parse(link, blocks)
        read.check()
        locations_of(read, bytes(32))

    ocm = {"ran": TASK.link, "out": {"ok": {}}, "fx": {"fork": [link]}, "iss": SERVICE.did}
    place = data.draw(st.sampled_from([*ocm, "x"]))
    receipt = ipld.put(blocks, {"ocm": ocm | {place: data.draw(values)}, "sig": b""})
    root = ipld.put(blocks, {"ucanto/message@7.0.0": {"report": {str(TASK.link): receipt}}})
    use_everything(ipld.write_car(root, blocks))

    shard = ipld.put(blocks, data.draw(values))
    index = {"index/sharded/dag@0.1": {"content": link, "shards": [shard]}}
    use_everything(ipld.write_car(ipld.put(blocks, index), blocks))


@settings(max_examples=200)
@given(st.text(max_size=60))
def test_a_did_has_one_binary_form(text):
    for did in (text, f"did:{text}", f"did:web:{text}", f"did:key:z{text}"):
        with contextlib.suppress(AnacostiaError, UnicodeEncodeError):
            assert did_from_bytes(did_bytes(did)) == did
