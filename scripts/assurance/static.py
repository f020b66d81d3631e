"""Static analysis of the contracts with Slither; each finding is mended, or accepted with a reason.

usage: scripts/assure static

What is accepted stands in tests/contracts/static.toml, each place as often as something is found
there. A finding that is not there fails, and so does an entry that nothing is found for any more.
"""

from __future__ import annotations

import json
import subprocess
import sys
import tempfile
import tomllib
from collections import Counter
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))
import toolchain
from toolchain import ROOT, VENV_SECURITY, venv_bin

ACCEPTED = ROOT / "tests" / "contracts" / "static.toml"
EVERYWHERE = "*"

Finding = tuple[str, str]
"""Slither's name of what it looks for, and the function, event or variable where it found it."""


def main() -> None:
    found = analyse()
    accepted = tomllib.loads(ACCEPTED.read_text())["accepted"]
    places = [(entry["check"], place) for entry in accepted for place in entry["where"]]
    everywhere = {check for check, place in places if place == EVERYWHERE}
    allowed = Counter(entry for entry in places if entry[1] != EVERYWHERE)
    counts = Counter(finding for finding, _text in found)
    new = {finding for finding in counts - allowed if finding[0] not in everywhere}
    unused = everywhere - {check for check, _place in counts}
    gone = [*(allowed - counts), *((check, EVERYWHERE) for check in sorted(unused))]
    for finding, text in found:
        if finding in new:
            print(f"new: {text} ({counts[finding]} there, {allowed[finding]} accepted)")
    for check, place in gone:
        print(f"gone: {check} in {place} is not found any more: take it out of {ACCEPTED.name}")
    if new or gone:
        raise SystemExit(f"error: {len(new)} places with new findings, {len(gone)} that are gone")
    print(f"static: {len(found)} findings, all accepted in {ACCEPTED.relative_to(ROOT)}")


def analyse() -> list[tuple[Finding, str]]:
    """What Slither finds in contracts/, with its descriptions."""
    slither = [venv_bin("slither", VENV_SECURITY), ".", "--filter-paths", "node_modules|tests"]
    with tempfile.TemporaryDirectory() as folder:
        report = Path(folder) / "report.json"
        # Its build has files that Forge's own has not, and it empties the folder first.
        build = {"FOUNDRY_OUT": "out/static", "FOUNDRY_CACHE_PATH": "cache/static"}
        path = {"PATH": f"{toolchain.foundry('forge').parent}:{toolchain.environment()['PATH']}"}
        done = subprocess.run(
            [*slither, "--json", report],
            cwd=ROOT,
            env=toolchain.environment(build | path | {"FOUNDRY_PROFILE": "default"}),
            capture_output=True,
            text=True,
            check=False,
        )
        answer = json.loads(report.read_text()) if report.exists() else {}
    if not answer.get("success"):
        print(done.stdout, done.stderr, sep="\n", file=sys.stderr)
        raise SystemExit("error: slither did not finish")
    findings = answer["results"].get("detectors", [])
    return [((f["check"], place(f["elements"][0])), f["description"].strip()) for f in findings]


def place(element: dict[str, Any]) -> str:
    """`Contract.function`, `Contract.event`, or `Contract.function.variable`."""
    names = []
    while element and element["type"] in {"contract", "event", "function", "variable"}:
        names.append(element["name"])
        element = element.get("type_specific_fields", {}).get("parent", {})
    return ".".join(reversed(names))


if __name__ == "__main__":
    main()
