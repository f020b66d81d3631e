"""Evidence about a model: complete, the same each time, verified offline, and not forged."""

import json
import os
import subprocess
import sys
from datetime import timedelta
from html.parser import HTMLParser

import pytest
from click.testing import CliRunner

from anacostia_blockchain.cli import cli
from anacostia_blockchain.errors import ConfigError, FormatError, IntegrityError, NotFoundError
from anacostia_blockchain.evidence.check import verify_evidence
from anacostia_blockchain.evidence.collect import write_evidence
from anacostia_blockchain.promotion.values import Policy
from anchored import anchor, described
from archived import CHECKS, failed, hashes, lines, members, replacing, rewritten

pytestmark = pytest.mark.integration


def test_evidence_is_complete_and_verifies_offline(hub, story, evidence):
    path, index, trusted = evidence
    report = verify_evidence(path, block_hashes=trusted)
    assert report.passed, failed(report)
    assert [check.name for check in report.checks] == CHECKS
    assert index["subject"]["id"] == hub.caip19(hub.models.get(story).model_id)
    versions = lines(path, "versions.jsonl")
    assert [one["status"] for one in versions] == ["deprecated", "revoked", "published"]
    assert versions[1]["reason"] == "defective"
    data = hub.models.get(f"{story}-data").model_id
    assert versions[0]["tainted_by"] == f"{data}@1"
    assert versions[1]["tainted_by"] == f"{index['subject']['model_id']}@2"
    assert versions[2]["tainted_by"] is None
    assert versions[0]["parents"] == [{"model_id": data, "version": 1, "relation": "trained_on"}]
    (alias,) = lines(path, "aliases.jsonl")
    assert [move["version"] for move in alias["moves"]] == [1, 2, 3]
    told = lines(path, "documents.jsonl")
    assert told[0]["licence"] == "apache-2.0"
    assert told[0]["attributes"] == {"accuracy": 0.93}
    assert [one["version"] for one in lines(path, "runs.jsonl")] == [1, 3]
    assert [one["change"] for one in lines(path, "sections/revocations.jsonl")] == [
        "deprecated",
        "revoked",
    ]
    assert [one["owner"] for one in lines(path, "sections/owners.jsonl")] == [hub.address]


def test_an_older_run_is_led_to_the_newest_head(evidence):
    """By the proofs that were sent to the contract: no state of an older block is needed."""
    path, index, _ = evidence
    (log,) = index["logs"]
    heads = lines(path, f"heads/{log['log_id'][2:]}.jsonl")
    assert [one["size"] for one in heads] == [3, 4]
    assert [one["proof"]["size"] for one in lines(path, "runs.jsonl")] == [3, 4]


def test_the_same_state_gives_the_same_bytes(hub, story, evidence, tmp_path):
    path, index, _ = evidence
    hub.chain.rpc("evm_mine")
    again = tmp_path / "again.zip"
    write_evidence(hub, story, again, block=index["block"]["number"])
    assert again.read_bytes() == path.read_bytes()


def test_headings_say_what_is_not_recorded(evidence):
    _path, index, _ = evidence
    headings = index["annex_iv"]
    assert [one["number"] for one in headings] == list(range(1, 10))
    by_number = {one["number"]: one for one in headings}
    for number in (5, 7, 8):
        assert by_number[number]["recorded"] == []
    assert {part["where"] for part in by_number[2]["recorded"]} == {
        "versions/",
        "versions.jsonl",
        "runs.jsonl",
    }
    assert all(one["not_recorded"] for one in headings)


def test_statements_are_the_versions_own(hub, story, evidence, tmp_path):
    """Each document is the very one that the version holds, with nothing of the model's bytes."""
    path, _, _ = evidence
    car = members(path)["versions/000001.car"]
    root = hub.models.version(f"{story}@1").root
    statement = hub.storage.open(root, "statement.json").read()
    assert statement in car
    assert hub.storage.open(root, "weights.bin").read() not in car


@pytest.fixture
def audited(hub, name, folder, tmp_path, uri):
    """Evidence with the runs of a database, of either kind."""
    hub.models.publish(folder, name)
    for number in range(3):
        with hub.runs.start("train", database=uri, wait=30) as run:
            run.log_metrics(loss=1 / (number + 1), accuracy=0.9)
            run.log_params(secret=number)
    path = tmp_path / "evidence.zip"
    return path, write_evidence(hub, name, path, databases=[uri])


def test_runs_of_a_database(hub, audited):
    path, index = audited
    assert index["runs"] == 3
    told = [one["told"] for one in lines(path, "runs.jsonl")]
    assert [one["metrics"]["loss"] for one in told] == [1, 0.5, 1 / 3]
    assert {one["status"] for one in told} == {"succeeded"}
    shown = lines(path, "runs.jsonl")[2]["disclosed"]
    assert {one["leaf"]["name"]: one["leaf"]["value"] for one in shown} == told[2]["metrics"]
    assert b"secret" not in members(path)["runs.jsonl"], "a parameter was disclosed"
    report = verify_evidence(path, block_hashes=hashes(hub, path))
    assert report.passed, failed(report)


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        (b'"loss":0.5', b'"loss":0.4', "does not show"),
        (b'"value":0.5', b'"value":0.4', "is not in the record"),
        (b'"name":"loss"', b'"name":"cost"', "is not in the record"),
        (b'"role":"metric"', b'"role":"param"', "is not in the record"),
        (b'"disclosed":[', b'"disclosed":[1,', "not a JSON object"),
    ],
)
def test_a_metric_is_the_records_own(hub, audited, old, new, message):
    path, _ = audited
    changed = rewritten(path, replacing("runs.jsonl", old, new))
    assert message in failed(verify_evidence(changed, block_hashes=hashes(hub, path)))["runs"]


def test_attestations_and_promotions_are_told(hub, name, folder, tmp_path):
    hub.models.publish(folder, name)
    uid = hub.attest.evaluation(name, "accuracy", dataset=b"\1" * 32, value="0.93", measured=True)
    hub.promotions.set_policy(name, "champion", Policy.shadow(timedelta(0)))
    hub.promotions.propose(f"{name}@1", "champion")
    hub.promotions.execute(f"{name}@1", "champion")
    path = tmp_path / "evidence.zip"
    index = write_evidence(hub, name, path)
    (told,) = lines(path, "sections/attestations.jsonl")
    assert (told["uid"], told["value"], told["revoked"]) == ("0x" + uid.hex(), "0.93", None)
    assert [one["event"] for one in lines(path, "sections/promotions.jsonl")] == [
        "policy set",
        "promotion proposed",
        "promotion executed",
    ]
    places = {part["where"] for part in index["annex_iv"][3]["recorded"]}
    assert "sections/attestations.jsonl" in places
    assert verify_evidence(path, block_hashes=hashes(hub, path)).passed
    hub.chain.rpc("evm_increaseTime", 2)  # a block of the same second would count as the same
    hub.attest.revoke(uid)
    again = tmp_path / "again.zip"
    write_evidence(hub, name, again, block=index["block"]["number"])
    assert again.read_bytes() == path.read_bytes()  # it was not revoked at that block
    write_evidence(hub, name, path)
    assert lines(path, "sections/attestations.jsonl")[0]["revoked"] is not None


def test_a_database_that_was_altered_is_not_shown(hub, name, folder, tmp_path):
    import sqlite3  # noqa: PLC0415 - a test's way in

    hub.models.publish(folder, name)
    with hub.runs.start("train", wait=30) as run:
        run.log_metrics(loss=1)
    database = hub.home / "runs" / "metadata.db"
    with sqlite3.connect(database) as connection:
        connection.execute("UPDATE ab_log_nodes SET hash = zeroblob(32)")
    with pytest.raises(IntegrityError, match="does not hold the log that was anchored"):
        write_evidence(hub, name, tmp_path / "evidence.zip", databases=[database])
    with pytest.raises(NotFoundError, match="there is no database"):
        write_evidence(hub, name, tmp_path / "evidence.zip", databases=[tmp_path / "none.db"])
    (tmp_path / "text.db").write_text("no database" * 100)
    with pytest.raises(FormatError, match="is no database that can be read"):
        write_evidence(hub, name, tmp_path / "evidence.zip", databases=[tmp_path / "text.db"])
    assert not list(tmp_path.glob("*evidence*"))


def test_content_that_is_gone_is_said_to_be(hub, story, tmp_path):
    hub.storage.delete(hub.models.version(f"{story}@3").root)
    path = tmp_path / "evidence.zip"
    write_evidence(hub, story, path)
    found = failed(verify_evidence(path, block_hashes=hashes(hub, path)))
    assert set(found) == {"documents"}
    assert "2 of 3 versions are described; the store did not hold 3" in found["documents"]


def test_a_run_without_a_proof_is_said_to_have_none(hub, name, folder, tmp_path):
    log_id, roots = anchor(hub)
    hub.models.publish(folder, name, description=described(log_id, roots[0]))
    path = tmp_path / "evidence.zip"
    index = write_evidence(hub, name, path)
    assert index["runs_without_proof"] == ["0x" + roots[0].hex()]
    found = failed(verify_evidence(path, block_hashes=hashes(hub, path)))
    assert "that of 1 versions is not: the first is version 1" in found["runs"]


def test_a_model_without_anything(hub, name, folder, tmp_path):
    hub.models.publish(folder, name)
    path = tmp_path / "evidence.zip"
    index = write_evidence(hub, name, path)
    assert (index["versions"], index["aliases"], index["runs"]) == (1, [], 0)
    assert verify_evidence(path, block_hashes=hashes(hub, path)).passed


def test_a_block_that_is_not_there_yet(hub, name, folder, tmp_path):
    hub.models.publish(folder, name)
    with pytest.raises(ConfigError, match="is not there yet"):
        write_evidence(hub, name, tmp_path / "evidence.zip", block=10**9)


# ---------------------------------------------------------------------- the report


class Outside(HTMLParser):
    """Finds what a page would fetch or run."""

    def __init__(self):
        super().__init__()
        self.found = []

    def handle_starttag(self, tag, attrs):
        names = {name for name, _ in attrs}
        if tag in ("script", "img", "iframe", "link", "object", "a") or names & {"src", "href"}:
            self.found.append(tag)
        self.found += [name for name in names if name.startswith("on")]


def test_the_report_needs_nothing_from_outside_and_escapes_what_is_in_it(
    hub, name, folder, tmp_path
):
    evil = '<script>alert("x")</script><img src=http://example.org/x onerror=alert(1)>'
    details = {"licence": evil, "metrics": {evil: 1.0}, "description": evil}
    hub.models.publish(folder, name, description=details)
    path = tmp_path / "evidence.zip"
    write_evidence(hub, name, path)
    page = members(path)["report.html"].decode()
    assert "&lt;script&gt;" in page
    parser = Outside()
    parser.feed(page)
    assert parser.found == []
    assert "url(" not in page
    assert "@import" not in page


# ---------------------------------------------------------------------- by command


def test_by_command(local_chain, deployment, hub, story, tmp_path, monkeypatch):
    deployment.save(hub.home / "deployments")
    monkeypatch.delenv("ANACOSTIA_PRIVATE_KEY", raising=False)
    common = ["--chain", local_chain.rpc_url, "--home", str(hub.home)]
    path = tmp_path / "evidence.zip"

    def run(*words, code=0):
        result = CliRunner().invoke(cli, [*common, *map(str, words)], catch_exceptions=False)
        assert result.exit_code == code, result.output + result.stderr
        return result.stdout

    shown = json.loads(run("--json", "audit", f"{hub.address}/{story}", "--out", path))
    assert (shown["versions"], shown["runs"]) == (3, 2)
    digest = shown["block"]["hash"]
    report = json.loads(run("--json", "verify", "--bundle", path, "--block-hash", digest))
    assert [check["name"] for check in report["checks"]] == CHECKS
    run("verify", path, "--rpc", local_chain.rpc_url)
    run("verify", path, code=1)


def test_a_verifier_needs_no_chain(evidence, tmp_path):
    """In another process, which has nothing but the file and the hash."""
    path, _, (digest,) = evidence
    command = [sys.executable, "-m", "anacostia_blockchain.cli", "verify", "--bundle", str(path)]
    done = subprocess.run(
        [*command, "--block-hash", digest],
        cwd=tmp_path,
        env={"PATH": os.environ["PATH"]},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
