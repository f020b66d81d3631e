"""The guide to Story runs from top to bottom, on the double, on a project's own chain."""

from __future__ import annotations

import json
import os
import re
import shlex
import subprocess
import sys
from pathlib import Path

import pytest

from anacostia_blockchain import connect
from story_double import StoryDouble

pytestmark = pytest.mark.integration

DOCUMENT = Path(__file__).resolve().parents[3] / "docs" / "story.md"
BLOCK = re.compile(r"^```(sh|python)\n(.*?)^```", re.MULTILINE | re.DOTALL)


def run(folder: Path, *words: str) -> None:
    done = subprocess.run(
        [sys.executable, *words], cwd=folder, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, f"{words}\n{done.stderr}"


def test_story(tmp_path: Path) -> None:
    anacostia = ("-m", "anacostia_blockchain.cli")
    run(tmp_path, *anacostia, "up", "--prices")
    try:
        hub = connect("local", home=tmp_path / ".anacostia")
        addresses = StoryDouble(hub.chain).addresses.to_dict()
        (hub.home / "story.json").write_text(json.dumps(addresses))
        (tmp_path / "model").mkdir()
        (tmp_path / "model" / "weights.bin").write_bytes(os.urandom(1000))
        hub.models.publish(tmp_path / "model", "digits")
        for language, text in BLOCK.findall(DOCUMENT.read_text(encoding="utf-8")):
            if language == "python":
                run(tmp_path, "-c", text)
                continue
            for words in filter(None, map(shlex.split, re.sub("#.*", "", text).splitlines())):
                run(tmp_path, *anacostia, *words[1:])
        sold = json.loads((tmp_path / "offer.json").read_text())
        assert hub.story.offers("digits")[0].sold == 2
        assert sold["model_id"] == hub.models.resolve("digits")[0]
    finally:
        run(tmp_path, *anacostia, "down")
