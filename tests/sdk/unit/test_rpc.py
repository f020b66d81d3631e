"""What an endpoint says is shown without what of its URL nobody may read."""

from __future__ import annotations

import pytest

from anacostia_blockchain.chain.rpc import Rpc

KEY = "9aa3d95b3bc440fa88ea12eaa4456161"


@pytest.mark.parametrize(
    "url",
    [
        f"https://host.example/v3/{KEY}",
        f"https://host.example/{KEY}/mainnet",
        f"https://host.example/rpc?apikey={KEY}",
        f"https://host.example/rpc?network=main&{KEY}",
        f"https://host.example/rpc?network=main&apikey={KEY}#main",
        f"https://{KEY}@host.example/",
        f"https://name:{KEY}@host.example/",
    ],
)
def test_a_key_wherever_it_stands(url):
    rpc = Rpc(url)
    for said in (f"unknown project ID: {KEY}", f"GET {url} is refused"):
        assert KEY not in rpc.scrubbed(said)
    assert rpc.scrubbed(f"unknown project ID: {KEY}") == "unknown project ID: …"


@pytest.mark.parametrize("written", ["s%65cret+%2Fkey", "s%65cret%20%2Fkey"])
@pytest.mark.parametrize("place", ["{}", "v1?key={}", "v1?a=b&key={}&c=d"])
def test_a_key_as_it_is_meant(written, place):
    """A server tells it as it has read it."""
    rpc = Rpc("https://host.example/" + place.format(written))
    meant = "secret+/key" if "?" not in place and "+" in written else "secret /key"
    assert rpc.scrubbed(f"{meant} is unknown") == "… is unknown"
    assert rpc.scrubbed(f"{written} is unknown") == "… is unknown"


def test_words_that_a_message_needs():
    """Neither the network's name nor what is short is a key."""
    said = "eth_call is not supported on mainnet by v3"
    assert Rpc(f"https://host.example/v3/mainnet/{KEY}").scrubbed(said) == said
