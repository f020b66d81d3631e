"""The attestation service as older networks have it: its own contracts of version 0.26."""

from __future__ import annotations

import json
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import pytest
from eth_abi import encode

from anacostia_blockchain.chain import Call, Chain
from anacostia_blockchain.client import Anacostia
from anacostia_blockchain.contracts.eas_forms import DOMAIN_VERSIONS, NEWEST, UNDATED
from anacostia_blockchain.deployment import CREATE2_PROXY, SALT, Deployment, create2_address
from anacostia_blockchain.errors import ContractRevertedError
from anacostia_blockchain.promotion.service import deploy_gate
from anacostia_blockchain.testing import LocalChain
from promoted import DATASET, People

pytestmark = pytest.mark.integration

PACKAGE = Path(__file__).parents[3] / "node_modules" / "eas-contracts-0.26"


def put(chain: Chain, name: str, arguments: bytes = b"") -> str:
    """One of the package's contracts."""
    path = PACKAGE / "artifacts" / "contracts" / f"{name}.sol" / f"{name}.json"
    code = bytes.fromhex(json.loads(path.read_text())["bytecode"][2:]) + arguments
    chain.send(Call(CREATE2_PROXY, SALT + code, "CREATE2 proxy", "create"))
    return create2_address(code)


class OldPeople(People):
    """The same people, where the service is of 2023."""

    def __init__(self, local: LocalChain, home: Path) -> None:
        super().__init__(local, home)
        chain, whole = local.chain(), self.owner.deployment
        service = put(chain, "EAS", encode(["address"], [put(chain, "SchemaRegistry")]))
        core = {name: one for name, one in whole.contracts.items() if name != "PromotionGate"}
        deployment = deploy_gate(chain, Deployment(whole.chain_id, core), service)
        self.owner, self.reviewer, self.second, self.evaluator = (
            Anacostia(one.chain, deployment, home=home, store=self.owner.storage)
            for one in (self.owner, *self.others)
        )


@pytest.fixture(scope="module")
def people(tmp_path_factory: pytest.TempPathFactory) -> Iterator[People]:
    with LocalChain() as local:
        yield OldPeople(local, tmp_path_factory.mktemp("old"))


def test_who_evaluates_needs_no_coin(people: People) -> None:
    version = people.publish()
    attest, owner = people.evaluator.attest, people.owner.attest
    assert attest.service.form == UNDATED
    draft = attest.draft_evaluation(
        version, "accuracy", dataset=DATASET, value="0.95", measured=True,
        expires_in=timedelta(days=1),
    )  # fmt: skip
    signed = attest.sign(draft)
    assert signed.deadline == 0, "it does not end by itself, and must not say that it does"
    people.pass_time(7200)
    other = attest.draft_approval(version)
    with pytest.raises(ContractRevertedError, match="InvalidSignature"):
        owner.relay(other, signed)
    uid = owner.relay(draft, signed)
    assert owner.get(uid).attester == people.evaluator.address
    assert owner.verify(uid).passed
    with pytest.raises(ContractRevertedError, match="InvalidSignature"):
        owner.relay(draft, signed)  # its nonce is used up
    owner.relay_revocation(uid, attest.sign_revocation(uid))
    assert owner.get(uid).revoked_at is not None


def test_what_needs_no_delegation(people: People) -> None:
    version = people.publish("other")
    uid = people.reviewer.attest.approval(version)
    assert [a.uid for a in people.owner.attest.list(version)] == [uid]
    people.reviewer.attest.revoke(uid)
    with pytest.raises(ContractRevertedError, match="AlreadyRevoked"):
        people.reviewer.attest.revoke(uid)


def test_which_version_is_known_by_what_it_signs(people: People, local_chain: LocalChain) -> None:
    newest = Anacostia(local_chain.chain(), local_chain.deploy(), home=people.home).attest.service
    for service, form, version in ((newest, NEWEST, "1.4.0"), (
        people.owner.attest.service, UNDATED, "0.26")):  # fmt: skip
        assert service.form == form
        assert service._domain["version"] == version
        assert version in DOMAIN_VERSIONS
