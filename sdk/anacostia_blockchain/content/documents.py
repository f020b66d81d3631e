"""JSON documents: written canonically (RFC 8785), read without trusting their shape."""

from __future__ import annotations

import json
import re
from typing import Any, TypeVar

import rfc8785

from anacostia_blockchain.errors import FormatError

_Kind = TypeVar("_Kind")

_DEEPEST = 64
_BRACKETS = re.compile(rb'"(?:[^"\\]|\\.)*+"?|[\[\]{}]', re.DOTALL)
"""Brackets, and whole strings, so that those inside strings are passed over.

A string without an end goes to the end of the text: each byte is looked at once.
"""


def canonical(document: Any) -> bytes:  # noqa: ANN401 - whatever JSON can hold
    """Encode with sorted keys, no spaces, one form per number.

    Raises:
        FormatError: a value that JSON cannot hold, or an integer beyond 2**53.
    """
    try:
        return rfc8785.dumps(document)
    except (rfc8785.CanonicalizationError, UnicodeEncodeError, RecursionError) as error:
        raise FormatError(f"cannot be written as JSON: {error}") from error


def read_object(data: bytes, what: str) -> dict[str, Any]:
    """Decode a JSON object; `what` names it in errors.

    Raises:
        FormatError: not UTF-8, not JSON, a key twice, nested too deeply, or not an object.
    """
    try:
        check_depth(data)
        document = json.loads(data.decode(), object_pairs_hook=_unique, parse_int=_integer)
        canonical(document)
    except (ValueError, RecursionError, FormatError) as error:
        raise FormatError(f"{what} is not valid JSON: {error}") from error
    if not isinstance(document, dict):
        raise FormatError(f"{what} is not a JSON object")
    return document


def field(document: object, path: str, kind: type[_Kind], what: str) -> _Kind:
    """Look up `a/b/0/c` in nested objects and arrays.

    Raises:
        FormatError: it is missing or not of that type.
    """
    value: Any = document
    for step in path.split("/"):
        if isinstance(value, list) and step.isdecimal() and int(step) < len(value):
            value = value[int(step)]
        elif isinstance(value, dict) and step in value:
            value = value[step]
        else:
            raise FormatError(f"{what}: {path} is missing")
    if not isinstance(value, kind):
        raise FormatError(f"{what}: {path} is not a {kind.__name__}")
    return value


def hex_field(document: object, path: str, what: str) -> bytes:
    """Look up a SHA-256 digest in lower-case hexadecimal, with or without `0x`.

    Raises:
        FormatError: it is missing or something else.
    """
    text = field(document, path, str, what)
    digits = text.removeprefix("0x")
    if len(digits) != 64 or not set(digits) <= set("0123456789abcdef"):
        raise FormatError(f"{what}: {path} is not 32 bytes in lower-case hexadecimal")
    return bytes.fromhex(digits)


def check_depth(data: bytes) -> None:
    """Count brackets before the parser recurses on them.

    Python's own limit is no help: a dependency of web3 raises it beyond what the stack holds, and
    a document of a hundred thousand brackets would end the process. The parser has to be given the
    bytes as UTF-8, as it takes bytes for UTF-16 where they look like it.

    Raises:
        FormatError: it is nested more deeply than anything that is read here.
    """
    depth = 0
    for mark in _BRACKETS.finditer(data):
        if mark[0] in (b"[", b"{"):
            depth += 1
            if depth > _DEEPEST:
                raise FormatError(f"it is nested more than {_DEEPEST} deep")
        elif mark[0] in (b"]", b"}"):
            depth -= 1


def _integer(digits: str) -> int | float:
    """A number without a fraction. Beyond 2**53 it can only be a float's canonical form.

    Raises:
        FormatError: it is not: reading it would change it.
    """
    number: int | float = int(digits) if len(digits) < 30 else float("inf")
    if abs(number) < 2**53:
        return number
    if canonical(float(number)) != digits.encode():
        raise FormatError(f"{digits[:30]} is beyond 2**53")
    return float(number)


def _unique(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    document = dict(pairs)
    if len(document) != len(pairs):
        raise FormatError("a key stands twice")
    return document
