"""What `ape console` knows beside Ape itself; docs/deploying.md shows it."""

from __future__ import annotations

import atexit
import json
import os
import shutil
import tempfile
from decimal import Decimal
from importlib.resources import files
from pathlib import Path
from typing import Any

import ape
from ape.api import AccountAPI, ProviderAPI
from ape.logging import logger
from ethpm_types import ContractType
from scripts._ape import HOME, ApeChain, account_of, records_of

from anacostia_blockchain import Anacostia
from anacostia_blockchain.content.cid import CID, DAG_PB
from anacostia_blockchain.content.folder import scan
from anacostia_blockchain.deployment import Deployment
from anacostia_blockchain.errors import AnacostiaError, ConfigError, NotFoundError
from anacostia_blockchain.rollout import deploy_all
from anacostia_blockchain.types import ModelVersion, RegisteredModel

ACCOUNT_VARIABLE = "ANACOSTIA_ACCOUNT"
"""Alias of the account that `hub` signs with; on development chains the first test account does."""


def extras() -> dict[str, Any]:
    """Names for the console; without contracts on the chain, those that need none."""
    helpers: dict[str, Any] = {"cid": cid, "usd": usd}
    try:
        hub = connect(ape.networks.provider)
    except AnacostiaError as error:
        logger.warning(f"no hub: {error}")
        return helpers

    def model(name: str | int) -> RegisteredModel | ModelVersion:
        """A registered model; with `@`, one of its versions. Of whoever alone has it."""
        return find(hub, name)

    return helpers | contracts(hub.deployment) | {"hub": hub, "model": model}


def connect(provider: ProviderAPI) -> Anacostia:
    """The SDK on the chain that Ape is connected to; on a chain of the console's own, deployed."""
    own = provider.network.is_local and provider.name != "node"
    home = _scratch() if own or provider.network.is_fork else HOME
    chain = ApeChain.of(provider, _account(provider), home)
    if own:
        return Anacostia(chain, deploy_all(chain), home=home)
    deployment = Deployment.load(chain.chain_id, records_of(provider))
    deployment.check(chain)
    return Anacostia(chain, deployment, home=home)


def contracts(deployment: Deployment) -> dict[str, Any]:
    """Ape's own instance of each contract, by its name."""
    abis = files("anacostia_blockchain").joinpath("abi")
    found = {}
    for name, contract in deployment.contracts.items():
        abi = json.loads(abis.joinpath(f"{name}.json").read_text())
        kind = ContractType(abi=abi, contractName=name)
        found[name] = ape.Contract(contract.address, contract_type=kind)
    return found


def find(hub: Anacostia, name: str | int) -> RegisteredModel | ModelVersion:
    """A model or version by its reference: of this account, else of the only one that has it.

    Raises:
        NotFoundError: nobody has it.
        ConfigError: several have it.
    """
    base, at, selector = str(name).partition("@")
    look = hub.models.version if at else hub.models.get
    try:
        return look(name)
    except (NotFoundError, ConfigError):
        owners = [model.model_id for model in hub.models.registered() if model.name == base]
        if not owners:
            raise
    if len(owners) > 1:
        raise ConfigError(f"several accounts have a model {base!r}: name one by its id, {owners}")
    return look(f"{owners[0]}{at}{selector}")


def cid(content: str | bytes | Path) -> CID:
    """The CID of a file or folder as it would be stored, of a version's digest, or as text says.

    Raises:
        FormatError: it is neither.
    """
    if isinstance(content, bytes):
        return CID(DAG_PB, content)
    if Path(content).exists():
        return scan(Path(content)).cid
    return CID.parse(str(content))


def usd(amount: str | int | Decimal) -> int:
    """Dollars as contracts count them, with 6 decimals: `usd("9.99")` is 9990000.

    Raises:
        ValueError: the amount has more decimals than that.
    """
    units = Decimal(amount).scaleb(6)
    if units != units.to_integral_value():
        raise ValueError(f"{amount} dollars have more than 6 decimals")
    return int(units)


def _account(provider: ProviderAPI) -> AccountAPI | None:
    alias = os.environ.get(ACCOUNT_VARIABLE)
    if alias:
        return account_of(alias)
    return ape.accounts.test_accounts[0] if provider.network.is_dev else None


def _scratch() -> Path:
    """A folder for a chain that ends with the console: its journal must not outlive it."""
    folder = tempfile.mkdtemp(prefix="anacostia-console-")
    atexit.register(shutil.rmtree, folder, ignore_errors=True)
    return Path(folder)
