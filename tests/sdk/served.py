"""`anacostia serve` in a process of its own, and a model for it to serve."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path

import httpx

from asking import get
from waiting import wait_for


class Process:
    """`anacostia serve` in a process of its own, without a key."""

    def __init__(self, rpc_url, home, reference, *options):
        command = [sys.executable, "-m", "anacostia_blockchain.cli", "--chain", rpc_url]
        command += ["--home", str(home), "serve", reference, "--port", "0", "--every", "0.1"]
        environment = {k: v for k, v in os.environ.items() if k != "ANACOSTIA_PRIVATE_KEY"}
        environment["PYTHONPATH"] = str(Path(__file__).parent)
        self.process = subprocess.Popen(
            [*command, *options], stderr=subprocess.PIPE, text=True, env=environment
        )

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.process.terminate()
        self.process.wait(timeout=300)
        self.process.stderr.close()

    def url(self):
        line = self.process.stderr.readline()
        found = re.search(r"on (http://\S+)", line)
        assert found, line
        url = found[1]

        def answers():
            try:
                get(url)
            except httpx.TransportError:
                return False
            return True

        wait_for(answers, 300)
        return url


def look_up(model, inputs):
    """What a model of answers answers: `--predict served:look_up`."""
    return [int(model["answers"][place]) for place in inputs]
