"""Several names for a pin, on services that keep one: they stand in it side by side."""

from __future__ import annotations

from abc import ABC, abstractmethod

from anacostia_blockchain.content.cid import CID
from anacostia_blockchain.errors import StorageError

_BETWEEN = "\t"
"""Shows as columns in the services' own lists."""

_MAX_BYTES = 255
"""What Kubo and the pinning services keep."""


def split_names(text: str) -> list[str]:
    """The names in a pin's one name."""
    return text.split(_BETWEEN)


class NamedPins(ABC):
    """Pins by CID, each with one text that holds its names.

    Two processes that name the same pin at the same time may lose one of the names, never the pin.
    """

    @abstractmethod
    def names_of(self, cid: CID) -> list[str] | None:
        """Names of a CID's pin; None if it is not pinned."""

    @abstractmethod
    def set_names(self, cid: CID, text: str) -> None:
        """Give a pin that is there another text."""

    @abstractmethod
    def drop(self, cid: CID) -> None:
        """Remove a pin."""

    def add_name(self, cid: CID, name: str) -> None:
        """Name a pin that is there.

        Raises:
            StorageError: the names of the pin become too long, or hold a tab.
        """
        names = [known for known in self.names_of(cid) or [] if known]
        if name and name not in names:
            self.set_names(cid, joined(cid, [*names, name]))

    def text_with(self, cid: CID, name: str) -> str:
        """The names of a CID's pin, if there is one, and one more, for a service that pins anew.

        Raises:
            StorageError: as for `add_name`.
        """
        names = [known for known in self.names_of(cid) or [] if known]
        return joined(cid, names if not name or name in names else [*names, name])

    def unpin(self, cid: CID, name: str | None = None) -> None:
        """Drop one pin, or all pins, of a CID."""
        names = self.names_of(cid)
        if names is None or (name is not None and name not in names):
            return
        rest = [kept for kept in names if name is not None and kept != name]
        if rest:
            self.set_names(cid, joined(cid, rest))
        else:
            self.drop(cid)


def check_pin_name(name: str) -> None:
    """Refuse a name that the service could not keep, before anything is sent.

    Raises:
        StorageError: it holds a tab, or is too long.
    """
    if _BETWEEN in name or len(name.encode()) > _MAX_BYTES:
        raise StorageError(f"a pin's name has at most {_MAX_BYTES} bytes here, and no tab")


def joined(cid: CID, names: list[str]) -> str:
    """The text that holds names.

    Raises:
        StorageError: a name holds a tab, or together they are too long.
    """
    for name in names:
        check_pin_name(name)
    text = _BETWEEN.join(names)
    if len(text.encode()) > _MAX_BYTES:
        raise StorageError(
            f"the names of {cid}'s pin are longer than the {_MAX_BYTES} bytes that the service "
            "keeps: unpin one, or choose a shorter one"
        )
    return text
