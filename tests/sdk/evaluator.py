"""A pipeline of an evaluator's, in a process of its own and with a key of its own.

usage: evaluator.py RPC_URL HOME STORE MODEL DATASET
"""

from __future__ import annotations

import sys
from collections.abc import Mapping
from pathlib import Path

from anacostia_blockchain import connect
from anacostia_blockchain.metadata import SqliteMetadataStore
from anacostia_blockchain.nodes import AttestNode, EvaluateNode, MonitoringDataStoreNode
from anacostia_blockchain.pipeline import Pipeline


class Agreement(EvaluateNode):
    """The share of the dataset's answers that the model, a file of answers, has right."""

    def evaluate(self, model: Path, dataset: Path) -> Mapping[str, float]:
        given = (model / "answers.txt").read_text().split()
        right = (dataset / "answers.txt").read_text().split()
        hits = sum(a == b for a, b in zip(given, right, strict=True))
        return {"accuracy": hits / len(right), "answers": float(len(right))}


def main(rpc_url: str, home: Path, store_url: str, model: str, dataset: str) -> None:
    hub = connect(rpc_url, home=home, store=store_url)
    store = SqliteMetadataStore("metadata_store", f"sqlite:///{home}/metadata.db", chain=hub)
    (home / "data").mkdir(exist_ok=True)
    (home / "data" / f"{len(list((home / 'data').iterdir()))}.txt").write_text("look again")
    data = MonitoringDataStoreNode("data", home / "data", store, poll=0.02, settle=0.05)
    measure = Agreement("measure", [data], store, model, dataset, home / "fetched")
    attest = AttestNode("attest", [], store, measure, ["accuracy"])
    report = Pipeline([store, data, measure, attest]).execute(runs=1)
    sys.exit(0 if report.runs[-1].status == "succeeded" else 1)


if __name__ == "__main__":
    main(sys.argv[1], Path(sys.argv[2]), *sys.argv[3:])
