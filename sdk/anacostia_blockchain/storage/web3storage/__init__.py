"""Web3.Storage's protocol, w3up: UCAN over HTTP, for whatever service speaks it.

The hosted service (web3.storage, later storacha.network) stopped taking uploads in spring 2026. Its
server is open source, so the service's address, DID and key are configuration here and have no
default.
"""

from __future__ import annotations

from anacostia_blockchain._extras import require

require("web3storage", "cbor2", "cryptography")
