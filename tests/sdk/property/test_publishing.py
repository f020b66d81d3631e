"""Publishing as a saga: wherever it fails or dies, the same call ends with exactly one version."""

from __future__ import annotations

import os
import time
from collections.abc import Iterator
from pathlib import Path
from tempfile import TemporaryDirectory, mkdtemp
from unittest import mock

import pytest
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule, run_state_machine_as_test

from anacostia_blockchain.chain import Call, Chain
from anacostia_blockchain.client import Anacostia
from anacostia_blockchain.deployment import Deployment
from anacostia_blockchain.errors import ChainUnavailableError
from anacostia_blockchain.testing import LocalChain, dev_signer
from faults import FaultyEndpoint, on
from office import somebody
from outside import DEATHS, FULL, WAYS, Outside
from strikes import NIGHTLY, at_night, examples, strike_everywhere, suffer
from waiting import wait_for

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
        """Whoever has just failed does something else, tries again, and so does who comes next."""
        self.hub.chain.send(Call(somebody(), b"", "", "", value=1), timeout=60)
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


# ------------------------------------------------------------------ sequences

NAMES = st.sampled_from(["a", "b"])
WHO = st.integers(0, 1)
FAILURES = sorted({how for kind in ("question", "act", "commit", "file") for how in WAYS[kind]})
STRIKES = st.dictionaries(st.integers(0, 120), st.sampled_from(FAILURES), min_size=1, max_size=2)


class Publishers(RuleBasedStateMachine):
    """Two connections with one journal, store and account publish, fail, die, and go on.

    The model is, for each name, what was published for sure, in order, and what may have been.
    """

    def __init__(self, local: LocalChain, deployment: Deployment) -> None:
        super().__init__()
        self.local, self.deployment = local, deployment
        self.folder = TemporaryDirectory()
        self.home = Path(self.folder.name)
        self.model = self.home / "model"
        self.model.mkdir()
        self.clock = 0.0
        self.hubs = [self.open(), self.open()]
        self.sure: dict[str, list[bytes]] = {"a": [], "b": []}
        self.perhaps: dict[str, list[bytes]] = {"a": [], "b": []}
        self.read: dict[tuple[str, int], bytes] = {}

    def open(self) -> Anacostia:
        with Outside():  # so that what is opened now can fail later
            chain = Chain.connect(self.local.rpc_url, signer=dev_signer(7), state_dir=self.home)
            hub = Anacostia(chain, self.deployment, home=self.home / "home")
            hub.journal.open()
        return hub

    def name(self, short: str) -> str:
        return f"{self.home.name}-{short}".lower()

    def publish(self, who: int, short: str, content: bytes) -> int:
        (self.model / "weights.bin").write_bytes(content)
        with mock.patch.object(time, "time", lambda now=time.time: now() + self.clock):
            version = self.hubs[who].models.publish(
                self.model, self.name(short), parents="previous", aliases=["champion"]
            )
        return version.version

    def is_there(self, short: str, content: bytes) -> None:
        """It has been published, now or before."""
        if content in self.perhaps[short]:
            self.perhaps[short].remove(content)
        if content not in self.sure[short]:
            self.sure[short].append(content)

    @rule(who=WHO, short=NAMES)
    def publish_something(self, who: int, short: str) -> None:
        content = os.urandom(500)
        number = self.publish(who, short, content)
        self.is_there(short, content)
        assert self.contents(short)[number - 1] == content

    @rule(who=WHO, short=NAMES, strikes=STRIKES)
    def publish_in_trouble(self, who: int, short: str, strikes: dict[int, str]) -> None:
        content = os.urandom(500)
        self.perhaps[short].append(content)
        outside = Outside(strikes, self.home)
        dies = bool(set(strikes.values()) & set(DEATHS))
        suffer(outside, lambda: self.publish(who, short, content), dies=dies)

    @rule(who=WHO, short=NAMES)
    def publish_again(self, who: int, short: str) -> None:
        """What failed, by whoever comes next; else what is there, which changes nothing."""
        for content in [*self.perhaps[short], *self.sure[short][-1:]]:
            number = self.publish(who, short, content)
            self.is_there(short, content)
            assert self.contents(short)[number - 1] == content

    @rule(who=WHO)
    def open_anew(self, who: int) -> None:
        self.hubs[who] = self.open()

    @rule(seconds=st.sampled_from([-86_400.0, -1.0, 0.0, 3600.0]))
    def set_the_clock(self, seconds: float) -> None:
        self.clock = seconds

    def contents(self, short: str) -> list[bytes]:
        """What each version on chain holds, in order."""
        hub, name = self.hubs[0], self.name(short)
        if not hub.registry.model_id_of(hub.address, name):
            return []
        for version in range(1, hub.models.get(name).latest_version + 1):
            if (short, version) not in self.read:
                with TemporaryDirectory() as folder:
                    copy = hub.models.fetch(f"{name}@{version}", Path(folder, "copy"))
                    self.read[short, version] = (copy / "weights.bin").read_bytes()
        return [content for (of, _version), content in sorted(self.read.items()) if of == short]

    @invariant()
    def each_is_published_once(self) -> None:
        for short, sure in self.sure.items():
            found = self.contents(short)
            assert len(found) == len(set(found))
            assert set(sure) <= set(found) <= {*sure, *self.perhaps[short]}

    def teardown(self) -> None:
        try:
            for short in self.sure:
                self.publish_again(0, short)
                found = self.contents(short)
                assert set(found) == set(self.sure[short])
                if found:
                    moves = self.hubs[0].models.alias_history(self.name(short), "champion")
                    assert sorted(move.version for move in moves) == [*range(1, len(found) + 1)]
            assert self.hubs[0].journal.open() == self.hubs[0].journal.failed() == []
            empty = {"pending": "0x0", "queued": "0x0"}
            wait_for(lambda: self.hubs[0].chain.rpc("txpool_status") == empty)
        finally:
            self.folder.cleanup()


def test_whatever_happens_each_content_is_one_version(world):
    run_state_machine_as_test(lambda: Publishers(*world), settings=examples(4, 10))


def test_what_was_lost_on_its_way_holds_nobody_up(world, tmp_path):
    """Its nonce is free for what the same process publishes next; later it gets another."""
    local, deployment = world
    (tmp_path / "model").mkdir()
    weights = tmp_path / "model" / "weights.bin"
    with FaultyEndpoint(local.rpc_url) as endpoint:
        chain = Chain.connect(endpoint.url, signer=dev_signer(7), state_dir=tmp_path)
        hub = Anacostia(chain, deployment, home=tmp_path / "home")

        def publish(content: bytes) -> int:
            weights.write_bytes(content)
            return hub.models.publish(tmp_path / "model", f"lost-{tmp_path.name}").version

        endpoint.fault = on("eth_sendRawTransaction", "drop")
        with pytest.raises(ChainUnavailableError):
            publish(b"first")
        endpoint.fault = lambda _body: None
        started = time.monotonic()
        assert publish(b"second") == 1
        assert time.monotonic() - started < 60, "it would have waited for 120 s, in vain"
        assert publish(b"first") == 2
