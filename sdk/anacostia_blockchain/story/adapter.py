"""`StoryAdapter` at work: what takes several transactions otherwise, in one."""

from __future__ import annotations

from typing import TYPE_CHECKING

from eth_abi import encode
from eth_utils import keccak

from anacostia_blockchain.deployment import create2
from anacostia_blockchain.errors import ConfigError
from anacostia_blockchain.licensing import payments
from anacostia_blockchain.story.values import StoryRegistration

if TYPE_CHECKING:
    from collections.abc import Sequence

    from anacostia_blockchain.chain import Chain
    from anacostia_blockchain.deployment import DeployedContract
    from anacostia_blockchain.licensing.base import Model
    from anacostia_blockchain.licensing.terms import Terms
    from anacostia_blockchain.story.addresses import StoryAddresses
    from anacostia_blockchain.story.licensing import Story
    from anacostia_blockchain.types import Address

_EXECUTE = {
    "Execute": [
        {"name": "to", "type": "address"},
        {"name": "value", "type": "uint256"},
        {"name": "data", "type": "bytes"},
        {"name": "nonce", "type": "bytes32"},
        {"name": "deadline", "type": "uint256"},
    ]
}


def deploy_adapter(chain: Chain, addresses: StoryAddresses) -> DeployedContract:
    """Put `StoryAdapter` on Story's chain, or find it there.

    With the same contracts of Story's it has the same address on every chain.
    """
    return create2(chain, "StoryAdapter", adapter_arguments(addresses))


def adapter_arguments(addresses: StoryAddresses) -> bytes:
    """What its constructor takes, encoded."""
    parts = (
        *(addresses.access_controller, addresses.core_metadata_module),
        *(addresses.ip_asset_registry, addresses.license_template),
        *(addresses.licensing_module, addresses.royalty_module, addresses.wrapped_coin),
    )
    return encode(["address"] * len(parts), parts)


def register(
    story: Story,
    model: Model,
    terms: Sequence[Terms | str],
    *,
    metadata_uri: str,
    metadata_hash: bytes,
    value: int = 0,
) -> tuple[Address, tuple[int, ...]]:
    """Make a model of this account an IP asset with metadata and terms, in one transaction.

    The permission for it is signed for this transaction, and none is left.

    Args:
        story: where an adapter is deployed.
        model: of this account.
        terms: under which it is offered, at their own price.
        metadata_uri: where the metadata is, of the asset as of the token.
        metadata_hash: SHA-256 of it.
        value: coins that pay Story's fee for a registration, if there is one; the rest comes back.

    Returns:
        The asset, and the ids of the terms.

    Raises:
        ConfigError: there is no adapter, or nobody to sign.
        ContractRevertedError: `IPAccount__InvalidSignature` if the account did something meanwhile:
            do it again.
    """
    chain, adapter, ip_id = story.parts.chain, story.adapter, story.ip_of(model)
    deadline = payments.deadline(chain)
    signature = _sign(story, ip_id, adapter.permission_call(ip_id), deadline)
    _chain_id, nft, token_id = story.token_of(model)
    wanted = StoryRegistration(
        nft=nft,
        token_id=token_id,
        metadata_uri=metadata_uri,
        metadata_hash=metadata_hash,
        nft_metadata_hash=metadata_hash,
        terms=tuple(story.pil(one) for one in terms),
        deadline=deadline,
        signature=signature,
    )
    return adapter.register(wanted, value=value)


def _sign(story: Story, ip_id: Address, call: tuple[Address, bytes], deadline: int) -> bytes:
    """The owner's signature of what the asset's account is to do (EIP-712)."""
    chain, (to, data) = story.parts.chain, call
    if chain.signer is None:
        raise ConfigError("this connection has no signer and only reads")
    known = story.is_registered(ip_id)
    state = story.parts.account(ip_id).read("state") if known else bytes(32)
    execute = keccak(text="execute(address,uint256,bytes)")[:4]
    executed = execute + encode(["address", "uint256", "bytes"], [to, 0, data])
    # What is signed is the state that the account will have then: Story hashes it this way.
    nonce = keccak(encode(["bytes32", "bytes"], [state, executed]))
    domain = {
        "name": "Story Protocol IP Account",
        "version": "1",
        "chainId": chain.chain_id,
        "verifyingContract": ip_id,
    }
    message = {"to": to, "value": 0, "data": data, "nonce": nonce, "deadline": deadline}
    return chain.signer.sign_typed_data(domain, _EXECUTE, message)
