"""ZIP archives that somebody else made."""

from __future__ import annotations

import zipfile
import zlib

DAMAGED = (
    *(zipfile.BadZipFile, zlib.error, EOFError, OSError),
    *(NotImplementedError, RuntimeError, ValueError),  # unknown methods, locks, names no text
)
"""What reading one raises where it is not as this package writes it."""
