"""`ape run verify_deployment`: compare what is on a network with this build, byte for byte."""

from __future__ import annotations

from pathlib import Path

import click
from ape.exceptions import Abort
from scripts._ape import HOME, ApeChain, connected, network, plainly, record, records_of

from anacostia_blockchain.deployment import Deployment
from anacostia_blockchain.inspection import inspect


@click.command()
@network
@record
def cli(network: str, record: Path | None) -> None:
    """Check the deployment file, the code, and every address that a contract holds.

    Nothing that the file says is believed: addresses are computed, constructors run again.
    """
    with connected(network) as provider, plainly():
        chain = ApeChain.of(provider, None, HOME)
        deployment = Deployment.load(chain.chain_id, record or records_of(provider))
        failed, total = [], 0
        for check in inspect(chain, deployment):
            total += 1
            click.echo(f"{'pass' if check.passed else 'FAIL'}  {check.name:24} {check.detail}")
            failed += [] if check.passed else [check.name]
        if failed:
            chain.block_number()  # an endpoint that died is told by this, and says nothing of them
    if failed:
        raise Abort(f"{len(failed)} of {total} checks failed: {', '.join(failed)}")
    click.echo(f"{len(deployment.contracts)} contracts, {total} checks passed")
