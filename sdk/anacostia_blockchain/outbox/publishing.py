"""Publishing as a saga: store, sign, send, confirm, then move aliases; killable at any point.

The outbox remembers how far it came. What a contract decides by itself is asked of the contract:
a name registers once, and a version with the same root is the same version.
"""

from __future__ import annotations

import tempfile
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any

from anacostia_blockchain.content.cid import CID
from anacostia_blockchain.content.version import describe_version
from anacostia_blockchain.content.walk import check_name
from anacostia_blockchain.errors import (
    AnacostiaError,
    ConfigError,
    ContractRevertedError,
    OutOfGasError,
)
from anacostia_blockchain.outbox.outbox import Intent, Outcome
from anacostia_blockchain.reference import Reference
from anacostia_blockchain.types import Kind, Parent, Relation

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from anacostia_blockchain.chain import Call, Receipt
    from anacostia_blockchain.client import Anacostia

PREVIOUS = "previous"
"""As `parents`: the model's newest version at sending time, as a revision."""


def publish_intent(
    client: Anacostia,
    name: str,
    *,
    root: CID,
    kind: Kind = Kind.MODEL,
    parents: Iterable[Parent] | str = (),
    aliases: Iterable[str] = (),
) -> Intent:
    """The intent to publish a complete version directory under a name.

    Args:
        client: whose account publishes.
        name: of the registered model; registered if this account has none of that name. For another
            account's model, of which this one is a publisher: `0xcreator/name`, or its number.
        root: CID of the version's directory, already in the client's storage.
        kind: used only when the name is registered.
        parents: lineage edges, or "previous".
        aliases: moved to the new version once it is published.
    """
    edges = parents if isinstance(parents, str) else [list(_edge(p)) for p in sorted(parents)]
    account = f"{client.chain.chain_id}:{client.registry.address}:{client.address}"
    return Intent(
        key=f"publish:{account}:{name}:{root}",
        kind=PublishHandler.kind,
        payload={
            "name": name,
            "kind": int(kind),
            "root": str(root),
            "parents": edges,
            "aliases": list(aliases),
        },
    )


def artifact_payload(
    name: str,
    artifact: CID,
    filename: str,
    *,
    kind: Kind = Kind.MODEL,
    parents: Iterable[Parent] | str = PREVIOUS,
    aliases: Iterable[str] = (),
    description: Mapping[str, Any] | None = None,
) -> dict[str, Any]:
    """The payload of an intent to publish what a run made, completed when it is sent.

    Args:
        name: of the registered model.
        artifact: CID of a bare file or folder, already in the client's storage.
        filename: that it gets within the version, if it is a file.
        kind: used only when the name is registered.
        parents: lineage edges, or "previous".
        aliases: moved to the new version once it is published.
        description: arguments of `content.version.describe_version`; the run adds its own.
    """
    edges = parents if isinstance(parents, str) else [list(_edge(p)) for p in sorted(parents)]
    return {
        "name": name,
        "kind": int(kind),
        "artifact": str(artifact),
        "filename": filename,
        "parents": edges,
        "aliases": list(aliases),
        "description": dict(description or {}),
    }


class PublishHandler:
    """Carries out `publish` intents.

    The payload holds `name`, `kind`, `parents`, `aliases`, and either `root`, the CID of a complete
    version directory, or `artifact`, the CID of a bare artifact, with its `filename` and a
    `description` (arguments of `describe_version`), from which the directory is completed when the
    intent is sent.
    """

    kind = "publish"

    def __init__(self, client: Anacostia) -> None:
        self._client = client

    def done(self, intent: Intent) -> Outcome | None:
        """Done when this account has a version of that name with that root."""
        root = (intent.note or intent.payload).get("root")
        model_id = self._model_id(intent)
        if model_id and intent.payload.get("only_new") and intent.note is None:
            return Outcome({"model_id": model_id, "version": None, "root": None, "tx": None})
        if root is None or not model_id:
            return None
        version = self._client.registry.version_with_root(model_id, CID.parse(root))
        return None if version is None else self._outcome(intent, model_id, version, root)

    def prepare(self, intent: Intent) -> tuple[Call, dict[str, Any]]:
        """Complete the directory if need be, store it, and publish or register."""
        payload = intent.payload
        root = CID.parse(payload["root"]) if "root" in payload else self._complete(payload)
        calls = self._client.registry.calls
        model_id = self._model_id(intent)
        parents = self._parents(payload["parents"], model_id)
        if model_id:
            call = calls.publish(model_id, root, parents)
        else:
            name = Reference.parse(payload["name"]).name or ""
            call = calls.register(name, Kind(payload["kind"]), root, parents)
        return call, {"root": str(root)}

    def outcome(self, intent: Intent, receipt: Receipt) -> Outcome:
        """The version that the transaction published, and the aliases to move to it."""
        model_id, version = self._client.registry.published_in(receipt)
        return self._outcome(intent, model_id, version, (intent.note or {})["root"], receipt.hash)

    def is_stale(self, intent: Intent, refusal: AnacostiaError) -> bool:  # noqa: ARG002 - the protocol's signature
        """The name was registered meanwhile, by this account: publish instead."""
        return (
            isinstance(refusal, ContractRevertedError) and refusal.name == "ModelRegistry_NameTaken"
        )

    def _outcome(
        self, intent: Intent, model_id: int, version: int, root: str, tx: str | None = None
    ) -> Outcome:
        result = {"model_id": model_id, "version": version, "root": root, "tx": tx}
        then = [alias_intent(intent, alias, result) for alias in intent.payload["aliases"]]
        if owner := intent.payload.get("owner"):
            call = self._client.nft.calls.transfer_from(self._client.address, owner, model_id)
            then.append(call_intent(f"{intent.key}:owner", call))
        return Outcome(result, then)

    def _model_id(self, intent: Intent) -> int:
        """Id of the model that the payload names; 0 for a name of this account's that is new.

        Raises:
            ConfigError: the model is another account's, and there is none.
        """
        reference = Reference.parse(intent.payload["name"])
        if reference.model_id is not None:
            return reference.model_id
        creator = reference.creator or self._client.address
        found = self._client.registry.model_id_of(creator, reference.name or "")
        if not found and creator.lower() != self._client.address.lower():
            raise ConfigError(f"{creator} has registered no model named {reference.name!r}")
        return found

    def _parents(self, edges: list[list[int]] | str, model_id: int) -> list[Parent]:
        if not isinstance(edges, str):
            return [Parent(edge[0], edge[1], Relation(edge[2])) for edge in edges]
        if not model_id:
            return []
        return [Parent(model_id, self._client.registry.model_of(model_id).latest_version)]

    def _complete(self, payload: dict[str, Any]) -> CID:
        storage = self._client.storage
        with tempfile.TemporaryDirectory() as folder:
            # Whoever serves an outbox could name any place on the worker's machine.
            target = Path(folder) / check_name(payload["filename"], "a version's file")
            path = storage.get(CID.parse(payload["artifact"]), target)
            version = describe_version(path, name=payload["name"], **payload["description"])
            return storage.put(version, name=f"version-{payload['name']}")


class AliasHandler:
    """Carries out `alias` intents: `{"alias"}` with `{"model_id", "version"}`.

    With `{"model"}`, a name, instead: to that model's newest version when it is sent.
    """

    kind = "alias"

    def __init__(self, client: Anacostia) -> None:
        self._client = client

    def done(self, intent: Intent) -> Outcome | None:
        """Done when the alias has ever been moved to that version: it may have moved on since."""
        target = self._target(intent)
        moves = self._client.registry.alias_history(target["model_id"], target["alias"])
        if all(move.version != target["version"] for move in moves):
            return None
        return Outcome(target)

    def prepare(self, intent: Intent) -> tuple[Call, dict[str, Any]]:
        """Move the alias."""
        target = self._target(intent)
        calls = self._client.registry.calls
        call = calls.set_alias(target["model_id"], target["alias"], target["version"])
        return call, target

    def _target(self, intent: Intent) -> dict[str, Any]:
        """Which version is meant, decided when it is first sent.

        Raises:
            NotFoundError: there is no such model.
        """
        payload = intent.note or intent.payload
        if "model_id" in payload:
            return {name: payload[name] for name in ("model_id", "alias", "version")}
        model_id, version = self._client.models.resolve(payload["model"])
        return {"model_id": model_id, "alias": payload["alias"], "version": version}

    def outcome(self, intent: Intent, receipt: Receipt) -> Outcome:
        """Where the alias points now."""
        return Outcome(self._target(intent) | {"tx": receipt.hash})

    def is_stale(self, intent: Intent, refusal: AnacostiaError) -> bool:  # noqa: ARG002 - the protocol's signature
        """Nothing that an alias is built on moves."""
        return False


class CallHandler:
    """Carries out `call` intents: `{"to", "data", "value", "function"}`.

    No contract says whether an arbitrary call was made, so the intent's own transactions do.
    """

    kind = "call"

    def __init__(self, client: Anacostia) -> None:
        self._client = client

    def done(self, intent: Intent) -> Outcome | None:
        """Done when one of the transactions that were signed for it was mined."""
        for tx_hash in [*(intent.note or {}).get("replaced", []), intent.tx_hash]:
            with suppress(OutOfGasError):  # which did nothing
                receipt = self._client.chain.receipt(tx_hash) if tx_hash else None
                if receipt is not None:
                    return self.outcome(intent, receipt)
        return None

    def prepare(self, intent: Intent) -> tuple[Call, dict[str, Any]]:
        """The call as it was encoded when the run was under way."""
        from anacostia_blockchain.chain import Call  # noqa: PLC0415 - loads web3

        payload = intent.payload
        data = bytes.fromhex(payload["data"])
        return Call(payload["to"], data, "", payload["function"], value=payload["value"]), {}

    def outcome(self, intent: Intent, receipt: Receipt) -> Outcome:
        """Where it was mined."""
        result = {"function": intent.payload["function"]}
        return Outcome(result | {"tx": receipt.hash, "block": receipt.block_number})

    def is_stale(self, intent: Intent, refusal: AnacostiaError) -> bool:  # noqa: ARG002 - the protocol's signature
        """A call is what it was when the run made it."""
        return False


def call_intent(key: str, call: Call) -> Intent:
    """The intent to send a call that was encoded already."""
    payload = {
        "to": call.to,
        "data": call.data.hex(),
        "value": call.value,
        "function": call.function,
    }
    return Intent(key=key, kind=CallHandler.kind, payload=payload)


def alias_intent(cause: Intent, alias: str, published: dict[str, Any]) -> Intent:
    """The intent to move an alias to a version that was just published."""
    return Intent(
        key=f"{cause.key}:alias:{alias}",
        kind=AliasHandler.kind,
        payload={
            "model_id": published["model_id"],
            "alias": alias,
            "version": published["version"],
        },
    )


def _edge(parent: Parent) -> tuple[int, int, int]:
    return parent.model_id, parent.version, int(parent.relation)
