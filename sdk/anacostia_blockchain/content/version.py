"""A version's directory: the published files and the four that describe them.

`metadata.json` is what the token's `tokenURI` leads to (ERC-721), `README.md` the model card
(Hugging Face front matter; the folder's own is kept), `manifest.json` the OpenSSF manifest and
`statement.json` the provenance. The same folder and arguments always give the same bytes.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from anacostia_blockchain.content import manifest, statement
from anacostia_blockchain.content.cards import front_matter, yaml
from anacostia_blockchain.content.documents import canonical
from anacostia_blockchain.content.folder import FolderDigest, Overlay
from anacostia_blockchain.content.manifest import ADDED_NAMES, Manifest
from anacostia_blockchain.content.statement import Provenance, Statement
from anacostia_blockchain.errors import FormatError, IntegrityError

CARD_NAME = "README.md"
METADATA_NAME = "metadata.json"


@dataclass(frozen=True, slots=True)
class _Description:
    name: str
    description: str
    image: str
    licence: str
    tags: tuple[str, ...]
    metrics: Mapping[str, float]
    provenance: Provenance

    def files(self, base: FolderDigest) -> dict[str, bytes]:
        """Make the added files from the digest of the published ones."""
        added = {METADATA_NAME: self._metadata(base)}
        if all(file.path != CARD_NAME for file in base.files):
            added[CARD_NAME] = self._card()
        covered = replace(base.manifest, name=self.name).without(
            {*added, manifest.NAME, statement.NAME}
        )
        made = Statement(self.name, covered.root, self.provenance)
        return added | {manifest.NAME: covered.to_json(), statement.NAME: made.to_json()}

    def _metadata(self, base: FolderDigest) -> bytes:
        attributes: list[dict[str, Any]] = [
            {"trait_type": name, "value": value} for name, value in sorted(self.metrics.items())
        ]
        attributes += [{"trait_type": "tag", "value": tag} for tag in self.tags]
        licence = {"license": self.licence} if self.licence else {}
        document = {
            "name": self.name,
            "description": self.description,
            "attributes": attributes,
            "properties": {
                "manifest_root": base.manifest.root.hex(),
                "files": len(base.files),
                "size": base.size,
                **licence,
            },
        }
        return canonical(document | ({"image": self.image} if self.image else {}))

    def _card(self) -> bytes:
        front: dict[str, object] = {"model_name": self.name, "tags": list(self.tags)}
        if self.licence:
            front["license"] = self.licence
        lines = [*front_matter(dict(sorted(front.items()))), "", f"# {self.name}"]
        if self.description:
            lines += ["", self.description]
        if self.metrics:
            rows = (f"| {name} | {yaml(value)} |" for name, value in sorted(self.metrics.items()))
            lines += ["", "| metric | value |", "|---|---|", *rows]
        return "\n".join([*lines, ""]).encode()


def describe_version(
    path: Path,
    *,
    name: str,
    description: str = "",
    image: str = "",
    licence: str = "",
    tags: Sequence[str] = (),
    metrics: Mapping[str, float] | None = None,
    provenance: Provenance | Mapping[str, Any] | None = None,
) -> Overlay:
    """Describe a file or folder as a complete version; `scan` it or `put` it into a store.

    Nothing is read or written here, except a `manifest.json` in the folder: what an earlier version
    added (the folder was fetched from a store, say) is made anew.

    Args:
        path: what is published; never written to.
        name: the registered model's.
        description: for people; Markdown.
        image: URI of a picture.
        licence: SPDX id, as Hugging Face writes it, e.g. `apache-2.0`.
        tags: for people who search.
        metrics: shown as attributes of the token and in the card.
        provenance: who made it from what; as plain data, see `Provenance.of`.

    Example:
        >>> import tempfile
        >>> from anacostia_blockchain.content.folder import scan
        >>> with tempfile.TemporaryDirectory() as folder:
        ...     version = scan(describe_version(Path(folder), name="iris"))
        >>> [file.path for file in version.files]
        ['README.md', 'manifest.json', 'metadata.json', 'statement.json']

    Raises:
        FormatError: the provenance is not of the form it should be.
    """
    if not isinstance(provenance, Provenance):
        provenance = Provenance.of(provenance or {})
    described = _Description(
        name, description, image, licence, tuple(tags), metrics or {}, provenance
    )
    return Overlay(path, described.files, _added_before(path))


def _added_before(path: Path) -> frozenset[str]:
    """What an earlier version added to this folder, by its own manifest; not the card."""
    stored = path / manifest.NAME
    if not stored.is_file() or stored.is_symlink():
        return frozenset()
    try:
        return (Manifest.parse(stored.read_bytes()).ignored & ADDED_NAMES) - {CARD_NAME}
    except (FormatError, IntegrityError):
        return frozenset()  # another tool's manifest.json: the scan will say that it is in the way
