"""Every target takes its seeds, and a few seconds of what atheris makes of them."""

from __future__ import annotations

import importlib.util
import subprocess
import sys
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parent))
import papers  # noqa: F401 - adds its targets
import targets

from strikes import at_night

HERE = Path(__file__).parent
SECONDS = 2
RUNS = 100
NOT_UTF8 = bytes.fromhex(
    "504b03043a7a5dacfea4f522000000200000000a000000696e3165782e6a736f6eab562afc4ece48cd4d4afafafafafafa525054ccb24b4cce2f2ec94cd44f2acd4bc949d53754aa0500504b01021403140000000800613a7a5dacfea4f522000000200000000a0000000000000000000000800100000000696e6465782e6a736f6e504b05060000000001000100380000004a0000000000"
)
"""An archive whose member's name is none, where the archive's own list has it right."""

NOT_UTF8_IN_THE_LIST = bytes.fromhex(
    "504b0304140000000800703d7a5dacfea4f5220000002000000a0000000000000000000000800100000000696e6465782e6a736f6e504b05060000000001000100380000004a545ffa00504b010214031400736f6e504b05060000000001000100380000004a545ffa00504b01021403140000000800703d7a5dac65782e6a736f6e504b05060000000001000100380000004a0001000000"
)
"""And one whose list has it wrong."""

FOUND = [
    *(("archive", b"\0\0" + data) for data in (b"LA[]", b"\xe5x[1]", b'\xd1\xb9"zz"')),
    *(("archive", b"\0\0" + data) for data in (b"|\x9d{}", b"\xd4\xe9[]", b"=\xd5[1]")),
    *(("alias-proof", data) for data in (b"9b", b"\x1fPtrue")),
    *(("file", data) for data in (NOT_UTF8, NOT_UTF8_IN_THE_LIST)),
    ("storage-proof", b"\xc3\1\2\3"),  # a list of three is no node of a trie
]


def test_the_entry_point_knows_every_target():
    script = HERE.parents[2] / "scripts" / "fuzz"
    listed = subprocess.run(
        [sys.executable, script, "--list"], capture_output=True, text=True, check=True
    )
    assert listed.stdout.split() == list(targets.TARGETS)


@pytest.mark.parametrize("name", targets.TARGETS)
def test_some_seed_is_read_without_an_error(name):
    """Or a fuzzer would begin, and stay, at the door."""
    target = targets.TARGETS[name]
    for seed in target.seeds:
        targets.run(name, seed)
    target.run(target.seeds[0])


@pytest.mark.parametrize(("name", "data"), FOUND)
def test_what_was_found_stays_mended(name, data):
    """Each of these has raised something else than an error of this package."""
    targets.run(name, data)


@pytest.mark.parametrize("name", targets.TARGETS)
def test_a_short_search_finds_nothing(name, tmp_path):
    """`scripts/fuzz` goes on for as long as one likes."""
    if importlib.util.find_spec("atheris") is None:
        pytest.skip("atheris is not installed: it has no wheel for this system or Python")
    command = [sys.executable, HERE / "fuzz.py", name, tmp_path / "corpus"]
    command += [f"-artifact_prefix={tmp_path}/", "-verbosity=0"]
    # By day the same each time: a change is not blamed for what it did not touch.
    command += [f"-max_total_time={SECONDS}"] if at_night() else ["-seed=1", f"-runs={RUNS}"]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout[-3000:] + done.stderr[-3000:]
