"""Cards: a model's in Hugging Face's form, a dataset's in Croissant's, from what is known of a run.

Both are plain text that is the same for the same arguments.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

CROISSANT = "http://mlcommons.org/croissant/1.0"

_CONTEXT: dict[str, Any] = {
    "@language": "en",
    "@vocab": "https://schema.org/",
    "citeAs": "cr:citeAs",
    "column": "cr:column",
    "conformsTo": "dct:conformsTo",
    "cr": "http://mlcommons.org/croissant/",
    "rai": "http://mlcommons.org/croissant/RAI/",
    "data": {"@id": "cr:data", "@type": "@json"},
    "dataType": {"@id": "cr:dataType", "@type": "@vocab"},
    "dct": "http://purl.org/dc/terms/",
    "examples": {"@id": "cr:examples", "@type": "@json"},
    "extract": "cr:extract",
    "field": "cr:field",
    "fileProperty": "cr:fileProperty",
    "fileObject": "cr:fileObject",
    "fileSet": "cr:fileSet",
    "format": "cr:format",
    "includes": "cr:includes",
    "isLiveDataset": "cr:isLiveDataset",
    "jsonPath": "cr:jsonPath",
    "key": "cr:key",
    "md5": "cr:md5",
    "parentField": "cr:parentField",
    "path": "cr:path",
    "recordSet": "cr:recordSet",
    "references": "cr:references",
    "regex": "cr:regex",
    "repeated": "cr:repeated",
    "replace": "cr:replace",
    "sc": "https://schema.org/",
    "separator": "cr:separator",
    "source": "cr:source",
    "subField": "cr:subField",
    "transform": "cr:transform",
}
"""The context that the Croissant 1.0 specification prescribes."""


_NO_YAML = re.compile("[\x7f-\x9f\u2028\u2029\ufeff\ufffe\uffff]")
"""What JSON may hold as it is, and YAML may not, or takes for the end of a line."""


def yaml(value: object) -> str:
    """A value on one line of YAML: JSON is YAML, but for a few characters."""
    text = json.dumps(value, ensure_ascii=False)
    return _NO_YAML.sub(lambda found: f"\\u{ord(found[0]):04x}", text)


def front_matter(values: Mapping[str, object]) -> list[str]:
    """The lines of a card's front matter, of fields whose names are no words of YAML's own."""
    return ["---", *(f"{key}: {yaml(value)}" for key, value in values.items()), "---"]


@dataclass(frozen=True, slots=True)
class ModelCard:
    """A model card with Hugging Face front matter.

    Attributes:
        name: of the model.
        licence: as Hugging Face writes it, such as `apache-2.0`.
        library: that loads it, such as `sklearn`.
        datasets: names of the datasets that it was trained on.
        metrics: finite numbers by name.
        params: any JSON by name.
        inputs: digests of what it was trained on, by name.
        run: how the run that made it can be found.
    """

    name: str
    description: str = ""
    licence: str = ""
    library: str = ""
    tags: Sequence[str] = ()
    datasets: Sequence[str] = ()
    metrics: Mapping[str, float] = field(default_factory=dict)
    params: Mapping[str, Any] = field(default_factory=dict)
    inputs: Mapping[str, str] = field(default_factory=dict)
    run: str = ""

    def render(self) -> str:
        """The card as Markdown."""
        lines = [*front_matter(self._about()), "", f"# {self.name}"]
        if self.description:
            lines += ["", self.description]
        lines += _table("Metrics", "metric", self.metrics)
        lines += _table("Parameters", "parameter", self.params)
        lines += _table("Made from", "input (SHA-256)", self.inputs)
        if self.run:
            lines += ["", f"Made by {self.run}."]
        return "\n".join([*lines, ""])

    def _about(self) -> dict[str, object]:
        values: dict[str, object] = {
            "model_name": self.name,
            "license": self.licence,
            "library_name": self.library,
            "tags": list(self.tags),
            "datasets": list(self.datasets),
            "metrics": sorted(self.metrics),
        }
        return {key: value for key, value in values.items() if value}


@dataclass(frozen=True, slots=True)
class DataFile:
    """A file of a dataset.

    Attributes:
        name: path within the dataset.
        url: where it is, such as `ipfs://…`.
    """

    name: str
    sha256: str
    size: int
    url: str
    media_type: str = "application/octet-stream"


@dataclass(frozen=True, slots=True)
class Croissant:
    """A dataset described as Croissant 1.0 (JSON-LD).

    Attributes:
        licence: URL, or SPDX id.
        published: ISO 8601 date.
        cite: how to cite it, for instance as BibTeX.
    """

    name: str
    files: Sequence[DataFile]
    description: str = ""
    licence: str = ""
    url: str = ""
    version: str = "1.0.0"
    published: str = ""
    cite: str = ""

    def render(self) -> str:
        """The description as JSON."""
        document: dict[str, Any] = {
            "@context": _CONTEXT,
            "@type": "sc:Dataset",
            "conformsTo": CROISSANT,
            "name": self.name,
            "description": self.description or self.name,
            "license": self.licence,
            "url": self.url,
            "version": self.version,
            "datePublished": self.published,
            "citeAs": self.cite,
            "distribution": [_file_object(number, file) for number, file in enumerate(self.files)],
        }
        kept = {key: value for key, value in document.items() if value}
        return json.dumps(kept, indent=2, ensure_ascii=False) + "\n"


def _file_object(number: int, file: DataFile) -> dict[str, Any]:
    return {
        "@type": "cr:FileObject",
        "@id": f"file-{number}",
        "name": file.name,
        "contentUrl": file.url,
        "contentSize": f"{file.size} B",
        "encodingFormat": file.media_type,
        "sha256": file.sha256,
    }


def _table(title: str, column: str, values: Mapping[str, Any]) -> list[str]:
    if not values:
        return []
    rows = (
        f"| {_cell(name)} | {_cell(json.dumps(value, ensure_ascii=False))} |"
        for name, value in sorted(values.items())
    )
    return ["", f"## {title}", "", f"| {column} | value |", "|---|---|", *rows]


def _cell(text: str) -> str:
    """Text that does not end its cell or its row."""
    return text.replace("\\", "\\\\").replace("|", "\\|").replace("\n", " ")
