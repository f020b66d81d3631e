"""The main job: what a newcomer sees, and what is left for them to try."""

import json
import os
import subprocess
import sys

import pytest

pytestmark = [pytest.mark.integration, pytest.mark.slow]


def anacostia(home, *arguments):
    command = [sys.executable, "-m", "anacostia_blockchain.cli", "--home", str(home), *arguments]
    return subprocess.run(command, capture_output=True, text=True, check=False, env=os.environ)


@pytest.fixture(scope="module")
def demo(tmp_path_factory):
    """The demo's home and what it printed; its chain is stopped in the end."""
    home = tmp_path_factory.mktemp("demo") / "home"
    done = anacostia(home, "demo")
    yield home, done
    anacostia(home, "down")


def test_the_demo_ends_well(demo):
    home, done = demo
    assert done.returncode == 0, done.stdout + done.stderr
    assert done.stderr.count("as expected") == 5
    assert "NOT AS EXPECTED" not in done.stderr
    assert "recorded was" in done.stdout  # the metric that was altered, named
    assert "is damaged" in done.stdout  # the byte that was altered, named
    assert f"anacostia --home {home} models list" in done.stderr


def test_what_it_made_stays(demo):
    home, _ = demo
    models = json.loads(anacostia(home, "--json", "models", "list").stdout)
    assert [(m["name"], m["latest_version"]) for m in models] == [("digits", 1), ("shakespeare", 2)]
    versions = json.loads(anacostia(home, "--json", "versions", "list", "shakespeare").stdout)
    assert [[p["version"] for p in v["parents"]] for v in versions] == [[], [1]]
    runs = json.loads(anacostia(home, "--json", "runs", "list").stdout)
    assert [run["status"] for run in runs] == ["succeeded"] * 3
    assert all(run["anchored"] for run in runs)
    losses = [r["metrics"]["shakespeare_test_loss"] for r in runs if len(r["metrics"]) == 3]
    assert 1.2 < losses[1] < losses[0] < 2.5  # more plays, better model
    (accuracy,) = [r["metrics"]["accuracy"] for r in runs if "accuracy" in r["metrics"]]
    assert accuracy > 0.95


def test_what_it_says_to_try_next_works(demo, tmp_path):
    home, _ = demo
    evidence = str(tmp_path / "evidence.zip")
    assert anacostia(home, "versions", "list", "shakespeare").returncode == 0
    assert anacostia(home, "runs", "list").returncode == 0
    done = anacostia(home, "verify", "shakespeare@champion", "--bundle", evidence)
    assert done.returncode == 0
    database = str(home / "digits" / "metadata.db")
    shown = anacostia(home, "runs", "disclose", "0", "metric", "accuracy", "--db", database)
    assert json.loads(shown.stdout)["leaf"]["name"] == "accuracy"


def test_the_demo_does_not_touch_what_is_not_its_own(tmp_path):
    (tmp_path / "thesis.txt").write_text("all of it")
    done = anacostia(tmp_path, "demo")
    assert done.returncode == 1
    assert "holds a project" in done.stderr
    assert [path.name for path in tmp_path.iterdir()] == ["thesis.txt"]
