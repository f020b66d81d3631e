"""Registered models and their versions: publish, look up, move aliases, fetch."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

from anacostia_blockchain.content.version import describe_version
from anacostia_blockchain.errors import (
    ConfigError,
    ContractRevertedError,
    LedgerError,
    NotFoundError,
)
from anacostia_blockchain.outbox.outbox import Intent
from anacostia_blockchain.outbox.publishing import publish_intent
from anacostia_blockchain.outbox.sender import Sender
from anacostia_blockchain.reference import Reference
from anacostia_blockchain.types import (
    AliasMove,
    AliasState,
    Kind,
    ModelVersion,
    Parent,
    RegisteredModel,
    RevocationReason,
)

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator
    from datetime import datetime

    from anacostia_blockchain.client import Anacostia
    from anacostia_blockchain.proofs.alias import AliasPeriod, AliasProof
    from anacostia_blockchain.recall import Impact, Position, Revocation, Taint
    from anacostia_blockchain.types import Progress


class Models:
    """The registry, as one account sees it. A model is named as `Reference` reads it.

    Example:
        >>> hub.models.publish("model/", "digits", aliases=["champion"])  # doctest: +SKIP
        >>> hub.models.version("digits@champion").root  # doctest: +SKIP
    """

    def __init__(self, client: Anacostia) -> None:
        self._client = client

    # ------------------------------------------------------------------ publish

    def publish(
        self,
        path: Path | str,
        name: str,
        *,
        kind: Kind = Kind.MODEL,
        parents: Iterable[Parent] | str = (),
        aliases: Iterable[str] = (),
        description: dict[str, Any] | None = None,
        progress: Progress | None = None,
        on_step: Callable[[str, Intent], None] | None = None,
    ) -> ModelVersion:
        """Publish a file or folder as the next version of a model; register it if it is new.

        Killed at any point, the same call finishes what it had begun. The same content under the
        same name is the same version: it is not published twice.

        Args:
            path: what to publish; it is not changed.
            name: 1 to 64 characters of A-Z a-z 0-9 . _ / -, unique for this account; or the
                number, or `0xcreator/name`, of a model that this account may publish to.
            kind: of a model that is new.
            parents: what the version was made from, or "previous" for the newest version.
            aliases: moved to the new version afterwards.
            description: extra arguments of `content.version.describe_version`.
            progress: called with the bytes stored so far.
            on_step: called with each step's name and intent.

        Raises:
            ContractRevertedError: the registry refused, with its reason.
            ContentError: the folder holds what cannot be content; nothing was published.
        """
        shown = Reference.parse(name).name or self.get(name).name
        version = describe_version(Path(path), name=shown, **(description or {}))
        root = self._client.storage.put(version, name=f"version-{name}", progress=progress)
        intent = publish_intent(
            self._client, name, root=root, kind=kind, parents=parents, aliases=aliases
        )
        result = self._carry_out(intent, on_step)
        return self.version(f"{result['model_id']}@{result['version']}")

    def _carry_out(
        self, intent: Intent, on_step: Callable[[str, Intent], None] | None
    ) -> dict[str, Any]:
        """Take an intent and what follows from it to the end."""
        journal = self._client.journal
        with journal.engine.begin() as connection:
            journal.enqueue(connection, key=intent.key, kind=intent.kind, payload=intent.payload)
        sender = Sender(journal, self._client.chain, self._client.handlers(), on_step=on_step)
        known = journal.get(intent.key)
        if known is not None and known.state == "failed":
            journal.retry(known)
        result: dict[str, Any] = {}
        for key in self._keys(intent):
            current = journal.get(key)
            while current is not None and current.state in ("pending", "signed"):
                current = sender.carry_out(current)
            if current is not None and key == intent.key:
                result = current.result or {}
        return result

    @staticmethod
    def _keys(intent: Intent) -> list[str]:
        return [intent.key, *(f"{intent.key}:alias:{a}" for a in intent.payload["aliases"])]

    # ------------------------------------------------------------------ look up

    def get(self, model: str | int) -> RegisteredModel:
        """A registered model.

        Raises:
            NotFoundError: this registry has none of that name or number.
        """
        return self._client.registry.model_of(self.resolve(model)[0])

    def registered(self, creator: str | None = None) -> list[RegisteredModel]:
        """All registered models in order of their ids, or those of one creator."""
        registry = self._client.registry
        models = map(registry.model_of, range(1, registry.model_count() + 1))
        return [m for m in models if creator is None or m.creator.lower() == creator.lower()]

    def resolve(self, model: str | int) -> tuple[int, int]:
        """Model id and version number that a reference points to now.

        Raises:
            ConfigError: the reference cannot be read, or is for another chain or NFT contract.
            NotFoundError: there is no such model, version or alias.
        """
        reference = Reference.parse(model)
        model_id = self._model_id(reference)
        newest = self._client.registry.model_of(model_id).latest_version
        selector = reference.selector
        if selector is None:
            return model_id, newest
        if isinstance(selector, str):
            version = self._client.registry.alias_of(model_id, selector).version
            if not version:
                raise NotFoundError(f"model {model_id} has no alias {selector!r}")
            return model_id, version
        if not 1 <= selector <= newest:
            raise NotFoundError(f"model {model_id} has versions 1 to {newest}, not {selector}")
        return model_id, selector

    def version(self, model: str | int) -> ModelVersion:
        """A version with its lineage edges; the newest if the reference names none."""
        return self._client.registry.version_of(*self.resolve(model))

    def versions(self, model: str | int) -> list[ModelVersion]:
        """All versions of a model, oldest first."""
        model_id, _ = self.resolve(model)
        newest = self._client.registry.model_of(model_id).latest_version
        return [self._client.registry.version_of(model_id, n) for n in range(1, newest + 1)]

    def fetch(
        self, model: str | int, target: Path | str, *, progress: Progress | None = None
    ) -> Path:
        """Copy a version's directory to `target`, every byte checked against the chain's root.

        Raises:
            NotFoundError: the store does not hold the content.
            IntegrityError: the store holds something else; nothing wrong is left at `target`.
        """
        root = self.version(model).root
        return self._client.storage.get(root, Path(target), progress=progress)

    def _model_id(self, reference: Reference) -> int:
        client = self._client
        if reference.chain_id is not None and reference.chain_id != client.chain.chain_id:
            raise ConfigError(
                f"the id is for chain {reference.chain_id}, the connection for "
                f"{client.chain.chain_id}: connect to that chain"
            )
        if reference.nft is not None and reference.nft.lower() != client.nft.address.lower():
            raise ConfigError(f"the id is for NFT contract {reference.nft}, not ours")
        if reference.model_id is not None:
            if not 1 <= reference.model_id <= client.registry.model_count():
                raise NotFoundError(f"no model {reference.model_id} is registered")
            return reference.model_id
        creator = reference.creator or client.address
        model_id = client.registry.model_id_of(creator, reference.name or "")
        if not model_id:
            raise NotFoundError(f"{creator} has registered no model named {reference.name!r}")
        return model_id

    # ------------------------------------------------------------------ aliases, end of life

    def set_alias(self, model: str | int, alias: str) -> None:
        """Point an alias to a version: `set_alias("digits@3", "champion")`."""
        model_id, version = self.resolve(model)
        self._client.registry.set_alias(model_id, alias, version)

    def remove_alias(self, model: str | int, alias: str) -> None:
        """Let an alias point to nothing; its history stays."""
        model_id, _ = self.resolve(model)
        self._client.registry.set_alias(model_id, alias, 0)

    def aliases(self, model: str | int) -> dict[str, AliasState]:
        """Every alias that points to a version now."""
        registry = self._client.registry
        model_id, _ = self.resolve(model)
        states = {
            name: registry.alias_of(model_id, name) for name in registry.alias_names(model_id)
        }
        return {name: state for name, state in states.items() if state.version}

    def alias_history(self, model: str | int, alias: str) -> list[AliasMove]:
        """Where an alias pointed and from when, oldest first."""
        model_id, _ = self.resolve(model)
        return self._client.registry.alias_history(model_id, alias)

    def alias_at(self, model: str | int, alias: str, when: datetime) -> int:
        """The version that an alias pointed to at a time; 0 for none. The answer never changes."""
        model_id, _ = self.resolve(model)
        return self._client.registry.alias_at(model_id, alias, when)

    def as_of(self, alias: str, when: datetime | int) -> tuple[AliasProof, AliasPeriod]:
        """Where an alias pointed at a time, proven: `as_of("digits@champion", when)`.

        Args:
            alias: a model and its alias; it may point to nothing by now.
            when: an aware time, or the number of a block, for the end of that block.

        Returns:
            The proof, for whoever does not trust this chain's node, and what it proves.

        Raises:
            ConfigError: the time is not past on the chain, or no alias is named.
            NotFoundError: the model never had that alias.
            ChainUnavailableError: the node does not serve `eth_getProof`.
        """
        from anacostia_blockchain.proofs.alias import prove_alias  # noqa: PLC0415 - rarely needed

        reference = Reference.parse(alias)
        if not isinstance(reference.selector, str):
            raise ConfigError(f"{alias!r} names no alias: write model@alias")
        return prove_alias(self._client, self._model_id(reference), reference.selector, when)

    def deprecate(self, model: str | int) -> None:
        """Discourage a version; it stays valid. The reference must name it."""
        self._client.registry.deprecate(*self._one_version(model))

    def revoke(
        self, model: str | int, reason: RevocationReason = RevocationReason.UNSPECIFIED
    ) -> None:
        """Tell everyone not to use a version; whatever was made from it reads as tainted."""
        self._client.registry.revoke(*self._one_version(model), reason)

    def is_tainted(self, model: str | int, *, max_visits: int = 256) -> bool:
        """Whether a version or anything it was made from is revoked.

        Raises:
            LedgerError: the lineage is larger than `max_visits` versions; ask with more.
        """
        try:
            return self._client.registry.is_tainted(*self.resolve(model), max_visits)
        except ContractRevertedError as error:
            if "Visit" not in error.name:
                raise
            raise LedgerError(
                f"the lineage of {model} has more than {max_visits} versions: ask with more"
            ) from error

    def taint(self, model: str | int) -> Taint | None:
        """Why a version must not be used: the nearest revoked one it was made from; None if none.

        Raises:
            LedgerError: its lineage is larger than anybody can look through.
        """
        from anacostia_blockchain.recall import taint  # noqa: PLC0415 - rarely needed

        return taint(self._client, *self.resolve(model))

    def impact(self, model: str | int) -> Impact:
        """Everything that was made from a version, at any depth; the reference must name it."""
        from anacostia_blockchain.recall import impact  # noqa: PLC0415 - rarely needed

        return impact(self._client, *self._one_version(model))

    def revocations(
        self,
        *,
        from_block: int = 0,
        after: Position | None = None,
        follow: bool = False,
        every: float = 2.0,
    ) -> Iterator[Revocation]:
        """Revocations in the order in which they happened, as `recall.revocations` gives them.

        Example:
            >>> for one in hub.models.revocations(follow=True):  # doctest: +SKIP
            ...     print(one.model_id, one.version, one.position)
        """
        from anacostia_blockchain.recall import revocations  # noqa: PLC0415 - rarely needed

        return revocations(
            self._client, from_block=from_block, after=after, follow=follow, every=every
        )

    def _one_version(self, model: str | int) -> tuple[int, int]:
        if Reference.parse(model).selector is None:
            raise ConfigError(f"name the version: {model}@1, or {model}@alias")
        return self.resolve(model)
