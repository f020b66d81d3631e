"""Cards, as the tools read them that they are written for."""

from __future__ import annotations

import json
from pathlib import Path

import mlcroissant
import pytest
from huggingface_hub import DatasetCard
from huggingface_hub import ModelCard as HubCard
from hypothesis import given
from hypothesis import strategies as st

from anacostia_blockchain.content.cards import Croissant, DataFile, ModelCard, front_matter

TEXT = st.text(st.characters(exclude_categories=["Cs"]), min_size=1)
RECOMMENDED = {"citeAs", "datePublished", "license", "version"}
PLAYS = [
    DataFile("acts/one.txt", "ab" * 32, 5, "ipfs://bafy/acts/one.txt", "text/plain"),
    DataFile("index.csv", "cd" * 32, 3, "ipfs://bafy/index.csv", "text/csv"),
]


@given(TEXT, TEXT, st.lists(TEXT, min_size=1), st.dictionaries(TEXT, st.floats(allow_nan=False)))
def test_hugging_face_reads_model_cards(name, licence, tags, metrics) -> None:
    card = ModelCard(name, licence=licence, tags=tags, datasets=tags, metrics=metrics)
    read = HubCard(card.render(), ignore_metadata_errors=False)
    assert read.data.license == licence
    assert read.data.model_name == name
    assert read.data.datasets == tags
    assert read.data.tags == list(dict.fromkeys(tags)), "it drops what is there twice"
    assert read.data.metrics == (sorted(metrics) or None)
    assert read.text.startswith("\n# ")


# Field names are plain words; YAML would read `no`, `on` and `null` as something else.
@given(st.dictionaries(st.from_regex(r"[a-z]{1,5}_[a-z]{1,5}", fullmatch=True), TEXT, min_size=1))
def test_hugging_face_reads_dataset_cards(front) -> None:
    text = "\n".join([*front_matter(front), "", "# plays", ""])
    assert DatasetCard(text).data.to_dict() == front


def validated(path: Path, dataset: Croissant) -> tuple[mlcroissant.Metadata, set[str], set[str]]:
    """The dataset as `mlcroissant` reads it, and its errors and warnings."""
    path.write_text(dataset.render(), encoding="utf-8")
    metadata = mlcroissant.Dataset(jsonld=path).metadata
    issues = metadata.ctx.issues
    return metadata, issues.errors, issues.warnings


def test_croissant_is_valid(tmp_path: Path) -> None:
    dataset = Croissant(
        "plays",
        PLAYS,
        "Plays",
        licence="cc0-1.0",
        url="ipfs://bafy",
        published="2026-01-01",
        cite="@misc{plays}",
    )
    metadata, errors, warnings = validated(tmp_path / "plays.json", dataset)
    assert (errors, warnings) == (set(), set())
    assert metadata.name == "plays"
    read = {(f.name, f.sha256, f.content_url, f.content_size) for f in metadata.distribution}
    assert read == {(f.name, f.sha256, f.url, f"{f.size} B") for f in PLAYS}
    assert [f.encoding_formats for f in metadata.distribution] == [["text/plain"], ["text/csv"]]


@pytest.mark.parametrize("name", ["plays", "my plays/2", "Stücke: eins & zwei"])
def test_what_is_not_known_is_left_out(name: str, tmp_path: Path) -> None:
    """It is recommended, no more; the identity is what the run knows."""
    metadata, errors, warnings = validated(tmp_path / "c.json", Croissant(name, PLAYS))
    assert not errors
    assert metadata.name == name
    assert len(warnings) <= len(RECOMMENDED)
    assert all(any(w in warning for w in RECOMMENDED) for warning in warnings), warnings


def test_what_it_would_refuse(tmp_path: Path) -> None:
    """The test can fail: a file without a digest is no file of a dataset."""
    document = json.loads(Croissant("plays", PLAYS).render())
    del document["distribution"][0]["sha256"]
    (tmp_path / "c.json").write_text(json.dumps(document))
    with pytest.raises(mlcroissant.ValidationError, match="sha256"):
        mlcroissant.Dataset(jsonld=tmp_path / "c.json")
