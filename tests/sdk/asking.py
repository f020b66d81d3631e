"""Asking servers of this machine, which may be busy: httpx's functions, with more patience."""

from __future__ import annotations

from functools import partial

import httpx

get = partial(httpx.get, timeout=60)
post = partial(httpx.post, timeout=60)
