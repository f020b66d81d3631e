"""Call the contracts at random, a million times a suite of invariants, and count what came of it.

usage: scripts/assure invariants [-- [--calls N] [--depth N] [--seed N] [CONTRACT …]]

All suites of tests/contracts/invariant, which takes hours, or those named. A suite's calls are
divided among its invariants: each has a campaign of its own, of as many runs as that takes. What a
suite gave stands in .build/invariants.json and counts until a source changes, so that it can be
stopped at any time and goes on with the next suite.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import math
import re
import resource
import subprocess
import sys
from collections import Counter
from dataclasses import dataclass
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))
import toolchain
from toolchain import ROOT, run

RESULTS = ROOT / ".build" / "invariants.json"
SUITES = ROOT / "tests" / "contracts" / "invariant"

Figures = dict[str, Any]


@dataclass(frozen=True)
class Search:
    """What is asked for.

    Attributes:
        calls: to each suite, at least.
        depth: calls in a row on one state.
    """

    calls: int
    depth: int
    seed: int


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--calls", type=int, default=1_000_000)
    parser.add_argument("--depth", type=int, default=256, help="calls in a row on one state")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("contracts", nargs="*")
    asked = parser.parse_args()
    known = sorted(path.name.removesuffix(".t.sol") for path in SUITES.glob("*.t.sol"))
    if unknown := set(asked.contracts) - set(known):
        raise SystemExit(f"error: no suite is named {', '.join(sorted(unknown))}: {known}")
    search = Search(asked.calls, asked.depth, asked.seed)
    results = [of(name, search) for name in asked.contracts or known]
    show(results)
    if failed := [row["suite"] for row in results if row["failed"] or row["calls"] < asked.calls]:
        raise SystemExit(f"error: {', '.join(failed)}: a broken invariant, or too few calls")


def of(name: str, search: Search) -> Figures:
    """A suite's figures: those that are kept, or of a campaign that is run now."""
    key = digest(name, search)
    kept = load()
    if key not in kept:
        print(f"{name} …", flush=True)
        figures = campaign(name, search)
        if figures["failed"]:
            return figures  # to be tried again
        kept[key] = figures
        RESULTS.parent.mkdir(exist_ok=True)
        partial = RESULTS.with_suffix(".part")
        partial.write_text(json.dumps(kept, indent=1) + "\n")
        partial.replace(RESULTS)
    return kept[key]


def campaign(name: str, search: Search) -> Figures:
    """Run one suite."""
    source = (SUITES / f"{name}.t.sol").read_text()
    invariants = len(re.findall(r"function invariant_", source))
    runs = math.ceil(search.calls / (invariants * search.depth))
    asked = {
        "FOUNDRY_PROFILE": "nightly",
        "FOUNDRY_FUZZ_SEED": hex(search.seed),
        "FOUNDRY_INVARIANT_DEPTH": str(search.depth),
        "FOUNDRY_INVARIANT_RUNS": str(runs),
        "FOUNDRY_INVARIANT_SHOW_METRICS": "true",
    }
    path, forge = SUITES / f"{name}.t.sol", toolchain.foundry("forge")
    env = toolchain.environment(asked)
    run([forge, "build", "--quiet", path], env=env)
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    done = subprocess.run(
        [forge, "test", "--json", "--match-path", path],
        cwd=ROOT,
        env=env,
        stdout=subprocess.PIPE,
        text=True,
        check=False,
    )
    # A line of its own, among what Forge tells of failures while it looks.
    found = [line for line in done.stdout.splitlines() if '"test_results"' in line]
    if not found:
        raise SystemExit(f"error: Forge gave no results of {name}: {done.stdout[-2000:]}")
    ((_where, suite),) = json.loads(found[-1]).items()
    figures = summed(name, suite["test_results"])
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    spent = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
    return figures | {"runs": runs, "seconds": round(spent)}


def summed(name: str, tests: dict[str, Figures]) -> Figures:
    """What Forge reports of a suite, added up, and what was never once called."""
    total: Counter[str] = Counter()
    called: Counter[str] = Counter()
    campaigns = [t["kind"]["Invariant"] for t in tests.values() if "Invariant" in t["kind"]]
    for kind in campaigns:
        total.update(calls=kind["calls"], reverts=kind["reverts"])
        for function, counts in kind["metrics"].items():
            total["discards"] += counts["discards"]
            called[function.rpartition(":")[2]] += counts["calls"]
    failed = {
        test: found["reason"] for test, found in tests.items() if found["status"] != "Success"
    }
    return {
        "suite": name,
        "invariants": len(campaigns),
        "calls": total["calls"],
        "reverts": total["reverts"],
        "discards": total["discards"],
        "rarest": min(called.items(), key=lambda item: item[1]) if called else None,
        "failed": failed,
    }


def digest(name: str, search: Search) -> str:
    """Of everything that a campaign depends on."""
    found = hashlib.sha256(f"{name} {search}".encode())
    files = [*(ROOT / "contracts").rglob("*.sol"), *(ROOT / "tests" / "contracts").glob("*.sol")]
    files += [*SUITES.rglob("*.sol"), ROOT / "foundry.toml", ROOT / "package-lock.json"]
    for path in sorted(set(files)):
        found.update(path.relative_to(ROOT).as_posix().encode() + path.read_bytes())
    return found.hexdigest()[:32]


def load() -> dict[str, Figures]:
    return dict(json.loads(RESULTS.read_text())) if RESULTS.exists() else {}


def show(results: list[Figures]) -> None:
    """A table of Markdown, as it stands in docs/security.md."""
    print("\n| suite | invariants | calls | reverts | discards | rarest action | CPU seconds |")
    print("|---|---|---|---|---|---|---|")
    for row in results:
        numbers = " | ".join(f"{row[n]:,}" for n in ("invariants", "calls", "reverts", "discards"))
        action, count = row["rarest"] or ("none", 0)
        shown = f"`{action.rpartition('.')[2]}` {count:,}"
        print(f"| {row['suite']} | {numbers} | {shown} | {row['seconds']:,} |")
        for test, reason in row["failed"].items():
            print(f"FAIL  {test}: {reason}")
    print(f"invariants: {sum(row['calls'] for row in results):,} calls in {len(results)} suites")


if __name__ == "__main__":
    main()
