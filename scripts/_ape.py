"""What the project's Ape scripts and its console share: Ape's accounts and providers under the SDK.

Ape is not told to deploy or to encode anything. It holds keys and endpoints, as its users have set
them up; what is sent is decided by the SDK, whose one plan the demo and the tests run too.
"""

from __future__ import annotations

import os
import re
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from json import JSONDecodeError
from pathlib import Path
from typing import Any

import ape
import click
import requests
from ape.api import AccountAPI, ForkedNetworkAPI, ProviderAPI
from ape.api.accounts import ImpersonatedAccount
from ape.api.networks import ProviderContextManager
from ape.exceptions import (
    Abort,
    AccountsError,
    ApeException,
    ProviderError,
    SignatureError,
    SubprocessError,
    TransactionError,
)
from ape.logging import logger
from scripts import _safe
from web3.exceptions import Web3Exception

from anacostia_blockchain._servers import free_ports
from anacostia_blockchain.chain import Call, Chain, Receipt
from anacostia_blockchain.config import LOCAL_CHAIN_ID, confirmations_of
from anacostia_blockchain.errors import (
    AnacostiaError,
    ChainError,
    ChainUnavailableError,
    ConfigError,
    InsufficientFundsError,
    TransactionFailedError,
)
from anacostia_blockchain.rehearsal import is_wallet

ROOT = Path(__file__).resolve().parent.parent
HOME = ROOT / ".anacostia"
RECORDS = ROOT / "deployments"

_UNANSWERED = (requests.RequestException, Web3Exception, JSONDecodeError)
"""How web3, with which Ape talks, says that an endpoint does not answer, or with nonsense."""

_URL = re.compile(
    r"(?P<scheme>(?:https?|wss?)://)(?:[^\s/?#\"']*@)?(?P<host>[^\s/?#\"',;)]+)(?P<rest>[^\s\"')]*)"
)

_OF_A_SAFE = 200_000
"""Gas that a Safe uses itself, to check its signatures; its plugin counts none for that."""

_HOST = "APE_FOUNDRY_HOST"
"""Where Ape's Foundry plugin finds or starts anvil, if it is set."""

_UNSET = re.compile(r"Invalid \w+: \$(?P<variable>\w+)")
"""Ape leaves a variable that is not set as it stands in ape-config.yaml."""


class ApeSigner:
    """An account of Ape's as the SDK's `Signer`: a keystore, or a device that signs."""

    def __init__(self, account: AccountAPI) -> None:
        self._account = account

    def __repr__(self) -> str:
        return f"ApeSigner({self.address})"

    @property
    def address(self) -> str:
        """The account's checksummed address."""
        return str(self._account.address)

    def sign_transaction(self, transaction: Mapping[str, Any]) -> bytes:
        """The signed bytes of an EIP-1559 transaction, given by its JSON-RPC names."""
        fields = dict(transaction) | {"from": self.address}
        made = ape.networks.provider.network.ecosystem.create_transaction(**fields)
        signed = self._ask(lambda: self._account.sign_transaction(made))
        if signed is None or signed.signature is None:
            raise ConfigError(
                f"{self._name} did not sign: it was declined, or the account gives no signature "
                "of its own, as a keystore or a device does"
            )
        return bytes(signed.serialize_transaction())

    def sign_typed_data(
        self, domain: Mapping[str, Any], types: Mapping[str, Any], message: Mapping[str, Any]
    ) -> bytes:
        """An EIP-712 signature, 65 bytes."""
        from eth_account.messages import encode_typed_data  # noqa: PLC0415 - slow, and rarely asked

        made = encode_typed_data(dict(domain), dict(types), dict(message))
        signed = self._ask(lambda: self._account.sign_message(made))
        if signed is None:
            raise ConfigError(f"{self._name} did not sign the message")
        return bytes(signed.encode_rsv())

    def _ask(self, sign: Callable[[], Any]) -> Any:  # noqa: ANN401 - whatever Ape's account gives
        try:
            return sign()
        except click.Abort:
            raise
        except Exception as error:  # noqa: BLE001 - devices fail with their drivers' own errors
            raise ConfigError(f"{self._name} does not sign: {_line(error)}") from None

    @property
    def _name(self) -> str:
        return self._account.alias or self.address


class ApeChain(Chain):
    """The SDK's chain with an account of Ape's.

    What the account signs, the SDK sends: a keystore's, a Ledger's or a Trezor's. Ape itself sends
    for those without a signature of their own: a Safe, and on forks an owner who is impersonated.
    """

    patience = 120.0
    """More than the SDK's own: a person is asked to sign again before what is stuck pays more."""

    account: AccountAPI | None = None

    @classmethod
    def of(cls, provider: ProviderAPI, account: AccountAPI | None, home: Path) -> ApeChain:
        """A connection to the chain that Ape is connected to."""
        url = getattr(provider, "http_uri", None)
        if not url:
            raise ConfigError(
                f"{scrubbed(provider.network_choice)} has no HTTP endpoint: use a network with a "
                "node, or ethereum:local:foundry"
            )
        signer = None if account is None else ApeSigner(account)
        chain_id = provider.chain_id
        waited = confirmations_of(chain_id) if not provider.network.is_dev else 0
        chain = cls.connect(
            url, signer=signer, chain_id=chain_id, confirmations=waited, state_dir=home
        )
        chain.account = account
        return chain

    def send(self, call: Call, *, timeout: float = 180) -> Receipt:
        """Send a call, and wait until it counts.

        Raises:
            ChainError: what `Chain.send` says; or it is proposed to the signers of a Safe.
        """
        safe = self.account is not None and is_wallet(self, self.address)
        if not safe and not isinstance(self.account, ImpersonatedAccount):
            return super().send(call, timeout=timeout)
        # What a contract refuses is told by name here, and not sent.
        (limit,) = self._gas_limits([call])
        fields = {"sender": self.address, "receiver": call.to, "data": call.data}
        fields |= {"value": call.value, "required_confirmations": 0}  # it is the SDK that waits
        fields["gas_limit"] = limit + (_OF_A_SAFE if safe else 0)
        made = ape.networks.provider.network.ecosystem.create_transaction(**fields)
        try:
            sent = _safe.call(self.account, made) if safe else self.account.call(made)
        except (AccountsError, SignatureError) as error:
            kind = InsufficientFundsError if "balance" in str(error) else ChainError
            raise kind(f"{self.address} did not send {call.interface}: {_line(error)}") from None
        except TransactionError as error:
            raise TransactionFailedError(
                f"{call.interface}.{call.function} did not succeed: {_line(error)}"
            ) from None
        except (ProviderError, *_UNANSWERED) as error:
            raise _unanswered(error) from None
        return self.wait(sent.txn_hash, timeout=timeout)


@contextmanager
def plainly() -> Iterator[None]:
    """Turn what goes wrong into one line and a non-zero exit."""
    try:
        yield
    except _UNANSWERED as error:
        told: Exception = _unanswered(error)
    except (AnacostiaError, ApeException, OSError) as error:  # OSError: a disk that is full
        told = error
    else:
        return
    raise Abort(f"{type(told).__name__}: {_line(told)}") from None


@contextmanager
def connected(choice: str) -> Iterator[ProviderAPI]:
    """Connect to a network by Ape's name for it, for as long as a block lasts.

    Raises:
        Abort: the name is unknown, its RPC URL is not set, nothing answers, or another chain does.
    """
    with plainly():
        try:
            context = ape.networks.parse_network_choice(choice)
            chosen = context._provider.network  # noqa: SLF001 - Ape tells no other way, unconnected
            if chosen.is_fork:
                _ask_upstream(choice, chosen)
            try:
                provider = _pushed(context)
            except SubprocessError:  # a chain that did not start: its port was taken just then
                context._provider.disconnect()  # noqa: SLF001 - it keeps the port otherwise
                provider = _pushed(context)
        except ApeException as error:
            unset = _UNSET.search(str(error))
            if unset is None:
                raise
            raise ConfigError(f"set {unset['variable']} to the RPC URL of {choice}") from None
        except (*_UNANSWERED, OSError, ValueError) as error:
            kind = type(error).__name__
            raise ConfigError(f"{scrubbed(choice)} cannot be reached ({kind})") from None
    try:
        yield provider
    finally:
        context.pop_provider()


def _pushed(context: ProviderContextManager) -> ProviderAPI:
    """Connect, with a free port named for the chain that Ape may start.

    Left to itself it guesses one, and gives up, or takes a stranger's chain for its own, where the
    guess is wrong.
    """
    if _HOST in os.environ:
        return context.push_provider()
    (port,) = free_ports(1)
    os.environ[_HOST] = f"http://127.0.0.1:{port}"
    try:
        return context.push_provider()
    finally:
        del os.environ[_HOST]


def _ask_upstream(choice: str, fork: ForkedNetworkAPI) -> None:
    """Ask first whether what is to be forked answers: anvil takes long to say that it does not."""
    try:
        with fork.use_upstream_provider():
            pass
    except ProviderError as error:
        raise ConfigError(f"{scrubbed(choice)} cannot be forked: {_line(error)}") from None


def account_of(alias: str) -> AccountAPI:
    """An account by the name that `ape accounts list` shows, or a test account, `TEST::0`.

    Raises:
        ConfigError: Ape has none of that name.
    """
    if alias.startswith("TEST::") and alias[6:].isdigit():
        return ape.accounts.test_accounts[int(alias[6:])]
    try:
        return ape.accounts.load(alias)
    except (KeyError, IndexError):
        raise ConfigError(
            f"Ape has no account {alias!r}: `ape accounts list` shows them all, "
            "`ape accounts import` adds a key"
        ) from None


def unlocked(account: AccountAPI) -> AccountAPI:
    """The same account, asking no more before it signs; a device still asks on its own screen."""
    # Ape warns that it signs whatever it is given: it is given the plan that was shown.
    level = logger.level
    logger.set_level("ERROR")
    try:
        for signer in (account, *getattr(account, "local_signers", ())):  # a Safe's, that are here
            if hasattr(signer, "set_autosign"):
                signer.set_autosign(True)
    finally:
        logger.set_level(level)
    return account


def records_of(provider: ProviderAPI) -> Path:
    """Where the record of a chain is: of a development chain never among the published ones."""
    local = provider.chain_id == LOCAL_CHAIN_ID or provider.network.is_local
    return HOME / "deployments" if local else RECORDS


def _unanswered(error: Exception) -> ChainUnavailableError:
    """What Ape's own requests end in, when the endpoint dies while Ape talks to it."""
    # Of what requests says, only the kind: the rest is a URL in several pieces.
    said = type(error).__name__ if isinstance(error, OSError) else _line(error)
    return ChainUnavailableError(
        f"the endpoint does not answer Ape ({said}): check the RPC URL and that the node runs, "
        "and run this again; what is on the chain is kept"
    )


def _line(error: Exception) -> str:
    """An error of Ape's in one line, without what nobody else may read."""
    return scrubbed(" ".join(str(error).split())) or type(error).__name__


def scrubbed(text: str) -> str:
    """A text whose URLs end with their hosts: users, paths and queries hold providers' keys."""
    return _URL.sub(lambda url: f"{url['scheme']}{url['host']}{'/…' if url['rest'] else ''}", text)


record = click.option(
    "--record",
    type=click.Path(file_okay=False, path_type=Path),
    help="Folder of the deployment file.  [default: deployments/; of a local chain: .anacostia/]",
)

network = click.option(
    "--network",
    required=True,
    help="As Ape names it, e.g. base:sepolia; `ape networks list` shows them all.",
)
