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
    "publish, one parent": ("Olas: create with two dependencies", 199_532),
    "revoke": ("EAS: revoke", 64_241),
    "anchor": ("EAS: attest 32 bytes", 184_483),
    "anchor, on 1,000 records": ("EAS: timestamp, which proves no order", 45_869),
    "setAlias": ("Olas: update hash, next", 56_001),
    "registerTerms": ("Story: register terms", 361_343),
    "offer": ("Story: attach terms", 323_727),
    "buy": ("Ocean: approve, buy, order: 3 transactions", 387_708),
    "buy, once more": ("Story: mint a licence", 709_480),
    "buy, first": ("Story: mint a licence, first", 1_159_624),
    "derive, one parent": ("Story: derive, one parent", 1_350_384),
    "derive, one parent, ten generations down": ("Olas: create at depth 11", 240_654),
    "settle, one parent": ("Story: pay a royalty", 163_415),
    "settleAndClaim": ("Story: pay a royalty, claim it", 294_237),
    "claim": ("Story: claim", 130_822),
    "setAlias, first": ("Olas: update hash, first", 73_101),
}
"""By how a snapshot's name begins; the longest that fits."""


def main() -> None:
    table = Table("transaction", "gas", "rival", "gas", "ratio", box=None)
    for path in sorted(SNAPSHOTS.glob("[A-Z]*.json")):  # of contracts; sizes are no gas
        for name, text in sorted(json.loads(path.read_text()).items()):
            gas = int(text)
            key = max((key for key in PEERS if name.startswith(key)), key=len, default=None)
            peer = PEERS[key] if key else None
            theirs = (peer[0], f"{peer[1]:,}", f"{peer[1] / gas:.1f}x") if peer else ()
            table.add_row(f"{path.stem}.{name}", f"{gas:,}", *theirs)
    Console(width=140).print(table)


if __name__ == "__main__":
    main()
