"""Story Protocol: the same acts as our own licensing, on Story's chain."""

from __future__ import annotations

from anacostia_blockchain.story.addresses import StoryAddresses
from anacostia_blockchain.story.assets import Dispute
from anacostia_blockchain.story.licensing import Story
from anacostia_blockchain.story.pil import PilTerms, from_pil, to_pil

__all__ = ["Dispute", "PilTerms", "Story", "StoryAddresses", "from_pil", "to_pil"]
