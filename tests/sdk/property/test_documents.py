"""How deeply JSON is nested is counted before a parser recurses on it."""

from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from anacostia_blockchain.content.documents import check_depth, read_object
from anacostia_blockchain.errors import FormatError, StoreUnavailableError
from anacostia_blockchain.storage.http import Service

TEXT = st.text(st.sampled_from('"\\\\[]{}n\n\u2222é'), max_size=12)
VALUES = st.recursive(
    TEXT, lambda v: st.lists(v, max_size=3) | st.dictionaries(TEXT, v, max_size=3)
)


def depth_of(value: object) -> int:
    if isinstance(value, (dict, list)):
        below = value.values() if isinstance(value, dict) else value
        return 1 + max(map(depth_of, below), default=0)
    return 0


def is_taken(data: bytes) -> bool:
    try:
        check_depth(data)
    except FormatError:
        return False
    return True


@given(VALUES, st.booleans())
def test_what_is_counted_is_what_the_parser_finds(value, ascii_only):
    """Whatever stands in its strings: as deep as is allowed is read, one deeper is not."""
    document: object = value
    for _ in range(64 - depth_of(value)):
        document = [document]
    text = json.dumps(document, ensure_ascii=ascii_only).encode()
    assert is_taken(text)
    assert not is_taken(b"[" + text + b"]")


@given(st.binary(max_size=40) | TEXT.map(str.encode))
def test_what_stands_before_hides_no_depth(start):
    """Text that the parser reads to the brackets behind it leaves them to be counted."""
    text = b"[" + start + b"," + b"[" * 65 + b"]" * 66
    try:
        json.loads(text.decode())
    except ValueError:
        return
    assert not is_taken(text)


@pytest.mark.parametrize("start", [b'{"', b'"', b'{"a":"'])
@pytest.mark.parametrize("rest", [b'\\"', b"\\\\", b"a", b"\\", b"\\\n"])
def test_a_string_without_an_end_is_looked_at_once(start, rest):
    """Looked at again from each of its quotes, a million would take days."""
    with pytest.raises(FormatError, match="is not valid JSON"):
        read_object(start + rest * 1_000_000, "it")


def test_brackets_that_only_another_encoding_shows():
    """As UTF-16 the quotes of one letter hide all that follows from whoever counts bytes."""
    document = '["\u0122",' + "[" * 3000 + "]" * 3000 + ',"end"]'
    with pytest.raises(StoreUnavailableError, match="is no JSON"):
        Service("http://service.example").decode(document.encode("utf-16-le"))
