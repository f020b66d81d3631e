"""A small character language model: byte n-grams with Witten-Bell smoothing.

It needs nothing but Python, is trained in one pass and is the same on every machine. It works on
UTF-8 bytes, so that it gives every text a probability, and its loss is told per character.

The estimate (Witten and Bell, 1991, method C): with a context h that was followed n times by t
different bytes, P(b | h) = (count(h b) + t P(b | h')) / (n + t), where h' is h without its first
byte; below the empty context stands the uniform distribution over the 256 bytes.
"""

from __future__ import annotations

import json
import math
from collections import Counter, defaultdict
from collections.abc import Mapping
from pathlib import Path

from anacostia_blockchain.errors import FormatError

FORMAT = "anacostia-ngram/1"
FILE_NAME = "ngram.json"
_START = b"\0"


class NgramModel:
    """Predicts each byte of a text from the ones before it.

    Args:
        order: length of the n-grams: the byte and the `order - 1` before it.
        counts: how often each n-gram of that length was seen, the text being preceded by zeros.

    Example:
        >>> model = NgramModel.train("to be, or not to be", order=3)
        >>> model.loss("not to be") < model.loss("quantum")
        True
    """

    def __init__(self, order: int, counts: Mapping[bytes, int]) -> None:
        self.order = order
        self.counts = dict(counts)
        self._grams, self._totals, self._kinds = _tables(self.counts)

    @classmethod
    def train(cls, text: str, *, order: int = 5) -> NgramModel:
        """Count the n-grams of a text.

        Args:
            text: to learn from; may be empty, which leaves the uniform distribution.
            order: 1 or more; 5 suits a few megabytes.
        """
        data = _START * (order - 1) + text.encode()
        grams = (data[i : i + order] for i in range(len(data) - order + 1))
        return cls(order, Counter(grams))

    def loss(self, text: str) -> float:
        """Cross-entropy of a text, in nats per character.

        Raises:
            ValueError: the text is empty.
        """
        if not text:
            raise ValueError("an empty text has no loss per character")
        width = self.order - 1
        data = _START * width + text.encode()
        nats = (-self._log_probability(data, i) for i in range(width, len(data)))
        return math.fsum(nats) / len(text)

    def _log_probability(self, data: bytes, index: int) -> float:
        probability = 1 / 256
        for length in range(self.order):
            context = data[index - length : index]
            total = self._totals.get(context)
            if total is None:  # nor was any longer context seen
                break
            kinds = self._kinds[context]
            seen = self._grams.get(data[index - length : index + 1], 0)
            probability = (seen + kinds * probability) / (total + kinds)
        return math.log(probability)

    def save(self, path: Path | str) -> None:
        """Write the model as JSON, to a file or as `ngram.json` into a folder.

        Equal models make equal files.
        """
        counts = {gram.decode("latin-1"): count for gram, count in sorted(self.counts.items())}
        document = {"format": FORMAT, "order": self.order, "counts": counts}
        text = json.dumps(document, separators=(",", ":"))
        _file(path).write_text(text, encoding="ascii")

    @classmethod
    def load(cls, path: Path | str) -> NgramModel:
        """Read a model that `save` wrote, from that file or folder; nothing in it is executed.

        Raises:
            FormatError: the file is no such model.
        """
        try:
            document = json.loads(_file(path).read_bytes())
            if document["format"] != FORMAT:
                raise FormatError(f"{path} is of the format {document['format']!r}, not {FORMAT}")
            counts = {gram.encode("latin-1"): n for gram, n in document["counts"].items()}
            _check_counts(document["order"], counts)
            return cls(document["order"], counts)
        except (OSError, ValueError, KeyError, TypeError, AttributeError) as error:
            raise FormatError(f"{path} is not a {FORMAT} model: {error}") from error


def _file(path: Path | str) -> Path:
    path = Path(path)
    return path / FILE_NAME if path.is_dir() else path


def _tables(
    counts: Mapping[bytes, int],
) -> tuple[dict[bytes, int], dict[bytes, int], dict[bytes, int]]:
    """Counts of all shorter n-grams too; per context, how often and how variously it went on."""
    grams: dict[bytes, int] = {}
    level = dict(counts)
    while level:
        grams.update(level)
        shorter: dict[bytes, int] = defaultdict(int)
        for gram, count in level.items():
            if len(gram) > 1:
                shorter[gram[1:]] += count
        level = shorter
    totals: dict[bytes, int] = defaultdict(int)
    kinds: dict[bytes, int] = defaultdict(int)
    for gram, count in grams.items():
        totals[gram[:-1]] += count
        kinds[gram[:-1]] += 1
    return grams, dict(totals), dict(kinds)


def _check_counts(order: object, counts: Mapping[bytes, object]) -> None:
    if not isinstance(order, int) or order < 1:
        raise FormatError(f"an order of {order!r} is no positive number")
    for gram, count in counts.items():
        if len(gram) != order or not isinstance(count, int) or count < 1:
            raise FormatError(f"{gram!r}: {count!r} is no count of {order} bytes")
