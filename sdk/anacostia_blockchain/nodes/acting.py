"""Action nodes that act on chain while the run goes on."""

from __future__ import annotations

from anacostia_blockchain.errors import ConfigError
from anacostia_blockchain.nodes.onchain import ModelActionNode


class ActingNode(ModelActionNode):
    """An action that sends its transactions during the run, with the key that is here.

    A transaction that the chain refuses fails the run. Subclasses look at the chain first, so that
    a run that is repeated does nothing twice. What must not happen if a later action fails is
    intended instead: see `ChainActionNode`.
    """

    def setup(self) -> None:
        """Check that there is a chain, and a key.

        Raises:
            ConfigError: one of them is missing.
        """
        _ = self.hub.address
        if not self.hub.chain.can_sign:
            raise ConfigError(
                f"{self.name} signs during the run, but the connection knows only the address of "
                "its account: set ANACOSTIA_PRIVATE_KEY, or pass signer= to connect()"
            )
