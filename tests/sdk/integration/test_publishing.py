"""Publishing as a saga: killed at every step, a rerun completes it, and nothing happens twice."""

import multiprocessing
import os

import pytest

from anacostia_blockchain.client import Anacostia
from anacostia_blockchain.errors import (
    ConfigError,
    ContractRevertedError,
    NotFoundError,
    UnsupportedFileError,
)
from anacostia_blockchain.types import Kind, Parent, Relation, RevocationReason, Status

pytestmark = pytest.mark.integration

STEPS = [
    ("prepared", "publish"),
    ("signed", "publish"),
    ("broadcast", "publish"),
    ("confirmed", "publish"),
    ("prepared", "alias"),
    ("signed", "alias"),
    ("broadcast", "alias"),
    ("confirmed", "alias"),
]
KILLED = 9


@pytest.fixture
def model(tmp_path):
    folder = tmp_path / "model"
    folder.mkdir()
    (folder / "weights.bin").write_bytes(os.urandom(100_000))
    return folder


def publish_until(hub, model, name, step, kind):
    """Publish in a child process that dies at a step as if by SIGKILL."""

    def on_step(reached, intent):
        if (reached, intent.kind) == (step, kind):
            os._exit(KILLED)

    def child():
        chain = type(hub.chain)(
            hub.chain.rpc,
            hub.chain.chain_id,
            signer=hub.chain.signer,
            confirmations=0,
            state_dir=hub.home,
        )
        fresh = Anacostia(chain, hub.deployment, home=hub.home)
        fresh.models.publish(model, name, aliases=["champion"], on_step=on_step)
        os._exit(0)

    process = multiprocessing.get_context("fork").Process(target=child)
    process.start()
    process.join(300)
    return process.exitcode


@pytest.mark.parametrize(("step", "kind"), STEPS)
def test_killed_at_any_step_the_same_call_completes_it(hub, model, name, step, kind):
    assert publish_until(hub, model, name, step, kind) == KILLED
    version = hub.models.publish(model, name, aliases=["champion"])
    assert version.version == 1
    assert hub.models.get(name).latest_version == 1
    assert hub.models.resolve(f"{name}@champion") == (version.model_id, 1)
    assert len(hub.models.alias_history(name, "champion")) == 1
    assert hub.journal.open() == []


def test_publish_registers_mints_and_points_the_alias(hub, model, name):
    version = hub.models.publish(model, name, kind=Kind.DATASET, aliases=["champion", "stable"])
    found = hub.models.get(name)
    assert (found.kind, found.creator, found.latest_version) == (Kind.DATASET, hub.address, 1)
    assert hub.nft.owner_of(version.model_id) == hub.address
    assert hub.nft.token_uri(version.model_id) == f"ipfs://{version.root}/metadata.json"
    assert {name: state.version for name, state in hub.models.aliases(name).items()} == {
        "champion": 1,
        "stable": 1,
    }


def test_the_same_content_is_the_same_version(hub, model, name):
    first = hub.models.publish(model, name)
    again = hub.models.publish(model, name)
    assert again == first
    (model / "weights.bin").write_bytes(b"others")
    second = hub.models.publish(model, name, parents="previous")
    assert second.version == 2
    assert second.parents == (Parent(first.model_id, 1, Relation.REVISION),)


def test_a_colleague_who_lost_the_journal_publishes_nothing_twice(hub, model, name, tmp_path):
    first = hub.models.publish(model, name)
    elsewhere = Anacostia(hub.chain, hub.deployment, home=tmp_path / "other")
    assert elsewhere.models.publish(model, name) == first


def test_a_refused_publication_is_told_and_may_be_tried_again(hub, model, name):
    unknown = [Parent(2**40, 1)]
    for _ in range(2):
        with pytest.raises(ContractRevertedError) as caught:
            hub.models.publish(model, name, parents=unknown)
        assert caught.value.name == "Lineage_UnknownParent"
        assert caught.value.arguments == {"modelId": 2**40, "version": 1}
    assert hub.registry.model_id_of(hub.address, name) == 0


def test_nothing_is_published_of_a_folder_that_cannot_be_content(hub, model, name):
    (model / "link").symlink_to("weights.bin")
    with pytest.raises(UnsupportedFileError, match="link"):
        hub.models.publish(model, name)
    assert hub.registry.model_id_of(hub.address, name) == 0
    assert list(hub.storage.pins()) == []


def test_fetch_gives_the_bytes_back(hub, model, name, tmp_path):
    hub.models.publish(model, name)
    copy = hub.models.fetch(name, tmp_path / "copy")
    assert (copy / "weights.bin").read_bytes() == (model / "weights.bin").read_bytes()


def test_references_that_lead_nowhere(hub, model, name):
    version = hub.models.publish(model, name)
    with pytest.raises(NotFoundError, match="has registered no model named 'nobody'"):
        hub.models.get("nobody")
    with pytest.raises(NotFoundError, match=f"no model {2**40} is registered"):
        hub.models.get(2**40)
    with pytest.raises(NotFoundError, match="has versions 1 to 1, not 2"):
        hub.models.version(f"{name}@2")
    with pytest.raises(NotFoundError, match="has no alias 'champion'"):
        hub.models.version(f"{name}@champion")
    with pytest.raises(ConfigError, match="the id is for chain 1, the connection for 31337"):
        hub.models.version(f"eip155:1/erc721:{hub.nft.address}/{version.model_id}")
    with pytest.raises(ConfigError, match="the id is for NFT contract"):
        hub.models.version(f"eip155:31337/erc721:{hub.registry.address}/{version.model_id}")
    assert hub.models.version(hub.caip19(version.model_id)) == version
    with pytest.raises(ConfigError, match="name the version"):
        hub.models.deprecate(name)


def test_end_of_life_flows_to_descendants(hub, model, name):
    parent = hub.models.publish(model, name)
    (model / "weights.bin").write_bytes(b"tuned")
    child = hub.models.publish(
        model, f"{name}-b", parents=[Parent(parent.model_id, 1, Relation.FINETUNE)]
    )
    hub.models.deprecate(f"{name}@1")
    assert hub.models.version(f"{name}@1").status is Status.DEPRECATED
    assert not hub.models.is_tainted(child.model_id)
    hub.models.revoke(f"{name}@1", RevocationReason.POISONED_DATA)
    revoked = hub.models.version(f"{name}@1")
    assert (revoked.status, revoked.reason) == (Status.REVOKED, RevocationReason.POISONED_DATA)
    assert hub.models.is_tainted(child.model_id)


def test_an_alias_can_be_moved_back_and_removed(hub, model, name):
    hub.models.publish(model, name, aliases=["champion"])
    (model / "weights.bin").write_bytes(b"two")
    hub.models.publish(model, name, aliases=["champion"])
    hub.models.set_alias(f"{name}@1", "champion")
    hub.models.remove_alias(name, "champion")
    assert hub.models.aliases(name) == {}
    assert [move.version for move in hub.models.alias_history(name, "champion")] == [1, 2, 1, 0]


def test_a_publisher_publishes_to_anothers_model(hub, local_chain, model, name, tmp_path):
    hub.models.publish(model, name)
    colleague = Anacostia(local_chain.chain(1), hub.deployment, home=tmp_path / "colleague")
    theirs = f"{hub.address}/{name}"
    (model / "weights.bin").write_bytes(b"two")
    with pytest.raises(ContractRevertedError) as caught:
        colleague.models.publish(model, theirs)
    assert caught.value.name == "ModelRegistry_NotPublisher"
    model_id = hub.models.get(name).model_id
    hub.registry.set_publisher(model_id, colleague.address, 2**40)
    version = colleague.models.publish(model, theirs)
    assert (version.model_id, version.version) == (model_id, 2)
    assert version.publisher == colleague.address
    assert colleague.models.publish(model, str(model_id)) == version
    with pytest.raises(ConfigError, match="has registered no model named 'nothing'"):
        colleague.models.publish(model, f"{hub.address}/nothing")
