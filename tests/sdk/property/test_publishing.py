"""Publishing as a saga: wherever it fails or dies, the same call ends with exactly one version."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path
from tempfile import mkdtemp

import pytest

from anacostia_blockchain.chain import Chain
from anacostia_blockchain.client import Anacostia
from anacostia_blockchain.deployment import Deployment
from anacostia_blockchain.testing import LocalChain, dev_signer
from outside import FULL, Outside
from strikes import NIGHTLY, at_night, strike_everywhere

pytestmark = pytest.mark.integration


class Publication:
    """A model that is to be published, as the second version of a name or as its first.

    Args:
        local: the chain.
        deployment: of the contracts on it.
        home: of all publications; each gets a folder of its own.
        earlier: a version is there already, and holds the alias.
    """

    def __init__(
        self, local: LocalChain, deployment: Deployment, home: Path, *, earlier: bool
    ) -> None:
        self._local, self._deployment = local, deployment
        self.home = Path(mkdtemp(dir=home))
        self.model = self.home / "model"
        self.model.mkdir()
        self.weights = self.model / "weights.bin"
        self.name = f"model-{self.home.name}".lower()
        self.number = 1
        with Outside():  # so that what is opened now can fail later
            self.hub = self.open()
            self.hub.journal.open()
            if earlier:
                self.weights.write_bytes(os.urandom(1000))
                self.publish(self.hub)
                self.number = 2
        self.content = os.urandom(2000)
        self.weights.write_bytes(self.content)

    def open(self) -> Anacostia:
        chain = Chain.connect(self._local.rpc_url, signer=dev_signer(7), state_dir=self.home.parent)
        return Anacostia(chain, self._deployment, home=self.home)

    def publish(self, hub: Anacostia) -> int:
        version = hub.models.publish(
            self.model, self.name, parents="previous", aliases=["champion"]
        )
        return version.version

    def check(self) -> None:
        """Whoever has just failed tries again, and so does whoever comes next."""
        assert self.publish(self.hub) == self.number
        hub = self.open()
        assert self.publish(hub) == self.number
        assert hub.models.get(self.name).latest_version == self.number
        moves = hub.models.alias_history(self.name, "champion")
        assert [move.version for move in moves] == list(range(1, self.number + 1))
        assert hub.journal.open() == hub.journal.failed() == []
        copy = hub.models.fetch(f"{self.name}@champion", self.home / "copy")
        assert (copy / "weights.bin").read_bytes() == self.content


@pytest.fixture(scope="module")
def world() -> Iterator[tuple[LocalChain, Deployment]]:
    """A chain of its own: what is counted here is only what was done here."""
    with LocalChain() as local:
        yield local, local.deploy()


@pytest.mark.parametrize("earlier", [False, True])
def test_wherever_publishing_fails_or_dies_it_is_done_once(world, tmp_path, earlier):
    """What happens to the store's files in between is what `test_local` tries."""
    local, deployment = world
    if earlier and not at_night():
        pytest.skip(f"a second version at every point: set {NIGHTLY}=1")
    names = strike_everywhere(
        lambda: Publication(local, deployment, tmp_path, earlier=earlier),
        lambda publication: publication.publish(publication.hub),
        Publication.check,
        omit=() if at_night() else ("statement", FULL),
    )
    assert {"sendRawTransaction", "getTransactionReceipt", "COMMIT"} <= names
