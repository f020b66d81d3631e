"""The pages of nodes. Every value in them is escaped: names and paths come from outside."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from fastapi.responses import HTMLResponse
from jinja2 import Environment, FileSystemLoader, StrictUndefined
from markupsafe import Markup

from anacostia_blockchain import _upstream as upstream
from anacostia_blockchain.metadata.reader import RunReader
from anacostia_blockchain.metadata.store import MetadataStore

ROWS = 200
"""Rows of a table, newest first: a page must not grow with the history."""

_SHORT = 14


def _short(text: str | None) -> str:
    return "-" if text is None else text if len(text) <= _SHORT else f"{text[: _SHORT - 1]}…"


def _short_time(text: str) -> str:
    return text[:19].replace("T", " ")


_templates = Environment(
    loader=FileSystemLoader(Path(__file__).parent / "templates"),
    autoescape=True,
    undefined=StrictUndefined,
)
_templates.filters |= {"short": _short, "short_time": _short_time}


def render(name: str, **values: Any) -> str:  # noqa: ANN401 - what the template shows
    """A template of ours, with its values escaped."""
    return _templates.get_template(f"{name}.html").render(**values)


class NodePage(upstream.BaseGUI):
    """The page of a node that has nothing to show but its status."""

    def get_home_endpoint(self) -> str:
        """Path of the page; empty if there is none. A path works behind any proxy."""
        known = {getattr(route, "path", None) for route in self.routes}
        return f"{self.get_node_prefix()}/home" if "/home" in known else ""

    def get_status_endpoint(self) -> str:
        """Path of the status."""
        return f"{self.get_node_prefix()}/status"


class StorePage(NodePage):
    """The metadata store's: its runs, sealed, anchored and published; and its tables."""

    def __init__(self, node: MetadataStore, host: str, port: int) -> None:
        super().__init__(node, host, port)
        self._tables: dict[str, tuple[tuple[str, ...], Callable[[], list[dict[str, Any]]]]] = {
            "metrics": (("run_id", "node_name", "metric_name", "metric_value"), node.get_metrics),
            "params": (("run_id", "node_name", "param_name", "param_value"), node.get_params),
            "tags": (("run_id", "node_name", "tag_name", "tag_value"), node.get_tags),
            "artifacts": (
                ("run_id", "node_name", "location", "state", "hash", "created_at"),
                node.get_entries,
            ),
            "triggers": (
                ("run_triggered", "node_name", "trigger_time", "message"),
                node.get_triggers,
            ),
        }

        @self.get("/home", response_class=HTMLResponse)
        def home() -> str:
            tabs = ["runs", *self._tables]
            return self._home(node.name, tabs, self._runs(node))

        @self.get("/runs", response_class=HTMLResponse)
        def runs() -> str:
            return self._runs(node)

        for name in self._tables:
            self._add_table(name)

    def _runs(self, node: MetadataStore) -> str:
        found = RunReader(node.database).sealed(ROWS)
        return render("runs", runs=found, here=f"{self.get_node_prefix()}/runs")

    def _add_table(self, name: str) -> None:
        @self.get(f"/{name}", response_class=HTMLResponse)
        def table() -> str:
            columns, rows = self._tables[name]
            return table_of(columns, rows(), f"{self.get_node_prefix()}/{name}")

    def _home(self, name: str, tabs: list[str], table: str) -> str:
        prefix = self.get_node_prefix()
        return render("home", node=name, tabs=tabs, prefix=prefix, table=_escaped(table))


class FilesPage(NodePage):
    """A store's artifacts. Their content is not served."""

    def __init__(self, node: Any, host: str, port: int) -> None:  # noqa: ANN401 - any resource
        super().__init__(node, host, port)
        columns = ("location", "state", "run_id", "hash", "size", "created_at")

        def files() -> str:
            rows = node.metadata_store.get_entries(node.name)
            return table_of(columns, rows, f"{self.get_node_prefix()}/files")

        @self.get("/home", response_class=HTMLResponse)
        def home() -> str:
            return render("home", node=node.name, tabs=[], prefix="", table=_escaped(files()))

        self.get("/files", response_class=HTMLResponse)(files)


def table_of(columns: Sequence[str], rows: list[dict[str, Any]], here: str) -> str:
    """A table that keeps itself up to date, newest rows first."""
    return render("table", columns=columns, rows=rows[: -ROWS - 1 : -1], here=here)


def _escaped(text: str) -> Markup:
    """HTML that one of our own templates has made."""
    return Markup(text)  # noqa: S704 - its values were escaped there
