"""A chain with prices on it, for the tests of prices and of their commands."""

from __future__ import annotations

import dataclasses
from decimal import Decimal

from eth_abi import encode

from anacostia_blockchain.client import Anacostia
from anacostia_blockchain.oracles import NATIVE, OracleNetwork, deploy_oracles
from anacostia_blockchain.prices.values import Point, Pricing
from chainlink import Deployed, Oracles

POINTS = (Point.parse("0.5:50"), Point.parse("0.9:100"), Point.parse("0.99:400"))


@dataclasses.dataclass
class Setting:
    """A chain with prices on it, and a model to price."""

    url: str
    hub: Anacostia
    oracles: Oracles
    network: OracleNetwork
    source: bytes
    model: int

    def rules(self, **changes: object) -> Pricing:
        rules = Pricing(
            base=Decimal(100),
            minimum=Decimal(10),
            maximum=Decimal(1000),
            points=POINTS,
            metric="accuracy",
            source=self.source,
        )
        return dataclasses.replace(rules, **changes)

    def payload(self, **changes: object) -> bytes:
        receiver = self.hub.metric_receiver.address
        return self.oracles.payload(receiver, self.source, self.model, **changes)

    def attestations(self) -> tuple[Setting, Deployed]:
        """The Ethereum Attestation Service, from its own build, and prices that may follow it."""
        connection, hub = self.hub.chain, self.hub
        schemas = Deployed(connection, "SchemaRegistry")
        service = Deployed(connection, "EAS", "address", schemas.address)
        fields = "uint64 modelId,uint32 version,bytes32 datasetRoot,bytes32 metricId,int64 value,"
        schemas.send("register", fields + "bytes32 evidence", NATIVE, True)
        network = dataclasses.replace(self.network, attestations=service.address)
        deployment = deploy_oracles(connection, hub.deployment, network)
        attested = Anacostia(connection, deployment, home=hub.home)
        return dataclasses.replace(self, hub=attested, network=network), service

    def attest(self, service: Deployed, dataset: bytes, value: int) -> bytes:
        """An evaluation of the model's third version; returns its uid."""
        words = (self.model, 3, dataset, b"accuracy".ljust(32, b"\0"), value, bytes(32))
        data = encode(["uint64", "uint32", "bytes32", "bytes32", "int64", "bytes32"], words)
        registry = self.hub.registry.address
        request = (self.hub.attested_metrics.schema(), (registry, 0, True, bytes(32), data, 0))
        return bytes.fromhex(service.send("attest", request)["logs"][0]["data"][2:])

    def revoke(self, service: Deployed, uid: bytes) -> None:
        """Its evaluator no longer stands by what it attested."""
        service.send("revoke", (self.hub.attested_metrics.schema(), (uid, 0)))

    def report(self, **changes: object) -> str:
        """Deliver a report; "" if it counts, else why not."""
        signed = self.oracles.don.sign(self.oracles.header(), self.payload(**changes))
        return self.oracles.deliver(self.hub.metric_receiver.address, signed)

    def pass_(self, seconds: int) -> None:
        """Let time go by, and the feeds be updated."""
        self.hub.chain.rpc("evm_increaseTime", hex(seconds))
        self.hub.chain.rpc("evm_mine")
        self.oracles.eth_usd.send("updateAnswer", 3200 * 10**8)
        self.oracles.usdc_usd.send("updateAnswer", 10**8)
