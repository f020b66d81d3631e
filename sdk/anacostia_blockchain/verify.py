"""Verify a model version from chain and store only: nothing that the publisher says is believed.

Each check stands alone and says what it compared. A check that fails never hides another; one that
could not be made counts as failed, because evidence that cannot be had is no evidence.
"""

from __future__ import annotations

import tempfile
from collections.abc import Callable, Container, Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from anacostia_blockchain._files import DOCUMENT, read_all
from anacostia_blockchain.content.folder import scan
from anacostia_blockchain.content.manifest import Manifest
from anacostia_blockchain.content.statement import Statement
from anacostia_blockchain.errors import AnacostiaError, IntegrityError, NotFoundError
from anacostia_blockchain.types import Status

if TYPE_CHECKING:
    from anacostia_blockchain.client import Anacostia
    from anacostia_blockchain.content.cid import CID
    from anacostia_blockchain.storage.base import Store
    from anacostia_blockchain.types import Address, ModelVersion, Progress

ANOTHERS = "NOT SHOWN TO BE ITS RUN"
"""Begins what is said of a run in a log of accounts that did not publish the version."""


@dataclass(frozen=True, slots=True)
class Check:
    """One comparison.

    Attributes:
        name: what was checked.
        passed: False also when the check could not be made.
        detail: what was compared, or why it failed.
    """

    name: str
    passed: bool
    detail: str


@dataclass(frozen=True, slots=True)
class Report:
    """The outcome of a verification.

    Attributes:
        subject: what was verified, by an id that means the same everywhere.
        checks: in the order they were made.
        block: number of the block whose state was read.
    """

    subject: str
    checks: tuple[Check, ...]
    block: int | None = None

    @property
    def passed(self) -> bool:
        """True when every check passed."""
        return all(check.passed for check in self.checks)

    def to_dict(self) -> dict[str, Any]:
        """The report as plain data, for `--json`."""
        checks = [{"name": c.name, "passed": c.passed, "detail": c.detail} for c in self.checks]
        return {
            "subject": self.subject,
            "block": self.block,
            "passed": self.passed,
            "checks": checks,
        }


@dataclass(slots=True)
class Evidence:
    """What earlier checks found for later ones.

    Attributes:
        root: the version's CID, by the chain.
        folder: where its content is copied to.
        actual: the manifest of the bytes that are really there.
        manifest: the one that the version holds.
    """

    root: CID
    folder: Path
    statement: Statement | None = None
    actual: Manifest | None = None
    manifest: Manifest | None = None


def verify_version(
    client: Anacostia,
    model: str | int,
    *,
    into: Path | None = None,
    max_visits: int = 256,
    progress: Progress | None = None,
    on_check: Callable[[Check], None] | None = None,
) -> Report:
    """Verify one version: fetch by CID, hash every byte again, compare all with the chain.

    Args:
        client: connection to the chain and the store; no signer is needed.
        model: a reference to a version (see `reference.Reference`).
        into: where to leave the content; None: nowhere. What is there already is verified in the
            place of what the store holds.
        max_visits: how many versions of the lineage may be looked at for taint.
        progress: called with the bytes fetched so far.
        on_check: called with each check as it is made.

    Raises:
        NotFoundError: the registry has no such version.
        ChainUnavailableError: the chain cannot be asked.
    """
    model_id, number = client.models.resolve(model)
    version = client.registry.version_of(model_id, number)
    with tempfile.TemporaryDirectory(prefix="anacostia-verify-") as scratch:
        evidence = Evidence(version.root, into or Path(scratch) / "version")
        checks = _checks(client, version, evidence, max_visits, progress)
        results = made_all(checks, on_check)
    subject = f"{client.caip19(model_id)}@{number}"
    return Report(subject, results, client.chain.block_number())


def _checks(
    client: Anacostia,
    version: ModelVersion,
    evidence: Evidence,
    max_visits: int,
    progress: Progress | None,
) -> Iterator[tuple[str, Callable[[], str]]]:
    yield "contracts", lambda: _contracts(client)
    yield "registry", lambda: _registry(version)
    yield "content", lambda: check_content(client.storage, evidence, progress)
    yield "manifest", lambda: check_manifest(evidence)
    yield "statement", lambda: check_statement(evidence)
    yield "run", lambda: _run(client, version, evidence)
    yield "token", lambda: _token(client, version)
    yield "aliases", lambda: _aliases(client, version)
    yield "lineage", lambda: _lineage(client, version, max_visits)


def made_all(
    checks: Iterable[tuple[str, Callable[[], str]]],
    on_check: Callable[[Check], None] | None = None,
) -> tuple[Check, ...]:
    """Make checks in order, and tell of each when it is made."""
    results = []
    for name, check in checks:
        results.append(made(name, check))
        if on_check is not None:
            on_check(results[-1])
    return tuple(results)


def made(name: str, check: Callable[[], str]) -> Check:
    """Make one check."""
    try:
        return Check(name, passed=True, detail=check())
    except AnacostiaError as error:
        return Check(name, passed=False, detail=str(error))


def _contracts(client: Anacostia) -> str:
    client.deployment.check(client.chain)
    return f"code on chain {client.chain.chain_id} is this package's own build"


def _registry(version: ModelVersion) -> str:
    when = f"{version.published_at:%Y-%m-%d %H:%M:%S} UTC"
    if version.status is Status.REVOKED:
        raise IntegrityError(f"revoked: {version.reason.name.lower().replace('_', ' ')}")
    state = version.status.name.lower()
    return f"{state} by {version.publisher} at {when}"


def check_content(store: Store, evidence: Evidence, progress: Progress | None = None) -> str:
    """Copy the version out of the store and hash every byte again."""
    if not evidence.folder.exists():
        store.get(evidence.root, evidence.folder, progress=progress)
    found = scan(evidence.folder)
    evidence.actual = found.manifest
    if found.cid != evidence.root:
        raise IntegrityError(f"the bytes hash to {found.cid}, the chain says {evidence.root}")
    return f"{len(found.files)} files, {found.size} bytes hash to {evidence.root}"


def check_manifest(evidence: Evidence) -> str:
    """Compare the version's manifest with the files, one by one."""
    path = _held(evidence, "manifest.json")
    actual = evidence.actual or scan(evidence.folder).manifest
    # As large as the files make it, however it is written.
    with path.open("rb") as stream:
        stored = Manifest.parse(read_all(stream, DOCUMENT + 2 * len(actual.to_json()), path.name))
    evidence.manifest = stored
    stored.check(actual)
    return f"OpenSSF manifest root {stored.root.hex()}"


def check_statement(evidence: Evidence) -> str:
    """Compare the subject of the version's statement with its manifest."""
    with _held(evidence, "statement.json").open("rb") as stream:
        statement = Statement.parse(read_all(stream, DOCUMENT, "statement.json"))
    evidence.statement = statement
    manifest = evidence.manifest
    if manifest is None:
        raise IntegrityError("there is no valid manifest to compare the statement with")
    if statement.subject_digest != manifest.root:
        raise IntegrityError("the in-toto statement is about other files")
    return f"in-toto statement by {statement.builder_id}"


def _run(client: Anacostia, version: ModelVersion, evidence: Evidence) -> str:
    statement = evidence.statement
    if statement is None:
        raise IntegrityError("there is no valid statement that names a run")
    if statement.run_leaf is None or statement.log_id is None:
        return "published without a run record"
    proof = client.runs.find_proof(statement.run_leaf)
    if proof.log_id != statement.log_id:
        raise IntegrityError("the run's proof is for another log than the statement names")
    head = client.runs.check_proof(proof)
    owner, writer = client.ledger.log_of(proof.log_id)
    holder = client.nft.owner_of(version.model_id)
    creator = client.registry.model_of(version.model_id).creator
    claim = claimed(
        f"run record {proof.index + 1} of {proof.size}",
        {"owned": owner, "written": writer},
        {holder: "who owns the model", creator: "its creator", version.publisher: "its publisher"},
        by={creator, version.publisher},
    )
    return f"{claim}; the log now holds {head.size}"


def claimed(
    record: str, log: Mapping[str, Address], roles: Mapping[Address, str], by: Container[Address]
) -> str:
    """What it comes to that a version names a run: a claim, and whose log it is in.

    Logs and records' roots are public, and anybody can name another's. So who has to do with the
    log is compared with who published; that is no failure, as a version without any run is none.

    Args:
        record: that is proven to be anchored.
        log: accounts of the log, by what they do.
        roles: of accounts in the version and its model.
        by: those whose claim it can be. An owner is not enough: a model can be given to anybody.
    """
    who = " and ".join(
        f"{does} by {one}" + (f", {roles[one]}," if one in roles else "")
        for does, one in log.items()
    ).rstrip(",")
    text = f"the version claims {record}, anchored in a log {who}"
    if any(one in by for one in log.values()):
        return text
    return f"{ANOTHERS}: {text}"


def _token(client: Anacostia, version: ModelVersion) -> str:
    newest = client.registry.model_of(version.model_id).latest_version
    uri = client.nft.token_uri(version.model_id)
    root = client.registry.version_of(version.model_id, newest).root
    if uri != f"ipfs://{root}/metadata.json":
        raise IntegrityError(f"tokenURI is {uri}, version {newest} has root {root}")
    return f"held by {client.nft.owner_of(version.model_id)}, tokenURI shows version {newest}"


def _aliases(client: Anacostia, version: ModelVersion) -> str:
    registry = client.registry
    pointing = []
    for alias in registry.alias_names(version.model_id):
        moves = registry.alias_history(version.model_id, alias)
        if moves != sorted(moves, key=lambda move: move.since):
            raise IntegrityError(f"the history of {alias} is not in order of time")
        pointing += [
            f"{alias} from {move.since:%Y-%m-%d %H:%M:%S}"
            for move in moves
            if move.version == version.version
        ]
    return ", ".join(pointing) or "none ever pointed here"


def _lineage(client: Anacostia, version: ModelVersion, max_visits: int) -> str:
    reference = f"{version.model_id}@{version.version}"
    if client.models.is_tainted(reference, max_visits=max_visits):
        raise IntegrityError("this version or one it was made from is revoked")
    if not version.parents:
        return "no parents; nothing revoked"
    parents = (f"{p.relation.name.lower()} of {p.model_id}@{p.version}" for p in version.parents)
    return f"{', '.join(parents)}; nothing revoked"


def _held(evidence: Evidence, name: str) -> Path:
    path = evidence.folder / name
    if not path.is_file():
        raise NotFoundError(f"the version holds no {name}")
    return path
