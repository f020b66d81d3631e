"""Symbolic execution of tests/contracts/symbolic with halmos: every input at once.

usage: scripts/assure symbolic [-- NAME]     the checks whose names contain NAME

A check passes when no input within the bounds breaks it (loops of 16, arrays of 0 to 2), and fails
with a counterexample, or when the solvers do not find an answer in time.
"""

from __future__ import annotations

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))
import toolchain
from toolchain import VENV_SECURITY, run, venv_bin, venv_python

TESTS = "tests/contracts/symbolic"
OUT = "out/symbolic"


def main() -> None:
    solver = f"{venv_python(VENV_SECURITY)} {Path(__file__).with_name('_solver.py')}"
    halmos = [venv_bin("halmos", VENV_SECURITY), "--forge-build-out", OUT, "--no-status"]
    limits = [
        "--loop",
        "16",
        "--solver-timeout-branching",
        "500ms",
        "--solver-timeout-assertion",
        "120s",
        "--solver-command",
        solver,
    ]
    wanted = ["--match-test", sys.argv[1]] if sys.argv[1:] else []
    build = {
        "FOUNDRY_TEST": TESTS,
        "FOUNDRY_OUT": OUT,
        "FOUNDRY_CACHE_PATH": "cache/symbolic",
        "FOUNDRY_PROFILE": "default",
    }
    path = {"PATH": f"{toolchain.foundry('forge').parent}:{toolchain.environment()['PATH']}"}
    run([*halmos, *limits, *wanted], env=toolchain.environment(build | path))


if __name__ == "__main__":
    main()
