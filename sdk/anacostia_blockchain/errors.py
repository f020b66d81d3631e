"""Every error the package raises, in one tree.

    AnacostiaError
    ├── ConfigError                 a setting is missing or contradicts another
    ├── ChainError
    │   ├── ChainUnavailableError   no answer from the RPC endpoint
    │   ├── WrongNetworkError       the endpoint serves another chain than the one asked for
    │   ├── NoContractError         no code at the address
    │   ├── VersionMismatchError    code, ABI or version() is not the one this package speaks
    │   ├── ContractRevertedError   a contract's own error, by name, with its arguments
    │   ├── ModelChangedError       a model for sale is not what its buyer looked at
    │   ├── TransactionFailedError  failed without saying why, or was not taken
    │   ├── TransactionTimeoutError not mined in time; it may still be
    │   ├── InsufficientFundsError  the account cannot pay for gas and value
    │   ├── NonceConflictError      another transaction took the nonce
    │   └── ReorgError              a confirmed transaction left the chain
    ├── ContentError
    │   ├── UnsupportedFileError    symlink, socket, device or non-UTF-8 name in a folder
    │   ├── FileChangedError        a file changed while it was read
    │   ├── FormatError             bytes are not the format they claim (CID, CAR, UnixFS, JSON)
    │   └── UnsafeFileError         a file could run code when it is loaded
    ├── IntegrityError              bytes, digests or proofs that do not match
    │   ├── DecryptionError         the key, the recipient or the context is another one
    │   ├── UnverifiedError         a version did not pass every check
    │   └── TaintedError            a version is revoked, or was made from one that is
    ├── StorageError
    │   ├── NotFoundError           the store does not hold the content
    │   ├── StoreFullError          no space left; nothing was half-written
    │   ├── StoreBusyError          another process holds the store or database
    │   ├── StoreUnavailableError   a service does not answer, or with something else
    │   ├── AccessDeniedError       a service refuses: no, wrong or expired rights
    │   ├── UntrustedServerError    a server's certificate, or its TLS, is not to be trusted
    │   └── ClockError              this machine's clock and the service's are too far apart
    ├── LedgerError                 a proof cannot be made: unknown run, size or field
    └── PipelineError               a node died, or the graph cannot run

An error says what to do next where that is known. No error carries a private key.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from anacostia_blockchain.recall import Taint
    from anacostia_blockchain.verify import Report


class AnacostiaError(Exception):
    """Base of every error of this package."""


class ConfigError(AnacostiaError):
    """A setting is missing or contradicts another."""


class ChainError(AnacostiaError):
    """Something went wrong between us and the chain."""


class ChainUnavailableError(ChainError):
    """No answer from the RPC endpoint."""


class WrongNetworkError(ChainError):
    """The endpoint serves another chain than the one asked for."""

    def __init__(self, expected: int, actual: int) -> None:
        super().__init__(
            f"the RPC endpoint serves chain {actual}, not {expected}: "
            "check the URL, or connect to the network by its own name"
        )
        self.expected = expected
        self.actual = actual


class NoContractError(ChainError):
    """There is no code at an address that should hold a contract."""

    def __init__(self, address: str, name: str = "contract") -> None:
        super().__init__(
            f"no code at {address}, where {name} should be: "
            "deploy it, or check the network and the deployment file"
        )
        self.address = address
        self.name = name


class VersionMismatchError(ChainError):
    """A deployed contract is not the one this package speaks to."""


class ContractRevertedError(ChainError):
    """A contract refused: its own error by name, with its arguments.

    Attributes:
        name: the error's Solidity name, e.g. `ModelRegistry_NotOwner`; `Error` or `Panic` for the
            compiler's own; `Unknown` where no ABI of ours declares the selector.
        arguments: the error's arguments by parameter name.
        data: the raw revert data.
    """

    def __init__(self, name: str, arguments: dict[str, object], data: bytes = b"") -> None:
        shown = ", ".join(f"{key}={_show(value)}" for key, value in arguments.items())
        super().__init__(f"{name}({shown})")
        self.name = name
        self.arguments = arguments
        self.data = data


class ModelChangedError(ChainError):
    """A model for sale is not what its buyer looked at; nothing was bought."""


class TransactionFailedError(ChainError):
    """A transaction failed without saying why, or was not taken."""


class OutOfGasError(TransactionFailedError):
    """A transaction used up its gas and did nothing.

    Its limit was too low, or the chain has changed since it was estimated.
    """


class TransactionTimeoutError(ChainError):
    """A transaction was not confirmed in time; it may still be."""


class InsufficientFundsError(ChainError):
    """The account cannot pay for the transaction's gas and value."""


class NonceConflictError(ChainError):
    """Another transaction of the account took the nonce."""


NOT_TAKEN = (InsufficientFundsError, NonceConflictError, TransactionFailedError)
"""Why the network may refuse signed bytes."""


class ReorgError(ChainError):
    """A transaction that had been confirmed is no longer on the chain."""


class ContentError(AnacostiaError):
    """A file, folder or encoded block cannot be taken as content."""


class UnsupportedFileError(ContentError):
    """A folder holds what no verifier could reproduce: symlink, socket, device, odd name."""


class FileChangedError(ContentError):
    """A file changed while it was being read; nothing was recorded."""


class FormatError(ContentError):
    """Bytes are not the format they claim to be."""


class UnsafeFileError(ContentError):
    """A file could run code when it is loaded, and was not.

    Attributes:
        file: its name.
    """

    def __init__(self, file: str, reason: str) -> None:
        super().__init__(f"{file} is not loaded: {reason}. Publish it as safetensors or skops")
        self.file = file


class IntegrityError(AnacostiaError):
    """Bytes, digests or proofs do not match: something was altered."""


class DecryptionError(IntegrityError):
    """Encrypted content does not open: another key, recipient or context, or altered bytes."""


class UnverifiedError(IntegrityError):
    """A version did not pass every check.

    Attributes:
        report: all checks, passed and failed.
    """

    def __init__(self, report: Report) -> None:
        bad = (f"{check.name}: {check.detail}" for check in report.checks if not check.passed)
        super().__init__(f"{report.subject} is not verified: {'; '.join(bad)}")
        self.report = report


class TaintedError(IntegrityError):
    """A version is revoked, or was made from one that is.

    Attributes:
        taint: which one, and why.
    """

    def __init__(self, taint: Taint) -> None:
        super().__init__(str(taint))
        self.taint = taint


class StorageError(AnacostiaError):
    """A store could not do what it was asked."""


class NotFoundError(StorageError):
    """The store does not hold the content."""


class StoreFullError(StorageError):
    """No space is left; nothing was half-written."""


class StoreBusyError(StorageError):
    """Another process holds the store or the database."""


class StoreUnavailableError(StorageError):
    """A service does not answer, broke off, or answers with something that is no answer."""


class AccessDeniedError(StorageError):
    """A service refuses: a token or delegation is missing, wrong, expired or too narrow."""


class UntrustedServerError(StorageError):
    """Who answers may be anybody: the certificate is expired, another's, or not vouched for."""


class ClockError(StorageError):
    """This machine's clock and the service's are too far apart for anything signed to count."""


class LedgerError(AnacostiaError):
    """A record or proof cannot be made: unknown run, size or field."""


class LogNotWritableError(LedgerError):
    """The run log's owner has not opened it yet, or lets another account write to it."""


class PipelineError(AnacostiaError):
    """A node died, or the graph cannot run."""


def _show(value: object) -> str:
    return "0x" + value.hex() if isinstance(value, bytes) else str(value)
