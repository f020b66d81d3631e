"""Prices on a project's own chain, by the command line alone."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner

from anacostia_blockchain import connect, local_prices
from anacostia_blockchain.cli import cli
from anacostia_blockchain.errors import ConfigError
from anacostia_blockchain.licensing.terms import preset

pytestmark = pytest.mark.integration

WEI = 10**18


@pytest.fixture
def home(tmp_path: Path) -> Path:
    return tmp_path / "home"


@pytest.fixture
def run(home: Path) -> Iterator[Callable[..., Any]]:
    def run(*arguments: str) -> Any:
        common = ["--home", str(home), "--json"]
        result = CliRunner().invoke(cli, [*common, *arguments], catch_exceptions=False)
        assert result.exit_code == 0, result.output
        return json.loads(result.stdout)

    yield run
    run("down")


def test_prices_on_a_local_chain(run: Callable[..., Any], home: Path, tmp_path: Path) -> None:
    bare = run("up")["contracts"]
    with pytest.raises(ConfigError, match="run `anacostia up --prices`"):
        _ = connect("local", home=home).prices
    contracts = run("up", "--prices")["contracts"]
    assert contracts.keys() - bare.keys() == {
        "UsdFeeds",
        "MetricReceiver",
        "AttestedMetrics",
        "ModelPricing",
    }
    assert all(check["passed"] for check in run("prices", "doctor"))

    (tmp_path / "model").mkdir()
    (tmp_path / "model" / "weights").write_bytes(b"weights")
    connect("local", home=home).models.publish(tmp_path / "model", "digits")
    run("prices", "set", "digits", "--fixed", "30", "--terms", "commercial-use", "--share", "0.5")
    offer = run("licenses", "offer", "digits", "commercial-use", "--pricing", "usd")
    assert bytes.fromhex(offer["terms_id"][2:]) == preset("commercial-use").id
    hub = connect("local", home=home)
    assert hub.licenses.quote("digits") == 15 * WEI // 3000
    run("licenses", "buy", "digits", "--max-pay", "0.005")

    # What was put there stays, whatever is started again.
    run("down")
    assert run("up")["contracts"] == contracts
    assert run("up", "--prices", "--eth-usd", "1500")["contracts"] == contracts
    run("prices", "set", "digits", "--fixed", "30", "--terms", "model")
    run("market", "list", "digits", "--pricing", "usd")
    hub = connect("local", home=home)
    assert hub.market.quote("digits") == 30 * WEI // 1500
    assert run("up", "--prices")["contracts"] == contracts
    assert hub.usd_feeds.answer_of(local_prices.NATIVE)[0] == Decimal(1500)


def test_without_a_checkout(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(local_prices, "__file__", str(tmp_path / "site-packages" / "x.py"))
    local_prices._artifact.cache_clear()
    with pytest.raises(ConfigError, match=r"run this in a checkout .* such as base-sepolia"):
        local_prices.network()
    local_prices._artifact.cache_clear()
