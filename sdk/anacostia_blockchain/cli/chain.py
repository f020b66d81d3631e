"""`anacostia up` and `anacostia down`: the project's own chain."""

from __future__ import annotations

import click

from anacostia_blockchain import local
from anacostia_blockchain.cli import Session, session


@click.command()
@click.option("--prices", is_flag=True, help="Also what prices need, Chainlink's feed included.")
@click.option("--eth-usd", help="What a coin is worth, in dollars, with --prices.  [default: 3000]")
@session
def up(session: Session, prices: bool, eth_usd: str | None) -> None:
    """Start the local chain and deploy the contracts; what is there already is kept."""
    from anacostia_blockchain.client import prepare_local  # noqa: PLC0415 - loads web3

    if eth_usd and not prices:
        raise click.UsageError("--eth-usd goes with --prices")
    hub = prepare_local(session.home)
    if prices:
        from anacostia_blockchain.local_prices import install  # noqa: PLC0415 - loads web3
        from anacostia_blockchain.prices.values import number  # noqa: PLC0415 - loads eth-utils

        hub.deployment = install(hub.chain, hub.deployment, number(eth_usd) if eth_usd else None)
        hub.deployment.save(session.home / "deployments")
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
