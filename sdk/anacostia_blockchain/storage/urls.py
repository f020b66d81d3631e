"""A store by its URL, for settings, the command line and `connect(store=…)`.

    file:PATH                           the embedded store in a folder
    kubo://HOST:PORT                    a Kubo node; kubo+https:// through TLS
    cluster://HOST:PORT?via=URL         an IPFS Cluster, read through the store at `via`
    pinning+https://HOST/PATH?via=URL   a pinning service that fetches from the Kubo node at `via`
    gateway+https://HOST                a trustless gateway, to read from
    web3storage:                        a w3up space, as ANACOSTIA_W3UP_… say

Options behind `?`: `token-env=NAME` (the environment variable that holds the token, so that no URL
holds a secret), `patience=SECONDS`, for a cluster `copies=LEAST-MOST`, and `streams=no` for a
gateway of one's own nearby, which is quicker block by block. Several URLs, a space between them,
are one replicated store; `copies=N` among them says how many must hold what is put.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import parse_qsl, unquote, urlsplit, urlunsplit

from anacostia_blockchain.content.digests import NAME as DIGESTS
from anacostia_blockchain.content.digests import DigestCache
from anacostia_blockchain.errors import ConfigError

if TYPE_CHECKING:
    from anacostia_blockchain.storage.base import Store

_PROXY_PORT = 9095
"""Where a cluster's peers pass questions on to their Kubo nodes."""


def open_store(where: str | Iterable[str] | None, home: Path) -> Store:
    """Open the store, or several as one, that URLs name.

    Args:
        where: URLs, as a text with spaces or one by one; None or empty: the embedded store in
            `home`.
        home: folder of what a store keeps on this machine.

    Raises:
        ConfigError: a URL or an option is not known, or what it needs is not installed.

    Example:
        >>> open_store("file:models", Path(".anacostia"))
        LocalStore('models')
    """
    given = [where] if isinstance(where, str) else list(where or ())
    words = [word for text in given for word in text.split()]
    copies = [word for word in words if word.startswith("copies=")]
    urls = [word for word in words if word not in copies]
    if not urls:
        urls = [f"file:{home / 'store'}"]
    gateways = [url for url in urls if url.startswith("gateway+")]
    stores: list[Store] = [_open(url, home) for url in urls if url not in gateways]
    if gateways:
        stores.append(_gateways(gateways))
    if len(stores) == 1 and not copies:
        return stores[0]
    from anacostia_blockchain.storage.replicated import ReplicatedStore  # noqa: PLC0415 - rare

    return ReplicatedStore(stores, copies=_number(copies[-1], 0) if copies else 0)


def _open(url: str, home: Path) -> Store:
    scheme = url.partition(":")[0]
    opener = _OPENERS.get(scheme.partition("+")[0])
    if opener is None:
        known = ", ".join(sorted([*_OPENERS, "gateway+https"]))
        raise ConfigError(f"{_shown(url)} is no store: begin with one of {known}")
    return opener(url, home)


def _file(url: str, home: Path) -> Store:
    from anacostia_blockchain.storage.local import LocalStore  # noqa: PLC0415 - one kind of store each

    path = unquote(url.partition(":")[2]).removeprefix("//")
    if not path:
        raise ConfigError("file: names no folder")
    return LocalStore(path, digests=DigestCache(home / DIGESTS))


def _kubo(url: str, home: Path) -> Store:
    from anacostia_blockchain.storage.kubo import KuboStore  # noqa: PLC0415 - an extra

    address, options = _parts(url, {"token-env", "patience"})
    return KuboStore(
        address,
        token=_token(options),
        patience=_seconds(options.get("patience"), 30),
        digests=DigestCache(home / DIGESTS),
    )


def _cluster(url: str, home: Path) -> Store:
    from anacostia_blockchain.storage.cluster import ClusterStore  # noqa: PLC0415 - loads HTTP
    from anacostia_blockchain.storage.reading import BlockReader  # noqa: PLC0415 - one kind of store each

    address, options = _parts(url, {"token-env", "patience", "via", "copies"})
    host = urlsplit(address).hostname
    via = options.get("via") or f"kubo://{host}:{_PROXY_PORT}"
    reader = _gateways([via]) if via.startswith("gateway+") else _open(via, home)
    if not isinstance(reader, BlockReader):
        raise ConfigError(
            f"a cluster cannot be read via {_shown(via)}: use kubo: or gateway+https:"
        )
    least, _, most = options.get("copies", "0").partition("-")
    return ClusterStore(
        address,
        reader,
        copies=(_number(least, 0), _number(most or least, 0)),
        token=_token(options),
        patience=_seconds(options.get("patience"), 60),
        digests=DigestCache(home / DIGESTS),
    )


def _pinning(url: str, home: Path) -> Store:
    from anacostia_blockchain.storage.kubo import KuboStore  # noqa: PLC0415 - an extra
    from anacostia_blockchain.storage.pinning import PinningStore  # noqa: PLC0415 - loads HTTP

    address, options = _parts(url, {"token-env", "patience", "via"})
    node = _open(options.get("via") or "kubo://127.0.0.1:5001", home)
    if not isinstance(node, KuboStore):
        raise ConfigError("a pinning service fetches from a Kubo node: say via=kubo://HOST:PORT")
    return PinningStore(
        address, node, token=_token(options), patience=_seconds(options.get("patience"), 600)
    )


def _web3storage(url: str, home: Path) -> Store:
    from anacostia_blockchain.storage.web3storage.store import Web3Storage  # noqa: PLC0415 - loads cryptography

    if url.partition(":")[2]:
        raise ConfigError("web3storage: takes its service from the environment (ANACOSTIA_W3UP_…)")
    return Web3Storage.from_env(home / "w3up", DigestCache(home / DIGESTS))


def _gateways(urls: list[str]) -> Store:
    from anacostia_blockchain.storage.gateway import GatewayStore  # noqa: PLC0415 - loads HTTP

    parts = [_parts(url, {"patience", "streams"}) for url in urls]
    streams = all(options.get("streams") != "no" for _, options in parts)
    patience = max(_seconds(options.get("patience"), 30) for _, options in parts)
    return GatewayStore([address for address, _ in parts], timeout=patience, streams=streams)


_OPENERS: Mapping[str, Callable[[str, Path], Store]] = {
    "file": _file,
    "kubo": _kubo,
    "cluster": _cluster,
    "pinning": _pinning,
    "web3storage": _web3storage,
}


def _parts(url: str, allowed: set[str]) -> tuple[str, dict[str, str]]:
    """The http address in a store's URL, and the options behind it."""
    parts = urlsplit(url)
    options = dict(parse_qsl(parts.query, keep_blank_values=True))
    if unknown := set(options) - allowed:
        raise ConfigError(
            f"{_shown(url)} does not know {', '.join(sorted(unknown))}: "
            f"it knows {', '.join(sorted(allowed))}"
        )
    protocol = parts.scheme.partition("+")[2] or "http"
    if protocol not in ("http", "https") or not parts.hostname:
        raise ConfigError(f"{_shown(url)} names no host: say e.g. kubo://127.0.0.1:5001")
    return urlunsplit((protocol, parts.netloc, parts.path, "", "")), options


def _token(options: Mapping[str, str]) -> str | None:
    from anacostia_blockchain.storage.http import token_of  # noqa: PLC0415 - loads HTTP

    return token_of(options.get("token-env"))


def _seconds(text: str | None, default: float) -> float:
    try:
        seconds = float(text) if text is not None else default
    except ValueError:
        seconds = -1
    if not 0 <= seconds < float("inf"):
        raise ConfigError(f"patience={text} is no number of seconds")
    return seconds


def _number(text: str, least: int) -> int:
    number = text.removeprefix("copies=")
    if not number.isdecimal() or int(number) < least:
        raise ConfigError(f"copies={number} is no number of copies")
    return int(number)


def _shown(url: str) -> str:
    """A URL without the name and password that may be in it."""
    before, at, behind = url.rpartition("@")
    return f"{before.partition('://')[0]}://…@{behind}" if at else url
