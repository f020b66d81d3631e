"""A version's directory: the same bytes for the same input, and the user's folder untouched."""

from __future__ import annotations

import hashlib
import json

import pytest

from anacostia_blockchain.content.folder import scan
from anacostia_blockchain.content.manifest import Manifest
from anacostia_blockchain.content.statement import Statement
from anacostia_blockchain.content.version import describe_version
from anacostia_blockchain.errors import FormatError, IntegrityError, UnsupportedFileError

DESCRIPTION = {
    "name": "iris-classifier",
    "description": "Tells irises apart.",
    "licence": "apache-2.0",
    "tags": ["flowers"],
    "metrics": {"accuracy": 0.93, "loss": 1.5},
    "provenance": {"invocation_id": "7", "parameters": {"seed": 1}},
}


@pytest.fixture
def model(tmp_path):
    folder = tmp_path / "model"
    folder.mkdir()
    (folder / "weights.bin").write_bytes(b"w" * 1000)
    (folder / "config.json").write_bytes(b"{}")
    return folder


def written(folder, **changes):
    """Make the version real: write the added files into the folder."""
    added = added_files(folder, **changes)
    for name, data in added.items():
        (folder / name).write_bytes(data)
    return folder


def added_files(folder, **changes):
    overlay = describe_version(folder, **(DESCRIPTION | changes))
    added = {}
    overlay_add = overlay.add

    def remember(base):
        added.update(overlay_add(base))
        return added

    scan(type(overlay)(overlay.path, remember, overlay.skip))
    return added


def test_the_folder_is_not_touched_and_the_result_repeats(model):
    """Twice the same CID, and no file more than before."""
    before = sorted(path.name for path in model.iterdir())
    first = scan(describe_version(model, **DESCRIPTION))
    assert scan(describe_version(model, **DESCRIPTION)) == first
    assert sorted(path.name for path in model.iterdir()) == before
    assert first.manifest.root == scan(model).manifest.root


def test_metadata_is_erc721(model):
    """Name, description and attributes as marketplaces read them."""
    metadata = json.loads(added_files(model, image="ipfs://bafy")["metadata.json"])
    assert metadata == {
        "name": "iris-classifier",
        "description": "Tells irises apart.",
        "image": "ipfs://bafy",
        "attributes": [
            {"trait_type": "accuracy", "value": 0.93},
            {"trait_type": "loss", "value": 1.5},
            {"trait_type": "tag", "value": "flowers"},
        ],
        "properties": {
            "license": "apache-2.0",
            "manifest_root": scan(model).manifest.root.hex(),
            "files": 2,
            "size": 1002,
        },
    }


def test_the_card_is_generated_only_if_there_is_none(model):
    """A README of the user's own is content like any other, and in the manifest."""
    card = added_files(model)["README.md"].decode()
    assert card.startswith('---\nlicense: "apache-2.0"\nmodel_name: "iris-classifier"\n')
    assert "| accuracy | 0.93 |" in card
    (model / "README.md").write_bytes(b"mine")
    assert "README.md" not in added_files(model)
    assert "README.md" in scan(describe_version(model, **DESCRIPTION)).manifest.files


def test_statement_and_manifest_agree_with_the_files(model):
    """The chain of digests from the statement down to each file."""
    root = scan(model).manifest.root
    added = added_files(model)
    statement = Statement.parse(added["statement.json"])
    manifest = Manifest.parse(added["manifest.json"])
    assert statement.subject_digest == manifest.root == root
    assert manifest.files["weights.bin"] == hashlib.sha256(b"w" * 1000).digest()
    assert manifest.ignored == {"README.md", "metadata.json", "manifest.json", "statement.json"}


def test_a_version_written_to_disk_verifies(model):
    """Its CID is the overlay's, and its manifest can be recomputed from it alone."""
    overlaid = scan(describe_version(model, **DESCRIPTION))
    assert scan(written(model)).cid == overlaid.cid
    assert Manifest.of_version(model).root == overlaid.manifest.root
    Manifest.parse((model / "manifest.json").read_bytes()).check(scan(model).manifest)


def test_check_names_the_file_that_differs(model):
    """Altered, missing or foreign."""
    stored = Manifest.parse((written(model) / "manifest.json").read_bytes())
    (model / "weights.bin").write_bytes(b"other")
    with pytest.raises(IntegrityError, match=r"weights\.bin is not the file"):
        stored.check(scan(model).manifest)
    (model / "weights.bin").unlink()
    with pytest.raises(IntegrityError, match=r"weights\.bin is in the manifest, but not"):
        stored.check(scan(model).manifest)
    (model / "a").write_bytes(b"")
    with pytest.raises(IntegrityError, match="a is in the folder, but not"):
        stored.check(scan(model).manifest)


def test_a_fetched_version_can_be_published_again(model):
    """What an earlier version added is made anew and not stacked up; its card stays."""
    first = scan(describe_version(model, **DESCRIPTION))
    again = scan(describe_version(written(model), **DESCRIPTION))
    assert [file.path for file in again.files] == [file.path for file in first.files]
    assert "metadata.json" not in again.manifest.files


def test_a_metadata_file_of_the_users_own_is_not_replaced(model):
    """It is in the way, and the error says so."""
    (model / "metadata.json").write_bytes(b"{}")
    with pytest.raises(UnsupportedFileError, match=r"metadata\.json is in the way"):
        scan(describe_version(model, **DESCRIPTION))
    (model / "metadata.json").unlink()
    (model / "manifest.json").write_bytes(b"{}")
    with pytest.raises(UnsupportedFileError, match=r"manifest\.json is in the way"):
        scan(describe_version(model, **DESCRIPTION))


def test_a_manifest_cannot_leave_weights_uncovered(model):
    """Only the files that publishing adds may stay outside."""
    document = json.loads(scan(model).manifest.to_json())
    document["predicate"]["serialization"]["ignore_paths"].append("weights.bin")
    with pytest.raises(FormatError, match=r"leaves out \['weights.bin'\]"):
        Manifest.parse(json.dumps(document).encode())


def test_a_manifest_must_agree_with_itself(model):
    """Its subject is recomputed from its files."""
    document = json.loads(scan(model).manifest.to_json())
    document["predicate"]["resources"].pop()
    with pytest.raises(IntegrityError, match="not the root"):
        Manifest.parse(json.dumps(document).encode())


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda d: d.update(_type="x"), "_type is not"),
        (lambda d: d["predicate"]["serialization"].update(method="shards"), "by files"),
        (lambda d: d["predicate"]["serialization"].update(ignore_paths=[1]), "list of names"),
        (lambda d: d["predicate"]["resources"][0].update(algorithm="blake3"), "sha256"),
        (lambda d: d["predicate"]["resources"].append(d["predicate"]["resources"][0]), "twice"),
        (lambda d: d["predicate"]["resources"].append(7), "name is missing"),
    ],
)
def test_manifest_parse_refuses(model, change, message):
    """Anything that it would read differently from the tool that wrote it."""
    document = json.loads(scan(model).manifest.to_json())
    change(document)
    with pytest.raises(FormatError, match=message):
        Manifest.parse(json.dumps(document).encode())
