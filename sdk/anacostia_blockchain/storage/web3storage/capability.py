"""What a UCAN lets somebody do: abilities on resources, and a reading of them that is strict."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from anacostia_blockchain.errors import FormatError


@dataclass(frozen=True, slots=True)
class Capability:
    """An ability on a resource, for instance `upload/add` on a space.

    Attributes:
        can: an ability, `upload/*` for all of a kind, `*` for all.
        resource: a DID, or `ucan:*` for all that the issuer may do.
        caveats: what the ability is limited to, or an invocation's arguments; None is not `{}`,
            because a signature covers the difference.
    """

    can: str
    resource: str
    caveats: Mapping[str, Any] | None = None

    @classmethod
    def parse(cls, entry: dict[str, Any]) -> Capability:
        """Read what stands in a document.

        Raises:
            FormatError: it is no capability of this version.
        """
        if not set(entry) <= {"can", "with", "nb"}:
            raise FormatError("UCAN: a capability has fields that are not of this version")
        can, resource = typed(entry.get("can"), str, "can"), typed(entry.get("with"), str, "with")
        if can != "*" and ("/" not in can[1:-1] and not can.endswith("/*")):
            raise FormatError(f"UCAN: {can[:80]!r} is no ability")
        if ":" not in resource:
            raise FormatError(f"UCAN: {resource[:80]!r} is no resource")
        caveats = typed(entry["nb"], dict, "nb") if "nb" in entry else None
        return cls(can, resource, caveats)

    def allows(self, can: str, resource: str) -> bool:
        """Whether an ability on a resource is part of this one, caveats apart."""
        named = self.can in ("*", can) or (
            self.can.endswith("/*") and can.startswith(self.can.removesuffix("*"))
        )
        return named and self.resource in ("ucan:*", resource)

    def data(self) -> dict[str, Any]:
        """As it stands in a document."""
        data: dict[str, Any] = {"can": self.can, "with": self.resource}
        return data if self.caveats is None else data | {"nb": dict(self.caveats)}

    def argument(self, name: str, kind: type[Any]) -> Any:  # noqa: ANN401 - checked by `kind`
        """Look up one of the caveats.

        Raises:
            FormatError: it is missing or not of that type.
        """
        return typed((self.caveats or {}).get(name), kind, name)


def typed(value: object, kind: type[Any], name: str) -> Any:  # noqa: ANN401 - checked by `kind`
    """Check the type of a field.

    Raises:
        FormatError: it is of another.
    """
    if not isinstance(value, kind):
        raise FormatError(f"UCAN: {name} is not a {kind.__name__}")
    return value
