"""Evidence about a model: complete, the same each time, verified offline, and not forged."""

import json
import os
import subprocess
import sys
import uuid
import zipfile
from datetime import timedelta
from html.parser import HTMLParser

import pytest
from click.testing import CliRunner

from anacostia_blockchain.cli import cli
from anacostia_blockchain.errors import ConfigError, FormatError, IntegrityError, NotFoundError
from anacostia_blockchain.evidence.check import block_numbers, verify_evidence
from anacostia_blockchain.evidence.collect import write_evidence
from anacostia_blockchain.ledger import merkle
from anacostia_blockchain.offline import verify_file
from anacostia_blockchain.promotion.values import Policy
from anacostia_blockchain.types import Kind, Parent, Relation, RevocationReason
from anchored import anchor, described, prove

pytestmark = pytest.mark.integration

CHECKS = [
    "members",
    "state",
    "model",
    "versions",
    "aliases",
    "documents",
    "runs",
    "index",
    "report",
]


@pytest.fixture
def name():
    return f"audit-{uuid.uuid4().hex[:12]}"


@pytest.fixture
def folder(tmp_path):
    """A folder to publish; `rewritten` makes it another."""
    folder = tmp_path / "model"
    folder.mkdir()
    (folder / "weights.bin").write_bytes(os.urandom(3000))
    return folder


def failed(report):
    return {check.name: check.detail for check in report.checks if not check.passed}


def hashes(hub, path):
    return [hub.chain.header(number)["hash"] for number in block_numbers(path)]


@pytest.fixture
def story(hub, folder, name):
    """Data, three versions of which two were made by runs, an alias with a history, revocations."""
    log_id, roots = anchor(hub)
    prove(hub, log_id, roots, 1)
    (folder / "weights.bin").write_bytes(os.urandom(100))
    data = hub.models.publish(folder, f"{name}-data", kind=Kind.DATASET)
    parents = [Parent(data.model_id, 1, Relation.TRAINED_ON)]
    for number in (1, 2):
        (folder / "weights.bin").write_bytes(os.urandom(100))
        description = described(log_id, roots[1]) if number == 1 else {}
        details = {"licence": "apache-2.0", "metrics": {"accuracy": 0.93}}
        hub.models.publish(
            folder, name, parents=parents, aliases=["champion"], description=description | details
        )
    more = [*roots, b"\x07" * 32]  # the log grows after the first proof was stored
    leaves = [merkle.leaf_hash(root) for root in more]
    hub.ledger.anchor(log_id, 4, merkle.root(leaves), merkle.consistency_proof(leaves, 3))
    prove(hub, log_id, more, 3)
    (folder / "weights.bin").write_bytes(os.urandom(100))
    hub.models.publish(folder, name, description=described(log_id, more[3]))
    hub.models.deprecate(f"{name}@1")
    hub.models.revoke(f"{name}-data@1", RevocationReason.POISONED_DATA)
    hub.models.revoke(f"{name}@2", RevocationReason.DEFECTIVE)
    hub.registry.set_alias(hub.models.get(name).model_id, "champion", 3)
    return name


@pytest.fixture
def evidence(hub, story, tmp_path):
    path = tmp_path / "evidence.zip"
    index = write_evidence(hub, story, path)
    return path, index, hashes(hub, path)


def members(path):
    with zipfile.ZipFile(path) as archive:
        return {name: archive.read(name) for name in archive.namelist()}


def lines(path, member):
    return [json.loads(line) for line in members(path)[member].splitlines()]


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


def test_runs_of_a_database(hub, name, folder, tmp_path):
    hub.models.publish(folder, name)
    for number in range(3):
        with hub.runs.start("train", wait=30) as run:
            run.log_metrics(loss=1 / (number + 1))
    path = tmp_path / "evidence.zip"
    database = hub.home / "runs" / "metadata.db"
    index = write_evidence(hub, name, path, databases=[database])
    assert index["runs"] == 3
    told = [one["told"] for one in lines(path, "runs.jsonl")]
    assert [one["metrics"]["loss"] for one in told] == [1, 0.5, 1 / 3]
    assert {one["status"] for one in told} == {"succeeded"}
    report = verify_evidence(path, block_hashes=hashes(hub, path))
    assert report.passed, failed(report)


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
    with pytest.raises(FormatError, match="is no SQLite database"):
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


# ---------------------------------------------------------------------- forged


def rewritten(path, change, *, honest=True):
    """The archive with its members changed; if `honest`, with an index that lists them so."""
    from hashlib import sha256  # noqa: PLC0415

    found = members(path)
    change(found)
    if honest:
        index = json.loads(found["index.json"])
        index["members"] = {n: sha256(d).hexdigest() for n, d in found.items() if n != "index.json"}
        found["index.json"] = json.dumps(index).encode()
    target = path.with_name("changed.zip")
    with zipfile.ZipFile(target, "w") as archive:
        for name in sorted(found, key=lambda name: name != "index.json"):
            archive.writestr(name, found[name])
    return target


def replacing(member, old, new):
    def change(found):
        assert old in found[member]
        found[member] = found[member].replace(old, new)

    return change


def dropping_line(member, place):
    def change(found):
        kept = found[member].splitlines(keepends=True)
        del kept[place]
        found[member] = b"".join(kept)

    return change


def in_index(**changes):
    def change(found):
        found["index.json"] = json.dumps(json.loads(found["index.json"]) | changes).encode()

    return change


@pytest.mark.parametrize(
    ("change", "check"),
    [
        (replacing("versions.jsonl", b'"status":"revoked"', b'"status":"published"'), "versions"),
        (replacing("versions.jsonl", b'"tainted_by":', b'"tainted":'), "versions"),
        (dropping_line("versions.jsonl", 1), "versions"),
        (dropping_line("versions.jsonl", 2), "versions"),
        (replacing("aliases.jsonl", b'"version":3', b'"version":2'), "aliases"),
        (dropping_line("aliases.jsonl", 0), "aliases"),
        (replacing("documents.jsonl", b"0.93", b"0.99"), "documents"),
        (replacing("documents.jsonl", b"apache-2.0", b"mit"), "documents"),
        (replacing("versions/000002.car", b"apache-2.0", b"openrail++"), "documents"),
        (lambda found: found.pop("versions/000002.car"), "documents"),
        (replacing("runs.jsonl", b'"index":1', b'"index":0'), "runs"),
        (replacing("runs.jsonl", b'"version":1', b'"version":2'), "runs"),
        (dropping_line("runs.jsonl", 0), "runs"),
        (lambda found: [found.pop(n) for n in list(found) if n.startswith("heads/")], "runs"),
        (lambda found: found.pop("state/00002.json"), "versions"),
        (replacing("report.html", b"<h1>", b"<h1>Certified: "), "report"),
        (replacing("sections/owners.jsonl", b"0xf39", b"0xf38"), "report"),
        (in_index(annex_iv=[]), "index"),
        (in_index(runs_without_proof=["0x00"]), "index"),
        (in_index(versions=2), "model"),
        (in_index(aliases=[]), "aliases"),
    ],
)
def test_a_forged_part_is_named(evidence, change, check):
    path, _, trusted = evidence
    found = failed(verify_evidence(rewritten(path, change), block_hashes=trusted))
    assert check in found, found


def test_every_member_is_bound_to_the_index(evidence):
    path, _, trusted = evidence
    for name in members(path):
        if name != "index.json":

            def change(found, name=name):
                found[name] += b" "

            changed = rewritten(path, change, honest=False)
            assert "members" in failed(verify_evidence(changed, block_hashes=trusted)), name


def test_another_model_of_the_same_name_is_another_model(evidence):
    path, index, trusted = evidence

    def change(found):
        subject = index["subject"] | {"model_id": index["subject"]["model_id"] - 1}
        found["index.json"] = json.dumps(index | {"subject": subject}).encode()

    found = failed(verify_evidence(rewritten(path, change), block_hashes=trusted))
    assert {"model", "versions"} <= set(found)


def test_another_chain_of_the_same_state_is_another_chain(evidence):
    path, index, trusted = evidence
    other = in_index(subject=index["subject"] | {"chain_id": 1})
    found = failed(verify_evidence(rewritten(path, other), block_hashes=trusted))
    assert "was not deployed on chain 1" in found["state"]


def test_evidence_says_nothing_against_another_hash(evidence):
    path, _, _ = evidence
    found = failed(verify_evidence(path, block_hashes=["0x" + "11" * 32]))
    assert "did not say you trust" in found["state"]
    assert set(found) == set(CHECKS) - {"members", "report"}


def test_truncated_evidence_is_refused(evidence, tmp_path):
    path, _, trusted = evidence
    for size in (0, 10, path.stat().st_size // 2, path.stat().st_size - 5):
        cut = tmp_path / "cut.zip"
        cut.write_bytes(path.read_bytes()[:size])
        with pytest.raises(FormatError):
            verify_file(cut, block_hashes=trusted)


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
