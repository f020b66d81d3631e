"""Load a model only after all of it was verified, and never by a format that can run code.

What is loaded is a private copy that nobody else writes to, made first and then hashed: the bytes
that were verified are the bytes that are read. What belongs to Git at a folder's top is not hashed
(`content.walk`), so that nothing is loaded from there.
"""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING, Any
from zipfile import BadZipFile, is_zipfile

from anacostia_blockchain._extras import require
from anacostia_blockchain.content.walk import walk
from anacostia_blockchain.errors import (
    ConfigError,
    FormatError,
    NotFoundError,
    TaintedError,
    UnsafeFileError,
    UnverifiedError,
)
from anacostia_blockchain.recall import MAX_VISITS
from anacostia_blockchain.storage.disk import typed_errors
from anacostia_blockchain.verify import verify_version

if TYPE_CHECKING:
    from anacostia_blockchain.client import Anacostia
    from anacostia_blockchain.types import ModelVersion

_PICKLES = frozenset(
    [".pkl", ".pickle", ".p", ".joblib", ".dill", ".cloudpickle", ".bin", ".ckpt", ".npy", ".npz"]
)
"""Endings of formats that are pickles, or may hold some."""

_SAFE_TORCH = (2, 6)
"""Before it, `weights_only` could be made to run code (CVE-2025-32434)."""


@dataclass(frozen=True, slots=True)
class Loaded:
    """A model, and the version that it is.

    Attributes:
        model: as its library gives it; of safetensors, arrays or tensors by name.
        file: name of the file that it was loaded from.
    """

    model: Any
    version: ModelVersion
    file: str


@dataclass(frozen=True, slots=True)
class How:
    """How a file is read.

    Attributes:
        file: which one, where a version holds several; None: the only one that is a model.
        framework: "numpy" or "torch": what safetensors become.
        trusted: names of types beyond scikit-learn's and NumPy's own that a skops file may hold.
        max_visits: how many versions of the lineage may be looked at for taint.
    """

    file: str | None = None
    framework: str = "numpy"
    trusted: tuple[str, ...] = ()
    max_visits: int = MAX_VISITS


def load_verified(
    source: str | Path,
    *,
    hub: Anacostia | None = None,
    version: str | None = None,
    file: str | None = None,
    framework: str = "numpy",
    trusted: Iterable[str] = (),
) -> Any:  # noqa: ANN401 - whatever the model is
    """Load a model that is verified, not revoked, not made from what is, and no pickle; or refuse.

    Args:
        source: a reference such as `digits@champion`, or as a `Path` a folder with a version.
        hub: a connection; None: the local one.
        version: with a folder, the reference of the version that it has to be. A folder by itself
            does not say whose it is.
        file: which file, where there are several: `.safetensors`, `.skops`, `.pt`.
        framework: "numpy" or "torch": what safetensors become.
        trusted: names of types beyond scikit-learn's and NumPy's own that a skops file may hold.

    Raises:
        UnverifiedError: a check failed; its `report` has all of them.
        TaintedError: the version is revoked, or was made from one that is; `taint` says why.
        UnsafeFileError: the file could run code when it is loaded.
        ConfigError: a library is missing, or it is not said which file or version is meant.
        NotFoundError: there is no such version, or no model in it.
        UnsupportedFileError: the folder holds a link or another special file.

    Example:
        >>> from anacostia_blockchain import load_verified
        >>> weights = load_verified("digits@champion", hub=hub)  # doctest: +SKIP
    """
    if hub is None:
        from anacostia_blockchain.client import connect  # noqa: PLC0415 - loads web3

        hub = connect()
    how = How(file, framework, tuple(trusted))
    return load(hub, source, how, version=version).model


def load(
    hub: Anacostia, source: str | Path, how: How | None = None, *, version: str | None = None
) -> Loaded:
    """As `load_verified`; says which version it is."""
    how = how or How()
    with verified(hub, source, version=version, max_visits=how.max_visits) as (folder, found):
        path = _choose(folder, how.file)
        return Loaded(_read(path, how), found, path.relative_to(folder).as_posix())


@contextmanager
def verified(
    hub: Anacostia, source: str | Path, *, version: str | None = None, max_visits: int = MAX_VISITS
) -> Iterator[tuple[Path, ModelVersion]]:
    """A private copy of a version, verified, for as long as a `with` block lasts.

    Raises:
        UnverifiedError, TaintedError: see `load_verified`.
    """
    if isinstance(source, Path) == (version is None):
        raise ConfigError(
            "a folder does not say whose it is: say with version= which version it has to be"
            if isinstance(source, Path)
            else f"{source} is a reference: version= is for folders, which are given as Path"
        )
    reference = version if isinstance(source, Path) else source
    model_id, number = hub.models.resolve(str(reference))
    pinned = f"{model_id}@{number}"  # an alias may move in between
    refuse_tainted(hub, pinned)
    with tempfile.TemporaryDirectory(prefix="anacostia-load-") as scratch:
        folder = Path(scratch) / "version"
        if isinstance(source, Path):
            _copy(source, folder)
        report = verify_version(hub, pinned, into=folder, max_visits=max_visits)
        if not report.passed:
            raise UnverifiedError(report)
        yield folder, hub.registry.version_of(model_id, number)


def refuse_tainted(hub: Anacostia, reference: str) -> None:
    """Raise TaintedError if a version is revoked, or was made from one that is."""
    taint = hub.models.taint(reference)
    if taint is not None:
        raise TaintedError(taint)


def _copy(source: Path, target: Path) -> None:
    """Copy what is hashed of a folder, and nothing else; a link is never followed."""
    if not source.is_dir():
        raise NotFoundError(f"there is no folder {source}")
    files, directories = walk(source.resolve())
    with typed_errors(target):
        for found in directories:
            (target / found.path).mkdir()
        for found in files:
            try:
                shutil.copyfile(found.location, target / found.path, follow_symlinks=False)
            except OSError:
                found.check_unchanged()
                raise


# ---------------------------------------------------------------------- formats


def _choose(folder: Path, name: str | None) -> Path:
    """The file that is meant, of those that were hashed; what is refused is named."""
    files = [found.location for found in walk(folder)[0]]
    if name is not None:
        path = folder / name
        if path not in files:
            raise NotFoundError(f"the version holds no {name}")
        if path.suffix not in _READERS:
            _refuse(path, name)
        return path
    models = [path for path in files if path.suffix in _READERS]
    if len(models) == 1:
        return models[0]
    shown = ", ".join(path.relative_to(folder).as_posix() for path in models)
    if models:
        raise ConfigError(f"the version holds several models: say with file= which of {shown}")
    for path in files:
        if path.suffix in _PICKLES:
            _refuse(path, path.relative_to(folder).as_posix())
    raise NotFoundError(f"the version holds no model: a file that ends with {', '.join(_READERS)}")


def _refuse(path: Path, name: str) -> None:
    if path.suffix in _PICKLES or _is_pickle(path):
        raise UnsafeFileError(
            name, "it is a pickle, or may hold one, and a pickle can run any code when it is loaded"
        )
    raise UnsafeFileError(name, f"only {', '.join(_READERS)} are known to be safe to load")


def _is_pickle(path: Path) -> bool:
    """Whether it begins as a pickle of protocol 2 or later does."""
    with path.open("rb") as file:
        start = file.read(2)
    return len(start) == 2 and start[0] == 0x80 and 2 <= start[1] <= 5


def _read(path: Path, how: How) -> Any:  # noqa: ANN401 - whatever the model is
    if _is_pickle(path):
        _refuse(path, path.name)
    return _READERS[path.suffix](path, how)


def _safetensors(path: Path, how: How) -> dict[str, Any]:
    if how.framework not in ("numpy", "torch"):
        raise ConfigError(f"safetensors become numpy or torch, not {how.framework!r}")
    if how.framework == "torch":
        _require_torch()
    require("load", "safetensors", "numpy")

    from safetensors import SafetensorError  # noqa: PLC0415 - an extra

    try:
        loaded: dict[str, Any] = import_module(f"safetensors.{how.framework}").load_file(path)
    except SafetensorError as error:
        raise FormatError(f"{path.name} is not safetensors: {error}") from error
    return loaded


def _skops(path: Path, how: How) -> Any:  # noqa: ANN401 - whatever was saved
    require("load", "skops", "sklearn")
    from skops import io  # noqa: PLC0415 - an extra
    from skops.io.exceptions import UntrustedTypesFoundException  # noqa: PLC0415 - loads scikit-learn

    try:
        unknown = set(io.get_untrusted_types(file=path)) - set(how.trusted)
        if unknown:
            raise UnsafeFileError(
                path.name,
                f"it holds types that you did not say you trust: {', '.join(sorted(unknown))}; "
                "look at them, and name them with trusted=",
            )
        return io.load(path, trusted=sorted(how.trusted))
    except UntrustedTypesFoundException as error:
        raise UnsafeFileError(path.name, str(error)) from error
    except (BadZipFile, KeyError, TypeError, ValueError, AttributeError, ImportError) as error:
        raise FormatError(f"{path.name} is no skops file that can be read: {error}") from error


def _torch(path: Path, _how: How) -> Any:  # noqa: ANN401 - whatever was saved
    if not is_zipfile(path):
        raise UnsafeFileError(path.name, "it is in torch's old format, which is a bare pickle")
    torch = _require_torch()
    from pickle import UnpicklingError  # noqa: PLC0415 - only the error's name

    try:
        return torch.load(path, map_location="cpu", weights_only=True)
    except UnpicklingError as error:
        raise UnsafeFileError(path.name, f"it holds more than tensors: {error}") from error
    except (RuntimeError, EOFError, KeyError, ValueError) as error:
        raise FormatError(f"{path.name} is no torch file that can be read: {error}") from error


def _require_torch() -> Any:  # noqa: ANN401 - the module
    """PyTorch; which build of it is right depends on the machine, so that no extra brings it."""
    try:
        import torch  # noqa: PLC0415 - large, and optional
    except ImportError:
        raise ConfigError("torch is not installed: see https://pytorch.org/get-started") from None
    numbers = str(torch.__version__).split("+", 1)[0].split(".")[:2]
    if tuple(map(int, numbers)) < _SAFE_TORCH:
        raise ConfigError(
            f"torch {torch.__version__} can be made to run code by a file (CVE-2025-32434): "
            "install 2.6 or later"
        )
    return torch


_READERS: dict[str, Callable[[Path, How], Any]] = {
    ".safetensors": _safetensors,
    ".skops": _skops,
    ".pt": _torch,
    ".pth": _torch,
}
"""By a file's ending, how it is read."""
