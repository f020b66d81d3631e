"""What the chain's node tells about a model and the evidence does not prove: one function each.

A section is a name, a title for people, and a function that yields plain data, oldest first. To add
one, write the function and put it into `SECTIONS`. Where the contract that it asks is not deployed
it raises ConfigError, as the deployment does.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from itertools import chain
from typing import TYPE_CHECKING, Any

from eth_utils import to_checksum_address

from anacostia_blockchain.chain.abi import Interface
from anacostia_blockchain.errors import ConfigError
from anacostia_blockchain.promotion.portable import told
from anacostia_blockchain.types import RevocationReason

if TYPE_CHECKING:
    from anacostia_blockchain.chain import Log
    from anacostia_blockchain.client import Anacostia

Row = dict[str, Any]

_CAPITALS = re.compile(r"(?<=[a-z])(?=[A-Z])")


@dataclass(frozen=True, slots=True)
class Asked:
    """What a section is about: a model, at a block.

    Attributes:
        versions: number of the model's versions.
        time: of the block.
        keep: called with the name and the bytes of a member that belongs to a row.
    """

    client: Anacostia
    model_id: int
    versions: int
    block: int
    time: datetime
    keep: Callable[[str, bytes], None]

    def logs(self, contract: str, event: str, *topics: bytes | None) -> Iterator[Log]:
        """Events of a contract up to the block.

        Raises:
            ConfigError: the contract is not part of the deployment.
        """
        deployed = self.client.deployment
        return self.client.chain.logs(
            deployed.address(contract),
            contract,
            event,
            topics=list(topics),
            from_block=deployed.contracts[contract].block or 0,
            to_block=self.block,
        )

    @property
    def topic(self) -> bytes:
        """The model's number, as events index it."""
        return self.model_id.to_bytes(32, "big")


@dataclass(frozen=True, slots=True)
class Section:
    """A part of the evidence that is told, and not proven."""

    name: str
    title: str
    rows: Callable[[Asked], Iterator[Row]]

    @property
    def member(self) -> str:
        """Its member of the archive."""
        return f"sections/{self.name}.jsonl"


def owners(asked: Asked) -> Iterator[Row]:
    """Who held the model's token, and from when."""
    for log in asked.logs("ModelNFT", "Transfer", None, None, asked.topic):
        yield {"owner": to_checksum_address(log.values["to"])} | _where(asked, log)


def revocations(asked: Asked) -> Iterator[Row]:
    """When versions were deprecated or revoked; that they are is proven by the state."""
    found = []
    for event in ("VersionDeprecated", "VersionRevoked"):
        for log in asked.logs("ModelRegistry", event, asked.topic):
            reason = log.values.get("reason")
            row: Row = {
                "version": log.values["version"],
                "change": "revoked" if event == "VersionRevoked" else "deprecated",
                "reason": None if reason is None else RevocationReason(reason).name.lower(),
            }
            found.append((log.block_number, log.log_index, row | _where(asked, log)))
    yield from (row for _block, _index, row in sorted(found, key=lambda item: item[:2]))


def publishers(asked: Asked) -> Iterator[Row]:
    """Who was given, or lost, the right to publish."""
    for log in asked.logs("ModelRegistry", "PublisherSet", asked.topic):
        expiry = log.values["expiry"]
        yield {
            "publisher": to_checksum_address(log.values["publisher"]),
            "until": datetime.fromtimestamp(expiry, UTC).isoformat() if expiry else None,
        } | _where(asked, log)


def attestations(asked: Asked) -> Iterator[Row]:
    """What others attest about versions, as it stood at the block."""
    for found in asked.client.attest.list():
        if found.model_id != asked.model_id or found.attested_at > asked.time:
            continue
        row, envelope = told(asked.client, found, asked.time, asked.versions)
        if envelope is not None:
            asked.keep(row["envelope"], envelope)
        yield row


def promotions(asked: Asked) -> Iterator[Row]:
    """What the gate did about the model's aliases: policies, proposals, promotions, rollbacks."""
    found = []
    for event in Interface.of("PromotionGate").events:
        for log in asked.logs("PromotionGate", event, asked.topic):
            proposal = log.values.get("proposalId")
            row: Row = {
                "alias": log.values["aliasName"].rstrip(b"\0").decode("ascii"),
                "event": _CAPITALS.sub(" ", event).lower(),
                "version": log.values.get("version"),
                "proposal": None if proposal is None else "0x" + proposal.hex(),
            }
            found.append((log.block_number, log.log_index, row | _where(asked, log)))
    yield from (row for _block, _index, row in sorted(found, key=lambda item: item[:2]))


def licences(asked: Asked) -> Iterator[Row]:
    """What the model is offered under."""
    for offer in asked.client.licenses.offers(asked.model_id):
        terms = asked.client.licenses.terms(offer.terms_id)
        yield {
            "offer": offer.number,
            "terms": "0x" + offer.terms_id.hex(),
            "uri": terms.uri,
            "rights": sorted(right.name.lower() for right in offer.rights),
            "price": str(offer.price),
            "sold": offer.sold,
            "open": offer.is_open,
        }


def obligations(asked: Asked) -> Iterator[Row]:
    """The licences that the model itself was derived under."""
    for parent in asked.client.licenses.parents(asked.model_id):
        yield {
            "parent": f"{parent.model_id}@{parent.version}",
            "licence": str(parent.license),
            "share_percent": parent.share_bps / 100,
            "relation": parent.relation.name.lower(),
        }


ATTESTATIONS = "sections/attestations.jsonl"

SECTIONS: list[Section] = [
    Section("owners", "Owners", owners),
    Section("publishers", "Publishers", publishers),
    Section("revocations", "Deprecations and revocations", revocations),
    Section("attestations", "Attestations", attestations),
    Section("promotions", "Promotions through the gate", promotions),
    Section("licences", "Licences on offer", licences),
    Section("obligations", "Licences it was derived under", obligations),
]


def collect(section: Section, asked: Asked) -> Iterator[Row] | None:
    """A section's rows; None where the deployment does not have what it asks."""
    try:
        rows = section.rows(asked)
        first = next(rows, None)
    except ConfigError:
        return None
    return chain([] if first is None else [first], rows)


def _where(asked: Asked, log: Log) -> Row:
    """Where an event stands."""
    header = asked.client.chain.header(log.block_number)
    time = datetime.fromtimestamp(int(header["timestamp"], 16), UTC)
    return {"time": time.isoformat(), "block": log.block_number, "tx": log.tx_hash}
