"""For tests, ours and yours: real Kubo and IPFS Cluster on loopback, cut off from the world.

Each has a throw-away repository and free ports, knows no bootstrap peer, announces nothing and is
gone when its `with` block ends.
"""

from __future__ import annotations

import json
import os
import secrets
import shutil
import subprocess
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import ExitStack
from pathlib import Path
from typing import Any
from urllib.error import URLError
from urllib.request import Request, urlopen

from anacostia_blockchain._servers import ServerProcess, free_ports
from anacostia_blockchain.errors import ConfigError, StoreUnavailableError

_START_TIMEOUT = 180.0
_PROFILES = "test,unixfs-v1-2025"
"""Kubo's own: loopback alone, without discovery; and the import profile of this package."""


def find_server(name: str) -> Path:
    """The binary of a server: where `ANACOSTIA_<NAME>` says, beside Python, or on PATH.

    Raises:
        ConfigError: there is none.
    """
    variable = "ANACOSTIA_" + name.upper().replace("-", "_")
    for found in (os.environ.get(variable), Path(sys.executable).parent / name, shutil.which(name)):
        if found and Path(found).is_file():
            return Path(found)
    raise ConfigError(f"{name} is not installed: run scripts/setup --ipfs, or set {variable}")


class _Process(ServerProcess):
    """A server with a command line of its own."""

    def __init__(self) -> None:
        super().__init__("ipfs")

    def _run(self, command: Sequence[str | Path], env: Mapping[str, str]) -> str:
        ran = subprocess.run(  # noqa: S603 - our own arguments
            [str(part) for part in command],
            env=os.environ | dict(env),
            capture_output=True,
            text=True,
            check=False,
        )
        if ran.returncode:
            raise StoreUnavailableError(f"{command[0]} failed: {ran.stderr.strip()}")
        return ran.stdout.strip()

    def _start(
        self, command: Sequence[str | Path], env: Mapping[str, str], ready: Callable[[], bool]
    ) -> None:
        self.launch(command, ready, StoreUnavailableError, env=env, timeout=_START_TIMEOUT)


class KuboNode(_Process):
    """A Kubo node, offline but for peers that `connect` names.

    Args:
        config: settings over those of the profiles, e.g. `{"Gateway.NoFetch": True}`.

    Example:
        >>> with KuboNode() as node:  # doctest: +SKIP
        ...     store = KuboStore(node.api)
    """

    def __init__(self, config: Mapping[str, object] | None = None) -> None:
        self._binary = find_server("ipfs")
        super().__init__()
        self.repo = self.folder / "repo"
        self._env = {"IPFS_PATH": str(self.repo), "IPFS_TELEMETRY": "off"}
        self.ipfs("init", "--profile", _PROFILES)
        for key, value in {"Routing.Type": "none", **(config or {})}.items():
            self.ipfs("config", "--json", key, json.dumps(value))
        self.start()

    def start(self) -> None:
        """Start the daemon; again, after `kill`, it goes on with the repository it had."""
        for name in ("api", "gateway"):
            (self.repo / name).unlink(missing_ok=True)
        self._start([self._binary, "daemon"], self._env, self._ready)

    def ipfs(self, *arguments: str | Path) -> str:
        """Run the node's own command line; returns what it prints."""
        return self._run([self._binary, *arguments], self._env)

    @property
    def api(self) -> str:
        """URL of the RPC API."""
        _ip4, host, _tcp, port = (self.repo / "api").read_text().strip("/").split("/")
        return f"http://{host}:{port}"

    @property
    def gateway(self) -> str:
        """URL of the HTTP gateway."""
        return (self.repo / "gateway").read_text().strip()

    @property
    def addresses(self) -> list[str]:
        """Multiaddresses at which other nodes reach it."""
        found: list[str] = self.rpc("id")["Addresses"]
        return found

    def connect(self, other: KuboNode) -> None:
        """Connect to another node, and again whenever that is lost: nothing else finds it."""
        address = other.addresses[0]
        self.rpc("swarm/peering/add", arg=address)
        self.rpc("swarm/connect", arg=address)

    def rpc(self, command: str, **options: str) -> Any:  # noqa: ANN401 - as the command says
        """Call the RPC API, without this package's own client."""
        query = "&".join(f"{key}={value}" for key, value in options.items())
        return _json(f"{self.api}/api/v0/{command}?{query}", method="POST")

    def _ready(self) -> bool:
        return (self.repo / "gateway").exists() and "Daemon is ready" in self.log


class ClusterPeer(_Process):
    """A peer of an IPFS Cluster, with a Kubo node of its own.

    Args:
        kubo: its node.
        others: running peers to join; none: it is the first. It should know all of them, because
            they find no others when the one in the middle dies.
        settings: over those of a test cluster, by section, e.g. `{"cluster": {…}}`.
        user: name and password that its APIs ask for; None: they ask for none.
    """

    def __init__(
        self,
        kubo: KuboNode,
        others: Sequence[ClusterPeer] = (),
        *,
        settings: Mapping[str, Mapping[str, object]] | None = None,
        user: tuple[str, str] | None = None,
    ) -> None:
        self._binary = find_server("ipfs-cluster-service")
        super().__init__()
        self.kubo = kubo
        self.secret: str = others[0].secret if others else secrets.token_hex(32)
        ports = free_ports(4)
        self.api, self.pinning = (f"http://127.0.0.1:{port}" for port in ports[:2])
        self._swarm = f"/ip4/127.0.0.1/tcp/{ports[2]}"
        self._user = user
        self._env = {"IPFS_CLUSTER_PATH": str(self.folder / "cluster")}
        self._init(ports, settings or {})
        command: list[str | Path] = [self._binary, "daemon"]
        if others:
            command += ["--bootstrap", ",".join(other.address for other in others)]
        self._start(command, self._env, self._ready)

    @property
    def peer_id(self) -> str:
        """Its libp2p identity."""
        identity = json.loads((self.folder / "cluster" / "identity.json").read_text())
        return str(identity["id"])

    @property
    def address(self) -> str:
        """Where other peers reach it."""
        return f"{self._swarm}/p2p/{self.peer_id}"

    def _init(self, ports: list[int], settings: Mapping[str, Mapping[str, object]]) -> None:
        self._run([self._binary, "init", "--consensus", "crdt"], self._env)
        path = self.folder / "cluster" / "service.json"
        config = json.loads(path.read_text())
        api = [f"/ip4/127.0.0.1/tcp/{port}" for port in ports]
        node = "/ip4/127.0.0.1/tcp/" + self.kubo.api.rpartition(":")[2]
        user: dict[str, object] = (
            {"basic_auth_credentials": dict([self._user])} if self._user else {}
        )
        # A cluster that notices a dead peer in seconds, where a real one takes minutes. No sooner:
        # who pings late by one interval, as on a busy machine, is dead to it, and the copies of a
        # peer that lives may then go to one that has just died.
        quick: dict[tuple[str, str], dict[str, object]] = {
            ("cluster", ""): {
                "peername": self.folder.name,
                "secret": self.secret,
                "listen_multiaddress": [self._swarm],
                "mdns_interval": "0",
                "disable_repinning": False,
                "monitor_ping_interval": "5s",
                "peer_watch_interval": "1s",
                "state_sync_interval": "2s",
                "pin_recover_interval": "2s",
            },
            ("consensus", "crdt"): {"trusted_peers": ["*"], "rebroadcast_interval": "1s"},
            ("api", "restapi"): user | {"http_listen_multiaddress": api[0]},
            ("api", "pinsvcapi"): user | {"http_listen_multiaddress": api[1]},
            ("api", "ipfsproxy"): {"listen_multiaddress": api[3], "node_multiaddress": node},
            ("ipfs_connector", "ipfshttp"): {"node_multiaddress": node},
            ("monitor", "pubsubmon"): {"check_interval": "1s"},
            ("informer", "disk"): {"metric_ttl": "10s"},
            ("informer", "pinqueue"): {"metric_ttl": "10s"},
            ("informer", "tags"): {"metric_ttl": "10s"},
        }
        for (section, name), values in quick.items():
            (config[section][name] if name else config[section]).update(values)
        for section, changed in settings.items():
            config[section].update(changed)
        path.write_text(json.dumps(config))

    def _ready(self) -> bool:
        try:
            return bool(_json(f"{self.api}/id", user=self._user)["id"])
        except (URLError, OSError, ValueError, KeyError):
            return False


def start_cluster(stack: ExitStack, size: int = 3) -> list[ClusterPeer]:
    """Start a cluster whose peers and nodes know each other; `stack` stops it."""
    peers: list[ClusterPeer] = []
    for _ in range(size):
        kubo = stack.enter_context(KuboNode())
        for peer in peers:
            kubo.connect(peer.kubo)
        peers.append(stack.enter_context(ClusterPeer(kubo, peers)))
    deadline = time.monotonic() + _START_TIMEOUT
    while not all(_knows(peer, size) for peer in peers):
        if time.monotonic() > deadline:
            raise StoreUnavailableError("the peers of the cluster do not find each other")
        time.sleep(0.1)
    return peers


def _knows(peer: ClusterPeer, size: int) -> bool:
    """Whether a peer has heard of all others, and how much room each has."""
    try:
        with urlopen(f"{peer.api}/peers", timeout=10) as answer:  # noqa: S310 - loopback
            found = sum(1 for line in answer.read().splitlines() if line.strip())
        names = _json(f"{peer.api}/monitor/metrics") or []  # what copies are distributed by
        metrics = [_json(f"{peer.api}/monitor/metrics/{name}") for name in names]
    except (URLError, OSError, ValueError):
        return False
    return found == size and all(len(known or []) == size for known in metrics)


def _json(url: str, *, method: str = "GET", user: tuple[str, str] | None = None) -> Any:  # noqa: ANN401 - JSON
    request = Request(url, method=method)  # noqa: S310 - loopback
    if user is not None:
        import base64  # noqa: PLC0415 - rarely needed

        token = base64.b64encode(":".join(user).encode()).decode()
        request.add_header("Authorization", f"Basic {token}")
    with urlopen(request, timeout=60) as answer:  # noqa: S310 - http, of our own server
        return json.loads(answer.read())
