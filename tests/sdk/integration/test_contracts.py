"""The wrappers on a real chain: every method once, and signatures made here checked there."""

from __future__ import annotations

import dataclasses
import hashlib
from datetime import UTC, datetime, timedelta

import pytest

from anacostia_blockchain.client import Anacostia
from anacostia_blockchain.content.cid import CID
from anacostia_blockchain.contracts import ModelRegistry
from anacostia_blockchain.errors import (
    ConfigError,
    ContractRevertedError,
    IntegrityError,
    NotFoundError,
)
from anacostia_blockchain.testing import LocalChain
from anacostia_blockchain.types import (
    Kind,
    Parent,
    RegisteredModel,
    Relation,
    RevocationReason,
    Status,
)

pytestmark = pytest.mark.integration


def root(text: str) -> CID:
    return CID(0x70, hashlib.sha256(text.encode()).digest())


class TestModelRegistry:
    def test_register_publish_and_read(self, hub: Anacostia) -> None:
        registry = hub.registry
        data, one = registry.register("cc/data", Kind.DATASET, root("data"))
        edges = [Parent(data, one, Relation.TRAINED_ON)]
        model, version = registry.register("cc/model", Kind.MODEL, root("model"), edges)
        assert version == 1
        assert registry.model_of(model) == RegisteredModel(
            model, "cc/model", Kind.MODEL, hub.address, 1
        )
        assert registry.model_id_of(hub.address, "cc/model") == model
        assert registry.model_id_of(hub.address, "cc/none") == 0
        assert registry.model_count() >= model
        parents = [Parent(model, 1, Relation.REVISION), *edges]
        assert registry.publish(model, root("v2"), parents) == (model, 2)
        found = registry.version_of(model, 2)
        assert (found.root, found.publisher, found.status) == (
            root("v2"),
            hub.address,
            Status.PUBLISHED,
        )
        assert found.parents == registry.parents_of(model, 2) == tuple(sorted(parents))
        assert abs(found.published_at - datetime.now(UTC)) < timedelta(hours=1)
        assert registry.version_with_root(model, root("v2")) == 2
        assert registry.version_with_root(model, CID(0x55, root("v2").digest)) is None
        assert registry.version_with_root(model, root("v9")) is None

    def test_status_and_taint(self, hub: Anacostia) -> None:
        registry = hub.registry
        parent, _ = registry.register("cc/parent", Kind.MODEL, root("p"))
        child, _ = registry.register("cc/child", Kind.MODEL, root("c"), [Parent(parent, 1)])
        assert not registry.is_tainted(child, 1, registry.max_visits())
        registry.deprecate(child, 1)
        assert registry.version_of(child, 1).status == Status.DEPRECATED
        registry.revoke(parent, 1, RevocationReason.POISONED_DATA)
        assert registry.version_of(parent, 1).reason == RevocationReason.POISONED_DATA
        assert registry.is_tainted(child, 1, 10)
        assert registry.max_parents() == 16

    def test_aliases(self, hub: Anacostia, local_chain: LocalChain) -> None:
        registry = hub.registry
        model, _ = registry.register("cc/alias", Kind.MODEL, root("1"))
        registry.publish(model, root("2"))
        assert registry.alias_of(model, "prod").moves == 0
        for version in (1, 2, 1, 0, 2):
            registry.set_alias(model, "prod", version)
        registry.set_alias(model, "a/b", 1)
        state = registry.alias_of(model, "prod")
        assert (state.version, state.moves, state.gate) == (2, 5, None)
        history = registry.alias_history(model, "prod")
        assert [move.version for move in history] == [1, 2, 1, 0, 2]
        with pytest.raises(ContractRevertedError, match="ModelRegistry_TimeNotPast"):
            registry.alias_at(model, "prod", datetime(2200, 1, 1, tzinfo=UTC))
        hub.chain.rpc("evm_increaseTime", "0x2")
        hub.chain.rpc("evm_mine")
        assert registry.alias_at(model, "prod", history[-1].since) == 2
        assert registry.alias_at(model, "prod", datetime(2020, 1, 1, tzinfo=UTC)) == 0
        assert registry.alias_names(model) == ["a/b", "prod"]
        gate = local_chain.chain(1)
        registry.set_alias_gate(model, "prod", gate.address)
        assert registry.alias_of(model, "prod").gate == gate.address
        with pytest.raises(ContractRevertedError):
            registry.set_alias(model, "prod", 1)
        gated = ModelRegistry(gate, registry.address)
        gated.set_alias(model, "prod", 1)
        gated.set_alias_gate(model, "prod", None)
        assert registry.alias_of(model, "prod").gate is None

    def test_publishers(self, hub: Anacostia, local_chain: LocalChain) -> None:
        registry, other = hub.registry, local_chain.chain(2)
        model, _ = registry.register("cc/pub", Kind.MODEL, root("1"))
        assert not registry.is_publisher(model, other.address)
        registry.set_publisher(model, other.address, 2**40)
        assert registry.is_publisher(model, other.address)
        assert registry.publisher_expiry(model, other.address) == 2**40
        theirs = ModelRegistry(other, registry.address)
        assert theirs.publish(model, root("2")) == (model, 2)
        assert registry.version_of(model, 2).publisher == other.address

    def test_arguments_that_do_not_fit(self, hub: Anacostia) -> None:
        with pytest.raises(ConfigError, match=r"modelOf\(uint64\) does not take these arguments"):
            hub.registry.model_of(2**64)
        with pytest.raises(ConfigError, match="does not take these arguments"):
            hub.registry.is_publisher(1, "0x12")

    def test_nothing_published(self, hub: Anacostia) -> None:
        model, _ = hub.registry.register("cc/quiet", Kind.MODEL, root("1"))
        receipt = hub.registry.set_alias(model, "x", 1)
        with pytest.raises(NotFoundError, match=f"{receipt.hash} published no version here"):
            hub.registry.published_in(receipt)

    def test_a_reader_signs_nothing(self, hub: Anacostia, local_chain: LocalChain) -> None:
        from anacostia_blockchain.chain import Chain  # noqa: PLC0415 - loads web3

        reader = ModelRegistry(Chain.connect(local_chain.rpc_url), hub.registry.address)
        assert reader.version() == "1.0.0"
        with pytest.raises(ConfigError, match="no signer"):
            reader.sign_publication(1, root("1"), [], 2**40)


class TestSignedPublication:
    """EIP-712: the registry accepts what was signed, and nothing else."""

    def test_accepted_once_and_refused_when_altered(
        self, hub: Anacostia, local_chain: LocalChain
    ) -> None:
        owner = hub.registry
        model, _ = owner.register("cc/signed", Kind.MODEL, root("1"))
        other, _ = owner.register("cc/other", Kind.MODEL, root("1"))
        relay = ModelRegistry(local_chain.chain(3), owner.address)
        parents, deadline = [Parent(model, 1), Parent(other, 1, Relation.MERGE)], 2**40
        signature = owner.sign_publication(model, root("2"), parents, deadline)
        told = (model, root("2"), parents, hub.address, deadline, signature)
        flipped = bytes([signature[0] ^ 1]) + signature[1:]
        altered = {
            "model": (other, *told[1:]),
            "digest": (model, root("3"), *told[2:]),
            "codec": (model, CID(0x55, root("2").digest), *told[2:]),
            "fewer parents": (*told[:2], parents[:1], *told[3:]),
            "relation": (
                *told[:2],
                [parents[0], dataclasses.replace(parents[1], relation=Relation.ADAPTER)],
                *told[3:],
            ),
            "publisher": (*told[:3], relay.chain.address, *told[4:]),
            "deadline": (*told[:4], deadline + 1, signature),
            "signature": (*told[:5], flipped),
        }
        for what, arguments in altered.items():
            with pytest.raises(ContractRevertedError) as info:
                relay.publish_by_sig(*arguments)
            assert info.value.name == "ModelRegistry_InvalidSignature", what
        nonce = owner.nonces(hub.address)
        assert relay.publish_by_sig(*told) == (model, 2)
        assert owner.nonces(hub.address) == nonce + 1
        assert owner.version_of(model, 2).publisher == hub.address
        with pytest.raises(ContractRevertedError, match="ModelRegistry_InvalidSignature"):
            relay.publish_by_sig(*told)

    def test_refused_after_its_deadline(self, hub: Anacostia) -> None:
        model, _ = hub.registry.register("cc/late", Kind.MODEL, root("1"))
        signature = hub.registry.sign_publication(model, root("2"), [], 1)
        with pytest.raises(ContractRevertedError) as info:
            hub.registry.publish_by_sig(model, root("2"), [], hub.address, 1, signature)
        assert 1 in info.value.arguments.values()

    def test_refused_once_its_nonce_was_skipped(
        self, hub: Anacostia, local_chain: LocalChain
    ) -> None:
        model, _ = hub.registry.register("cc/regretted", Kind.MODEL, root("1"))
        relay = ModelRegistry(local_chain.chain(3), hub.registry.address)
        told = (model, root("2"), [], hub.address, 2**40)
        signature = hub.registry.sign_publication(model, root("2"), [], 2**40)
        nonce = hub.registry.nonces(hub.address)
        hub.registry.skip_nonce(nonce)
        with pytest.raises(ContractRevertedError, match="ModelRegistry_NotNextNonce"):
            hub.registry.skip_nonce(nonce)
        with pytest.raises(ContractRevertedError, match="ModelRegistry_InvalidSignature"):
            relay.publish_by_sig(*told, signature)
        again = hub.registry.sign_publication(model, root("2"), [], 2**40)
        assert relay.publish_by_sig(*told, again) == (model, 2)


class TestModelNFT:
    def test_token(self, hub: Anacostia, local_chain: LocalChain) -> None:
        nft, other = hub.nft, local_chain.chain(4).address
        model, _ = hub.registry.register("cc/token", Kind.MODEL, root("1"))
        assert nft.owner_of(model) == hub.address
        assert nft.token_uri(model) == f"ipfs://{root('1')}/metadata.json"
        nft.set_royalty(model, other, 250)
        assert nft.royalty_info(model, 10_000) == (other, 250)
        assert nft.ownership_of(model) == (hub.address, 0)
        nft.transfer_from(hub.address, other, model)
        assert nft.ownership_of(model) == (other, 1)
        assert nft.contract_uri().startswith("data:application/json")
        assert nft.registry() == hub.registry.address
        assert hub.registry.nft() == nft.address
        assert nft.max_royalty_bps() == 2500
        assert nft.version() == "1.0.0"


class TestRunLedger:
    def test_log(self, hub: Anacostia, local_chain: LocalChain) -> None:
        ledger, salt = hub.ledger, hashlib.sha256(b"salt").digest()
        log_id = ledger.log_id_of(hub.address, salt)
        assert int(ledger.log_of(log_id)[0], 16) == 0
        ledger.open_log(salt, hub.address)
        assert ledger.log_of(log_id) == (hub.address, hub.address)
        assert ledger.head_of(log_id).size == 0
        leaf = hashlib.sha256(b"\0record").digest()
        receipt = ledger.anchor(log_id, 1, leaf, [])
        head = ledger.head_of(log_id)
        assert (head.size, head.root) == (1, leaf)
        assert ledger.verify_inclusion(log_id, leaf, 0, [])
        assert not ledger.verify_inclusion(log_id, bytes(32), 0, [])
        assert ledger.root_at(log_id, 1) == leaf
        assert ledger.block_of(log_id, 1) == receipt.block_number
        with pytest.raises(IntegrityError, match="no head of 2 records was ever anchored"):
            ledger.root_at(log_id, 2)
        writer = local_chain.chain(5).address
        ledger.set_writer(log_id, writer)
        assert ledger.log_of(log_id) == (hub.address, writer)
        assert ledger.version() == "1.0.0"
