"""Where a version came from: an in-toto Statement v1 with SLSA Provenance v1.

The subject is the manifest's root. What made it, with which parameters and from which inputs, is
the predicate; the run's record in the log stands in `runDetails.anacostia_runRecord`, an extension
field as SLSA allows. https://in-toto.io/Statement/v1, https://slsa.dev/spec/v1.0/provenance
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

from anacostia_blockchain.content import documents
from anacostia_blockchain.content.documents import canonical, hex_field, read_object
from anacostia_blockchain.content.manifest import STATEMENT_TYPE
from anacostia_blockchain.errors import FormatError

NAME = "statement.json"
PREDICATE_TYPE = "https://slsa.dev/provenance/v1"

PROJECT = "https://github.com/anacostia-blockchain/anacostia-blockchain"
BUILDER_ID = f"{PROJECT}/publish"
BUILD_TYPE = f"{PROJECT}/run/v1"

_URI = re.compile(r"[A-Za-z][A-Za-z0-9+.-]*:[\x21-\x7e]+")


@dataclass(frozen=True, slots=True)
class Input:
    """Something the build read: a dataset, a base model.

    Attributes:
        digest: SHA-256; of the file, or the manifest root of a folder.
        uri: where it is, e.g. `ipfs://…` or a CAIP-19 id; may be empty.
    """

    name: str
    digest: bytes
    uri: str = ""


@dataclass(frozen=True, slots=True)
class Provenance:
    """How a version was made.

    Attributes:
        builder_id: URI of who or what ran the build, and is trusted for what is said here.
        build_type: URI that says what `parameters` mean.
        parameters: what was chosen from outside; anything JSON can hold.
        invocation_id: names the run, e.g. its number in its pipeline.
        started_on: aware; kept to the second, in UTC.
        log_id: 32 bytes, the run log that holds the record; None without a record.
        run_leaf: 32 bytes, the record's root: the log's leaf data.
    """

    builder_id: str = BUILDER_ID
    build_type: str = BUILD_TYPE
    parameters: Mapping[str, Any] = field(default_factory=dict)
    inputs: tuple[Input, ...] = ()
    invocation_id: str = ""
    started_on: datetime | None = None
    finished_on: datetime | None = None
    log_id: bytes | None = None
    run_leaf: bytes | None = None

    @classmethod
    def of(cls, plain: Mapping[str, Any]) -> Provenance:
        """Build from plain data: this class's names, digests as hexadecimal, times in ISO 8601.

        Example:
            >>> Provenance.of({"parameters": {"seed": 1}, "log_id": "0x" + "ab" * 32}).parameters
            {'seed': 1}

        Raises:
            FormatError: an unknown name, or a value of another form.
        """
        known = dict(plain)
        inputs = tuple(_parse_input(entry, "digest") for entry in known.pop("inputs", ()))
        for name in known.keys() & {"builder_id", "build_type", "invocation_id"}:
            _get(known, name, str)
        for name in ("log_id", "run_leaf"):
            if known.get(name) is not None:
                known[name] = hex_field(known, name, "provenance")
        for name in ("started_on", "finished_on"):
            if known.get(name) is not None:
                known[name] = _time(known[name], name)
        try:
            return cls(inputs=inputs, **known)
        except TypeError as error:
            raise FormatError(f"provenance: {error}") from error


@dataclass(frozen=True, slots=True)
class Statement:
    """The claim that a provenance belongs to the files of a manifest.

    Attributes:
        name: of the subject, for people.
        subject_digest: the manifest's root, 32 bytes.
    """

    name: str
    subject_digest: bytes
    provenance: Provenance

    @property
    def builder_id(self) -> str:
        """URI of the builder."""
        return self.provenance.builder_id

    @property
    def log_id(self) -> bytes | None:
        """The log that holds the run's record."""
        return self.provenance.log_id

    @property
    def run_leaf(self) -> bytes | None:
        """The run record's root."""
        return self.provenance.run_leaf

    def to_json(self) -> bytes:
        """Encode canonically.

        Raises:
            FormatError: a value that JSON cannot hold, or an id that is not a URI.
        """
        made = self.provenance
        for uri in (made.builder_id, made.build_type, *(i.uri for i in made.inputs if i.uri)):
            _check_uri(uri)
        return canonical(
            {
                "_type": STATEMENT_TYPE,
                "subject": [{"name": self.name, "digest": {"sha256": self.subject_digest.hex()}}],
                "predicateType": PREDICATE_TYPE,
                "predicate": {
                    "buildDefinition": _build_definition(made),
                    "runDetails": _run_details(made),
                },
            }
        )

    @classmethod
    def parse(cls, data: bytes) -> Statement:
        """Read what `to_json` wrote; unknown fields are ignored, as in-toto has it.

        Raises:
            FormatError: not such a statement, or one with other than one subject.
        """
        document = read_object(data, NAME)
        for path, value in (("_type", STATEMENT_TYPE), ("predicateType", PREDICATE_TYPE)):
            if _get(document, path, str) != value:
                raise FormatError(f"{NAME}: {path} is not {value}")
        if len(_get(document, "subject", list)) != 1:
            raise FormatError(f"{NAME}: not exactly one subject")
        return cls(
            name=_get(document, "subject/0/name", str),
            subject_digest=hex_field(document, "subject/0/digest/sha256", NAME),
            provenance=_parse_provenance(_get(document, "predicate", dict)),
        )


def _build_definition(made: Provenance) -> dict[str, Any]:
    return {
        "buildType": made.build_type,
        "externalParameters": dict(made.parameters),
        "resolvedDependencies": [
            {"name": entry.name, "digest": {"sha256": entry.digest.hex()}}
            | ({"uri": entry.uri} if entry.uri else {})
            for entry in made.inputs
        ],
    }


def _run_details(made: Provenance) -> dict[str, Any]:
    metadata = {
        "invocationId": made.invocation_id,
        "startedOn": _timestamp(made.started_on),
        "finishedOn": _timestamp(made.finished_on),
    }
    details: dict[str, Any] = {
        "builder": {"id": made.builder_id},
        "metadata": {name: value for name, value in metadata.items() if value},
    }
    if made.log_id is not None and made.run_leaf is not None:
        details["anacostia_runRecord"] = {
            "logId": "0x" + made.log_id.hex(),
            "leaf": "0x" + made.run_leaf.hex(),
        }
    return details


def _parse_provenance(predicate: dict[str, Any]) -> Provenance:
    details = _get(predicate, "runDetails", dict)
    metadata = _get(details, "metadata", dict) if "metadata" in details else {}
    record = "anacostia_runRecord"
    recorded = record in details
    return Provenance(
        builder_id=_check_uri(_get(details, "builder/id", str)),
        build_type=_check_uri(_get(predicate, "buildDefinition/buildType", str)),
        parameters=_get(predicate, "buildDefinition/externalParameters", dict),
        inputs=_parse_inputs(_get(predicate, "buildDefinition", dict)),
        invocation_id=_get(metadata, "invocationId", str) if "invocationId" in metadata else "",
        started_on=_time(metadata["startedOn"], "startedOn") if "startedOn" in metadata else None,
        finished_on=(
            _time(metadata["finishedOn"], "finishedOn") if "finishedOn" in metadata else None
        ),
        log_id=hex_field(details, f"{record}/logId", NAME) if recorded else None,
        run_leaf=hex_field(details, f"{record}/leaf", NAME) if recorded else None,
    )


def _parse_inputs(definition: dict[str, Any]) -> tuple[Input, ...]:
    entries = definition.get("resolvedDependencies", [])
    if not isinstance(entries, list):
        raise FormatError(f"{NAME}: resolvedDependencies is not a list")
    return tuple(_parse_input(entry, "digest/sha256") for entry in entries)


def _parse_input(entry: object, digest: str) -> Input:
    has_uri = isinstance(entry, dict) and "uri" in entry
    return Input(
        name=_get(entry, "name", str),
        digest=hex_field(entry, digest, NAME),
        uri=_check_uri(_get(entry, "uri", str)) if has_uri else "",
    )


def _get(document: object, path: str, kind: type[Any]) -> Any:  # noqa: ANN401 - checked by `kind`
    return documents.field(document, path, kind, NAME)


def _check_uri(text: str) -> str:
    if not _URI.fullmatch(text):
        raise FormatError(f"{NAME}: {text[:80]!r} is not a URI")
    return text


def _timestamp(time: datetime | None) -> str | None:
    if time is None:
        return None
    if time.tzinfo is None:
        raise FormatError(f"{NAME}: {time} says no time zone")
    return time.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def _time(text: object, name: str) -> datetime:
    try:
        time = datetime.fromisoformat(text if isinstance(text, str) else "")
        if time.tzinfo is None:
            raise FormatError(f"{name}: {text!r} says no time zone")
        return time.astimezone(UTC).replace(microsecond=0)
    except (ValueError, OverflowError) as error:
        raise FormatError(f"{name}: {text!r} is not a time in ISO 8601") from error
