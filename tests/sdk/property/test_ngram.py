"""The language model against its definition, written down once more and slowly."""

from __future__ import annotations

import math
from pathlib import Path
from tempfile import TemporaryDirectory

from hypothesis import given, settings
from hypothesis import strategies as st

from anacostia_blockchain.nodes.ngram import NgramModel

TEXTS = st.text(alphabet="ab é", max_size=40)
ORDERS = st.integers(1, 4)


def probability(data: bytes, context: bytes, byte: int) -> float:
    """Witten-Bell by its formula, counting anew each time.

    Contexts are followed at the places where a prediction was learnt: the text, without the zeros
    that stand before it.
    """
    width = len(context)
    shorter = 1 / 256 if width == 0 else probability(data, context[1:], byte)
    order_minus_1 = data.index(b"|")
    body = data[:order_minus_1] + data[order_minus_1 + 1 :]
    followers = [body[i] for i in range(order_minus_1, len(body)) if body[i - width : i] == context]
    if not followers:
        return shorter
    kinds = len(set(followers))
    return (followers.count(byte) + kinds * shorter) / (len(followers) + kinds)


@given(TEXTS, TEXTS.filter(bool), ORDERS)
@settings(max_examples=60)
def test_loss_is_that_of_the_formula(text: str, probe: str, order: int) -> None:
    zeros = b"\0" * (order - 1)
    marked = zeros + b"|" + text.encode()
    data = zeros + probe.encode()
    nats = [
        -math.log(probability(marked, data[i - order + 1 : i], data[i]))
        for i in range(order - 1, len(data))
    ]
    expected = math.fsum(nats) / len(probe)
    assert math.isclose(NgramModel.train(text, order=order).loss(probe), expected, rel_tol=1e-9)


@given(TEXTS, ORDERS, st.binary(max_size=4))
@settings(max_examples=60)
def test_it_is_a_probability_distribution(text: str, order: int, before: bytes) -> None:
    model = NgramModel.train(text, order=order)
    data = b"\0" * order + before
    total = math.fsum(
        math.exp(model._log_probability(data + bytes([byte]), len(data))) for byte in range(256)
    )
    assert math.isclose(total, 1)


@given(TEXTS, ORDERS)
@settings(max_examples=30)
def test_saving_and_loading_keep_the_model(text: str, order: int) -> None:
    model = NgramModel.train(text, order=order)
    with TemporaryDirectory() as folder:
        model.save(folder)
        path = Path(folder, "ngram.json")
        loaded = NgramModel.load(path)
        again = Path(folder, "again.json")
        loaded.save(again)
        assert again.read_bytes() == path.read_bytes()
    assert (loaded.order, loaded.counts) == (model.order, model.counts)
    assert loaded.loss("to be") == model.loss("to be")
