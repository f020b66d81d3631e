"""Show that failing checks fail: each command exits non-zero, and for the right reason."""

from __future__ import annotations

import subprocess
import sys
import tempfile
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT / "scripts"))
import toolchain  # noqa: E402 - its folder is put on the path just above

SOLIDITY = """// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.30;

contract BrokenTest {
    function test_fails() public pure {
        assert(1 == 2);
    }
}
"""


def must_fail(name: str, expected: str, command: list[str], cwd: Path) -> None:
    done = subprocess.run(
        command, cwd=cwd, env=toolchain.environment(), capture_output=True, text=True, check=False
    )
    if done.returncode == 0 or expected not in done.stdout + done.stderr:
        print(done.stdout, done.stderr, sep="\n")
        raise SystemExit(f"self-test: {name} should have failed with {expected!r}")
    print(f"self-test: {name} fails as it must", flush=True)


def main() -> None:
    with tempfile.TemporaryDirectory() as scratch:
        folder = Path(scratch)
        solidity = folder / "Broken.t.sol"
        solidity.write_text(SOLIDITY)
        solc = ROOT / "scripts" / "solc"
        settings = f'[profile.default]\nsrc = "."\ntest = "."\nsolc = "{solc}"\n'
        (folder / "foundry.toml").write_text(settings)
        forge = str(toolchain.foundry("forge"))
        must_fail("a Solidity test", "panic: assertion failed", [forge, "test"], folder)
        solidity.write_text(SOLIDITY.replace("    ", " "))
        must_fail("Solidity formatting", "Diff in", [forge, "fmt", "--check"], folder)
        (folder / "test_broken.py").write_text("def test_fails():\n    assert 1 == 2\n")
        python = [str(toolchain.venv_python()), "-m"]
        must_fail("a Python test", "assert 1 == 2", [*python, "pytest", "-q"], folder)
        (folder / "broken.py").write_text("x: int = 'text'\n")
        must_fail("a type check", "Incompatible types", [*python, "mypy", "broken.py"], folder)


if __name__ == "__main__":
    main()
