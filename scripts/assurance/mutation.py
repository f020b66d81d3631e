"""Change the contracts, one small change at a time, and see whether a test notices.

usage: scripts/assure mutation [-- [--sample N] [--seed N] [FILE …]]

All mutants of contracts/ and its libraries, which takes nights, or N of each file. A mutant is
first tried against the tests that bear its file's name, and if they let it live against all. Two
are tried at once. What was tried stands in .build/mutation.jsonl and is not tried again while its
file stays as it is, so that a campaign can be stopped at any time. Survivors that nobody could
notice are explained in tests/contracts/mutation.toml, and counted by themselves.
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
import tomllib
from collections import Counter, defaultdict
from collections.abc import Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor, as_completed
from pathlib import Path
from queue import Queue
from types import MappingProxyType
from typing import Any

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))
import toolchain
from toolchain import ROOT, VENV_SECURITY, venv_python

RESULTS = ROOT / ".build" / "mutation.jsonl"
EXPLAINED = ROOT / "tests" / "contracts" / "mutation.toml"
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
    "Walk": "ModelRegistry",
}
"""Whose tests know a library that has none of its own name."""

EVERYTHING = "tests/contracts/{unit,fuzz,conformance,invariant}/*.t.sol"

WORKERS = 2
ONLY_WHAT_CHANGED = {"FOUNDRY_DYNAMIC_TEST_LINKING": "true"}
"""Tests find a contract's code when they run, so that a mutant's file is compiled and no test."""

A_GLANCE = {"FOUNDRY_FUZZ_RUNS": "32", "FOUNDRY_INVARIANT_RUNS": "4"}
"""Enough for most mutants; what lives through it meets all tests at full length."""

Mutant = dict[str, Any]

Change = tuple[str, str, str]
"""A file, what stands in it, and what in its place; spaces do not matter."""


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--sample", type=int, default=0)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("files", nargs="*")
    asked = parser.parse_args()
    files = asked.files or sorted(str(p.relative_to(ROOT)) for g in SOURCES for p in ROOT.glob(g))
    chance = random.Random(asked.seed)  # noqa: S311 - it draws a sample, no secret
    everything = list_mutants(files)
    reasons = load_reasons(everything, files)
    mutants = sample(everything, asked.sample, chance)
    known = load_results()
    print(f"mutation: {len(mutants)} mutants of {len(files)} files", flush=True)
    RESULTS.parent.mkdir(exist_ok=True)
    left = [mutant for mutant in mutants if key(mutant) not in known]
    with tempfile.TemporaryDirectory(prefix="anacostia-mutation-") as folder:
        for result in campaign(left, Path(folder)):
            known[result["key"]] = result
            with RESULTS.open("a") as results:
                results.write(json.dumps(result) + "\n")
            print(f"{result['fate']:10} {shown(result)}", flush=True)
    summarize([known[key(mutant)] for mutant in mutants], reasons)


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
    """At most so many of each file, or all for 0; files in random order, each by itself.

    A mutant of the same file as the last one puts that right too: nothing is compiled for it alone.
    """
    by_file = defaultdict(list)
    for mutant in mutants:
        by_file[mutant["file"]].append(mutant)
    files = list(by_file.values())
    chance.shuffle(files)
    return [m for of in files for m in chance.sample(of, min(count or len(of), len(of)))]


def campaign(mutants: list[Mutant], folder: Path) -> Iterator[Mutant]:
    """Each mutant with its fate, as they come to their ends."""
    if not mutants:
        return
    trees: Queue[Path] = Queue()
    first = copy_tree(folder / "0")
    if not passed(forge(first, "test", "--match-path", EVERYTHING)):
        raise SystemExit("error: the tests fail as they are: see scripts/test solidity-tests")
    trees.put(first)
    for number in range(1, WORKERS):
        trees.put(shutil.copytree(first, folder / str(number), symlinks=True))

    def tried(mutant: Mutant) -> Mutant:
        tree = trees.get()
        try:
            return mutant | {"fate": fate(tree, mutant), "key": key(mutant)}
        finally:
            trees.put(tree)

    with ThreadPoolExecutor(WORKERS) as pool:
        for done in as_completed([pool.submit(tried, mutant) for mutant in mutants]):
            yield done.result()


def copy_tree(folder: Path) -> Path:
    """What Forge needs, in a place that may be spoilt."""
    for name in ("contracts", "tests/contracts"):
        shutil.copytree(ROOT / name, folder / name)
    (folder / "scripts").mkdir(parents=True)
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
        its_own = f"tests/contracts/{{unit,fuzz}}/{name}*.t.sol"
        for pattern, settings in ((its_own, A_GLANCE), (EVERYTHING, {})):
            done = forge(tree, "test", "--fail-fast", "--match-path", pattern, env=settings)
            if "Compiler run failed" in done:
                return "stillborn"
            if "Suite result:" not in done:
                raise SystemExit(f"error: no test ran: {done[-500:]}")
            if not passed(done):
                return "killed"
    except subprocess.TimeoutExpired:
        return "killed"  # it does not come to an end
    finally:
        path.write_bytes(original)
    return "survived"


def passed(said: str) -> bool:
    """Whether Forge ran tests and all of them passed."""
    return "Suite result: ok" in said and not any(
        word in said for word in ("Suite result: FAILED", "Encountered")
    )


def forge(tree: Path, *arguments: str, env: Mapping[str, str] = MappingProxyType({})) -> str:
    done = subprocess.run(
        [str(toolchain.foundry("forge")), *arguments],
        cwd=tree,
        env=environment(ONLY_WHAT_CHANGED | dict(env)),
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


def load_reasons(mutants: list[Mutant], files: list[str]) -> dict[Change, str]:
    """Why which survivors are none to worry about.

    Stops at one that the sources no longer have, or have elsewhere too (where it may be noticed):
    `times` says in how many places it was looked at.
    """
    there = Counter(change_of(mutant) for mutant in mutants)
    reasons = {}
    for entry in tomllib.loads(EXPLAINED.read_text())["explained"]:
        for explained in entry["changes"]:
            change = (entry["file"], explained["old"], explained["new"])
            if change[0] in files and there[change] != explained.get("times", 1):
                raise SystemExit(f"error: {EXPLAINED.name}: {there[change]} mutants are {change}")
            reasons[change] = entry["why"]
    return reasons


def change_of(mutant: Mutant) -> Change:
    old, new = (" ".join(mutant[name].split()) for name in ("old", "new"))
    return mutant["file"], old, new


def shown(mutant: Mutant) -> str:
    old, new = (text[:60] for text in change_of(mutant)[1:])
    return f"{mutant['file']}:{mutant['line']} {mutant['kind']}: {old} -> {new}"


def summarize(results: list[Mutant], reasons: dict[Change, str]) -> None:
    """Print the survivors, and the share that was noticed with what chance leaves open (Wilson)."""
    fates = Counter(result["fate"] for result in results)
    for result in results:
        if result["fate"] == "survived":
            reason = reasons.get(change_of(result))
            print(f"{'explained' if reason else 'survived':10} {shown(result)}")
            if reason:
                print(f"           {' '.join(reason.split())}")
                fates["survived"] -= 1
                fates["explained"] += 1
    tried = fates["killed"] + fates["survived"]
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
        f"({low:.1%} to {high:.1%}); {fates['explained']} that nobody could notice are explained, "
        f"{fates['stillborn']} did not compile"
    )


if __name__ == "__main__":
    main()
