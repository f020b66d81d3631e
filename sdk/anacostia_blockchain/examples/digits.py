"""A classifier of handwritten digits (UCI, shipped by scikit-learn), saved as safetensors."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from anacostia_blockchain.metadata import SqliteMetadataStore
from anacostia_blockchain.nodes import (
    ModelStoreNode,
    MonitoringDataStoreNode,
    PublishVersionNode,
    TrainingNode,
)
from anacostia_blockchain.pipeline import Pipeline

if TYPE_CHECKING:
    from anacostia_blockchain.client import Anacostia

MODEL = "digits"
WEIGHTS = "digits.safetensors"

HELD_OUT = 0.25
"""Share of the images that the model never sees before it is scored."""

DESCRIPTION = {
    "description": "Perceptron with one hidden layer for handwritten digits of 8 by 8 pixels.",
    "licence": "apache-2.0",
    "tags": ["image-classification", "safetensors"],
}


def build(folder: Path, hub: Anacostia) -> Pipeline:
    """A pipeline that trains on what arrives in `folder/data` and publishes as `digits`."""
    store = SqliteMetadataStore("metadata_store", f"sqlite:///{folder}/metadata.db", chain=hub)
    data = MonitoringDataStoreNode("data_store", folder / "data", store)
    models = ModelStoreNode("model_store", folder / "models", store)
    train = TrainDigitsNode("train", [data], store, models)
    publish = PublishVersionNode("publish", [train], store, models, MODEL, describe=DESCRIPTION)
    return Pipeline([store, data, models, train, publish], name="digits")


def write_data(folder: Path) -> Path:
    """Write the 1,797 images of 8 by 8 pixels as CSV: 64 values from 0 to 16, then the digit."""
    from sklearn.datasets import load_digits  # noqa: PLC0415 - an extra

    images, labels = load_digits(return_X_y=True)
    rows = (
        ",".join([*(f"{int(value)}" for value in image), str(label)])
        for image, label in zip(images, labels, strict=True)
    )
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / "digits.csv"
    path.write_text("\n".join(rows) + "\n")
    return path


class TrainDigitsNode(TrainingNode):
    """Trains on the run's images, and scores on those it held out, as the metric `accuracy`.

    Args:
        hidden_units: of the one hidden layer.
        seed: of the initial weights and of the choice of held-out images.
    """

    def __init__(
        self,
        *args: Any,  # noqa: ANN401 - those of TrainingNode
        hidden_units: int = 64,
        seed: int = 0,
        **options: Any,  # noqa: ANN401 - likewise
    ) -> None:
        super().__init__(*args, **options)
        self._parameters = {"hidden_units": hidden_units, "seed": seed}

    def train(self, target: Path) -> Mapping[str, float]:
        """Train, score, save."""
        rows: list[list[int]] = []
        for artifact in self.inputs():
            with self.open_input(artifact) as path, path.open() as lines:
                rows += [[int(value) for value in line.split(",")] for line in lines]
        weights, accuracy = fit(rows, **self._parameters)
        save(weights, target / WEIGHTS)
        self.log_params(**self._parameters)
        return {"accuracy": accuracy, "images": len(rows)}


def fit(rows: list[list[int]], hidden_units: int, seed: int) -> tuple[dict[str, Any], float]:
    """Weights by name (float32 arrays), and the accuracy on the held-out share of the rows."""
    import numpy as np  # noqa: PLC0415 - an extra
    from sklearn.model_selection import train_test_split  # noqa: PLC0415 - loads scikit-learn
    from sklearn.neural_network import MLPClassifier  # noqa: PLC0415 - loads scikit-learn

    table = np.array(rows)
    images, labels = table[:, :-1] / 16, table[:, -1]
    split = train_test_split(images, labels, test_size=HELD_OUT, random_state=seed, stratify=labels)
    seen, unseen, seen_labels, unseen_labels = split
    network = MLPClassifier(
        (hidden_units,), max_iter=300, learning_rate_init=5e-3, random_state=seed
    )
    network.fit(seen, seen_labels)
    weights = {
        f"{layer}.{part}": values.astype(np.float32)
        for part, arrays in (("weight", network.coefs_), ("bias", network.intercepts_))
        for layer, values in zip(("hidden", "output"), arrays, strict=True)
    }
    return weights, float(network.score(unseen, unseen_labels))


def predict(weights: Mapping[str, Any], inputs: list[list[float]]) -> Any:  # noqa: ANN401 - an array: numpy is an extra
    """The digit on each image, given as 64 values from 0 to 16."""
    import numpy as np  # noqa: PLC0415 - an extra

    hidden = np.asarray(inputs) / 16 @ weights["hidden.weight"] + weights["hidden.bias"]
    return (np.maximum(hidden, 0) @ weights["output.weight"] + weights["output.bias"]).argmax(1)


def save(weights: dict[str, Any], path: Path) -> None:
    """Write weights as safetensors."""
    from safetensors.numpy import save_file  # noqa: PLC0415 - an extra

    save_file(weights, path)
