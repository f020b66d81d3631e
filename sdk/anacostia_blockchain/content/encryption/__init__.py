"""Encryption for licence holders: segments that open alone, keys wrapped for each recipient."""

from __future__ import annotations

from anacostia_blockchain._extras import require

require("encryption", "cryptography.hazmat.primitives.hpke")
