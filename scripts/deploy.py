"""`ape run deploy`: put the contracts on a network, with Ape's accounts and endpoints."""

from __future__ import annotations

from pathlib import Path

import click
from ape.exceptions import Abort
from scripts._ape import (
    HOME,
    ApeChain,
    account_of,
    connected,
    network,
    plainly,
    record,
    records_of,
    scrubbed,
    unlocked,
)

from anacostia_blockchain.chain import Chain
from anacostia_blockchain.deployment import Deployment
from anacostia_blockchain.inspection import inspect
from anacostia_blockchain.rehearsal import Estimate, Step, check_account, coins_of, rehearse
from anacostia_blockchain.rollout import UNCHECKED, completed, deploy_all, previous


@click.command()
@network
@click.option("--account", "alias", help="Of Ape's, by its alias; TEST::0 on development chains.")
@click.option("--dry-run", is_flag=True, help="Rehearse and show the cost; send nothing.")
@click.option("--prices/--no-prices", default=True, help="What relies on Chainlink, where it is.")
@click.option("--story/--no-story", default=True, help="What relies on Story, where it is.")
@click.option("--yes", is_flag=True, help="Do not ask before sending.")
@record
def cli(
    network: str,
    alias: str | None,
    dry_run: bool,
    prices: bool,
    story: bool,
    yes: bool,
    record: Path | None,
) -> None:
    """Deploy what is missing, check it, and record it.

    Addresses are the same on every chain. What is there is kept: run it again after a crash, and it
    goes on. Nobody owns the contracts, whoever deploys them.
    """
    with connected(network) as provider, plainly():
        account = None if alias is None else account_of(alias)
        chain = ApeChain.of(provider, account, HOME)
        folder = record or records_of(provider)
        known = previous(chain.chain_id, folder)
        estimate = rehearse(chain, provider.http_uri, prices=prices, story=story)
        show(estimate, scrubbed(network))
        if dry_run:
            click.echo("dry run: nothing was sent")
            return
        check_account(chain, estimate)
        if account is not None and yes:
            unlocked(account)
        found = deploy_all(chain, prices=prices, story=story)
        deployment = completed(chain, found, known)
        finish(chain, deployment, None if provider.network.is_fork else folder)


def show(estimate: Estimate, network: str) -> None:
    """The plan, a contract a line, and what it costs."""
    click.echo(f"{network}, chain {estimate.chain_id}")
    for step in estimate.steps:
        click.echo(line(step))
    if estimate.besides:
        click.echo(line(Step("attestations", "", estimate.besides, estimate.data_besides)))
    if not estimate.gas:
        click.echo("nothing is missing")
        return
    now, most = (cost(estimate, highest=highest) for highest in (False, True))
    click.echo(f"{estimate.gas:,} gas: {now} at present, {most} at most")
    if estimate.data_fee is not None:
        click.echo(f"of it {coins(estimate.data_fee)} coins for data, at its price at present")


def line(step: Step) -> str:
    """A contract, what its creation uses, and what its data cost where anything is charged."""
    shown = f"  {step.name:16} {step.address:42}  "
    if step.gas is None:
        return shown + "there already"
    if step.gas == 0:
        return shown + "with the above"
    data = "" if step.data_fee is None else f"  {coins(step.data_fee)} coins for data"
    return f"{shown}{step.gas:>10,} gas{data}"


def cost(estimate: Estimate, *, highest: bool) -> str:
    """What all of it costs, in coins and dollars."""
    needed = estimate.cost(highest=highest)
    dollars = estimate.dollars(needed)
    shown = "dollars unknown: no feed" if dollars is None else f"${round(dollars, 2):,}"
    return f"{round(needed, 6):f} coins ({shown})"


def coins(wei: int) -> str:
    """An amount in whole coins, as exactly as anybody cares."""
    return f"{round(coins_of(wei), 9):f}"


def finish(chain: Chain, deployment: Deployment, folder: Path | None) -> None:
    """Check all that is there now, and record it.

    What failed a check must not look like a record, and its transactions, which not every node can
    find again, must not be lost: until all have passed they are kept apart, for the next run.
    """
    kept = None if folder is None else deployment.save(folder / UNCHECKED)
    checks = list(inspect(chain, deployment))
    failed = [f"{check.name}: {check.detail}" for check in checks if not check.passed]
    if failed:
        chain.block_number()  # an endpoint that died is told by this, and says nothing of the code
        left = "" if kept is None else f"; not recorded, what was sent is kept in {kept}"
        raise Abort("; ".join(failed) + left)
    if folder is None or kept is None:
        click.echo("a fork: not recorded")
    else:
        click.echo(f"recorded in {deployment.save(folder)}")
        kept.unlink()
    click.echo(f"{len(deployment.contracts)} contracts, {len(checks)} checks passed")
