"""`anacostia attest` and `anacostia promote`, typed by an owner, two reviewers and an evaluator."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner

from anacostia_blockchain.cli import cli
from anacostia_blockchain.errors import ConfigError, ContractRevertedError, FormatError
from anacostia_blockchain.promotion.envelope import open_envelope
from anacostia_blockchain.promotion.statement import Evaluation
from anacostia_blockchain.testing import LocalChain, dev_key
from promoted import DATASET, People

pytestmark = pytest.mark.integration

OWNER, REVIEWER, SECOND, EVALUATOR = range(4)
ROOT = "0x" + DATASET.hex()


@pytest.fixture(scope="module")
def chain() -> Iterator[LocalChain]:
    with LocalChain() as local:
        yield local


@pytest.fixture
def people(chain: LocalChain, tmp_path: Path) -> People:
    return People(chain, tmp_path)


@pytest.fixture
def run(
    chain: LocalChain, people: People, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> Callable[..., Any]:
    """Runs a command of somebody's; returns what it says as data, or as text."""
    monkeypatch.setenv("COLUMNS", "200")
    people.owner.deployment.save(tmp_path / "deployments")

    def run(who: int, *arguments: object, code: int = 0, as_json: bool = True) -> Any:
        monkeypatch.setenv("ANACOSTIA_PRIVATE_KEY", dev_key(who))
        common = ["--chain", chain.rpc_url, "--home", str(tmp_path)]
        common += ["--json"] if as_json else []
        result = CliRunner().invoke(cli, [*common, *map(str, arguments)], catch_exceptions=False)
        assert result.exit_code == code, result.output + result.stderr
        return json.loads(result.stdout) if as_json and code != 2 else result.output

    return run


@pytest.fixture
def version(people: People, request: pytest.FixtureRequest) -> str:
    people.publish(request.node.name, text=b"first", aliases=["champion"])
    return people.publish(request.node.name, text=b"second")


def test_a_promotion(run: Callable[..., Any], people: People, version: str, tmp_path: Path) -> None:
    accounts = ["--reviewer", people.reviewer.address, "--reviewer", people.second.address]
    accounts += ["--evaluator", people.evaluator.address, "--dataset", ROOT, "--floor", "0.9"]
    model = version.partition("@")[0]
    set_ = run(OWNER, "promote", "policy", model, "champion", "--preset", "reviewed", *accounts)
    assert set_["announced"] is False
    shown = run(EVALUATOR, "promote", "policy", model, "champion")
    assert [r["subject"] for r in shown["requirements"]] == ["reviewer", "accuracy"]
    text = run(EVALUATOR, "promote", "policy", model, "champion", as_json=False)
    assert "2 of 2 approve as reviewer" in text
    assert "1 of 1 attest 0.9 <= accuracy" in text

    status = run(OWNER, "promote", "status", version, "champion", code=1)
    assert [c["met"] for c in status["conditions"]] == [False, False, True]
    uid = run(REVIEWER, "attest", "approve", version)["uid"]
    assert run(OWNER, "attest", "verify", uid)["passed"]

    # The second reviewer has no coin: the owner sends what she signs.
    signed = tmp_path / "approval.json"
    run(SECOND, "attest", "approve", version, "--sign-only", signed)
    run(OWNER, "attest", "send", signed)
    with people.evaluator.runs.start("evaluate") as logged:
        logged.log_metrics(accuracy=0.95)
    evaluated = tmp_path / "evaluation.json"
    run(EVALUATOR, "attest", "evaluation", version, "accuracy", "--dataset", ROOT,
        "--run", logged.run_id, "--sign-only", evaluated)  # fmt: skip
    uid = run(OWNER, "attest", "send", evaluated)["uid"]
    envelope = run(OWNER, "attest", "envelope", uid, as_json=False)
    statement, signer = open_envelope(envelope.encode())
    assert signer == people.evaluator.address
    assert str(Evaluation.parse(statement).value) == "0.95"
    said = run(OWNER, "attest", "list", version)
    assert sorted(a["subject"] for a in said) == ["accuracy", "reviewer", "reviewer"]
    assert "0.95" in run(OWNER, "attest", "list", version, as_json=False)

    proposed = run(OWNER, "promote", "propose", version, "champion")
    text = run(OWNER, "promote", "status", version, "champion", as_json=False)
    assert "FAIL" not in text
    assert proposed["proposer"] in text
    with pytest.raises(ContractRevertedError, match="TooEarly"):
        run(OWNER, "promote", "execute", version, "champion")
    people.pass_time(86_400)
    assert run(OWNER, "promote", "execute", version, "champion")["version"] == 2
    assert run(OWNER, "promote", "rollback", model, "champion")["version"] == 1
    assert run(OWNER, "promote", "rollback", model, "champion", "--to", "0")["version"] == 0
    history = run(OWNER, "promote", "status", version, "champion")["history"]
    assert [e["what"] for e in history][-2:] == ["rolled back", "rolled back"]


def test_a_shadow_is_cancelled_and_released(
    run: Callable[..., Any], people: People, version: str
) -> None:
    shadow = ["promote", "policy", version, "champion", "--preset", "shadow"]
    run(OWNER, *shadow, "--notice", "2d")
    run(OWNER, "promote", "propose", version, "champion")
    assert len(run(OWNER, "promote", "cancel", version, "champion")) == 1
    announced = run(OWNER, *shadow, "--delay", "1h", "--notice", "2d")
    assert announced["announced"] is True
    text = run(OWNER, "promote", "release", version, "champion", as_json=False)
    assert "say the same again from" in text
    people.pass_time(2 * 86_400)
    assert run(OWNER, "promote", "release", version, "champion")["announced"] is False


def test_bad_input_is_refused(
    run: Callable[..., Any], people: People, version: str, tmp_path: Path
) -> None:
    asked = ["attest", "evaluation", version, "accuracy", "--dataset", ROOT]
    for wrong in ([], ["--value", "1"], ["--measured"], ["--run", "0", "--value", "1"]):
        assert "say --run, or --value with --measured" in run(EVALUATOR, *asked, *wrong, code=2)
    with pytest.raises(ConfigError, match="is no attestation's id"):
        run(OWNER, "attest", "verify", "0x12")
    with pytest.raises(ConfigError, match="is no account"):
        run(OWNER, "promote", "policy", version, "champion", "--preset", "reviewed",
            "--reviewer", "0x12")  # fmt: skip
    (tmp_path / "bad.json").write_text("{}")
    with pytest.raises(FormatError, match="signed attestation"):
        run(OWNER, "attest", "send", tmp_path / "bad.json")
    uid = run(EVALUATOR, *asked, "--value", "0.5", "--measured")["uid"]
    run(EVALUATOR, "attest", "revoke", uid)
    assert run(OWNER, "attest", "verify", uid, code=1)["passed"] is False
