"""Tokens to pay with: not ours, but as their standard says (ERC-20, EIP-2612)."""

from __future__ import annotations

from typing import TYPE_CHECKING

from anacostia_blockchain.contracts.base import Calls, Contract
from anacostia_blockchain.errors import ChainError
from anacostia_blockchain.licensing.values import Permit

if TYPE_CHECKING:
    from anacostia_blockchain.chain import Call, Receipt
    from anacostia_blockchain.types import Address

_INTERFACE = "external/ERC20"

_PERMIT = {
    "Permit": [
        {"name": "owner", "type": "address"},
        {"name": "spender", "type": "address"},
        {"name": "value", "type": "uint256"},
        {"name": "nonce", "type": "uint256"},
        {"name": "deadline", "type": "uint256"},
    ]
}


class ERC20Calls(Calls):
    """A token's transactions, encoded."""

    interface = _INTERFACE

    def approve(self, spender: Address, amount: int) -> Call:
        """Let an account take an amount."""
        return self._encode("approve", spender, amount)

    def transfer(self, receiver: Address, amount: int) -> Call:
        """Send an amount."""
        return self._encode("transfer", receiver, amount)


class ERC20(Contract):
    """A token to pay with."""

    interface = _INTERFACE

    @property
    def calls(self) -> ERC20Calls:
        """The same transactions, encoded and not sent."""
        return ERC20Calls(self.address)

    def approve(self, spender: Address, amount: int) -> Receipt:
        """Let an account take an amount."""
        return self.chain.send(self.calls.approve(spender, amount))

    def transfer(self, receiver: Address, amount: int) -> Receipt:
        """Send an amount."""
        return self.chain.send(self.calls.transfer(receiver, amount))

    def balance_of(self, account: Address) -> int:
        """What an account has."""
        return int(self._read("balanceOf", account))

    def allowance(self, owner: Address, spender: Address) -> int:
        """What an account may take of another's."""
        return int(self._read("allowance", owner, spender))

    def decimals(self) -> int:
        """Decimal places of the unit that people speak of."""
        return int(self._read("decimals"))

    def symbol(self) -> str:
        """What people call it."""
        return str(self._read("symbol"))

    def sign_permit(self, spender: Address, amount: int, deadline: int) -> Permit | None:
        """Sign an allowance; None where the token takes none, or there is nobody to sign.

        A token that names the domain of another is not believed: what is signed is for it alone.
        """
        signer = self.chain.signer
        if signer is None:
            return None
        try:
            _fields, name, version, chain_id, contract, _salt, _more = self._read("eip712Domain")
            nonce = self._read("nonces", signer.address)
        except ChainError:
            return None
        if contract.lower() != self.address.lower() or chain_id != self.chain.chain_id:
            return None
        domain = {
            "name": name,
            "version": version,
            "chainId": chain_id,
            "verifyingContract": contract,
        }
        message = {
            "owner": signer.address,
            "spender": spender,
            "value": amount,
            "nonce": nonce,
            "deadline": deadline,
        }
        signature = signer.sign_typed_data(domain, _PERMIT, message)
        return Permit(amount, deadline, signature[64], signature[:32], signature[32:64])
