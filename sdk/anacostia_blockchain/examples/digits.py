"""A classifier of handwritten digits (UCI, shipped by scikit-learn), saved as safetensors."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from anacostia_blockchain.nodes import ActionNode, ModelStoreNode, MonitoringDataStoreNode

if TYPE_CHECKING:
    from anacostia_blockchain.metadata import SqliteMetadataStore

HELD_OUT = 0.25
"""Share of the images that the model never sees before it is scored."""

WEIGHTS = "digits.safetensors"


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


class TrainDigitsNode(ActionNode):
    """Trains a perceptron with one hidden layer on the newest data and saves its weights.

    Logs the parameters `hidden_units` and `seed`, and the metric `accuracy` on held-out images.
    """

    def __init__(
        self,
        name: str,
        data_store: MonitoringDataStoreNode,
        model_store: ModelStoreNode,
        metadata_store: SqliteMetadataStore,
        *,
        hidden_units: int = 64,
        seed: int = 0,
    ) -> None:
        super().__init__(name, [data_store, model_store], metadata_store)
        self._data_store = data_store
        self._model_store = model_store
        self._metadata_store = metadata_store
        self._parameters = {"hidden_units": hidden_units, "seed": seed}

    def execute(self, *_args: object, **_options: object) -> bool:
        """Train, score, save; False when there is nothing new to learn from."""
        rows: list[list[int]] = []
        for name in self._data_store.list_artifacts("new"):
            with self._data_store.load_artifact(name) as path, Path(path).open() as lines:
                rows += [[int(value) for value in line.split(",")] for line in lines]
        if not rows:
            return False
        weights, accuracy = train(rows, **self._parameters)
        with self._model_store.save_artifact(WEIGHTS, overwrite=True) as path:
            save(weights, path)
        self._metadata_store.log_params(self.name, **self._parameters)
        self._metadata_store.log_metrics(self.name, accuracy=accuracy, images=len(rows))
        return True


def train(rows: list[list[int]], hidden_units: int, seed: int) -> tuple[dict[str, object], float]:
    """Weights by name, and the accuracy on the held-out share of the rows."""
    import numpy as np  # noqa: PLC0415 - an extra
    from sklearn.model_selection import train_test_split  # noqa: PLC0415
    from sklearn.neural_network import MLPClassifier  # noqa: PLC0415

    table = np.array(rows)
    images, labels = table[:, :-1] / 16, table[:, -1]
    split = train_test_split(images, labels, test_size=HELD_OUT, random_state=seed, stratify=labels)
    seen, unseen, seen_labels, unseen_labels = split
    network = MLPClassifier(
        (hidden_units,), max_iter=300, learning_rate_init=5e-3, random_state=seed
    )
    network.fit(seen, seen_labels)
    names = ("hidden", "output")
    weights = {
        f"{layer}.{part}": values.astype(np.float32)
        for part, arrays in (("weight", network.coefs_), ("bias", network.intercepts_))
        for layer, values in zip(names, arrays, strict=True)
    }
    return weights, float(network.score(unseen, unseen_labels))


def save(weights: dict[str, object], path: str) -> None:
    """Write weights as safetensors."""
    from safetensors.numpy import save_file  # noqa: PLC0415 - an extra

    save_file(weights, path)  # type: ignore[arg-type]  # numpy is not a dependency of the types
