"""What is signed for the attestation service: against another library's EIP-712."""

from __future__ import annotations

import pytest
from eth_account.messages import encode_typed_data

from anacostia_blockchain.contracts.eas_forms import (
    DOMAIN_VERSIONS,
    FORMS,
    domain_of,
    form_of,
    typed_data,
)
from anacostia_blockchain.errors import VersionMismatchError

SERVICE = "0x4200000000000000000000000000000000000021"
VALUES = {
    "attester": SERVICE,
    "revoker": SERVICE,
    "schema": bytes(32),
    "recipient": SERVICE,
    "expirationTime": 1,
    "revocable": True,
    "refUID": bytes(32),
    "data": b"x",
    "uid": bytes(32),
    "value": 0,
    "nonce": 3,
    "deadline": 7,
}


@pytest.mark.parametrize("version", DOMAIN_VERSIONS)
def test_a_domain_is_known_by_its_separator(version: str) -> None:
    """Not by what the contract calls its version: rollups have put their own in its place."""
    domain = {"name": "EAS", "version": version, "chainId": 8453, "verifyingContract": SERVICE}
    types, message = typed_data(FORMS[0].attest, VALUES)
    separator = encode_typed_data(domain, types, message).header
    assert domain_of(separator, 8453, SERVICE, DOMAIN_VERSIONS) == domain
    with pytest.raises(VersionMismatchError, match="a domain that is not known here"):
        domain_of(separator, 1, SERVICE, DOMAIN_VERSIONS)


# As the contracts of 0.26 and of 1.4 state them.
HASHES = (
    "feb2925a02bae3dae48d424a0437a2b6ac939aa9230ddc55a1a76f065d988076",
    "dbfdf8dc2b135c26253e00d5b6cbe6f20457e003fd526d97cea183883570de61",
)


def test_a_form_is_known_by_its_type_hash() -> None:
    assert [form_of(bytes.fromhex(text), SERVICE) for text in HASHES] == list(FORMS)
    with pytest.raises(VersionMismatchError, match=r"\(1\.3 and later, 0\.26 to 1\.0\)"):
        form_of(b"\1" * 32, SERVICE)


@pytest.mark.parametrize("form", FORMS)
def test_nothing_is_signed_that_the_type_has_not(form) -> None:
    for text in (form.attest, form.revoke):
        _types, message = typed_data(text, VALUES)
        assert ("deadline" in message) is form.dated
        assert message["nonce"] == 3
