"""Gas of the contracts' transactions beside their peers' for the same purpose.

Ours are the snapshots in tests/contracts/gas, which the tests check; the peers' figures were
measured from their published bytecode, whole transactions, fresh state.
"""

from __future__ import annotations

import json
from pathlib import Path

from rich.console import Console
from rich.table import Table

SNAPSHOTS = Path(__file__).resolve().parents[2] / "tests" / "contracts" / "gas"

PEERS = {
    "register": ("Story: register and set metadata", 721_939),
    "publish": ("EAS: attest digest, run root and CID", 320_056),
    "anchor": ("EAS: attest 32 bytes", 184_483),
    "setAlias": ("Olas: update hash, first", 73_101),
}
"""By the first word of a snapshot's name."""


def main() -> None:
    table = Table("transaction", "gas", "rival", "gas", "ratio", box=None)
    for path in sorted(SNAPSHOTS.glob("*.json")):
        for name, text in sorted(json.loads(path.read_text()).items()):
            gas = int(text)
            peer = next((PEERS[key] for key in PEERS if name.startswith(key)), None)
            rival, theirs = peer if peer else ("", 0)
            ratio = f"{theirs / gas:.1f}x" if peer else ""
            table.add_row(f"{path.stem}.{name}", f"{gas:,}", rival, f"{theirs:,}", ratio)
    Console(width=140).print(table)


if __name__ == "__main__":
    main()
