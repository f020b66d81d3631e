# ruff: noqa: A002, ANN401 - the framework chose the names and the types
"""What this package relies on in anacostia-pipeline 0.8.9; tests hold it against the real one."""

from asyncio import AbstractEventLoop
from collections.abc import Callable, Iterable
from contextlib import AbstractContextManager
from enum import Enum
from logging import Logger
from threading import Event, Lock, Thread
from typing import Any

from fastapi import FastAPI
from sqlalchemy import MetaData, Table
from sqlalchemy.orm import Session

SUPPORTED: str

runs: Table
nodes: Table
artifacts: Table
metrics: Table
params: Table
tags: Table
triggers: Table
artifact_tags: Table
tables: MetaData

def check_version(installed: str) -> None: ...

class Status(Enum):
    INITIALIZING = ...

class InvalidNodeDependencyError(Exception): ...
class InvalidPipelineError(Exception): ...

class NodeModel:
    name: str
    node_type: str
    base_type: str

class BaseNode(Thread):
    predecessors: list[BaseNode]
    successors: list[BaseNode]
    remote_predecessors: list[Any]
    remote_successors: list[Any]
    predecessors_events: dict[str, Event]
    successor_events: dict[str, Event]
    exit_event: Event
    connection_event: Event
    pause_event: Event
    wait_for_connection: bool
    client_url: str | None
    loggers: list[Logger]
    connector: Any
    node_server: Any
    status: Status
    _status_lock: Lock  # held while a status is set and put into the queue
    run_id: int  # of every kind of node, though not declared by the base class
    def __init__(
        self,
        name: str,
        predecessors: list[BaseNode] | None = None,
        remote_predecessors: list[dict[str, str]] | None = None,
        remote_successors: list[dict[str, str]] | None = None,
        client_url: str | None = None,
        wait_for_connection: bool = False,
        loggers: Logger | list[Logger] | None = None,
    ) -> None: ...
    def model(self) -> NodeModel: ...
    def log(self, message: str, level: str = "DEBUG") -> None: ...
    def add_loggers(self, loggers: Logger | list[Logger]) -> None: ...
    def setup(self) -> None: ...
    def run(self) -> None: ...

class BaseMetadataStoreNode(BaseNode):
    uri: str
    run_id: int
    trigger_event: Event
    observer_thread: Thread
    def get_run_id(self) -> int: ...
    def metadata_store_trigger(self) -> None: ...
    def trigger(self, message: str | None = None) -> None: ...

class BaseSQLMetadataStoreNode(BaseMetadataStoreNode):
    def __init__(
        self,
        name: str,
        uri: str,
        remote_successors: list[str] | None = None,
        client_url: str | None = None,
        loggers: Logger | list[Logger] | None = None,
    ) -> None: ...
    def get_session(self) -> AbstractContextManager[Session]: ...
    def node_exists(self, node_name: str) -> bool: ...
    def add_node(self, node_name: str, node_type: str, base_type: str) -> None: ...
    def start_run(self) -> None: ...
    def end_run(self) -> None: ...
    def hash_run_metadata(
        self,
        metrics: list[dict[str, Any]],
        params: list[dict[str, Any]],
        tags: list[dict[str, Any]],
    ) -> str: ...
    def mark_using(self, resource_node_name: str, filepath: str) -> None: ...
    def mark_used(self, resource_node_name: str, filepath: str) -> None: ...
    def create_entry(
        self,
        resource_node_name: str,
        filepath: str,
        hash: str,
        hash_algorithm: str,
        state: str = "new",
        run_id: int | None = None,
        file_size: int | None = None,
        content_type: str | None = None,
    ) -> None: ...
    def entry_exists(self, resource_node_name: str, filepath: str) -> bool: ...
    def get_num_entries(self, resource_node_name: str, state: str) -> int: ...
    def get_entries(
        self,
        resource_node_name: str | None = None,
        state: str = "all",
        run_id: int | None = None,
    ) -> list[dict[str, Any]]: ...
    def get_runs(self) -> list[dict[str, Any]]: ...
    def log_metrics(self, node_name: str, **kwargs: Any) -> None: ...
    def log_params(self, node_name: str, **kwargs: Any) -> None: ...
    def set_tags(self, node_name: str, **kwargs: Any) -> None: ...
    def tag_artifact(self, node_name: str, location: str, **kwargs: Any) -> None: ...
    def get_metrics(
        self, node_name: str | None = None, run_id: int | None = None
    ) -> list[dict[str, Any]]: ...
    def get_params(
        self, node_name: str | None = None, run_id: int | None = None
    ) -> list[dict[str, Any]]: ...
    def get_tags(
        self, node_name: str | None = None, run_id: int | None = None
    ) -> list[dict[str, Any]]: ...
    def log_trigger(self, node_name: str, message: str | None = None) -> None: ...
    def get_triggers(self, node_name: str | None = None) -> list[dict[str, Any]]: ...
    def get_artifact_tags(self, location: str) -> list[dict[str, Any]]: ...
    def get_artifact_hash(self, location: str) -> str: ...

class SQLiteMetadataStoreNode(BaseSQLMetadataStoreNode): ...

class BaseResourceNode(BaseNode):
    run_id: int
    resource_path: str
    monitoring: bool
    metadata_store: Any
    resource_event: Event
    def resource_trigger(self) -> None: ...
    def trigger(self, message: str | None = None) -> None: ...
    def list_artifacts(self, state: str) -> list[str]: ...
    def get_num_artifacts(self, state: str) -> int: ...
    def get_artifact_hash(self, filepath: str) -> str: ...

class FilesystemStoreNode(BaseResourceNode):
    path: str
    observer_thread: Thread | None
    def __init__(
        self,
        name: str,
        resource_path: str,
        metadata_store: BaseMetadataStoreNode | None = None,
        metadata_store_client: Any = None,
        hash_chunk_size: int = 1_048_576,
        max_old_samples: int | None = None,
        remote_predecessors: list[str] | None = None,
        remote_successors: list[str] | None = None,
        client_url: str | None = None,
        wait_for_connection: bool = False,
        loggers: Logger | list[Logger] | None = None,
        monitoring: bool = True,
    ) -> None: ...
    def setup_node_server(
        self,
        host: str,
        port: int,
        ssl_keyfile: str | None = None,
        ssl_certfile: str | None = None,
        ssl_ca_certs: str | None = None,
    ) -> Any: ...
    def start_monitoring(self) -> None: ...
    def hash_file(self, filepath: str) -> str: ...
    def save_artifact(
        self, filepath: str, overwrite: bool = False, atomic: bool = True
    ) -> AbstractContextManager[str]: ...
    def load_artifact(self, filepath: str) -> AbstractContextManager[str]: ...

class BaseResourceServer:
    def __init__(
        self,
        node: Any,
        client_url: str | None,
        host: str = "127.0.0.1",
        port: int = 8000,
        loggers: Logger | list[Logger] | None = None,
        ssl_keyfile: str | None = None,
        ssl_certfile: str | None = None,
        ssl_ca_certs: str | None = None,
    ) -> None: ...

class BaseActionNode(BaseNode):
    run_id: int
    def __init__(
        self,
        name: str,
        predecessors: list[BaseNode],
        remote_predecessors: list[str] | None = None,
        remote_successors: list[str] | None = None,
        client_url: str | None = None,
        wait_for_connection: bool = False,
        loggers: Logger | list[Logger] | None = None,
    ) -> None: ...
    before_execution: Callable[[], None]
    after_execution: Callable[[], None]
    on_success: Callable[[], None]
    on_failure: Callable[[], None]
    on_error: Callable[[Exception], None]
    def execute(self) -> bool: ...

class Pipeline:
    name: str
    nodes: list[BaseNode]
    loop: AbstractEventLoop
    event_loop_thread: Thread
    def __init__(
        self,
        name: str,
        nodes: Iterable[BaseNode],
        loggers: Logger | list[Logger] | None = None,
    ) -> None: ...
    def setup_nodes(self) -> None: ...
    def launch_nodes(self) -> None: ...
    def terminate_nodes(self) -> None: ...

class BaseGUI:
    routes: list[Any]
    def __init__(self, node: Any, host: str, port: int) -> None: ...
    def get(self, path: str, *, response_class: type[Any]) -> Callable[[Any], Any]: ...
    def get_node_prefix(self) -> str: ...
    def get_home_endpoint(self) -> str: ...
    def get_status_endpoint(self) -> str: ...

class PipelineServer(FastAPI):
    pipeline: Any
    connectors: list[Any]
    def __init__(
        self,
        name: str,
        pipeline: Pipeline,
        remote_clients: list[Any] | None = None,
        host: str = "127.0.0.1",
        port: int = 8000,
        ssl_keyfile: str | None = None,
        ssl_certfile: str | None = None,
        ssl_ca_certs: str | None = None,
        logger: Logger | None = None,
        uvicorn_access_log_config: dict[str, Any] | None = None,
        allow_origins: list[str] = ...,
    ) -> None: ...
    async def disconnect(self) -> None: ...
