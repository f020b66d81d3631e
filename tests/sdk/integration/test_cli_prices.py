"""`anacostia prices`, against a real chain with others' real contracts."""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from datetime import datetime, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from anacostia_blockchain.content.cid import CID
from anacostia_blockchain.errors import ConfigError, ContractRevertedError
from anacostia_blockchain.prices.values import Basis
from priced import Setting

pytestmark = pytest.mark.integration


def test_command_line(setting: Setting, anacostia: Callable[..., Any], tmp_path: Path) -> None:
    model, source = setting.model, setting.source.hex()
    curve = [f"--point={point}" for point in ("0.5:50", "0.9:100", "0.99:400")]
    rules = ["--metric", "accuracy", "--source", source, "--base", "100", "--cooldown", "1h"]
    now = anacostia("prices", "set", model, *curve, *rules, "--terms", "model", "--share", "2")
    assert (now["price"], now["basis"]) == ("100", "base")
    moves = anacostia("prices", "simulate", model, "0.99", "0.99")
    assert [move["price"] for move in moves] == ["110", "121"]
    setting.pass_(3600)
    assert setting.report(value=990_000) == ""
    assert anacostia("prices", "sync", model) == {"moved": True, "price": "110"}
    assert anacostia("prices", "sync", model) == {"moved": False, "price": None}
    picture = tmp_path / "price.svg"
    shown = anacostia("prices", "show", model, "--picture", picture)
    assert shown["basis"] == "followed"
    assert [change["kind"] for change in shown["history"]] == ["set", "synced"]
    assert picture.stat().st_size > 10_000
    assert anacostia("prices", "set", model, "--fixed", "19.90")["price"] == "19.9"


@pytest.mark.parametrize(
    "arguments",
    [
        ("--fixed", "1", "--point", "0:1"),
        (),
        ("--fixed", "1", "--cooldown", "1 week"),
    ],
)
def test_command_line_refuses_wrong_usage(
    anacostia: Callable[..., Any], setting: Setting, arguments: tuple[str, ...]
) -> None:
    anacostia("prices", "set", setting.model, *arguments, code=2)


@pytest.mark.parametrize(
    ("arguments", "why"),
    [
        (("--point", "0.9:1", "--point", "0.5:2", "--metric", "a"), "--source is 32 bytes"),
        (("--point", "x:1", "--point", "0.5:2"), "is no number"),
        (("--point", "0.9", "--point", "0.5:2"), "write metric:price"),
    ],
)
def test_command_line_says_what_is_wrong(
    anacostia: Callable[..., Any], setting: Setting, arguments: tuple[str, ...], why: str
) -> None:
    with pytest.raises(ConfigError, match=why):
        anacostia("prices", "set", setting.model, *arguments)


def test_by_hand(setting: Setting, anacostia: Callable[..., Any]) -> None:
    model, hub = setting.model, setting.hub
    curve = [f"--point={point}" for point in ("0.5:50", "0.9:100", "0.99:400")]
    rules = ["--metric", "accuracy", "--source", setting.source.hex(), "--base", "100"]
    anacostia("prices", "set", model, *curve, *rules)
    set_ = anacostia("prices", "manual", model, "70.5", "--for", "12h")
    assert (set_["price"], hub.prices.get(model).price) == ("70.5", Decimal("70.5"))
    start, until = (datetime.fromisoformat(set_[key]) for key in ("from", "until"))
    assert timedelta(hours=11, minutes=59) < until - start <= timedelta(hours=12)
    with pytest.raises(ContractRevertedError, match="ModelPricing_PriceOutOfBounds"):
        anacostia("prices", "manual", model, "1")
    with pytest.raises(ContractRevertedError, match="ModelPricing_DurationOutOfRange"):
        anacostia("prices", "manual", model, "60", "--for", "31d")
    anacostia("prices", "manual", model, "--end")
    assert hub.prices.get(model).basis == Basis.BASE
    with pytest.raises(ContractRevertedError, match="ModelPricing_NoManualPrice"):
        anacostia("prices", "manual", model, "--end")
    anacostia("prices", "manual", model, code=2)
    anacostia("prices", "manual", model, "70", "--end", code=2)


def test_stop_and_resume(setting: Setting, anacostia: Callable[..., Any]) -> None:
    model = setting.model
    anacostia("prices", "set", model, "--fixed", "19.90")
    assert anacostia("prices", "stop", model) == {"model": str(model), "stopped": True}
    shown = anacostia("prices", "show", model)
    assert (shown["price"], shown["basis"]) == (None, "stopped")
    with pytest.raises(ContractRevertedError, match="ModelPricing_AlreadySo"):
        anacostia("prices", "stop", model)
    assert anacostia("prices", "resume", model)["stopped"] is False
    assert anacostia("prices", "show", model)["price"] == "19.9"
    with pytest.raises(ConfigError, match="is fixed: it follows no source"):
        anacostia("prices", "source", "show", model)


def test_a_source_of_reports(setting: Setting, anacostia: Callable[..., Any]) -> None:
    oracles, receiver = setting.oracles, setting.hub.metric_receiver
    workflow = ["--workflow", oracles.workflow_id.hex(), "--salt", "05" * 32]
    opened = anacostia("prices", "source", "open", *workflow, "--delay", "2h")
    source = bytes.fromhex(opened["source"][2:])
    assert receiver.source_of(source).delay == timedelta(hours=2)
    assert opened["contract"] == receiver.address
    named = ["--owner", oracles.owner, "--name", oracles.workflow, "--salt", "06" * 32]
    assert anacostia("prices", "source", "open", *named)["source"] != opened["source"]
    anacostia("prices", "source", "open", *workflow, *named, code=2)
    anacostia("prices", "source", "open", "--owner", oracles.owner, code=2)
    anacostia("prices", "source", "open", *workflow, "--delay", "soon", code=2)


def test_a_source_of_attestations(setting: Setting, anacostia: Callable[..., Any]) -> None:
    setting, service = setting.attestations()
    hub, model, dataset = setting.hub, setting.model, hashlib.sha256(b"dataset").digest()
    hub.deployment.save(hub.home / "deployments")
    trusted = (service.sender, CID(0x70, dataset))
    source = anacostia("prices", "source", "attested", *trusted)
    assert source["contract"] == hub.attested_metrics.address
    curve = [f"--point={point}" for point in ("0.5:50", "0.9:100", "0.99:400")]
    rules = ["--metric", "accuracy", "--base", "100", "--evaluator", service.sender]
    anacostia("prices", "set", model, *curve, *rules, code=2)
    rules += ["--dataset", "0x" + dataset.hex()]
    anacostia("prices", "set", model, *curve, *rules, "--source", "00" * 32, code=2)
    anacostia("prices", "set", model, *curve, *rules)
    shown = anacostia("prices", "source", "show", model)
    assert (shown["source"], shown["served"]) == (source["source"], False)
    assert shown["refused"] == "AttestedMetrics_NoMetric"
    setting.pass_(3600)

    uid = setting.attest(service, dataset, 990_000)
    anacostia("prices", "source", "present", "0x" + uid.hex())
    shown = anacostia("prices", "source", "show", model)
    assert (shown["served"], shown["newest"]["value"]) == (True, "0.99")
    assert anacostia("prices", "sync", model)["price"] == "110"
    with pytest.raises(ContractRevertedError, match="AttestedMetrics_StaleAttestation"):
        anacostia("prices", "source", "present", uid.hex())
    setting.revoke(service, uid)
    assert anacostia("prices", "source", "show", model)["refused"] == "AttestedMetrics_Revoked"
    assert anacostia("prices", "show", model)["refused"] == "AttestedMetrics_Revoked"
    with pytest.raises(ContractRevertedError, match="AttestedMetrics_UnknownAttestation"):
        anacostia("prices", "source", "present", "77" * 32)


@pytest.mark.parametrize("dataset", ["0x1234", "0xzz", b"short"])
def test_what_is_no_dataset(setting: Setting, dataset: str | bytes) -> None:
    with pytest.raises(ConfigError, match="digest"):
        setting.attestations()[0].hub.prices.attested_source(setting.hub.address, dataset)
