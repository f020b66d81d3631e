"""What a service answers in JSON, taken apart; of another shape, it is the service's fault.

A status of 200 says nothing of it: proxies, sign-in pages and other versions answer so too.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime
from typing import TypeVar

from anacostia_blockchain.errors import StoreUnavailableError

_T = TypeVar("_T")


class Fields:
    """An object of an answer, of which each field is taken as what it has to be.

    A field that is null is one that is not there. Objects and lists of words that are not there are
    empty, because services leave out what is; of the rest, what has a default may be missing.

    Args:
        host: who answered.
        value: what it answered.

    Raises:
        StoreUnavailableError: it is no object; from every method: the field is something else.
    """

    def __init__(self, host: str, value: object) -> None:
        self._host = host
        self._value: dict[str, object] = self._as(dict, value, "an answer")

    def __contains__(self, name: str) -> bool:
        return self._value.get(name) is not None

    def text(self, name: str, default: str | None = None) -> str:
        """Words."""
        return self._as(str, self._one(name, default), name)

    def number(self, name: str, default: int | None = None) -> int:
        """A whole number, not below zero."""
        found = self._as(int, self._one(name, default), name)
        if isinstance(found, bool) or found < 0:
            raise self._odd(name, found)
        return found

    def moment(self, name: str) -> datetime:
        """A time; one without a zone is UTC."""
        text = self.text(name)
        try:
            found = datetime.fromisoformat(text)
            return found.replace(tzinfo=UTC) if found.tzinfo is None else found.astimezone(UTC)
        except (ValueError, OverflowError) as error:
            raise self._odd(name, text) from error

    def texts(self, name: str) -> list[str]:
        """A list of words."""
        found: list[object] = self._as(list, self._one(name, []), name)
        return [self._as(str, entry, name) for entry in found]

    def fields(self, name: str) -> Fields:
        """An object."""
        return Fields(self._host, self._one(name, {}))

    def each(self, name: str) -> list[Fields]:
        """A list of objects."""
        return all_fields(self._host, self._one(name, None))

    def objects(self) -> Iterator[tuple[str, Fields]]:
        """The fields by their names, each of which is an object."""
        for name, value in self._value.items():
            yield name, Fields(self._host, value)

    def shown(self) -> str:
        """All of it, for people."""
        return ", ".join(f"{name}: {value}" for name, value in self._value.items())

    def _one(self, name: str, default: object) -> object:
        found = self._value.get(name)
        return default if found is None else found

    def _as(self, kind: type[_T], value: object, name: str) -> _T:
        if not isinstance(value, kind):
            raise self._odd(name, value)
        return value

    def _odd(self, name: str, value: object) -> StoreUnavailableError:
        said = f"{value!r:.100}"
        return StoreUnavailableError(
            f"{self._host} answered with something else than it should: {name} is {said}"
        )


def all_fields(host: str, values: object) -> list[Fields]:
    """An answer that is a list of objects.

    Raises:
        StoreUnavailableError: it is not.
    """
    if not isinstance(values, list):
        raise StoreUnavailableError(
            f"{host} answered with something else than a list: {values!r:.100}"
        )
    return [Fields(host, value) for value in values]
