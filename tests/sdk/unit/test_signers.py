"""Signers: the bytes that everyone else signs, and a key that nothing shows."""

from __future__ import annotations

import copy
import json
import logging
import pickle
import traceback

import pytest
from eth_account import Account
from eth_account.messages import encode_typed_data
from hypothesis import given, settings
from hypothesis import strategies as st

from anacostia_blockchain.chain import (
    KeylessSigner,
    PrivateKeySigner,
    keystore_signer,
    signer_from_env,
)
from anacostia_blockchain.errors import ConfigError

KEY = bytes.fromhex("4c0883a69102937d6231471b5dbb6204fe5129617082792ae468d01a3f362318")
ADDRESS = "0x2c7536E3605D9C16a7a3D7b1898e529396a65c23"  # of that key, by web3.py's documentation

KEYS = st.binary(min_size=32, max_size=32).filter(lambda k: 0 < int.from_bytes(k, "big") < 2**255)
TRANSACTIONS = st.fixed_dictionaries(
    {
        "type": st.just(2),
        "chainId": st.integers(1, 2**53),
        "nonce": st.integers(0, 2**40),
        "to": st.just("0x000000000000000000000000000000000000dEaD"),
        "value": st.integers(0, 2**128),
        "data": st.binary(max_size=100),
        "gas": st.integers(21_000, 30_000_000),
        "maxFeePerGas": st.integers(0, 2**60),
        "maxPriorityFeePerGas": st.integers(0, 2**60),
    }
)
DOMAIN = {"name": "Anacostia ModelRegistry", "version": "1", "chainId": 1}
TYPES = {"Publish": [{"name": "modelId", "type": "uint64"}, {"name": "nonce", "type": "uint256"}]}


def test_the_address_is_the_keys():
    assert PrivateKeySigner(KEY).address == ADDRESS
    assert PrivateKeySigner("0x" + KEY.hex()).address == ADDRESS
    assert PrivateKeySigner(f" {KEY.hex()}\n").address == ADDRESS


@settings(max_examples=60)
@given(KEYS, TRANSACTIONS)
def test_transactions_are_signed_as_eth_account_signs_them(key, transaction):
    """Byte for byte; both use RFC 6979 nonces."""
    expected = Account.sign_transaction(transaction, key).raw_transaction
    assert PrivateKeySigner(key).sign_transaction(transaction) == bytes(expected)


@settings(max_examples=10)
@given(KEYS, st.integers(0, 2**64 - 1), st.integers(0, 2**256 - 1))
def test_typed_data_is_signed_by_the_address(key, model_id, nonce):
    signer = PrivateKeySigner(key)
    message = {"modelId": model_id, "nonce": nonce}
    signature = signer.sign_typed_data(DOMAIN, TYPES, message)
    signable = encode_typed_data(DOMAIN, TYPES, message)
    assert Account.recover_message(signable, signature=signature) == signer.address


def forms_of(key: bytes) -> list[str]:
    """How a key could show."""
    return [key.hex(), str(int.from_bytes(key, "big")), repr(key), repr(list(key))]


def shows(text: str) -> bool:
    return any(form in text for form in forms_of(KEY))


def test_a_signer_shows_its_address_and_no_key(caplog):
    signer = PrivateKeySigner(KEY)
    logging.getLogger("test").warning("signing with %s %r", signer, signer)
    for text in (repr(signer), str(signer), f"{signer}", caplog.text):
        assert ADDRESS in text
        assert not shows(text)


@pytest.mark.parametrize("write", [pickle.dumps, copy.copy, copy.deepcopy])
def test_a_signer_is_not_written_or_copied(write):
    with pytest.raises(TypeError, match="not written anywhere"):
        write(PrivateKeySigner(KEY))


@pytest.mark.parametrize(
    "key",
    [KEY[:31], KEY + b"\0", KEY.hex()[:-1], "0x" + KEY.hex() + "ab", KEY.hex()[:-1] + "g", b"", ""],
)
def test_what_is_no_key_is_refused_and_not_shown(key):
    """Not even by a traceback with the variables of every frame, as error reporters make it."""
    with pytest.raises(ConfigError, match="not 32 bytes") as caught:
        PrivateKeySigner(key)
    frames = traceback.TracebackException.from_exception(caught.value, capture_locals=True)
    ours = [f for f in frames.stack if f.filename.endswith("chain/signers.py")]
    assert ours
    for frame in ours:
        shown = " ".join((frame.locals or {}).values())
        assert KEY.hex()[:60] not in shown
        assert repr(KEY)[2:40] not in shown
    assert caught.value.__cause__ is None


def test_zero_and_the_order_of_the_curve_are_no_keys():
    order = 0xFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFEBAAEDCE6AF48A03BBFD25E8CD0364141
    for number in (0, order, 2**256 - 1):
        with pytest.raises(ConfigError):
            PrivateKeySigner(number.to_bytes(32, "big"))


def test_a_keystore_opens_with_its_password(tmp_path):
    path = tmp_path / "account.json"
    path.write_text(json.dumps(Account.encrypt(KEY, "open sesame", kdf="pbkdf2", iterations=2)))
    assert keystore_signer(path, lambda: "open sesame").address == ADDRESS
    with pytest.raises(ConfigError, match="check the path and the password") as caught:
        keystore_signer(path, lambda: "open barley")
    assert "barley" not in str(caught.value)
    assert caught.value.__context__ is None


@pytest.mark.parametrize("text", ["", "{}", "[]", "no json", '{"version": 3, "crypto": {}}'])
def test_a_file_that_is_no_keystore(tmp_path, text):
    path = tmp_path / "account.json"
    path.write_text(text)
    with pytest.raises(ConfigError, match="cannot be opened"):
        keystore_signer(path, lambda: "password")


def test_the_environment(monkeypatch):
    monkeypatch.delenv("ANACOSTIA_PRIVATE_KEY", raising=False)
    assert signer_from_env() is None
    monkeypatch.setenv("ANACOSTIA_PRIVATE_KEY", KEY.hex())
    signer = signer_from_env()
    assert signer is not None
    assert signer.address == ADDRESS
    monkeypatch.setenv("ANACOSTIA_PRIVATE_KEY", KEY.hex()[:-2])
    with pytest.raises(ConfigError) as caught:
        signer_from_env()
    assert KEY.hex()[:60] not in str(caught.value)


def test_an_account_without_its_key_signs_nothing():
    signer = KeylessSigner(ADDRESS.lower())
    assert signer.address == ADDRESS
    with pytest.raises(ConfigError, match="anacostia anchor"):
        signer.sign_transaction({})
    with pytest.raises(ConfigError, match="anacostia anchor"):
        signer.sign_typed_data({}, {}, {})
    with pytest.raises(ConfigError, match="no address"):
        KeylessSigner("0x12")
