"""`anacostia up` and `anacostia down`: the project's own chain."""

from __future__ import annotations

import click

from anacostia_blockchain import local
from anacostia_blockchain.cli import Session, session


@click.command()
@session
def up(session: Session) -> None:
    """Start the local chain and deploy the contracts; what is there already is kept."""
    from anacostia_blockchain.client import prepare_local  # noqa: PLC0415 - loads web3

    hub = prepare_local(session.home)
    network = local.up(session.home)
    contracts = {name: hub.deployment.address(name) for name in hub.deployment.contracts}
    data = {"rpc_url": network.rpc_url, "chain_id": hub.chain.chain_id, "contracts": contracts}
    rows = [("RPC", network.rpc_url), ("chain id", hub.chain.chain_id), ("account", hub.address)]
    session.output.table(("", ""), [*rows, *contracts.items()], data | {"account": hub.address})


@click.command()
@session
def down(session: Session) -> None:
    """Stop the local chain; its state stays in the project's folder."""
    stopped = local.down(session.home)
    session.output.result({"stopped": stopped}, "stopped" if stopped else "no chain was running")
