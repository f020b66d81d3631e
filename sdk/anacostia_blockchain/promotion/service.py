"""The Ethereum Attestation Service of a chain, and the gate that relies on it.

Where a network has the service, `oracles.json` says where, by whose word. A local chain gets one of
its own, from the bytecode that the service's package publishes (MIT; `bytecode/EAS.LICENSE`).
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

from eth_abi import encode
from eth_utils import keccak

from anacostia_blockchain.chain.values import Call
from anacostia_blockchain.deployment import (
    CREATE2_PROXY,
    SALT,
    Deployment,
    create2,
    create2_address,
    init_code,
)
from anacostia_blockchain.errors import ConfigError, ContractRevertedError
from anacostia_blockchain.oracles import OracleNetwork

if TYPE_CHECKING:
    from anacostia_blockchain.chain import Chain
    from anacostia_blockchain.types import Address

EVALUATION = (
    "uint64 modelId,uint32 version,bytes32 datasetRoot,bytes32 metricId,int64 value,"
    "bytes32 evidence"
)
APPROVAL = "uint64 modelId,uint32 version,bytes32 role"


def schema_id(schema: str) -> bytes:
    """Id of a schema whose attestations can be revoked, without a resolver."""
    return bytes(keccak(schema.encode() + bytes(20) + b"\x01"))


def known_service(chain_id: int) -> Address:
    """Where the service is on a network.

    Raises:
        ConfigError: it is not there, as far as this package knows.
    """
    try:
        found = OracleNetwork.known(chain_id).attestations
    except ConfigError:
        found = None
    if found is None:
        raise ConfigError(
            f"no attestation service is known on chain {chain_id}: name its address, or deploy "
            "the contracts of npm @ethereum-attestation-service/eas-contracts there"
        )
    return found


def local_service() -> Address:
    """Where a local chain's own service is, once `install_service` put it there."""
    return create2_address(_service_code())


def install_service(chain: Chain) -> Address:
    """Put the service on a local chain, with its schemas; what is there is kept.

    Raises:
        ConfigError: the connection has no signer, or the package was built without the bytecode.
    """
    for code in (init_code("SchemaRegistry"), _service_code()):
        if not chain.code(create2_address(code)):
            chain.send(Call(CREATE2_PROXY, SALT + code, "CREATE2 proxy", "create"))
    return local_service()


def deploy_gate(chain: Chain, deployment: Deployment, service: Address | None = None) -> Deployment:
    """Add `PromotionGate` to a deployment, and its schemas to the service; what is there is kept.

    Args:
        chain: with a signer.
        deployment: of the core contracts.
        service: where the attestation service is; None: where it is known to be.

    Raises:
        ConfigError: no service is known, or the connection has no signer.
        ContractRevertedError: there is none at that address.
    """
    service = service or known_service(chain.chain_id)
    gate = create2(chain, "PromotionGate", gate_arguments(service, deployment.address))
    register_schemas(chain, service)
    deployed = Deployment(deployment.chain_id, {**deployment.contracts, "PromotionGate": gate})
    deployed.check(chain)
    return deployed


def gate_arguments(service: Address, where: Callable[[str], Address]) -> bytes:
    """What the gate's constructor takes, encoded.

    Args:
        service: the attestation service.
        where: tells the address of a contract of the core by its name.
    """
    core = (where("ModelRegistry"), where("ModelLicensing"))
    return encode(["address"] * 3, [*core, service])


def register_schemas(chain: Chain, service: Address) -> None:
    """Register what is not registered yet. Anybody may; the ids are the same everywhere."""
    from anacostia_blockchain.contracts.eas import EAS, SchemaRegistry  # noqa: PLC0415 - cycle

    registry = SchemaRegistry(chain, EAS(chain, service).get_schema_registry())
    for schema in (EVALUATION, APPROVAL):
        if registry.get_schema(schema_id(schema)):
            continue
        try:
            registry.register(schema)
        except ContractRevertedError as error:
            if error.name != "AlreadyExists":  # somebody was faster
                raise


def _service_code() -> bytes:
    registry = create2_address(init_code("SchemaRegistry"))
    return init_code("EAS") + encode(["address"], [registry])
