"""Where a node stands in its graph."""

from __future__ import annotations

from typing import TypeVar

from anacostia_blockchain import _upstream as upstream

N = TypeVar("N", bound=upstream.BaseNode)


def ancestors(node: upstream.BaseNode, kind: type[N]) -> list[N]:
    """All nodes of a kind above a node, nearest first."""
    found: dict[str, upstream.BaseNode] = {}
    level = list(node.predecessors)
    while level:
        fresh = [n for n in level if n.name not in found]
        found.update({n.name: n for n in fresh})
        level = [predecessor for n in fresh for predecessor in n.predecessors]
    return [n for n in found.values() if isinstance(n, kind)]
