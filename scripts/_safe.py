"""A Safe of Ape's plugin: its signers sign, here and elsewhere, and one of them sends and pays.

Nothing of the plugin is imported, which is installed by those who have a Safe.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from ape.api import ReceiptAPI, TransactionAPI
from ape.exceptions import ApeException, SignatureError
from requests import RequestException

from anacostia_blockchain.errors import ChainError


def call(safe: Any, made: TransactionAPI) -> ReceiptAPI:  # noqa: ANN401 - the plugin's own
    """Send a transaction of a Safe whose signers are all here; else propose it to the others.

    Raises:
        ChainError: it is proposed, now or before; or the service that keeps them cannot be asked.
    """
    if not hasattr(safe, "confirmations_required"):
        raise ChainError(f"{safe.address} is a contract, and no Safe of Ape's: use another account")
    waiting = _asked(safe, lambda: _waiting(safe, made))
    if waiting is None:
        if len(safe.local_signers) >= safe.confirmations_required:
            return safe.call(made)
        waiting = _propose(safe, made)
    raise ChainError(
        f"proposed to the Safe {safe.address}, {len(waiting.confirmations)} of "
        f"{safe.confirmations_required} "
        "signatures: run this again when it is executed, and it goes on"
    )


def _propose(safe: Any, made: TransactionAPI) -> Any:  # noqa: ANN401 - the plugin's own
    """Sign with whoever is here, and hand it to the service where the others find it."""
    try:
        _asked(safe, lambda: safe.call(made, submit=False))
    except SignatureError as error:  # raised by Ape, as nothing is sent: or it was not signed
        waiting = _asked(safe, lambda: _waiting(safe, made))
        if waiting is None:
            raise ChainError(f"nothing is proposed to the Safe {safe.address}: {error}") from None
        return waiting
    raise ChainError(f"the Safe {safe.address} sent what was to be proposed: run this again")


def _asked(safe: Any, ask: Callable[[], Any]) -> Any:  # noqa: ANN401 - the plugin's own
    try:
        return ask()
    except SignatureError:
        raise
    except (ApeException, RequestException, ValueError) as error:  # ValueError: no key for it
        raise ChainError(
            f"the service that keeps what is proposed to {safe.address} cannot be asked: {error}"
        ) from None


def _waiting(safe: Any, made: TransactionAPI) -> Any:  # noqa: ANN401 - the plugin's own
    """The same call, where it was proposed before and is not executed."""
    same = (tx for tx in safe.client.get_transactions(confirmed=False) if _is(tx, made))
    return next(same, None)


def _is(proposed: Any, made: TransactionAPI) -> bool:  # noqa: ANN401 - the plugin's own
    data = bytes(proposed.data or b"")
    return (proposed.to, proposed.value, data) == (made.receiver, made.value, bytes(made.data))
