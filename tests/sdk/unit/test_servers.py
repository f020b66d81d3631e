"""What servers for tests are given."""

from __future__ import annotations

import random
import socket
from contextlib import ExitStack, closing

import pytest

from anacostia_blockchain import _servers
from anacostia_blockchain._servers import free_ports


def test_ports_are_free_and_not_those_of_whoever_asks_for_any():
    """Nor the same in each process whose chance begins alike."""
    random.seed(1)
    ports = free_ports(20)
    random.seed(1)
    assert ports != free_ports(20)
    assert len(set(ports)) == 20
    assert all(20_000 <= port < 32_768 for port in ports)
    with ExitStack() as stack:
        for port in ports:
            stack.enter_context(closing(socket.socket())).bind(("127.0.0.1", port))


def test_one_that_is_taken_is_not_given(monkeypatch):
    taken, free = free_ports(2)
    monkeypatch.setattr(_servers, "_PORTS", [taken, free])
    with closing(socket.socket()) as other:
        other.bind(("127.0.0.1", taken))
        assert free_ports(1) == [free]
        with pytest.raises(OSError, match="2 free ports of loopback are asked for; 1 are there"):
            free_ports(2)
