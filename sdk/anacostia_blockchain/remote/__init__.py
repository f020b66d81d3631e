"""Pipelines on other machines: who they are, and what they have done."""
