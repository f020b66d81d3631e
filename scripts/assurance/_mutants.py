"""Print the mutants of some contracts, a line of JSON each. Run in the security environment.

usage: _mutants.py FILE …

They are those of slither-mutate, whose own campaign can neither be resumed nor sampled.
"""

from __future__ import annotations

import json
import logging
import sys
from pathlib import Path

from slither import Slither
from slither.tools.mutator.mutators import all_mutators
from slither.tools.mutator.mutators.abstract_mutator import AbstractMutator


def main() -> None:
    logging.disable(logging.ERROR)  # a mutator that knows no way with a contract says so at length
    root = Path.cwd()
    wanted = {str(root / name) for name in sys.argv[1:]}
    kinds = [
        kind
        for kind in vars(all_mutators).values()
        if isinstance(kind, type) and issubclass(kind, AbstractMutator) and kind.NAME
    ]
    seen = set()
    for unit in Slither(str(root)).compilation_units:
        for contract in unit.contracts:
            path = contract.source_mapping.filename.absolute
            if path not in wanted or contract.is_interface:
                continue
            for kind in kinds:
                mutator = kind(unit, 0, "", "", contract, None, False, root, [])
                try:
                    # The public `mutate` runs the tests as well, at once and for all of them.
                    found = mutator._mutate().get("patches", {}).get(path, [])  # noqa: SLF001 - see above
                except Exception:  # noqa: BLE001, S112 - theirs; the other mutators go on
                    continue
                for patch in found:
                    mutant = {
                        "file": str(Path(path).relative_to(root)),
                        "kind": kind.NAME,
                        "line": patch["line_number"],
                        "start": patch["start"],
                        "end": patch["end"],
                        "old": patch["old_string"],
                        "new": patch["new_string"],
                    }
                    text = json.dumps(mutant, sort_keys=True)
                    if text not in seen and mutant["old"] != mutant["new"]:
                        seen.add(text)
                        print(text)


if __name__ == "__main__":
    main()
