"""Promotion by policy: attestations about versions, and the gate that counts them."""
