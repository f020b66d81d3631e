"""Exactly-once sending, and what is sent that way: anchored heads and published versions."""
