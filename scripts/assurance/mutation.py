"""Change the contracts, one small change at a time, and see whether a test notices.

usage: scripts/assure mutation [-- [--sample N] [--seed N] [FILE …]]

All mutants of contracts/ and its libraries, which takes nights, or N of each file. A mutant is
first tried against the tests that bear its file's name, and if they let it live against all. What
was tried stands in .build/mutation.jsonl and is not tried again while its file stays as it is, so
that a campaign can be stopped at any time.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import math
import random
import shutil
import subprocess
import sys
import tempfile
from collections import Counter, defaultdict
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))
import toolchain
from toolchain import ROOT, VENV_SECURITY, venv_python

RESULTS = ROOT / ".build" / "mutation.jsonl"
SOURCES = ("contracts/*.sol", "contracts/libraries/*.sol")
TESTED_BY = {
    "Attestations": "PromotionGate",
    "Catalogue": "ModelLicensing",
    "Delays": "PromotionGate",
    "Descent": "PromotionGate",
    "Evidence": "PromotionGate",
    "Payments": "ModelLicensing",
    "PriceRules": "ModelPricing",
    "PublicationLib": "ModelRegistry",
    "TermsLib": "ModelLicensing",
}
"""Whose tests know a library that has none of its own name."""

EVERYTHING = "tests/contracts/{unit,fuzz,conformance,invariant}/*.t.sol"

Mutant = dict[str, Any]


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--sample", type=int, default=0)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("files", nargs="*")
    asked = parser.parse_args()
    files = asked.files or sorted(str(p.relative_to(ROOT)) for g in SOURCES for p in ROOT.glob(g))
    chance = random.Random(asked.seed)  # noqa: S311 - it draws a sample, no secret
    mutants = sample(list_mutants(files), asked.sample, chance)
    known = load_results()
    print(f"mutation: {len(mutants)} mutants of {len(files)} files", flush=True)
    RESULTS.parent.mkdir(exist_ok=True)
    with tempfile.TemporaryDirectory(prefix="anacostia-mutation-") as folder:
        tree = copy_tree(Path(folder))
        for mutant in mutants:
            if key(mutant) in known:
                continue
            known[key(mutant)] = mutant | {"fate": fate(tree, mutant), "key": key(mutant)}
            with RESULTS.open("a") as results:
                results.write(json.dumps(known[key(mutant)]) + "\n")
            print(f"{known[key(mutant)]['fate']:10} {shown(mutant)}", flush=True)
    summarize([known[key(mutant)] for mutant in mutants])


def list_mutants(files: list[str]) -> list[Mutant]:
    """The mutants of some files."""
    command = [venv_python(VENV_SECURITY), Path(__file__).with_name("_mutants.py"), *files]
    build = {"FOUNDRY_OUT": "out/static", "FOUNDRY_CACHE_PATH": "cache/static"}
    done = subprocess.run(
        [str(part) for part in command],
        cwd=ROOT,
        env=environment(build),
        capture_output=True,
        text=True,
        check=False,
    )
    if done.returncode:
        raise SystemExit(f"error: {done.stderr[-2000:]}")
    return [json.loads(line) for line in done.stdout.splitlines() if line.startswith("{")]


def sample(mutants: list[Mutant], count: int, chance: random.Random) -> list[Mutant]:
    """At most so many of each file, in random order; all of them for 0."""
    by_file = defaultdict(list)
    for mutant in mutants:
        by_file[mutant["file"]].append(mutant)
    chosen = [
        m for of in by_file.values() for m in chance.sample(of, min(count or len(of), len(of)))
    ]
    chance.shuffle(chosen)
    return chosen


def copy_tree(folder: Path) -> Path:
    """What Forge needs, with its build so far, in a place that may be spoilt."""
    for name in ("contracts", "tests/contracts"):
        shutil.copytree(ROOT / name, folder / name)
    (folder / "scripts").mkdir()
    shutil.copy2(ROOT / "scripts" / "solc", folder / "scripts")
    shutil.copy2(ROOT / "foundry.toml", folder)
    (folder / "node_modules").symlink_to(ROOT / "node_modules")
    return folder


def fate(tree: Path, mutant: Mutant) -> str:
    """`killed`, `survived`, or `stillborn` where it does not even compile."""
    path = tree / mutant["file"]
    original = path.read_bytes()
    path.write_bytes(
        original[: mutant["start"]] + mutant["new"].encode() + original[mutant["end"] :]
    )
    try:
        stem = path.stem
        name = stem if list(tree.glob(f"tests/contracts/*/{stem}.*")) else TESTED_BY.get(stem, "")
        for pattern in (f"tests/contracts/{{unit,fuzz}}/{name}*.t.sol", EVERYTHING):
            done = forge(tree, "test", "--fail-fast", "--match-path", pattern)
            if "Compiler run failed" in done:
                return "stillborn"
            if "Suite result: FAILED" in done or "Encountered" in done:
                return "killed"
    except subprocess.TimeoutExpired:
        return "killed"  # it does not come to an end
    finally:
        path.write_bytes(original)
    return "survived"


def forge(tree: Path, *arguments: str) -> str:
    done = subprocess.run(
        [str(toolchain.foundry("forge")), *arguments],
        cwd=tree,
        env=environment({}),
        capture_output=True,
        text=True,
        timeout=1800,
        check=False,
    )
    return done.stdout + done.stderr


def environment(extra: dict[str, str]) -> dict[str, str]:
    base = toolchain.environment({"FOUNDRY_PROFILE": "default"} | extra)
    base["PATH"] = f"{toolchain.foundry('forge').parent}:{base['PATH']}"
    return base


def key(mutant: Mutant) -> str:
    """Of the mutant and the source that it changes: another source, another mutant."""
    source = (ROOT / mutant["file"]).read_bytes()
    what = [mutant[name] for name in ("file", "kind", "start", "end", "new")]
    return hashlib.sha256(source + json.dumps(what).encode()).hexdigest()[:32]


def load_results() -> dict[str, Mutant]:
    if not RESULTS.exists():
        return {}
    return {row["key"]: row for row in map(json.loads, RESULTS.read_text().splitlines())}


def shown(mutant: Mutant) -> str:
    old, new = (" ".join(mutant[name].split())[:60] for name in ("old", "new"))
    return f"{mutant['file']}:{mutant['line']} {mutant['kind']}: {old} -> {new}"


def summarize(results: list[Mutant]) -> None:
    """Print the survivors, and the share that was noticed with what chance leaves open (Wilson)."""
    fates = Counter(result["fate"] for result in results)
    tried = fates["killed"] + fates["survived"]
    for result in results:
        if result["fate"] == "survived":
            print(f"survived   {shown(result)}")
    if not tried:
        return
    z, share = 1.96, fates["killed"] / tried
    centre, spread = (
        share + z * z / (2 * tried),
        z * math.sqrt(share * (1 - share) / tried + z * z / (4 * tried * tried)),
    )
    low, high = ((centre + sign * spread) / (1 + z * z / tried) for sign in (-1, 1))
    print(
        f"mutation: {fates['killed']} of {tried} noticed, {share:.1%} "
        f"({low:.1%} to {high:.1%}); {fates['stillborn']} did not compile"
    )


if __name__ == "__main__":
    main()
