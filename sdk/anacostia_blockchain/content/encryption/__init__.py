"""Encryption for licence holders: segments that open alone, keys wrapped for each recipient."""
