"""Our manifest against the real `model_signing` command line."""

from __future__ import annotations

import base64
import json
import subprocess
import sys

import pytest
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec

from anacostia_blockchain.content.folder import scan

pytest.importorskip("model_signing", reason="the OpenSSF command line is in the dev group")
pytestmark = pytest.mark.integration


@pytest.fixture(scope="module")
def key(tmp_path_factory):
    private = ec.generate_private_key(ec.SECP256R1())
    path = tmp_path_factory.mktemp("key") / "key.pem"
    path.write_bytes(
        private.private_bytes(
            serialization.Encoding.PEM,
            serialization.PrivateFormat.PKCS8,
            serialization.NoEncryption(),
        )
    )
    return path


def signed_payload(path, key, tmp_path, *options):
    """What `model_signing sign key` puts into its signature for `path`."""
    signature = tmp_path / "model.sig"
    command = [sys.executable, "-m", "model_signing", "sign", "key", str(path)]
    command += ["--private_key", str(key), "--signature", str(signature), *options]
    subprocess.run(command, check=True, capture_output=True)
    envelope = json.loads(signature.read_text())["dsseEnvelope"]
    return json.loads(base64.b64decode(envelope["payload"]))


@pytest.fixture
def model(tmp_path):
    folder = tmp_path / "a model"
    files = {
        "a-b.bin": b"1",
        "a/x.bin": b"2",
        "a/é.bin": b"3",
        ".hidden": b"4",
        "sub/.gitignore": b"5",
        "empty": b"",
        ".git/HEAD": b"6",
        ".gitattributes": b"7",
        "z" * 200: bytes(3 << 20),
    }
    for path, data in files.items():
        (folder / path).parent.mkdir(parents=True, exist_ok=True)
        (folder / path).write_bytes(data)
    return folder


def test_the_statement_is_the_one_that_model_signing_signs(model, key, tmp_path):
    """Subject, root, order, every file and digest, what is ignored: the whole document."""
    theirs = signed_payload(model, key, tmp_path)
    ours = json.loads(scan(model).manifest.to_json())
    ignored = [
        document["predicate"]["serialization"].pop("ignore_paths") for document in (theirs, ours)
    ]
    assert ours == theirs
    assert set(ignored[0]) == set(ignored[1])


def test_a_single_file_too(model, key, tmp_path):
    """The tool lists it as `.`."""
    theirs = signed_payload(model / "a-b.bin", key, tmp_path)
    ours = json.loads(scan(model / "a-b.bin").manifest.to_json())
    assert ours["subject"] == theirs["subject"]
    assert ours["predicate"]["resources"] == theirs["predicate"]["resources"]
