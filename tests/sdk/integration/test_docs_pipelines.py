"""The guide to pipelines runs from top to bottom, in a folder with a local chain of its own."""

from __future__ import annotations

import json
import re
import shlex
import subprocess
import sys
from pathlib import Path

import pytest

from anacostia_blockchain._servers import free_ports

pytestmark = pytest.mark.integration

GUIDE = Path(__file__).resolve().parents[3] / "docs" / "pipelines.md"
BLOCK = re.compile(r"^```(sh|python)\n(.*?)^```", re.MULTILINE | re.DOTALL)


def test_the_guide_to_pipelines(tmp_path: Path) -> None:
    (tmp_path / "data").mkdir()
    text = "To be, or not to be, that is the question.\n" * 50
    (tmp_path / "data" / "hamlet.txt").write_text(text)
    (tmp_path / "model").mkdir()
    (tmp_path / "model" / "weights.bin").write_bytes(b"w" * 1000)

    def run(*command: str) -> str:
        done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, check=False)
        assert done.returncode == 0, f"{command[-1]}\n{done.stderr}"
        return done.stdout

    def anacostia(*arguments: str) -> str:
        return run(sys.executable, "-m", "anacostia_blockchain.cli", *arguments)

    said, served = [], []
    try:
        guide = GUIDE.read_text(encoding="utf-8").replace("8443", str(free_ports(1)[0]))
        for language, source in BLOCK.findall(guide):
            if "goes on until Ctrl-C" in source.partition("\n")[0]:
                served.append(subprocess.Popen((sys.executable, "-c", source), cwd=tmp_path))
            elif language == "python":
                said.append(run(sys.executable, "-c", source))
            else:
                lines = filter(None, map(shlex.split, source.splitlines()))
                said += [anacostia(*line[1:]) for line in lines]
        printed = "\n".join(said)
        assert "idle ['succeeded']" in printed
        assert "serving version 1 from serving/1-1" in printed
        listed = json.loads(anacostia("--json", "models", "list"))
        assert sorted(model["name"] for model in listed) == ["afar", "bard"]
        runs = json.loads(anacostia("--json", "runs", "list", "--db", "keyless.db"))
        assert [run["anchored"] for run in runs] == [True]
    finally:
        for process in served:
            process.terminate()
            assert process.wait(120) == 0
        anacostia("down")
