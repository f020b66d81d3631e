"""The w3up protocol's documents: written as others write them, read strictly."""

import base64
import io
import json
import logging
import os
import pickle
import stat
import traceback

import httpx
import pytest

from anacostia_blockchain.content.cid import CID
from anacostia_blockchain.content.dagpb import varint
from anacostia_blockchain.content.unixfs import import_stream
from anacostia_blockchain.errors import (
    AccessDeniedError,
    ConfigError,
    FormatError,
    IntegrityError,
    NotFoundError,
    StorageError,
    StoreFullError,
    StoreUnavailableError,
)
from anacostia_blockchain.storage import dag
from anacostia_blockchain.storage.web3storage import access, ipld, messages, shards
from anacostia_blockchain.storage.web3storage.blobs import locations_of
from anacostia_blockchain.storage.web3storage.identity import (
    KEY_VARIABLE,
    Signer,
    did_bytes,
    did_from_bytes,
    verify,
)
from anacostia_blockchain.storage.web3storage.ipld import Link
from anacostia_blockchain.storage.web3storage.names import Names
from anacostia_blockchain.storage.web3storage.service import Connection, Service
from anacostia_blockchain.storage.web3storage.ucan import (
    Capability,
    Delegation,
    delegate,
    invoke,
)

SPACE, PRINCIPAL, SERVER, STRANGER = (Signer(bytes([n]) * 32) for n in (1, 2, 3, 4))
NOW = 1_800_000_000


# ---------------------------------------------------------------------- dag-cbor and CARs


@pytest.mark.parametrize(
    ("value", "data"),
    [
        ({"b": 1, "aa": 2, "a": 3}, "a3616103616201626161 02"),
        ([], "80"),
        (None, "f6"),
        (-1, "20"),
        (2**64 - 1, "1bffffffffffffffff"),
        (1.5, "fb3ff8000000000000"),
        (b"\x12\x20" + bytes(32), "58221220" + "00" * 32),
        (Link(b"\x01\x71\x12\x20" + bytes(32)), "d82a582500 01711220" + "00" * 32),
    ],
)
def test_dag_cbor_is_that_of_the_specification(value, data):
    """A digest stays bytes, however much it looks like a CID; keys are in order of length."""
    data = bytes.fromhex(data)
    assert ipld.encode(value) == data
    assert ipld.decode(data) == value


@pytest.mark.parametrize(
    "data",
    [
        "",
        "1800",  # 0 in two bytes
        "a2616201616102",  # keys out of order
        "a2616101616102",  # a key twice
        "a10102",  # a key that is no text
        "9fff",  # an array without a length
        "f93e00",  # half of a float
        "fb7ff8000000000000",  # not a number
        "f7",  # undefined
        "c11a514b67b0",  # a time
        "d82a41ff",  # a link that is none
        "d82a4100",
        "d82b4100",
        "0101",  # two documents
        "61ff",  # text that is not UTF-8
        "81" * 100 + "01",  # deep
        "d81c81d81d00",  # a list that holds itself
        "c58219ffff01",  # a number of many digits
        "d8236128",  # a pattern
        "1c",
    ],
)
def test_dag_cbor_has_one_form_for_each_value(data):
    with pytest.raises(FormatError):
        ipld.decode(bytes.fromhex(data))


@pytest.mark.parametrize(
    "value", [{1: 2}, {"x": object()}, float("nan"), 2**64, -(2**64) - 1, "\ud800", {1, 2}]
)
def test_what_dag_cbor_cannot_hold_is_refused(value):
    with pytest.raises(FormatError):
        ipld.encode(value)


def test_dag_json_is_that_of_the_specification():
    link = Link.to(b"x")
    value = {"b": [b"\x01", link, None, True], "a": {"ü": 'q"\n'}}
    assert json.loads(ipld.dag_json(value)) == {
        "a": {"ü": 'q"\n'},
        "b": [{"/": {"bytes": "AQ"}}, {"/": str(link)}, None, True],
    }
    assert ipld.dag_json(value).startswith('{"a":{"ü":"q\\"\\n"},"b":['.encode())
    for ambiguous in ({"/": 1}, 1.5):
        with pytest.raises(FormatError):
            ipld.dag_json(ambiguous)


def test_a_link_has_one_text():
    link = Link.to(b"hello world", 0x55)
    assert str(link) == str(CID.of(b"hello world"))
    assert Link.parse(str(link)) == link
    assert (link.codec, len(link.multihash)) == (0x55, 34)
    for bad in ("", "b", "z" + str(link)[1:], str(link).upper(), str(link)[:-1], str(link) + "a"):
        with pytest.raises(FormatError):
            Link.parse(bad)
    for bad in (b"", b"\x02", link.bytes[:-1], link.bytes + b"\0", b"\x01" + b"\xff" * 20):
        with pytest.raises(FormatError):
            Link(bad)


def test_links_of_old_uploads_are_read_too():
    old = Link(b"\x12\x20" + bytes(32))
    assert (old.codec, old.multihash) == (0x70, old.bytes)


def test_a_car_of_documents_goes_out_and_comes_in():
    blocks = {}
    root = ipld.put(blocks, {"x": ipld.put(blocks, ["below"])})
    data = ipld.write_car(root, blocks)
    assert ipld.read_car(data) == (root, blocks)
    damaged = data[:-1] + bytes([data[-1] ^ 1])
    with pytest.raises(IntegrityError):
        ipld.read_car(damaged)
    for bad in (b"", data[:-1], data[:10], data + b"\0", b"\xff" * 20, data + b"\x05hello"):
        with pytest.raises(FormatError):
            ipld.read_car(bad)
    two = ipld.encode({"roots": [root, root], "version": 1})
    with pytest.raises(FormatError, match="one root"):
        ipld.read_car(varint(len(two)) + two)


# ---------------------------------------------------------------------- keys and DIDs


def test_a_did_is_that_of_the_specification():
    """From the did:key registry's own examples."""
    did = "did:key:z6MkiTBz1ymuepAQ4HEHYSF1H8quG5GLVVQR3djdX3mDooWp"
    assert Signer(bytes(32)).did == did
    assert did_from_bytes(did_bytes(did)) == did
    assert did_bytes("did:web:up.example.org") == b"\x9d\x1aweb:up.example.org"
    assert did_from_bytes(did_bytes("did:mailto:example.org:me")) == "did:mailto:example.org:me"


@pytest.mark.parametrize(
    "did",
    [
        "",
        "did:",
        "did:web",
        "did:web:",
        "did:key:",
        "did:key:z",
        "did:key:x6Mk",
        "did:key:z0OIl",
        "did:key:z6Mk",
        "did:key:z6MkiTBz1ymuepAQ4HEHYSF1H8quG5GLVVQR3djdX3mDooWp1",
        "DID:web:example.org",
        "web:example.org",
        "did:key:z" + "2" * 5000,
    ],
)
def test_what_is_no_did_is_refused(did):
    with pytest.raises(FormatError):
        did_bytes(did)


@pytest.mark.parametrize(
    "data", [b"", b"\xed\x01", b"\x9d\x1a", b"\x9d\x1a\xff:x", None, 7, b"\xff"]
)
def test_what_is_no_binary_did_is_refused(data):
    with pytest.raises(FormatError):
        did_from_bytes(data)


def test_a_signature_is_of_one_key_and_one_message():
    signature = PRINCIPAL.sign(b"message")
    verify(PRINCIPAL.did, b"message", signature)
    for did, message, wrong in (
        (SERVER.did, b"message", signature),
        (PRINCIPAL.did, b"massage", signature),
        (PRINCIPAL.did, b"message", signature[:-1] + bytes([signature[-1] ^ 1])),
    ):
        with pytest.raises(IntegrityError):
            verify(did, message, wrong)
    for did, wrong in (
        ("did:web:example.org", signature),
        (PRINCIPAL.did, b"\xd0\x00" + signature),
    ):
        with pytest.raises(FormatError):
            verify(did, b"message", wrong)


def test_a_key_lives_in_a_file_of_its_own(tmp_path, monkeypatch):
    path = tmp_path / "keys" / "principal.key"
    PRINCIPAL.save(path)
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert Signer.from_file(path).did == PRINCIPAL.did
    with pytest.raises(ConfigError, match="never overwritten"):
        SERVER.save(path)
    monkeypatch.setenv(KEY_VARIABLE, path.read_text())
    assert Signer.from_env().did == PRINCIPAL.did
    monkeypatch.delenv(KEY_VARIABLE)
    assert Signer.from_env() is None
    path.chmod(0o644)
    with pytest.raises(ConfigError, match="chmod 600"):
        Signer.from_file(path)
    with pytest.raises(ConfigError, match="no key there"):
        Signer.from_file(tmp_path / "missing")


def text_of(secret=bytes([2]) * 32, public=None):
    public = public or did_bytes(Signer(secret).did)
    return "M" + base64.b64encode(b"\x80\x26" + secret + public).decode()


@pytest.mark.parametrize(
    "text", ["", "M", "x", text_of()[:-4], text_of(public=did_bytes(SERVER.did)), "M" + "é" * 20]
)
def test_what_is_no_key_is_refused_and_not_shown(text):
    with pytest.raises(ConfigError) as caught:
        Signer.from_text(text)
    shown = "".join(traceback.format_exception(caught.value))
    assert len(text) < 20 or text not in shown


def test_no_secret_is_shown_or_pickled(caplog):
    caplog.set_level(logging.DEBUG)
    secret = os.urandom(32)
    signer = Signer(secret)
    for shown in (
        repr(signer),
        str(signer),
        repr(invoke(signer, SERVER.did, Capability("a/b", "x:y"))),
    ):
        assert secret.hex() not in shown
        assert base64.b64encode(secret).decode()[:40] not in shown
    with pytest.raises(TypeError):
        pickle.dumps(signer)
    with pytest.raises(ConfigError):
        Signer(secret[:-1])


# ---------------------------------------------------------------------- delegations


def rights(**how):
    how = {"expires": NOW + 100} | how
    return delegate(SPACE, PRINCIPAL.did, [Capability("*", SPACE.did)], **how)


def test_a_delegation_comes_back_and_holds():
    made = rights(facts=[{"why": "test"}], nonce="1")
    read = Delegation.extract(made.archive())
    assert read == made
    read.check(NOW)
    assert read.allows("upload/add", SPACE.did)
    assert not read.allows("upload/add", PRINCIPAL.did)


def test_the_text_of_a_delegation_is_read(tmp_path):
    made = rights()
    archive = made.archive()
    inline = b"\x01" + varint(0x0202) + b"\0" + varint(len(archive)) + archive
    text = "m" + base64.b64encode(inline).decode().rstrip("=")
    assert Delegation.from_text(text) == made
    (tmp_path / "proof").write_text(text + "\n")
    assert Delegation.from_file(tmp_path / "proof") == made
    (tmp_path / "proof").write_bytes(archive)
    assert Delegation.from_file(tmp_path / "proof") == made
    for bad in ("m", "mAAAA", "x" + text[1:], text[:-8], "m" + text):
        with pytest.raises((FormatError, IntegrityError)):
            Delegation.from_text(bad)
    with pytest.raises(ConfigError, match="no delegation there"):
        Delegation.from_file(tmp_path / "missing")


@pytest.mark.parametrize(
    ("can", "asked", "allowed"),
    [
        ("*", "upload/add", True),
        ("upload/*", "upload/add", True),
        ("upload/*", "uploads/add", False),
        ("upload/add", "upload/add", True),
        ("upload/add", "upload/addition", False),
        ("space/*", "space/blob/add", True),
        ("space/blob/*", "space/index/add", False),
    ],
)
def test_an_ability_covers_those_below_it(can, asked, allowed):
    assert Capability(can, "did:x:y").allows(asked, "did:x:y") is allowed
    assert Capability(can, "ucan:*").allows(asked, "did:other:z") is allowed


def test_times_are_kept():
    made = rights(expires=NOW)
    made.check(NOW - 1)
    with pytest.raises(AccessDeniedError, match="expired at 2027-01-15"):
        made.check(NOW)
    rights(expires=None).check(NOW * 100)
    blocks = {}
    early = dict(ipld.get(made.blocks, made.link)) | {"nbf": NOW + 50, "exp": None}
    with pytest.raises(AccessDeniedError, match="counts from 2027-01-15"):
        Delegation.parse(ipld.put(blocks, early), blocks).check_times(NOW)


def test_a_chain_is_checked_to_its_root():
    proof = rights()
    given = access.share(PRINCIPAL, proof, SERVER.did, expires=NOW + 10)
    given.check(NOW)
    assert not given.allows("provider/add", SPACE.did)
    expired = access.share(PRINCIPAL, rights(expires=NOW - 1), SERVER.did, expires=NOW + 10)
    with pytest.raises(AccessDeniedError):
        expired.check(NOW)
    crossed = access.share(STRANGER, proof, SERVER.did, expires=NOW + 10)
    with pytest.raises(IntegrityError, match="addressed to"):
        crossed.check(NOW)


def test_a_chain_without_end_is_refused():
    link = rights(expires=None)
    for _ in range(20):
        link = delegate(SPACE, SPACE.did, [Capability("*", SPACE.did)], proofs=[link], expires=None)
    with pytest.raises((FormatError, IntegrityError)):
        link.check(NOW)


def test_a_proof_that_many_name_is_checked_once(monkeypatch):
    """Sixteen levels, each of which names the next one four times: 4**16 ways, 17 documents."""
    checked = []
    monkeypatch.setattr(
        "anacostia_blockchain.storage.web3storage.ucan.verify",
        lambda key, signed, signature: checked.append(signed) or verify(key, signed, signature),
    )
    link = rights(expires=None)
    capability = Capability("*", SPACE.did)
    for level in range(16):
        issuer = PRINCIPAL if level == 0 else SPACE
        link = delegate(issuer, SPACE.did, [capability], proofs=[link] * 4, expires=None)
    Delegation.extract(link.archive()).check(NOW)
    assert len(checked) == 17
    another = rights(expires=None, nonce="another")
    mixed = delegate(SPACE, SPACE.did, [capability], proofs=[link, another], expires=None)
    with pytest.raises((FormatError, IntegrityError), match=r"more than 16|addressed to"):
        mixed.check(NOW)


FIELDS = {
    "iss": did_bytes(SERVER.did),
    "aud": did_bytes(SERVER.did),
    "att": [{"can": "*", "with": SERVER.did}],
    "exp": NOW + 101,
    "nbf": NOW - 1,
    "nnc": "other",
    "fct": [{"more": 1}],
    "s": PRINCIPAL.sign(b""),
}


@pytest.mark.parametrize("field", list(FIELDS))
def test_every_field_is_signed(field):
    made = rights(nonce="one")
    blocks = {}
    altered = dict(ipld.get(made.blocks, made.link)) | {field: FIELDS[field]}
    with pytest.raises(IntegrityError, match="signature is not"):
        Delegation.parse(ipld.put(blocks, altered), blocks).check(NOW)


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("v", "0.8.1"),
        ("v", None),
        ("iss", b""),
        ("iss", "did:key:z"),
        ("aud", None),
        ("att", {}),
        ("att", ["x"]),
        ("att", [{"can": "x"}]),
        ("att", [{"can": "x", "with": "y:z"}]),
        ("att", [{"can": "x/y", "with": "z"}]),
        ("att", [{"can": "x/y", "with": "y:z", "nb": []}]),
        ("att", [{"can": "x/y", "with": "y:z", "more": 1}]),
        ("prf", ["bafy"]),
        ("exp", -1),
        ("exp", 2**60),
        ("exp", True),
        ("exp", "soon"),
        ("exp", 1.5),
        ("nbf", "x"),
        ("fct", [1]),
        ("nnc", 7),
        ("s", "x"),
        ("s", None),
        ("more", 1),
    ],
)
def test_what_is_no_ucan_is_refused(field, value):
    made = rights()
    blocks = {}
    altered = dict(ipld.get(made.blocks, made.link)) | {field: value}
    with pytest.raises(FormatError):
        Delegation.parse(ipld.put(blocks, altered), blocks)


def test_a_document_that_did_not_come_along_is_missed():
    made = rights()
    with pytest.raises(FormatError, match="not in the message"):
        Delegation.parse(made.link, {})
    with pytest.raises(FormatError):
        Delegation.extract(ipld.write_car(Link.to(b"x"), {}))


# ---------------------------------------------------------------------- receipts


TASK = invoke(PRINCIPAL, SERVER.did, Capability("upload/add", SPACE.did, {}))


def receipt(**changes):
    outcome = {
        "ran": TASK.link,
        "out": {"ok": {}},
        "fx": {"fork": []},
        "meta": {},
        "iss": SERVER.did,
        "prf": [],
    } | changes
    blocks = {}
    link = ipld.put(blocks, {"ocm": outcome, "sig": SERVER.sign(ipld.encode(outcome))})
    return messages.Receipt.parse(link, blocks)


def test_a_receipt_counts_for_its_task_and_signer():
    good = receipt()
    good.verify(TASK.link, SERVER.did, SERVER.did)
    assert good.ok() == {}
    with pytest.raises(IntegrityError, match="is about"):
        good.verify(Link.to(b"x"), SERVER.did, SERVER.did)
    with pytest.raises(IntegrityError, match="not from"):
        good.verify(TASK.link, PRINCIPAL.did, PRINCIPAL.did)
    with pytest.raises(IntegrityError, match="signature is not"):
        receipt(iss=PRINCIPAL.did).verify(TASK.link, PRINCIPAL.did, PRINCIPAL.did)


def test_a_service_may_sign_with_its_key_or_its_name():
    named = receipt(iss="did:web:example.org")
    named.verify(TASK.link, "did:web:example.org", SERVER.did)
    with pytest.raises(IntegrityError):
        named.verify(TASK.link, "did:web:example.org", PRINCIPAL.did)


@pytest.mark.parametrize(
    ("error", "kind"),
    [
        ({"name": "Unauthorized", "message": "no"}, AccessDeniedError),
        ({"name": "UploadNotFound", "message": "no"}, NotFoundError),
        ({"name": "InsufficientStorage"}, StoreFullError),
        ({"name": "HandlerExecutionError", "message": "boom\n\x1b[31m" + "x" * 9999}, StorageError),
        ({}, StorageError),
        ("text", StorageError),
        (None, StorageError),
    ],
)
def test_a_refusal_is_a_typed_error_in_the_services_words(error, kind):
    with pytest.raises(kind) as caught:
        receipt(out={"error": error}).ok()
    assert type(caught.value) is kind
    assert len(str(caught.value)) < 600
    assert "\x1b" not in str(caught.value)


@pytest.mark.parametrize(
    "changes",
    [
        {"out": {}},
        {"out": {"ok": {}, "error": {}}},
        {"out": []},
        {"ran": "x"},
        {"iss": None},
        {"iss": "me"},
        {"fx": None},
        {"fx": {"fork": {}}},
        {"fx": {"fork": ["x"]}},
    ],
)
def test_what_is_no_receipt_is_refused(changes):
    with pytest.raises(FormatError):
        receipt(**changes)
    with pytest.raises(FormatError):
        receipt(out={"ok": "not an object"}).ok()


def test_an_answer_about_something_else_is_refused():
    blocks = {}
    for body in ({}, {"report": {}}, {"report": {str(TASK.link): "x"}}, []):
        root = ipld.put(blocks, {"ucanto/message@7.0.0": body})
        with pytest.raises(FormatError, match="not about the task"):
            messages.read_receipt(ipld.write_car(root, blocks), TASK.link)


# ---------------------------------------------------------------------- shards and indexes


def blocks_of(data):
    found = {}
    root = import_stream(io.BytesIO(data), found.__setitem__).cid
    return root, found


def test_shards_hold_every_block_where_the_index_says():
    root, found = blocks_of(os.urandom(3_500_000))
    made = list(shards.cut(dag.blocks(found.__getitem__, root), limit=2_200_000))
    assert len(made) == 2
    assert sum(len(shard.blocks) for shard in made) == len(found)
    assert sum(shard.content for shard in made) == 3_500_000
    for shard in made:
        data = b"".join(shard.read(found.__getitem__))
        assert len(data) == shard.size <= 2_200_000
        assert Link.of_digest(shard.digest, ipld.CAR) == Link.to(data, ipld.CAR)
        for digest, (offset, size) in shard.slices.items():
            assert CID.of(data[offset : offset + size]).digest == digest
    index = shards.Index(Link(root.bytes), {shard.digest: shard.slices for shard in made})
    assert shards.Index.read(index.write()) == index
    again = list(shards.cut(dag.blocks(found.__getitem__, root), limit=2_200_000))
    assert again == made


MH = b"\x12\x20" + bytes(32)


@pytest.mark.parametrize(
    "shard",
    [
        [],
        [MH],
        [MH, {}],
        [b"", []],
        [MH, [[MH]]],
        [MH, [[b"", [0, 1]]]],
        [MH, [[MH[:-1] + b"1", [0]]]],
        [MH, [[MH[:-1] + b"1", [-1, 1]]]],
        [MH, [[MH[:-1] + b"1", [0, 1 << 40]]]],
        [MH, [[MH[:-1] + b"1", "x"]]],
    ],
)
def test_what_is_no_index_is_refused(shard):
    blocks = {}
    body = {"content": Link.to(b"x"), "shards": [ipld.put(blocks, shard)]}
    with pytest.raises(FormatError):
        shards.Index.read(ipld.write_car(ipld.put(blocks, {"index/sharded/dag@0.1": body}), blocks))


@pytest.mark.parametrize("body", [[], {}, {"content": Link.to(b"x")}, {"content": 1, "shards": []}])
def test_what_is_no_index_at_all_is_refused(body):
    blocks = {}
    root = ipld.put(blocks, {"index/sharded/dag@0.1": body})
    with pytest.raises(FormatError):
        shards.Index.read(ipld.write_car(root, blocks))


def location(**caveats):
    return delegate(
        SERVER, SPACE.did, [Capability("assert/location", SERVER.did, caveats)], expires=None
    )


def test_a_location_is_of_the_blob_that_was_asked_for():
    urls = ["https://example.org/1", "https://example.org/2"]
    for content in ({"digest": MH}, MH, Link(b"\x01\x55" + MH)):
        assert locations_of(location(content=content, location=urls), bytes(32)) == urls
    with pytest.raises(IntegrityError, match="another blob"):
        locations_of(location(content={"digest": MH}, location=urls), b"\1" * 32)
    for wrong in (
        {"content": {"digest": MH}, "location": []},
        {"content": {"digest": MH}, "location": [7]},
        {"content": {"digest": MH}},
        {"content": "x", "location": urls},
        {"location": urls},
    ):
        with pytest.raises(FormatError):
            locations_of(location(**wrong), bytes(32))


def test_names_are_kept_for_each_space(tmp_path):
    one, two = (Names(tmp_path / "names.db", space) for space in ("did:a:1", "did:b:2"))
    cid = CID.of(b"")
    assert one.of(cid) == [""]
    one.add(cid, "b")
    one.add(cid, "a")
    one.add(cid, "a")
    assert (one.of(cid), two.of(cid)) == (["a", "b"], [""])
    one.drop(cid, "a")
    assert one.of(cid) == ["b"]
    one.drop(cid, None)
    assert one.of(cid) == [""]


@pytest.mark.parametrize(
    ("email", "did"),
    [
        ("me@example.org", "did:mailto:example.org:me"),
        ("a+b@example.org", "did:mailto:example.org:a%2Bb"),
    ],
)
def test_an_email_address_has_a_did(email, did):
    assert access.account_of(email) == did
    for bad in ("", "me", "@example.org", "me@", "a b@example.org", "me@example.org:x"):
        with pytest.raises(ConfigError):
            access.account_of(bad)


def test_a_service_on_the_internet_cannot_send_us_into_our_own_network(monkeypatch):
    """Neither with an address nor with a redirection."""
    asked = []

    def answer(_transport, request):
        asked.append(str(request.url))
        return httpx.Response(302, headers={"location": "http://127.0.0.1:9/secret"})

    monkeypatch.setattr(httpx.HTTPTransport, "handle_request", answer)
    service = Service("http://93.184.215.14", SERVER.did, gateway="http://10.0.0.7:8080")
    connection = Connection(service, PRINCIPAL)
    for url in ("http://127.0.0.1:9/x", "http://10.0.0.8/x", "http://[::1]/", "http://169.254.1.1"):
        with pytest.raises(StorageError, match="private network"):
            connection.request("PUT", url, content=b"x")
    assert asked == []
    for url in ("http://10.0.0.7:8080/ipfs/x", "http://93.184.215.15/blob"):
        with pytest.raises(StorageError, match="private network"):
            connection.request("GET", url)
        assert asked.pop() == url
    with pytest.raises(StoreUnavailableError, match="no http"):
        connection.request("GET", "file:///etc/passwd")
