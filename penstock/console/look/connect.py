"""Kafka Connect: every connector with its tasks, in one request, and what the watcher knows of those that failed."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from penstock.config import Config
from penstock.connect.api import ConnectApi, ConnectorOverview, State
from penstock.connect.reasons import root_cause
from penstock.connect.secrets import hidden_in
from penstock.connect.watch_file import describe, read_watched
from penstock.console.look.http import TIMEOUT_S
from penstock.layout import Layout


@dataclass(frozen=True)
class TaskView:
    """A task, or the connector itself (`id` -1)."""

    id: int
    state: str
    worker: str
    trace: str | None


@dataclass(frozen=True)
class ConnectorView:
    """A connector; `state` is the worst of itself and its tasks, `watched` what the watcher did about it."""

    name: str
    type: str
    state: str
    running: int
    tasks: tuple[TaskView, ...]
    reason: str | None
    watched: str | None
    config: dict[str, str]

    @property
    def is_running(self) -> bool:
        """True when it and all its tasks, at least one, are RUNNING."""
        return self.state == State.RUNNING

    @property
    def group(self) -> str:
        """The consumer group of a sink."""
        return f"connect-{self.name}"

    @property
    def topics(self) -> tuple[str, ...]:
        """The topics that a sink reads."""
        return tuple(name.strip() for name in self.config.get("topics", "").split(",") if name.strip())


class ConnectCollector:
    """Asks one worker."""

    def __init__(self, config: Config) -> None:
        self._url = config.connect.url
        self._watch_file: Path = Layout.of(config).watch_file
        self._api = ConnectApi(config.connect.url, timeout_s=TIMEOUT_S)

    def collect(self) -> dict[str, ConnectorView]:
        """Return every connector by name, those that failed first."""
        found = self._api.connectors()
        watched = {name: describe(each) for name, each in read_watched(self._watch_file, url=self._url).items()}
        views = [_view(overview, watched.get(name)) for name, overview in found.items()]
        return {view.name: view for view in sorted(views, key=lambda view: (view.is_running, view.name))}


def _view(overview: ConnectorOverview, watched: str | None) -> ConnectorView:
    status = overview.status
    itself = TaskView(-1, status.connector.state, status.connector.worker_id, _trace(status.connector.trace))
    tasks = tuple(TaskView(task.id, task.state, task.worker_id, _trace(task.trace)) for task in status.tasks)
    return ConnectorView(
        name=status.name,
        type=status.type,
        state=status.summary,
        running=sum(task.state == State.RUNNING for task in tasks),
        tasks=(itself, *tasks),
        reason=hidden_in(root_cause(status)) if status.traces else None,
        watched=watched,
        config=dict(overview.info.config),
    )


def _trace(trace: str | None) -> str | None:
    return None if trace is None else hidden_in(trace)
