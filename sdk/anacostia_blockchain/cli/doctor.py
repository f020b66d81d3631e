"""`anacostia doctor`: what is set up, what is missing, and how to get it."""

from __future__ import annotations

import platform
import sys
from collections.abc import Callable, Iterator
from importlib.metadata import PackageNotFoundError, version

import click

from anacostia_blockchain._version import __version__
from anacostia_blockchain.cli import Session, session
from anacostia_blockchain.cli.output import tick
from anacostia_blockchain.errors import ConfigError, IntegrityError
from anacostia_blockchain.verify import Report, made_all


@click.command()
@session
def doctor(session: Session) -> None:
    """Check the installation, the local chain, the contracts and the store."""
    report = Report(f"anacostia-blockchain {__version__}", made_all(_checks(session)))
    rows = [(check.name, tick(check.passed), check.detail) for check in report.checks]
    session.output.table(("check", "", "detail"), rows, report.to_dict())
    sys.exit(0 if report.passed else 1)


def _checks(session: Session) -> Iterator[tuple[str, Callable[[], str]]]:
    yield "python", platform.python_version
    yield "pipeline engine", lambda: _installed("anacostia-pipeline")
    yield "web3", lambda: _installed("web3")
    yield "fast signing", lambda: _installed("coincurve")
    yield "anvil", _anvil
    yield "chain", lambda: _chain(session)
    yield "contracts", lambda: _contracts(session)
    yield "store", lambda: _store(session)


def _installed(package: str) -> str:
    try:
        return f"{package} {version(package)}"
    except PackageNotFoundError:
        raise ConfigError(f"{package} is not installed: pip install {package}") from None


def _anvil() -> str:
    from anacostia_blockchain.testing import find_anvil  # noqa: PLC0415 - a command loads its own

    return str(find_anvil())


def _chain(session: Session) -> str:
    hub = session.connect()
    account = hub.chain.address or "no signer: reads only"
    return f"chain {hub.chain.chain_id}, block {hub.chain.block_number()}, {account}"


def _contracts(session: Session) -> str:
    from anacostia_blockchain.inspection import inspect  # noqa: PLC0415 - loads web3

    hub = session.connect()
    story = hub.story.addresses if "StoryAdapter" in hub.deployment.contracts else None
    checks = list(inspect(hub.chain, hub.deployment, story=story))
    failed = [f"{check.name}: {check.detail}" for check in checks if not check.passed]
    if failed:
        raise IntegrityError("; ".join(failed))
    return f"this build, byte for byte, by {len(checks)} checks: {checks[0].detail}"


def _store(session: Session) -> str:
    if not session.store and not session.home.is_dir():
        raise ConfigError(f"{session.home} does not exist yet: run `anacostia up`")
    store = session.storage()
    return f"{store!r}: {sum(1 for _ in store.pins())} pins"
