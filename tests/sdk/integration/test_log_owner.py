"""A log that a cold key owns: a worker whose key was stolen is replaced, and the log goes on."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner
from sqlalchemy import select

from anacostia_blockchain.chain import Chain, KeylessSigner
from anacostia_blockchain.cli import cli
from anacostia_blockchain.client import LOG_OWNER_VARIABLE, Anacostia, connect
from anacostia_blockchain.errors import ConfigError, ContractRevertedError, NotFoundError
from anacostia_blockchain.metadata import schema
from anacostia_blockchain.metadata.database import open_database
from anacostia_blockchain.outbox.worker import Worker, local_source
from anacostia_blockchain.testing import LocalChain, dev_key
from chains import anchored_sizes

pytestmark = pytest.mark.integration

OWNER, WORKER, SUCCESSOR = 5, 6, 7
"""Accounts of the development chain."""


@pytest.fixture
def person(hub: Anacostia, local_chain: LocalChain, tmp_path: Path) -> Callable[..., Anacostia]:
    """An account's connection."""

    def connected(account: int, owner: str | None = None) -> Anacostia:
        chain = local_chain.chain(account)
        return Anacostia(chain, hub.deployment, home=hub.home, log_owner=owner)

    return connected


@pytest.fixture
def owner(person: Callable[..., Anacostia]) -> Anacostia:
    return person(OWNER)


@pytest.fixture
def writer(person: Callable[..., Anacostia], owner: Anacostia) -> Anacostia:
    return person(WORKER, owner.address)


def record(
    hub: Anacostia, local_chain: LocalChain, uri: str, folder: Path, publish: str | None = None
) -> None:
    """One run, on a machine that has no key; with a model's name, it publishes `w.bin`."""
    chain = Chain.connect(local_chain.rpc_url, signer=KeylessSigner(hub.address), state_dir=folder)
    trainer = Anacostia(chain, hub.deployment, home=hub.home, log_owner=hub.log_owner.lower())
    with trainer.runs.start("train", database=uri) as run:
        run.log_metrics(loss=1)
        if publish:
            run.publish(folder / "w.bin", publish)


def work(hub: Anacostia, uri: str) -> int:
    """Carry out all that there is; returns how many intents are left."""
    return Worker(local_source(open_database(uri), hub), hub).once(300)


def one_round(hub: Anacostia, uri: str) -> list[str | None]:
    """Try once to carry out what there is; returns why each that is left is not done."""
    source = local_source(open_database(uri), hub)
    Worker(source, hub).sender.step()
    return [intent.error for intent in source[0].open()]


def last_leaf(uri: str) -> bytes:
    query = select(schema.runs.c.leaf).order_by(schema.runs.c.log_index.desc())
    with open_database(uri).read() as connection:
        return bytes.fromhex(connection.execute(query).scalars().first() or "")


class TestPipelines:
    def test_what_waits_is_anchored_once_the_owner_has_opened_the_log(
        self, hub, owner, writer, local_chain, uri: str, tmp_path: Path
    ) -> None:
        record(writer, local_chain, uri, tmp_path)
        (error,) = one_round(writer, uri)
        salt = hub.runs.log_salt(uri)
        log_id = owner.ledger.log_id_of(owner.address, salt)
        assert f"{owner.address} has no log 0x{log_id.hex()} yet" in (error or "")
        assert f"log open --salt {salt.hex()} --writer {writer.address}" in (error or "")
        owner.ledger.open_log(salt, writer.address)
        assert work(writer, uri) == 0
        assert anchored_sizes(hub, log_id) == [1]
        assert owner.ledger.log_of(log_id) == (owner.address, writer.address)
        proof = hub.runs.find_proof(last_leaf(uri))
        assert proof.log_id == log_id
        hub.runs.check_proof(proof)

    def test_publishing_does_not_wait_for_the_log(
        self, hub, owner, writer, local_chain, uri: str, tmp_path: Path, name: str
    ) -> None:
        (tmp_path / "w.bin").write_bytes(b"one")
        record(writer, local_chain, uri, tmp_path, name)
        (tmp_path / "w.bin").write_bytes(b"two")
        record(writer, local_chain, uri, tmp_path, name)
        errors = one_round(writer, uri)
        assert ["has no log" in (error or "") for error in errors] == [True, False]
        assert hub.models.get(f"{writer.address}/{name}").latest_version == 2
        owner.ledger.open_log(hub.runs.log_salt(uri), writer.address)
        assert work(writer, uri) == 0

    def test_after_a_theft_the_successor_goes_on_in_the_same_log(
        self, hub, owner, writer, person, local_chain, uri: str, tmp_path: Path
    ) -> None:
        record(writer, local_chain, uri, tmp_path)
        salt = hub.runs.log_salt(uri)
        owner.ledger.open_log(salt, writer.address)
        assert work(writer, uri) == 0
        log_id = owner.ledger.log_id_of(owner.address, salt)

        successor = person(SUCCESSOR, owner.address)
        owner.ledger.set_writer(log_id, successor.address)
        record(writer, local_chain, uri, tmp_path)
        (error,) = one_round(writer, uri)
        assert f"is written by {successor.address}: its owner {owner.address}" in (error or "")
        with pytest.raises(ContractRevertedError) as refused:
            writer.ledger.anchor(log_id, 2, bytes(32), [])
        assert refused.value.name == "RunLedger_NotWriter"
        with pytest.raises(ContractRevertedError) as refused:  # as the thief of a writer's key may
            writer.ledger.set_writer(log_id, writer.address)
        assert refused.value.name == "RunLedger_NotOwner"

        assert work(successor, uri) == 0
        record(successor, local_chain, uri, tmp_path)
        assert work(successor, uri) == 0
        assert anchored_sizes(hub, log_id) == [1, 2, 3]
        hub.runs.check_proof(hub.runs.find_proof(last_leaf(uri)))

    def test_a_database_stays_with_its_log(
        self, owner, writer, local_chain, uri: str, tmp_path: Path, person
    ) -> None:
        record(writer, local_chain, uri, tmp_path)
        owner.ledger.open_log(owner.runs.log_salt(uri), writer.address)
        assert work(writer, uri) == 0
        stranger = person(WORKER)
        with pytest.raises(ConfigError, match=f"which is not {stranger.address}'s"):
            record(stranger, local_chain, uri, tmp_path)

    def test_without_such_an_owner_another_key_goes_on_in_another_database(
        self, hub, person, tmp_path: Path
    ) -> None:
        old, new = (f"sqlite:///{tmp_path}/{name}.db" for name in ("old", "new"))
        other = person(WORKER)
        for client, uri in ((hub, old), (other, new)):
            with client.runs.start("train", database=uri) as run:
                run.log_metrics(loss=1)
            log_id = client.ledger.log_id_of(client.address, hub.runs.log_salt(uri))
            assert client.ledger.log_of(log_id) == (client.address, client.address)
            assert client.ledger.head_of(log_id).size == 1
        with pytest.raises(ConfigError, match=f"which is not {other.address}'s"):
            other.runs.start("train", database=old)

    def test_the_salt_that_the_owner_needs(self, hub, tmp_path: Path) -> None:
        home = Anacostia(hub.chain, hub.deployment, home=tmp_path / "home")
        with pytest.raises(NotFoundError, match="there is no database"):
            home.runs.log_salt()
        with home.runs.start("train") as run:
            run.log_metrics(loss=1)
        salt = home.runs.log_salt()
        assert salt == home.runs.log_salt(str(tmp_path / "home" / "runs" / "metadata.db"))
        log_id = hub.ledger.log_id_of(hub.address, salt)
        assert hub.ledger.head_of(log_id).size == 1

    def test_a_worker_needs_to_know_the_owner(
        self, writer, person, local_chain, uri: str, tmp_path: Path
    ) -> None:
        record(writer, local_chain, uri, tmp_path)
        with pytest.raises(ConfigError, match="with that log's owner"):
            work(person(WORKER), uri)

    def test_an_address_of_nobody(self, hub) -> None:
        with pytest.raises(ConfigError, match="'cold' is no address"):
            Anacostia(hub.chain, hub.deployment, log_owner="cold")

    def test_the_environment_names_the_owner(
        self, hub, owner, local_chain, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        hub.deployment.save(tmp_path / "deployments")
        monkeypatch.setenv(LOG_OWNER_VARIABLE, owner.address)
        assert connect(local_chain.rpc_url, home=tmp_path).log_owner == owner.address
        named = connect(local_chain.rpc_url, home=tmp_path, log_owner=hub.address)
        assert named.log_owner == hub.address


class TestCommandLine:
    @pytest.fixture
    def anacostia(
        self, hub, local_chain, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> Callable[..., Any]:
        """Runs a command with an account's key; returns what it printed as data."""
        hub.deployment.save(tmp_path / "deployments")

        def run(account: int, *arguments: str, code: int = 0) -> Any:
            monkeypatch.setenv("ANACOSTIA_PRIVATE_KEY", dev_key(account))
            common = ["--chain", local_chain.rpc_url, "--home", str(tmp_path), "--json"]
            result = CliRunner().invoke(cli, [*common, *arguments])
            assert result.exit_code == code, result.output
            return json.loads(result.stdout) if result.stdout else result

        return run

    def test_open_show_and_another_writer(
        self, anacostia, owner, writer, local_chain, uri: str, tmp_path: Path, monkeypatch
    ) -> None:
        record(writer, local_chain, uri, tmp_path)
        monkeypatch.setenv(LOG_OWNER_VARIABLE, owner.address)
        before = anacostia(WORKER, "log", "show", "--db", uri)
        assert (before["owner"], before["writer"]) == (owner.address, None)
        # The machine of the cold key need not have the database.
        named = ("--salt", before["salt"])
        opened = anacostia(OWNER, "log", "open", *named, "--writer", writer.address)
        assert opened["log_id"] == before["log_id"]
        assert anacostia(WORKER, "anchor", "--db", uri, "--once")["left"] == 0
        now = anacostia(WORKER, "log", "show", "--db", uri)
        assert (now["writer"], now["size"]) == (writer.address, 1)
        successor = local_chain.chain(SUCCESSOR).address
        anacostia(OWNER, "log", "writer", successor, *named)
        assert anacostia(WORKER, "log", "show", "--db", uri)["writer"] == successor

    @pytest.mark.parametrize(
        ("arguments", "code", "error"),
        [
            (["show"], 2, "give either --db or --salt"),
            (["show", "--salt", "0x12"], 1, "'0x12' is no salt: give 64 hexadecimal digits"),
            (["show", "--db", "nowhere.db"], 1, "there is no database nowhere.db"),
            (["open", "--salt", "ab" * 32, "--writer", "me"], 1, "'me' is no address"),
            (["writer", "me", "--salt", "ab" * 32], 1, "'me' is no address"),
        ],
    )
    def test_bad_input(self, anacostia, arguments: list[str], code: int, error: str) -> None:
        result = anacostia(OWNER, "log", *arguments, code=code)
        assert error in result.stderr + str(result.exception)
