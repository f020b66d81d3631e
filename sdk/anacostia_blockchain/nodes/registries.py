"""Registries: model stores that also describe what they hold, for people and other tools."""

from __future__ import annotations

import mimetypes
from collections.abc import Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path, PurePosixPath
from typing import TYPE_CHECKING, Any, Protocol

from anacostia_blockchain.content.cards import Croissant, DataFile, ModelCard, front_matter
from anacostia_blockchain.content.folder import scan
from anacostia_blockchain.errors import NotFoundError
from anacostia_blockchain.metadata.facts import run_values
from anacostia_blockchain.nodes.model_store import ModelStoreNode

if TYPE_CHECKING:
    from anacostia_blockchain.metadata.artifacts import Artifact

CARD = "README.md"
CROISSANT = "croissant.json"


class Card(Protocol):
    """A card of another tool, such as `huggingface_hub.ModelCard`."""

    def save(self, filepath: str) -> object:
        """Write the card to a file."""


class HuggingFaceModelRegistryNode(ModelStoreNode):
    """A model store that writes model cards with Hugging Face front matter.

    It has the methods of the framework's node of that name; what it saves is kept by CID.

    Example:
        >>> with registry.save_model("digits/run-1") as path:  # doctest: +SKIP
        ...     model.save_pretrained(path)
        >>> registry.save_model_card("digits/run-1")  # doctest: +SKIP
    """

    def save_model(
        self, model_path: str, overwrite: bool = False, atomic: bool = True
    ) -> AbstractContextManager[str]:
        """A path at which to write a model; see `save_artifact`."""
        return self.save_artifact(model_path, overwrite, atomic)

    def save_model_card(
        self,
        model_path: str,
        model_card_path: str | None = None,
        card: Card | None = None,
        **about: Any,  # noqa: ANN401 - attributes of `ModelCard`
    ) -> str:
        """Save a card beside a model, and tag each with the other's place.

        Args:
            model_path: location of the model.
            model_card_path: location of the card; None: the model's with `.README.md` after it.
            card: of another tool; None: it is made from what the current run has recorded.
            about: attributes of `content.cards.ModelCard` that the run does not know.

        Returns:
            Location of the card.

        Raises:
            NotFoundError: there is no such model.
            PipelineError: no run is under way, or the location is taken.
        """
        model = self.metadata_store.artifact(self.name, model_path)
        place = model_card_path or f"{model_path}.{CARD}"
        made = card is None
        with self.save_artifact(place) as path:
            if card is not None:
                card.save(path)
            else:
                text = self.card_of(model, **about).render()
                Path(path).write_text(text, encoding="utf-8")
        self.metadata_store.tag_artifact(self.name, place, model_path=model_path, made=made)
        self.metadata_store.tag_artifact(self.name, model_path, model_card_path=place)
        return place

    def card_of(self, model: Artifact, **about: Any) -> ModelCard:  # noqa: ANN401 - of `ModelCard`
        """A card made from what the current run has recorded so far.

        Args:
            model: what it is about.
            about: attributes that the run does not know, or that take the place of those it does.
        """
        store = self.metadata_store
        run_id = store.get_run_id()
        with store.database.read() as connection:
            values = run_values(connection, run_id)
        known = {
            "metrics": {f.name: f.value for f in values if f.role == "metric"},
            "params": {f.name: f.value for f in values if f.role == "param"},
            "inputs": {
                f"{given.store}/{given.location}": given.sha256
                for given in store.run_artifacts("input")
            },
            "run": f"run {run_id} of {store.name}, content {model.cid}",
        }
        name = about.pop("name", PurePosixPath(model.location).parts[0])
        return ModelCard(name, **(known | about))


class DatasetRegistryNode(ModelStoreNode):
    """A store of datasets, each a folder or file, described as Croissant.

    It has the methods of the framework's node of that name; what it saves is kept by CID.

    Example:
        >>> with registry.save_artifact("plays") as path:  # doctest: +SKIP
        ...     shutil.copytree("plays", path)
        >>> registry.save_croissant("plays", licence="cc0-1.0")  # doctest: +SKIP
    """

    @contextmanager
    def save_data_card(
        self,
        data_card_path: str,
        datasets_paths: Sequence[str],
        overwrite: bool = False,
        atomic: bool = True,
    ) -> Iterator[str]:
        """A path at which to write a card about datasets; each is tagged with the other's place.

        Args:
            data_card_path: location of the card.
            datasets_paths: locations of what it is about.
            overwrite: see `save_artifact`.
            atomic: it always is.

        Raises:
            NotFoundError: there is no such dataset.
        """
        for place in datasets_paths:
            self.metadata_store.artifact(self.name, place)
        with self.save_artifact(data_card_path, overwrite, atomic) as path:
            yield path
        for place in datasets_paths:
            self.metadata_store.tag_artifact(self.name, place, data_card_path=data_card_path)
            self.metadata_store.tag_artifact(self.name, data_card_path, dataset_path=place)

    def save_croissant(
        self,
        dataset_path: str,
        data_card_path: str | None = None,
        **about: Any,  # noqa: ANN401 - attributes of `Croissant`
    ) -> str:
        """Describe a dataset as Croissant: every file with its digest and its place in IPFS.

        Args:
            dataset_path: location of the dataset.
            data_card_path: location of the card; None: the dataset's with `.croissant.json` after
                it.
            about: attributes of `content.cards.Croissant`: description, licence, published, cite,
                url, version.

        Returns:
            Location of the card.

        Raises:
            NotFoundError: there is no such dataset.
        """
        dataset = self.metadata_store.artifact(self.name, dataset_path)
        place = data_card_path or f"{dataset_path}.{CROISSANT}"
        files = self._files(dataset)
        name = about.pop("name", PurePosixPath(dataset_path).name)
        about.setdefault("url", f"ipfs://{dataset.cid}")
        with self.save_data_card(place, [dataset_path]) as path:
            Path(path).write_text(Croissant(name, files, **about).render(), encoding="utf-8")
        return place

    def _files(self, dataset: Artifact) -> list[DataFile]:
        path = Path(self.path, dataset.location)
        self.restore(dataset, path)
        if not path.exists():
            raise NotFoundError(f"{self.name} has lost {dataset.location}")
        folder = path.is_dir()
        return [
            DataFile(
                name=file.path,
                sha256=file.sha256.hex(),
                size=file.size,
                url=f"ipfs://{dataset.cid}" + (f"/{file.path}" if folder else ""),
                media_type=mimetypes.guess_type(file.path)[0] or "application/octet-stream",
            )
            for file in scan(path).files
        ]


class HuggingFaceDatasetRegistryNode(DatasetRegistryNode):
    """A store of datasets with dataset cards of Hugging Face, and Croissant.

    Example:
        >>> registry.save_dataset_card("plays", card)  # doctest: +SKIP
    """

    def save_dataset_card(
        self, dataset_path: str, card: Card | Mapping[str, object], place: str | None = None
    ) -> str:
        """Save a card beside a dataset.

        Args:
            dataset_path: location of the dataset.
            card: of another tool, or the front matter of a new one.
            place: location of the card; None: the dataset's with `.README.md` after it.

        Returns:
            Location of the card.

        Raises:
            NotFoundError: there is no such dataset.
        """
        target = place or f"{dataset_path}.{CARD}"
        with self.save_data_card(target, [dataset_path]) as path:
            if isinstance(card, Mapping):
                Path(path).write_text(_dataset_card(dataset_path, card), encoding="utf-8")
            else:
                card.save(path)
        return target


def _dataset_card(name: str, front: Mapping[str, object]) -> str:
    return "\n".join([*front_matter(front), "", f"# {name}", ""])
