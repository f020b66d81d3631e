"""Proofs that need no chain: state at a trusted block, and the documents that rest on it."""
