"""The way to the chain: calls, transactions, logs. Nothing outside this folder imports web3."""

from __future__ import annotations

from anacostia_blockchain.chain.connection import Chain
from anacostia_blockchain.chain.keyless import KeylessSigner
from anacostia_blockchain.chain.signers import (
    PrivateKeySigner,
    Signer,
    keystore_signer,
    signer_from_env,
)
from anacostia_blockchain.chain.values import Call, Log, Receipt, SignedTransaction

__all__ = [
    "Call",
    "Chain",
    "KeylessSigner",
    "Log",
    "PrivateKeySigner",
    "Receipt",
    "SignedTransaction",
    "Signer",
    "keystore_signer",
    "signer_from_env",
]
