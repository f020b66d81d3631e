"""`Web3Storage` against the real server code."""

import pytest

from anacostia_blockchain.storage.web3storage.identity import Signer
from anacostia_blockchain.storage.web3storage.store import Web3Storage
from store_contract import StoreContract
from w3up_service import FOLDER, W3upService

pytestmark = [
    pytest.mark.integration,
    pytest.mark.skipif(
        not (FOLDER / "node_modules").is_dir(),
        reason="the w3up service is not installed: run scripts/setup --w3up",
    ),
]


@pytest.fixture(scope="module")
def w3up():
    with W3upService() as service:
        yield service


@pytest.fixture(scope="module")
def agent():
    return Signer.generate()


@pytest.fixture(scope="module")
def proof(w3up, agent):
    return w3up.new_space(agent)


@pytest.fixture
def store(w3up, agent, proof, tmp_path):
    return Web3Storage.open_space(w3up.service, agent, proof, tmp_path / "w3up")


class TestContract(StoreContract):
    @pytest.fixture
    def store(self, w3up, agent, proof, tmp_path_factory):
        folder = tmp_path_factory.mktemp("w3up")
        return Web3Storage.open_space(w3up.service, agent, proof, folder)
