"""The command line, as people and programs use it."""

import json
import os
import subprocess
import sys

import pytest
from click.testing import CliRunner

from anacostia_blockchain.cli import cli
from anacostia_blockchain.deployment import CREATED, DEPLOYED
from anacostia_blockchain.errors import AnacostiaError
from anacostia_blockchain.testing import dev_key

pytestmark = pytest.mark.integration


@pytest.fixture
def anacostia(local_chain, deployment, tmp_path, monkeypatch):
    """Runs a command against the session's chain; returns what it printed."""
    deployment.save(tmp_path / "home" / "deployments")
    monkeypatch.setenv("ANACOSTIA_PRIVATE_KEY", dev_key())
    monkeypatch.setenv("COLUMNS", "200")
    common = ["--chain", local_chain.rpc_url, "--home", str(tmp_path / "home")]

    def run(*arguments, code=0):
        result = CliRunner().invoke(cli, [*common, *map(str, arguments)], catch_exceptions=False)
        assert result.exit_code == code, result.output + result.stderr
        return result.stdout

    return run


@pytest.fixture
def model(tmp_path):
    folder = tmp_path / "model"
    folder.mkdir()
    (folder / "weights.bin").write_bytes(os.urandom(1000))
    return folder


def test_publish_list_show_verify(anacostia, model, name):
    published = json.loads(anacostia("--json", "models", "publish", model, name, "--alias", "best"))
    assert published["version"] == 1
    assert name in anacostia("models", "list")
    shown = json.loads(anacostia("--json", "models", "show", f"{name}@best"))
    assert (shown["name"], shown["aliases"]) == (name, {"best": 1})
    assert published["root"] in anacostia("versions", "list", name)
    assert json.loads(anacostia("--json", "versions", "show", name))["tainted"] is False
    assert "1" in anacostia("versions", "history", name, "best")
    assert "pass" in anacostia("verify", f"{name}@best")


def test_verify_exits_1_when_a_check_fails(anacostia, model, name):
    anacostia("models", "publish", model, name)
    anacostia("models", "revoke", f"{name}@1", "--reason", "poisoned-data")
    report = json.loads(anacostia("--json", "verify", name, code=1))
    assert report["passed"] is False
    assert "poisoned data" in next(
        check["detail"] for check in report["checks"] if check["name"] == "registry"
    )


def test_a_bundle_by_command_line(anacostia, model, name, tmp_path, local_chain):
    anacostia("models", "publish", model, name)
    evidence = tmp_path / "evidence.zip"
    anacostia("verify", name, "--bundle", evidence)
    anacostia("verify", evidence, code=1)
    anacostia("verify", evidence, "--rpc", local_chain.rpc_url)


def test_parents_and_aliases(anacostia, model, name):
    anacostia("models", "publish", model, name)
    (model / "weights.bin").write_bytes(b"2")
    parent = f"{name}@1:finetune"
    anacostia("models", "publish", model, f"{name}-b", "--parent", parent)
    assert "finetune" in anacostia("versions", "list", f"{name}-b")
    anacostia("models", "set-alias", f"{name}-b@1", "champion")
    assert "champion=1" in anacostia("models", "list")
    anacostia("models", "deprecate", f"{name}-b@1")
    assert "deprecated" in anacostia("versions", "list", f"{name}-b")
    wrong = f"{name}@1:cousin"
    anacostia("models", "publish", model, f"{name}-c", "--parent", wrong, code=2)


def test_fetch(anacostia, model, name, tmp_path):
    anacostia("models", "publish", model, name)
    anacostia("models", "fetch", name, tmp_path / "copy")
    assert (tmp_path / "copy" / "weights.bin").read_bytes() == (model / "weights.bin").read_bytes()


def test_storage_by_command_line(anacostia, model, tmp_path):
    cid = anacostia("storage", "put", model).strip()
    assert cid in anacostia("storage", "ls")
    assert json.loads(anacostia("--json", "storage", "stat", cid))["files"] == 1
    anacostia("storage", "get", cid, tmp_path / "copy")
    assert (tmp_path / "copy" / "weights.bin").exists()
    anacostia("storage", "rm", cid)
    anacostia("storage", "gc")
    assert cid not in anacostia("storage", "ls")


def test_doctor_finds_everything(anacostia):
    assert "FAIL" not in anacostia("doctor")


def test_an_error_is_an_exception_for_python_callers(anacostia):
    with pytest.raises(AnacostiaError, match="has registered no model named 'nobody'"):
        anacostia("models", "show", "nobody")


def run_process(*arguments, home, **env):
    command = [sys.executable, "-m", "anacostia_blockchain.cli", "--home", str(home), *arguments]
    return subprocess.run(
        command, capture_output=True, text=True, check=False, env=os.environ | env
    )


def test_an_error_is_one_line_and_exit_code_1_in_a_process(tmp_path):
    done = run_process("models", "list", home=tmp_path)
    assert (done.returncode, done.stdout) == (1, "")
    assert done.stderr.startswith("error: ConfigError: no local chain in")
    assert "anacostia up" in done.stderr
    assert "\x1b" not in done.stderr


def test_an_error_is_json_where_json_was_asked_for(tmp_path):
    done = run_process("models", "list", "--json", home=tmp_path)
    assert json.loads(done.stderr)["error"] == "ConfigError"


def test_wrong_usage_is_exit_code_2(tmp_path):
    assert run_process("models", "frobnicate", home=tmp_path).returncode == 2
    assert run_process("--chain", home=tmp_path).returncode == 2


def test_up_and_down(tmp_path):
    up = run_process("--json", "up", home=tmp_path)
    try:
        shown = json.loads(up.stdout)
        assert shown["chain_id"] == 31337
        assert set(shown["contracts"]) == {*DEPLOYED, *CREATED, "PromotionGate"}
        again = json.loads(run_process("--json", "up", home=tmp_path).stdout)
        assert again == shown
    finally:
        assert "stopped" in run_process("down", home=tmp_path).stdout
    # Whoever needs it brings it up again, as it was.
    listed = run_process("--json", "models", "list", home=tmp_path)
    assert (listed.returncode, json.loads(listed.stdout)) == (0, [])
    run_process("down", home=tmp_path)
