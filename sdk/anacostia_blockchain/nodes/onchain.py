"""Action nodes that speak to the chain: at once by reading, and by intents that a run releases."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from anacostia_blockchain.errors import ConfigError, NotFoundError, PipelineError
from anacostia_blockchain.nodes.base import ActionNode

if TYPE_CHECKING:
    from anacostia_blockchain import _upstream as upstream
    from anacostia_blockchain.client import Anacostia
    from anacostia_blockchain.metadata import MetadataStore
    from anacostia_blockchain.types import Address

Arguments = Sequence[Any] | Callable[[Mapping[str, float]], Sequence[Any]]


class ChainActionNode(ActionNode):
    """An action that needs the metadata store's chain.

    What it intends is written down and sent after the run has succeeded, in the order in which it
    was intended: see `MetadataStore.intend`.
    """

    @property
    def hub(self) -> Anacostia:
        """The metadata store's connection.

        Raises:
            ConfigError: it has none.
        """
        if self.metadata_store.chain is None:
            raise ConfigError(
                f"{self.name} speaks to a chain: give the metadata store one, "
                "SqliteMetadataStore(..., chain=connect())"
            )
        return self.metadata_store.chain

    def setup(self) -> None:
        """Check that there is a chain.

        Raises:
            ConfigError: there is none.
        """
        _ = self.hub

    def intend(self, kind: str, name: str, payload: Mapping[str, Any]) -> bool:
        """Write down what is to happen if the run succeeds; see `MetadataStore.intend`."""
        return self.metadata_store.intend(kind, name, payload)


class ModelActionNode(ChainActionNode):
    """An action about a registered model.

    Args:
        name: of the node.
        predecessors: nodes after which it acts.
        metadata_store: with a chain.
        model: name or number of the registered model.
    """

    def __init__(
        self,
        name: str,
        predecessors: Sequence[upstream.BaseNode],
        metadata_store: MetadataStore,
        model: str | int,
        **options: Any,  # noqa: ANN401 - the framework's
    ) -> None:
        super().__init__(name, predecessors, metadata_store, **options)
        self._model = model

    def model_id(self) -> int | None:
        """The model's number; None, and a tag that says so, if it is not published yet.

        A model that is published by the same run is on chain only after it.
        """
        try:
            return self.hub.models.resolve(self._model)[0]
        except NotFoundError:
            self.set_tags(**{self.name: f"{self._model} is not published yet"})
            return None


class SetAliasNode(ModelActionNode):
    """Points an alias to a model's newest version, after the run has succeeded.

    Placed after a `PublishVersionNode`, that is the version of this run.

    Args:
        name: of the node.
        predecessors: actions after which to move the alias.
        metadata_store: with a chain.
        model: name of the registered model.
        alias: to move.

    Example:
        >>> alias = SetAliasNode("alias", [publish], store, "digits", "challenger")
        ... # doctest: +SKIP
    """

    def __init__(
        self,
        name: str,
        predecessors: Sequence[upstream.BaseNode],
        metadata_store: MetadataStore,
        model: str,
        alias: str,
        **options: Any,  # noqa: ANN401 - the framework's
    ) -> None:
        super().__init__(name, predecessors, metadata_store, model, **options)
        self._alias = alias

    def execute(self) -> bool:
        """Write down the intent."""
        run_id = self.metadata_store.get_run_id()
        payload = {"model": self._model, "alias": self._alias}
        self.intend("alias", f"{self._model}:{self._alias}:run-{run_id}", payload)
        return True


class ExecuteContractNode(ChainActionNode):
    """Calls any function of any contract, once for each run that succeeds.

    The transaction is signed and stored before it is sent, so that a killed process does not send
    it twice. Whether a second call would do harm is the contract's business all the same.

    Args:
        name: of the node.
        predecessors: actions after which to call.
        metadata_store: with a chain.
        address: of the contract.
        abi: JSON ABI: a list with at least the function's entry.
        function: its name.
        arguments: its arguments, or what makes them of the run's metrics so far.
        value: wei to send along.

    Raises:
        ConfigError: the ABI has no such function.

    Example:
        >>> node = ExecuteContractNode(
        ...     "report", [evaluate], store, address, abi, "report",
        ...     lambda metrics: [round(metrics["accuracy"] * 10**6)],
        ... )  # doctest: +SKIP
    """

    def __init__(
        self,
        name: str,
        predecessors: Sequence[upstream.BaseNode],
        metadata_store: MetadataStore,
        address: Address,
        abi: Sequence[Mapping[str, Any]],
        function: str,
        arguments: Arguments = (),
        *,
        value: int = 0,
        **options: Any,  # noqa: ANN401 - the framework's
    ) -> None:
        # First: a node that could not be made must not be in anybody's graph.
        if not any(e.get("type") == "function" and e.get("name") == function for e in abi):
            raise ConfigError(f"the ABI given to {name} has no function {function!r}")
        super().__init__(name, predecessors, metadata_store, **options)
        self._address = address
        self._abi = [dict(entry) for entry in abi]
        self._function = function
        self._arguments = arguments
        self._value = value

    def execute(self) -> bool:
        """Encode the call, and write down the intent.

        Raises:
            ConfigError: the arguments are not those of the function.
        """
        from anacostia_blockchain.chain.abi import Interface  # noqa: PLC0415 - loads web3

        arguments = self._arguments
        if callable(arguments):
            arguments = arguments(self.metrics())
        data = Interface(self._function, self._abi).encode(self._function, *arguments)
        payload = {
            "to": self._address,
            "data": data.hex(),
            "value": self._value,
            "function": self._function,
        }
        run_id = self.metadata_store.get_run_id()
        self.intend("call", f"{self.name}:run-{run_id}", payload)
        return True

    def metrics(self) -> dict[str, float]:
        """The run's metrics so far: of each name the last value."""
        rows = self.metadata_store.get_metrics(run_id=self.metadata_store.get_run_id())
        ordered = sorted(rows, key=lambda row: row["id"])
        return {row["metric_name"]: row["metric_value"] for row in ordered}


class VerifyNode(ModelActionNode):
    """Verifies a published version against chain and store; the run fails if a check does.

    Args:
        name: of the node.
        predecessors: nodes before it.
        metadata_store: with a chain.
        model: reference to a version, such as `digits@champion`.

    Example:
        >>> verify = VerifyNode("verify", [data], store, "digits@champion")  # doctest: +SKIP
    """

    def execute(self) -> bool:
        """Verify, and record every check.

        Raises:
            PipelineError: a check failed; it says which.
        """
        from anacostia_blockchain.verify import verify_version  # noqa: PLC0415 - loads web3

        report = verify_version(self.hub, str(self._model))
        self.log_params(
            subject=report.subject,
            checks={check.name: check.passed for check in report.checks},
        )
        bad = [f"{check.name}: {check.detail}" for check in report.checks if not check.passed]
        if bad:
            raise PipelineError(f"{self._model} is not what it should be: {'; '.join(bad)}")
        return True


class AnchorNode(ChainActionNode):
    """Waits until all runs before this one are anchored, and records the head that covers them.

    Args:
        name: of the node.
        predecessors: nodes before it.
        metadata_store: with a chain.
        wait: seconds to wait; then the run fails.

    Example:
        >>> anchored = AnchorNode("anchored", [data], store)  # doctest: +SKIP
    """

    def __init__(
        self,
        name: str,
        predecessors: Sequence[upstream.BaseNode],
        metadata_store: MetadataStore,
        *,
        wait: float = 120,
        **options: Any,  # noqa: ANN401 - the framework's
    ) -> None:
        super().__init__(name, predecessors, metadata_store, **options)
        self._wait = wait

    def execute(self) -> bool:
        """Let what waits for others go now, and wait for the chain.

        Raises:
            PipelineError: it took longer than `wait`.
        """
        from anacostia_blockchain.metadata.reader import RunReader  # noqa: PLC0415 - with SQL

        reader = RunReader(self.metadata_store.database)
        earlier = reader.sealed(1)
        if not earlier:
            return True
        outbox = self.metadata_store.outbox
        if outbox is not None:
            outbox.flush()
        last = earlier[0].run_id
        if not self.wait_until(lambda: reader.run(last).anchor is not None, self._wait):
            raise PipelineError(
                f"run {last} was not anchored within {self._wait:.0f} s: is the chain, "
                "or the anchor worker, at work?"
            )
        anchor = reader.run(last).anchor
        if anchor is not None:
            self.log_params(size=anchor.size, root=anchor.root, tx=anchor.tx, block=anchor.block)
        return True
