"""The command line: `anacostia <noun> <verb>`.

Exit codes: 0 done, 1 refused or failed (a verification that fails included), 2 wrong usage.
"""

from __future__ import annotations

import sys
from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING

import click

from anacostia_blockchain._version import __version__
from anacostia_blockchain.errors import AnacostiaError

if TYPE_CHECKING:
    from anacostia_blockchain.cli.output import Output
    from anacostia_blockchain.client import Anacostia
    from anacostia_blockchain.storage.base import Store

_COMMANDS = {
    "up": ("chain", "Start the local chain and deploy the contracts."),
    "down": ("chain", "Stop the local chain; its state stays."),
    "demo": ("demo", "The main job, end to end, on real data."),
    "models": ("models", "Registered models."),
    "versions": ("versions", "Versions of a registered model."),
    "licenses": ("licenses", "Licences of models: offer, buy, derive, and be paid."),
    "market": ("market", "Sale of models themselves."),
    "story": ("story", "Licences and royalties through Story Protocol."),
    "runs": ("runs", "Recorded runs."),
    "log": ("log", "The log that runs are anchored in, and who may write to it."),
    "anchor": ("anchor", "Anchor and publish what machines without a key intend."),
    "outbox": ("anchor", "Serve an outbox to an anchor worker on another machine."),
    "certificate": ("certificate", "Certificates for pipelines that speak across machines."),
    "prices": ("prices", "Prices of models, in dollars."),
    "attest": ("attest", "Evaluations and approvals of versions."),
    "promote": ("promote", "Aliases that move only to versions that satisfy a policy."),
    "verify": ("verify", "Verify a version or an evidence bundle; trust nobody."),
    "serve": ("serve", "Serve a verified model over HTTP, until it is revoked."),
    "audit": ("audit", "All evidence about a model, in one file."),
    "storage": ("storage", "Content by CID, in one store or several."),
    "w3up": ("w3up", "Keys, spaces and rights of a Web3.Storage service."),
    "gated": ("gated", "Content that only licence holders can open."),
    "doctor": ("doctor", "Check the installation."),
}
"""Each command's module and its line in the overview, which must not have to load them all."""


class LazyGroup(click.Group):
    """Loads a command's module when it is named, so that `--help` is quick."""

    def list_commands(self, ctx: click.Context) -> list[str]:  # noqa: ARG002 - click's signature
        """Names in the order of the table."""
        return list(_COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:  # noqa: ARG002 - click's signature
        """The command of that name, its module imported now."""
        if cmd_name not in _COMMANDS:
            return None
        module = import_module(f"{__name__}.{_COMMANDS[cmd_name][0]}")
        command = getattr(module, cmd_name)
        return command if isinstance(command, click.Command) else None

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:  # noqa: ARG002 - click's signature
        """The overview, from the table."""
        with formatter.section("Commands"):
            formatter.write_dl([(name, text) for name, (_module, text) in _COMMANDS.items()])


class Session:
    """What every command shares: where to connect, and how to print.

    Attributes:
        target: "local", a network's name or an RPC URL.
        home: folder of the local chain, the embedded store and the journal.
        store: URLs of the store; none: the embedded one.
    """

    def __init__(
        self, target: str, home: Path, output: Output, store: tuple[str, ...] = ()
    ) -> None:
        self.target = target
        self.home = home
        self.output = output
        self.store = " ".join(store)

    def connect(self) -> Anacostia:
        """Connect as asked on the command line."""
        from anacostia_blockchain.client import connect  # noqa: PLC0415 - loads web3

        return connect(self.target, home=self.home, store=self.store or None)

    def storage(self) -> Store:
        """Open the store as asked on the command line; the chain is not."""
        from anacostia_blockchain.storage.urls import open_store  # noqa: PLC0415 - loads SQLite

        return open_store(self.store, self.home)


session = click.make_pass_decorator(Session)


@click.group(cls=LazyGroup, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(__version__, prog_name="anacostia")
@click.option(
    "--chain",
    "target",
    default="local",
    show_default=True,
    envvar="ANACOSTIA_CHAIN",
    help="local, a network's name, or an RPC URL.",
)
@click.option(
    "--home",
    default=".anacostia",
    show_default=True,
    envvar="ANACOSTIA_HOME",
    type=click.Path(file_okay=False, path_type=Path),
    help="Folder of the local chain, the embedded store and the journal.",
)
@click.option(
    "--store",
    multiple=True,
    envvar="ANACOSTIA_STORE",
    help="URL of the store, e.g. kubo://127.0.0.1:5001; several: replicated.  [default: in home]",
)
@click.option("--json", "as_json", is_flag=True, help="Print results as JSON.")
@click.pass_context
def cli(
    context: click.Context, target: str, home: Path, store: tuple[str, ...], as_json: bool
) -> None:
    """Prove, license and sell machine-learning models."""
    from anacostia_blockchain.cli.output import Output  # noqa: PLC0415 - loads rich

    context.obj = Session(target, home, Output(as_json=as_json), store)


def main() -> None:
    """Run the command line; errors of ours become one line and exit code 1."""
    as_json = "--json" in sys.argv
    arguments = [argument for argument in sys.argv[1:] if argument != "--json"]
    try:
        cli.main(args=["--json", *arguments] if as_json else arguments, prog_name="anacostia")
    except AnacostiaError as error:
        from anacostia_blockchain.cli.output import Output  # noqa: PLC0415 - a command loads its own

        Output(as_json=as_json).error(error)
        sys.exit(1)
