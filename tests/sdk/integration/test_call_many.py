"""Many view calls in one request: the same answers and the same refusals as one by one."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from anacostia_blockchain.chain import Call, Chain
from anacostia_blockchain.chain.abi import Interface
from anacostia_blockchain.deployment import Deployment
from anacostia_blockchain.errors import ContractRevertedError, NoContractError
from anacostia_blockchain.testing import LocalChain
from faults import FaultyEndpoint

pytestmark = pytest.mark.integration

NOBODY = "0x000000000000000000000000000000000000dEaD"


@pytest.fixture
def sizes() -> list[int]:
    """How many calls each request had."""
    return []


@pytest.fixture
def chain(local_chain: LocalChain, sizes: list[int]) -> Iterator[Chain]:
    with FaultyEndpoint(local_chain.rpc_url) as endpoint:
        found = Chain.connect(endpoint.url)
        endpoint.fault = lambda body: sizes.append(len(body) if isinstance(body, list) else 1)
        yield found


def asked(address: str, function: str, *arguments: object) -> Call:
    data = Interface.of("ModelRegistry").encode(function, *arguments)
    return Call(address, data, "ModelRegistry", function)


def test_a_hundred_at_a_time(chain: Chain, deployment: Deployment, sizes: list[int]) -> None:
    registry = deployment.address("ModelRegistry")
    calls = [asked(registry, "modelIdOf", NOBODY, f"none/{n}") for n in range(249)]
    calls.append(asked(registry, "version"))
    found = list(chain.call_many(calls))
    assert sizes == [100, 100, 50]
    assert found == [0] * 249 + [chain.call(calls[-1])]
    assert list(chain.call_many([])) == []


def test_the_first_that_is_refused_raises(chain: Chain, deployment: Deployment) -> None:
    registry = deployment.address("ModelRegistry")
    version = asked(registry, "version")
    answers = chain.call_many([version, asked(registry, "versionOf", 10**9, 1), version])
    assert next(answers) == chain.call(version)
    with pytest.raises(ContractRevertedError, match="ModelRegistry_"):
        next(answers)
    with pytest.raises(NoContractError):
        list(chain.call_many([version, asked(NOBODY, "version")]))
