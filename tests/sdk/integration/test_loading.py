"""Loading: what is verified loads; what is altered, revoked, tainted or could run code does not."""

import os
import pickle
import subprocess
import sys
import zipfile
from pathlib import Path

import numpy as np
import pytest
from safetensors.numpy import save_file
from sklearn.linear_model import LogisticRegression
from skops import io as skops

from anacostia_blockchain import load_verified, loading
from anacostia_blockchain.errors import (
    ConfigError,
    FileChangedError,
    FormatError,
    NotFoundError,
    TaintedError,
    UnsafeFileError,
    UnsupportedFileError,
    UnverifiedError,
)
from anacostia_blockchain.types import Kind, Parent, Relation, RevocationReason
from store_contract import damage

pytestmark = pytest.mark.integration

WEIGHTS = {"layer": np.arange(6, dtype=np.float32).reshape(2, 3)}


class Bomb:
    """Unpickled, it writes a file."""

    def __init__(self, target):
        self.target = str(target)

    def __reduce__(self):
        return os.mkdir, (self.target,)


@pytest.fixture
def model(tmp_path):
    """A folder to publish, with safetensors in it."""
    folder = tmp_path / "model"
    folder.mkdir()
    save_file(WEIGHTS, folder / "model.safetensors")
    return folder


@pytest.fixture
def classifier():
    inputs = np.array([[0.0], [1.0], [2.0], [3.0]])
    return LogisticRegression().fit(inputs, [0, 0, 1, 1])


def test_safetensors(hub, model, name):
    hub.models.publish(model, name, aliases=["champion"])
    loaded = load_verified(f"{name}@champion", hub=hub)
    assert list(loaded) == ["layer"]
    assert (loaded["layer"] == WEIGHTS["layer"]).all()


def test_skops(hub, tmp_path, name, classifier):
    skops.dump(classifier, tmp_path / "model.skops")
    hub.models.publish(tmp_path / "model.skops", name)
    loaded = load_verified(name, hub=hub)
    assert loaded.predict([[0.0], [3.0]]).tolist() == [0, 1]


def test_skops_with_a_type_that_was_not_named(hub, tmp_path, name):
    from sklearn.preprocessing import FunctionTransformer  # noqa: PLC0415 - loads scikit-learn

    skops.dump(FunctionTransformer(os.path.join), tmp_path / "model.skops")
    hub.models.publish(tmp_path / "model.skops", name)
    with pytest.raises(
        UnsafeFileError, match=r"you did not say you trust: posixpath\.join"
    ) as error:
        load_verified(name, hub=hub)
    assert error.value.file == "model.skops"
    loaded = load_verified(name, hub=hub, trusted=["posixpath.join"])
    assert loaded.func is os.path.join


def test_torch(hub, tmp_path, name):
    torch = pytest.importorskip("torch", reason="torch is not installed")
    torch.save({"layer": torch.ones(2, 3)}, tmp_path / "model.pt")
    hub.models.publish(tmp_path / "model.pt", name)
    assert load_verified(name, hub=hub)["layer"].sum() == 6
    save_file(WEIGHTS, tmp_path / "other.safetensors")
    hub.models.publish(tmp_path / "other.safetensors", f"{name}-b")
    assert load_verified(f"{name}-b", hub=hub, framework="torch")["layer"].shape == (2, 3)


def test_torch_with_more_than_tensors_in_it(hub, tmp_path, name):
    torch = pytest.importorskip("torch", reason="torch is not installed")
    torch.save({"layer": Bomb(tmp_path / "made")}, tmp_path / "model.pt")
    hub.models.publish(tmp_path / "model.pt", name)
    with pytest.raises(UnsafeFileError, match="it holds more than tensors"):
        load_verified(name, hub=hub)
    assert not (tmp_path / "made").exists()


# ---------------------------------------------------------------------- what could run code


@pytest.mark.parametrize(
    "file", ["model.pkl", "model.joblib", "model.bin", "model.pt", "model.skops", "m.safetensors"]
)
def test_no_pickle_is_ever_opened(hub, tmp_path, name, file):
    """Whatever it is called: what it would have done has not happened."""
    path = tmp_path / file
    path.write_bytes(pickle.dumps(Bomb(tmp_path / "made")))
    hub.models.publish(path, name)
    for chosen in (None, file):
        with pytest.raises(UnsafeFileError, match=f"^{file} is not loaded: ") as error:
            load_verified(name, hub=hub, file=chosen)
        assert error.value.file == file
    assert not (tmp_path / "made").exists()


def test_other_formats_are_not_guessed(hub, tmp_path, name):
    (tmp_path / "model.onnx").write_bytes(b"graph")
    hub.models.publish(tmp_path / "model.onnx", name)
    with pytest.raises(UnsafeFileError, match="are known to be safe"):
        load_verified(name, hub=hub, file="model.onnx")
    with pytest.raises(NotFoundError, match="holds no model"):
        load_verified(name, hub=hub)
    with pytest.raises(NotFoundError, match=r"holds no other\.pt"):
        load_verified(name, hub=hub, file="other.pt")


@pytest.mark.parametrize("file", ["model.safetensors", "model.skops"])
def test_what_cannot_be_read_is_named(hub, tmp_path, name, file):
    (tmp_path / file).write_bytes(b"\x00" * 100)
    hub.models.publish(tmp_path / file, name)
    with pytest.raises(FormatError, match=file):
        load_verified(name, hub=hub)


def test_of_several_models_one_has_to_be_named(hub, model, name):
    save_file({"other": WEIGHTS["layer"]}, model / "other.safetensors")
    hub.models.publish(model, name)
    with pytest.raises(ConfigError, match="several models: say with file= which"):
        load_verified(name, hub=hub)
    assert list(load_verified(name, hub=hub, file="other.safetensors")) == ["other"]
    with pytest.raises(ConfigError, match="numpy or torch"):
        load_verified(name, hub=hub, file="other.safetensors", framework="jax")


# ---------------------------------------------------------------------- what is not verified


def test_one_byte_is_enough(hub, model, name):
    hub.models.publish(model, name)
    damage(hub.storage, (model / "model.safetensors").read_bytes())
    with pytest.raises(UnverifiedError, match="is not verified: content: ") as error:
        load_verified(name, hub=hub)
    assert not error.value.report.passed


def test_a_revoked_version(hub, model, name):
    hub.models.publish(model, name)
    hub.models.revoke(f"{name}@1", RevocationReason.COMPROMISED)
    with pytest.raises(TaintedError, match="is revoked: compromised"):
        load_verified(name, hub=hub)


def test_a_version_made_from_revoked_data(hub, model, tmp_path, name):
    (tmp_path / "data.csv").write_text(name)
    data = hub.models.publish(tmp_path / "data.csv", f"{name}-data", kind=Kind.DATASET)
    parents = [Parent(data.model_id, 1, Relation.TRAINED_ON)]
    hub.models.publish(model, name, parents=parents)
    assert load_verified(name, hub=hub)
    hub.models.revoke(f"{name}-data@1", RevocationReason.POISONED_DATA)
    with pytest.raises(TaintedError, match="which is revoked: poisoned data") as error:
        load_verified(name, hub=hub)
    assert error.value.taint.path[-1].model_id == data.model_id


# ---------------------------------------------------------------------- folders


@pytest.fixture
def fetched(hub, model, name, tmp_path):
    hub.models.publish(model, name)
    return hub.models.fetch(name, tmp_path / "fetched")


def test_a_folder_that_is_the_version(hub, fetched, name):
    hub.storage.delete(hub.models.version(name).root)  # the store is not needed
    assert list(load_verified(fetched, hub=hub, version=name)) == ["layer"]


def test_a_folder_with_an_altered_byte(hub, fetched, name):
    path = fetched / "model.safetensors"
    data = bytearray(path.read_bytes())
    data[-1] ^= 1
    path.write_bytes(bytes(data))
    with pytest.raises(UnverifiedError, match="the bytes hash to"):
        load_verified(fetched, hub=hub, version=name)


def test_a_folder_with_one_file_more(hub, fetched, name):
    (fetched / "sitecustomize.py").write_text("")
    with pytest.raises(UnverifiedError, match="content: "):
        load_verified(fetched, hub=hub, version=name)


def test_a_folder_with_a_link_in_the_place_of_a_file(hub, fetched, name):
    (fetched / "model.safetensors").rename(fetched.parent / "elsewhere")
    (fetched / "model.safetensors").symlink_to(fetched.parent / "elsewhere")
    with pytest.raises((UnverifiedError, UnsupportedFileError), match="is a symbolic link"):
        load_verified(fetched, hub=hub, version=name)


@pytest.mark.parametrize("top", [".git", ".gitattributes", ".github", ".gitignore"])
@pytest.mark.parametrize("link", [False, True])
def test_what_nothing_has_hashed_is_not_loaded(hub, tmp_path, name, top, link):
    """What is Git's at the top of a folder is part of no version; neither is what is outside."""
    folder = tmp_path / "other"
    folder.mkdir()
    (folder / "model.onnx").write_bytes(b"graph")
    hub.models.publish(folder, name)
    fetched = hub.models.fetch(name, tmp_path / "fetched")
    (fetched / top).mkdir()
    file = fetched / top / "evil.safetensors"
    if link:
        save_file(WEIGHTS, tmp_path / "outside.safetensors")
        file.symlink_to(tmp_path / "outside.safetensors")
    else:
        save_file(WEIGHTS, file)
    with pytest.raises(NotFoundError, match="holds no model"):
        load_verified(fetched, hub=hub, version=name)
    with pytest.raises(NotFoundError, match="holds no "):
        load_verified(fetched, hub=hub, version=name, file=f"{top}/evil.safetensors")


def test_what_belongs_to_git_does_no_harm(hub, fetched, name):
    (fetched / ".git").mkdir()
    save_file({"evil": WEIGHTS["layer"]}, fetched / ".git" / "model.safetensors")
    os.mkfifo(fetched / ".git" / "pipe")
    assert list(load_verified(fetched, hub=hub, version=name)) == ["layer"]


def test_a_folder_with_a_pipe(hub, fetched, name):
    os.mkfifo(fetched / "pipe")
    with pytest.raises(UnsupportedFileError, match="is a named pipe"):
        load_verified(fetched, hub=hub, version=name)


def test_a_folder_that_a_link_leads_to(hub, fetched, name):
    """The link that is named is the user's own."""
    (fetched.parent / "current").symlink_to(fetched)
    assert list(load_verified(fetched.parent / "current", hub=hub, version=name)) == ["layer"]


@pytest.mark.parametrize("becomes", ["nothing", "a link"])
def test_a_file_that_is_exchanged_before_it_is_copied(hub, fetched, name, monkeypatch, becomes):
    real = loading.walk

    def exchanged_afterwards(folder):
        found = real(folder)
        path = fetched / "model.safetensors"
        if folder == fetched:
            path.rename(fetched.parent / "elsewhere")
        if folder == fetched and becomes == "a link":
            path.symlink_to(fetched.parent / "elsewhere")
        return found

    monkeypatch.setattr(loading, "walk", exchanged_afterwards)
    errors = (FileChangedError, UnverifiedError)
    with pytest.raises(errors, match=r"went away|is a symbolic link"):
        load_verified(fetched, hub=hub, version=name)


def test_a_folder_has_to_be_said_to_be_something(hub, fetched, name, tmp_path):
    with pytest.raises(ConfigError, match="does not say whose it is"):
        load_verified(fetched, hub=hub)
    with pytest.raises(ConfigError, match="is a reference"):
        load_verified(name, hub=hub, version=name)
    with pytest.raises(NotFoundError, match="there is no folder"):
        load_verified(tmp_path / "nothing", hub=hub, version=name)


def test_what_is_loaded_is_what_was_verified(hub, fetched, name, monkeypatch):
    """A file that is exchanged after it was hashed changes nothing: a copy was hashed."""

    real = loading.verify_version

    def exchanged_afterwards(*arguments, **options):
        report = real(*arguments, **options)
        save_file({"evil": WEIGHTS["layer"]}, fetched / "model.safetensors")
        return report

    monkeypatch.setattr(loading, "verify_version", exchanged_afterwards)
    assert list(load_verified(fetched, hub=hub, version=name)) == ["layer"]


def test_nothing_is_left_behind(hub, model, name, tmp_path, monkeypatch):
    scratch = tmp_path / "scratch"
    scratch.mkdir()
    monkeypatch.setattr("tempfile.tempdir", str(scratch))
    hub.models.publish(model, name)
    load_verified(name, hub=hub)
    hub.models.revoke(f"{name}@1")
    with pytest.raises(TaintedError):
        load_verified(name, hub=hub)
    assert list(scratch.iterdir()) == []


def test_no_framework_is_imported_before_it_is_needed():
    program = (
        "import sys, anacostia_blockchain.loading\n"
        "heavy = {'torch', 'sklearn', 'skops', 'safetensors', 'numpy'}\n"
        "assert not heavy & set(sys.modules), heavy & set(sys.modules)"
    )
    subprocess.run([sys.executable, "-c", program], check=True, cwd=Path(__file__).parent)


def test_an_old_torch_is_refused(hub, tmp_path, name, monkeypatch):
    """Its weights_only is known to run code; the file is not opened."""
    stub = tmp_path / "stub" / "torch"
    stub.mkdir(parents=True)
    (stub / "__init__.py").write_text("__version__ = '2.5.1+cpu'\n")
    monkeypatch.syspath_prepend(stub.parent)
    monkeypatch.delitem(sys.modules, "torch", raising=False)

    with zipfile.ZipFile(tmp_path / "model.pt", "w") as archive:
        archive.writestr("archive/data.pkl", pickle.dumps(Bomb(tmp_path / "made")))
    hub.models.publish(tmp_path / "model.pt", name)
    with pytest.raises(ConfigError, match="CVE-2025-32434"):
        load_verified(name, hub=hub)
    assert not (tmp_path / "made").exists()
    monkeypatch.delitem(sys.modules, "torch", raising=False)
