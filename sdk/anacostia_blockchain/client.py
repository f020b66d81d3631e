"""The way in: `connect()` gives an `Anacostia`, whose attributes are the nouns of the field."""

from __future__ import annotations

import os
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING

from anacostia_blockchain.errors import ConfigError
from anacostia_blockchain.suite import Suite

if TYPE_CHECKING:
    from anacostia_blockchain.chain import Chain, Signer
    from anacostia_blockchain.deployment import DeployedContract, Deployment
    from anacostia_blockchain.licensing.native import Licenses
    from anacostia_blockchain.market import Market
    from anacostia_blockchain.models import Models
    from anacostia_blockchain.outbox.anchoring import LogSource
    from anacostia_blockchain.outbox.outbox import Handler, Outbox
    from anacostia_blockchain.prices.native import Prices
    from anacostia_blockchain.promotion.attest import Attest
    from anacostia_blockchain.promotion.promotions import Promotions
    from anacostia_blockchain.runs import Runs
    from anacostia_blockchain.storage.base import Store
    from anacostia_blockchain.story import Story
    from anacostia_blockchain.types import Address

HOME = Path(".anacostia")
"""Where a project keeps its local chain, its store and its journal, unless told otherwise."""

STORE_VARIABLE = "ANACOSTIA_STORE"
"""Holds the URL of the store, or several; see `storage.urls`."""

LOG_OWNER_VARIABLE = "ANACOSTIA_LOG_OWNER"
"""Holds the address of the account that owns the run logs, where it is not the one that signs."""


def connect(
    target: str = "local",
    *,
    signer: Signer | None = None,
    account: Address | None = None,
    home: Path | str | None = None,
    store: Store | str | None = None,
    log_owner: Address | None = None,
) -> Anacostia:
    """Connect to a chain and a store.

    Args:
        target: "local" (started by `anacostia up`), a network's name such as "base-sepolia" (its
            RPC URL is read from the environment), or an RPC URL.
        signer: who signs; None: on "local" the development account, elsewhere the key in
            `ANACOSTIA_PRIVATE_KEY`, or nobody, and the connection only reads.
        account: instead of a signer, the account in whose name things are intended here and whose
            key an anchor worker holds, elsewhere.
        home: folder of the embedded store, the journal and local deployments; None: `.anacostia`.
        store: where content lives, or its URL as `storage.urls` describes it; None: what
            `ANACOSTIA_STORE` says, or the embedded store in `home`.
        log_owner: whose run logs are written; None: what `ANACOSTIA_LOG_OWNER` says, or those of
            the account that signs. The owner opens them: `anacostia log open`.

    Raises:
        ConfigError: the network is not known, or no local chain was started here; or `account` or
            `log_owner` is no address.
        ChainUnavailableError: the endpoint does not answer.
        WrongNetworkError: it serves another chain.
        NoContractError, VersionMismatchError: it does not hold this package's contracts.

    Example:
        >>> from anacostia_blockchain import connect
        >>> hub = connect("local")  # doctest: +SKIP
        >>> hub.models.publish("model/", "digits", aliases=["champion"])  # doctest: +SKIP
    """
    from anacostia_blockchain.chain import Chain, KeylessSigner  # noqa: PLC0415 - web3, only here
    from anacostia_blockchain.config import resolve_network  # noqa: PLC0415 - reads files
    from anacostia_blockchain.deployment import Deployment  # noqa: PLC0415 - loads web3

    folder = Path(home) if home is not None else Path(os.environ.get("ANACOSTIA_HOME", HOME))
    network = resolve_network(target, folder)
    chain = Chain.connect(
        network.rpc_url,
        signer=KeylessSigner(account) if account else signer or default_signer(target),
        chain_id=network.chain_id,
        confirmations=network.confirmations,
        state_dir=folder,
    )
    deployment = Deployment.load(chain.chain_id, folder / "deployments")
    deployment.check(chain)
    where = store if store is not None else os.environ.get(STORE_VARIABLE)
    owner = log_owner or os.environ.get(LOG_OWNER_VARIABLE)
    return Anacostia(chain, deployment, home=folder, store=where, log_owner=owner)


def prepare_local(home: Path) -> Anacostia:
    """Start a project's local chain, deploy the contracts where they are not, and connect."""
    from anacostia_blockchain import local  # noqa: PLC0415 - loads what starts processes
    from anacostia_blockchain.chain import Chain  # noqa: PLC0415 - loads web3
    from anacostia_blockchain.deployment import Deployment  # noqa: PLC0415 - loads web3
    from anacostia_blockchain.rollout import deploy_all  # noqa: PLC0415 - loads web3

    network = local.up(home)
    chain = Chain.connect(
        network.rpc_url,
        signer=default_signer("local"),
        chain_id=local.CHAIN_ID,
        state_dir=home,
    )
    folder = home / "deployments"
    with local.setting_up(home):
        found = deploy_all(chain, prices=False).contracts
        deployment = Deployment(chain.chain_id, _others(chain, folder) | found)
        deployment.save(folder)
    return Anacostia(chain, deployment, home=home)


def _others(chain: Chain, folder: Path) -> dict[str, DeployedContract]:
    """What else was put on a local chain before, and is still there."""
    from anacostia_blockchain.deployment import Deployment, is_build_of  # noqa: PLC0415 - loads web3

    if not (folder / f"{chain.chain_id}.json").exists():
        return {}
    known = Deployment.load(chain.chain_id, folder).contracts
    return {n: c for n, c in known.items() if is_build_of(n, chain.code(c.address))}


def default_signer(target: str) -> Signer | None:
    """The key in the environment; on the local chain, if none is there, a development account."""
    from anacostia_blockchain.chain import signer_from_env  # noqa: PLC0415 - loads web3

    found = signer_from_env()
    if found is None and target == "local":
        from anacostia_blockchain.testing import dev_signer  # noqa: PLC0415 - local chains alone

        return dev_signer()
    return found


class Anacostia(Suite):
    """A connection: one chain, one account, one store. The contracts are there by their names too.

    Attributes:
        chain: the RPC endpoint and the account.
        deployment: the addresses of the contracts on that chain.
        home: folder of the embedded store and of the journal.
        models: registered models and their versions.
        runs: what pipelines and training code recorded.
        licenses: terms, offers, licences, derivatives and royalties.
        market: sale of the models themselves.
        prices: what models cost, in dollars, and why.
        attest: evaluations and approvals of versions.
        promotions: aliases that move only to versions that satisfy a policy.
        story: licences, derivatives and royalties through Story Protocol.
        storage: where content lives.
    """

    def __init__(
        self,
        chain: Chain,
        deployment: Deployment,
        *,
        home: Path = HOME,
        store: Store | str | None = None,
        log_owner: Address | None = None,
    ) -> None:
        from anacostia_blockchain.chain.keyless import checked_address  # noqa: PLC0415 - loads web3

        super().__init__(chain, deployment)
        self.home = home
        self._store = store
        self._log_owner = None if log_owner is None else checked_address(log_owner)

    def __repr__(self) -> str:
        return f"Anacostia(chain_id={self.chain.chain_id}, home={str(self.home)!r})"

    @property
    def address(self) -> Address:
        """The account that signs.

        Raises:
            ConfigError: the connection only reads.
        """
        if self.chain.address is None:
            raise ConfigError(
                "this connection has no signer and only reads: set ANACOSTIA_PRIVATE_KEY, "
                "or pass signer= to connect()"
            )
        return self.chain.address

    @property
    def log_owner(self) -> Address:
        """The account that owns the run logs written here: another's, or that which signs.

        Raises:
            ConfigError: the connection has neither.
        """
        return self._log_owner or self.address

    @cached_property
    def models(self) -> Models:
        """Registered models and their versions."""
        from anacostia_blockchain.models import Models  # noqa: PLC0415 - cycle

        return Models(self)

    @cached_property
    def runs(self) -> Runs:
        """What pipelines and training code recorded."""
        from anacostia_blockchain.runs import Runs  # noqa: PLC0415 - cycle

        return Runs(self)

    @cached_property
    def licenses(self) -> Licenses:
        """Terms, offers, licences, derivatives and royalties."""
        from anacostia_blockchain.licensing.native import Licenses  # noqa: PLC0415 - cycle

        return Licenses(self)

    @cached_property
    def market(self) -> Market:
        """Sale of the models themselves."""
        from anacostia_blockchain.market import Market  # noqa: PLC0415 - cycle

        return Market(self)

    @cached_property
    def prices(self) -> Prices:
        """What models cost, in dollars, and why."""
        from anacostia_blockchain.prices.native import Prices  # noqa: PLC0415 - cycle

        return Prices(self)

    @cached_property
    def attest(self) -> Attest:
        """Evaluations and approvals of versions."""
        from anacostia_blockchain.promotion.attest import Attest  # noqa: PLC0415 - cycle

        return Attest(self)

    @cached_property
    def promotions(self) -> Promotions:
        """Aliases that move only to versions that satisfy a policy."""
        from anacostia_blockchain.promotion.promotions import Promotions  # noqa: PLC0415 - cycle

        return Promotions(self)

    @cached_property
    def story(self) -> Story:
        """The same as `licenses`, through Story Protocol: on its own chain, or where you say it is.

        Raises:
            ConfigError: nothing says where Story is on this chain.
        """
        from anacostia_blockchain.story import Story, StoryAddresses  # noqa: PLC0415 - cycle

        return Story(self, StoryAddresses.configured(self.chain.chain_id, self.home))

    @cached_property
    def storage(self) -> Store:
        """Where content lives: the given store, or the embedded one in `home`."""
        if self._store is not None and not isinstance(self._store, str):
            return self._store
        from anacostia_blockchain.storage.urls import open_store  # noqa: PLC0415 - loads SQLite

        return open_store(self._store, self.home)

    @cached_property
    def journal(self) -> Outbox:
        """The outbox of what this process intends without a pipeline."""
        from sqlalchemy import create_engine  # noqa: PLC0415 - only writers need it

        from anacostia_blockchain.metadata.database import explain_errors  # noqa: PLC0415 - loads SQL
        from anacostia_blockchain.outbox.outbox import Outbox  # noqa: PLC0415 - loads SQL

        self.home.mkdir(parents=True, exist_ok=True)
        path = self.home / "journal.db"
        explain_errors(engine := create_engine(f"sqlite:///{path}"), path)
        return Outbox(engine)

    def handlers(self, log: LogSource | None = None) -> list[Handler]:
        """What carries out the intents of an outbox; with `log`, its anchoring too."""
        from anacostia_blockchain.licensing.intents import handlers as licensing  # noqa: PLC0415 - loads SQL
        from anacostia_blockchain.outbox.anchoring import AnchorHandler  # noqa: PLC0415 - loads SQL
        from anacostia_blockchain.outbox.publishing import (  # noqa: PLC0415 - loads SQL
            AliasHandler,
            CallHandler,
            PublishHandler,
        )
        from anacostia_blockchain.promotion.intents import handlers as promotion  # noqa: PLC0415 - loads SQL

        handlers: list[Handler] = [PublishHandler(self), AliasHandler(self), CallHandler(self)]
        handlers += [*licensing(self), *promotion(self)]
        return [*handlers, AnchorHandler(self, log)] if log is not None else handlers

    def caip19(self, model_id: int) -> str:
        """A model's id that means the same everywhere: chain, NFT contract and number."""
        return f"eip155:{self.chain.chain_id}/erc721:{self.nft.address}/{model_id}"
