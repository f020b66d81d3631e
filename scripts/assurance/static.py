"""Static analysis of the contracts with Slither; each finding is mended, or accepted with a reason.

usage: scripts/assure static

What is accepted stands in tests/contracts/static.toml. A finding that is not there fails, and so
does an entry that nothing is found for any more.
"""

from __future__ import annotations

import json
import subprocess
import sys
import tempfile
import tomllib
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))
import toolchain
from toolchain import ROOT, VENV_SECURITY, venv_bin

ACCEPTED = ROOT / "tests" / "contracts" / "static.toml"
EVERYWHERE = "*"

Finding = tuple[str, str]
"""Slither's name of what it looks for, and the function or parameter where it found it."""


def main() -> None:
    found = analyse()
    accepted = tomllib.loads(ACCEPTED.read_text())["accepted"]
    allowed = {(entry["check"], place) for entry in accepted for place in entry["where"]}
    everywhere = {check for check, place in allowed if place == EVERYWHERE}
    new = {
        finding: text
        for finding, text in found.items()
        if finding not in allowed and finding[0] not in everywhere
    }
    gone = [
        entry
        for entry in sorted(allowed)
        if entry not in found and not (entry[1] == EVERYWHERE and entry[0] in dict(found.keys()))
    ]
    for text in new.values():
        print(f"new: {text}")
    for check, place in gone:
        print(f"gone: {check} in {place} is not found any more: take it out of {ACCEPTED.name}")
    if new or gone:
        raise SystemExit(f"error: {len(new)} new findings, {len(gone)} that are gone")
    print(f"static: {len(found)} findings, all accepted in {ACCEPTED.relative_to(ROOT)}")


def analyse() -> dict[Finding, str]:
    """What Slither finds in contracts/, with its description."""
    slither = [venv_bin("slither", VENV_SECURITY), ".", "--filter-paths", "node_modules|tests"]
    slither += ["--exclude-informational", "--exclude-optimization"]
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
    return {(f["check"], place(f["elements"][0])): f["description"].strip() for f in findings}


def place(element: dict[str, Any]) -> str:
    """`Contract.function`, or `Contract.function.variable`."""
    names = []
    while element and element["type"] in {"contract", "function", "variable"}:
        names.append(element["name"])
        element = element.get("type_specific_fields", {}).get("parent", {})
    return ".".join(reversed(names))


if __name__ == "__main__":
    main()
