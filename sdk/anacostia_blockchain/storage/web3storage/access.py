"""From an e-mail address to a space: log in, make a space, hand rights on.

A server needs none of this: give it a key and a delegation. This is for whoever owns the space.
"""

from __future__ import annotations

import re
import time
from collections.abc import Sequence
from urllib.parse import quote

from anacostia_blockchain.errors import (
    ConfigError,
    FormatError,
    StorageError,
    StoreUnavailableError,
)
from anacostia_blockchain.storage.web3storage.capability import Capability
from anacostia_blockchain.storage.web3storage.identity import Signer
from anacostia_blockchain.storage.web3storage.service import Connection
from anacostia_blockchain.storage.web3storage.store import ABILITIES
from anacostia_blockchain.storage.web3storage.ucan import Delegation, delegate

_EMAIL = re.compile(r"[^@\s:]{1,256}@[A-Za-z0-9.-]{1,253}")


def account_of(email: str) -> str:
    """The DID of an e-mail address.

    Raises:
        ConfigError: it is none.
    """
    if not _EMAIL.fullmatch(email):
        raise ConfigError(f"{email!r} is no e-mail address")
    local, _, domain = email.rpartition("@")
    return f"did:mailto:{quote(domain, safe='')}:{quote(local, safe='')}"


def request_login(connection: Connection, email: str) -> None:
    """Have the service send an e-mail; whoever clicks its link lets the principal act for them."""
    account = account_of(email)
    arguments = {"iss": account, "att": [{"can": "*"}]}
    connection.invoke("access/authorize", connection.principal.did, arguments)


def await_login(connection: Connection, patience: float = 900) -> list[Delegation]:
    """Wait until the link was clicked; returns the principal's new proofs.

    Args:
        connection: as the principal for which `request_login` was called.
        patience: seconds.

    Raises:
        StoreUnavailableError: nobody clicked it in time.
    """
    keys = {connection.service.did: connection.service.key}
    deadline = time.monotonic() + patience
    while True:
        claimed = connection.invoke("access/claim", connection.principal.did, {}).ok()
        archives = claimed.get("delegations")
        if not isinstance(archives, dict) or not all(
            isinstance(a, bytes) for a in archives.values()
        ):
            raise FormatError("access/claim: no delegations in the answer")
        proofs = [Delegation.extract(archive) for archive in archives.values()]
        for proof in proofs:
            proof.check(keys=keys)
        if proofs:
            return proofs
        if time.monotonic() > deadline:
            raise StoreUnavailableError("the link in the e-mail was not clicked in time: ask again")
        time.sleep(1)


def create_space(connection: Connection, account: str, space: Signer) -> Delegation:
    """Have an account pay for a space; returns the principal's rights to all of it.

    A space that is paid for already stays as it is.

    Args:
        connection: with the proofs of `await_login`.
        account: `account_of` the e-mail address.
        space: its key, usually a new one; keep it, for whoever has it owns the space.
    """
    arguments = {"provider": connection.service.did, "consumer": space.did}
    try:
        connection.invoke("provider/add", account, arguments)
    except StorageError as error:
        if "SpaceAlreadyProvisioned" not in str(error):
            raise
    return delegate(space, connection.principal.did, [Capability("*", space.did)], expires=None)


def share(
    owner: Signer,
    proof: Delegation,
    audience: str,
    *,
    expires: int | None,
    abilities: Sequence[str] = ABILITIES,
) -> Delegation:
    """Hand rights to a space on to another principal, for instance a server.

    Args:
        owner: to whom `proof` gives them.
        proof: the owner's own rights.
        audience: the other principal's DID.
        expires: Unix time in seconds; None: never.
        abilities: which; those that `Web3Storage` needs, if not given.
    """
    space = proof.capabilities[0].resource
    capabilities = [Capability(ability, space) for ability in abilities]
    return delegate(owner, audience, capabilities, proofs=[proof], expires=expires)
