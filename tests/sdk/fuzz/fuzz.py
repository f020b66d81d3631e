"""Run one target under atheris; `scripts/fuzz` starts it.

usage: fuzz.py TARGET CORPUS [libFuzzer's own flags]
"""

from __future__ import annotations

import sys
from pathlib import Path

import atheris

with atheris.instrument_imports(include=["anacostia_blockchain", "cbor2"]):
    import targets

READERS = ("content", "deployment", "evidence", "ledger", "offline", "promotion", "proofs")
if sys.argv[1] not in targets.TARGETS:
    # What these need besides is large, and none of it reads what strangers send.
    with atheris.instrument_imports(include=[f"anacostia_blockchain.{name}" for name in READERS]):
        import papers  # noqa: F401 - adds its targets


def main() -> None:
    name, corpus, *flags = sys.argv[1:]
    folder = Path(corpus)
    folder.mkdir(parents=True, exist_ok=True)
    for number, seed in enumerate(targets.TARGETS[name].seeds):
        (folder / f"seed-{number}").write_bytes(seed)
    atheris.Setup([sys.argv[0], *flags, corpus], lambda data: targets.run(name, data))
    atheris.Fuzz()


if __name__ == "__main__":
    main()
