"""The first load of a stack: Airflow loads the users, and every hop is followed until they are in Cassandra."""

from __future__ import annotations

import time
from collections.abc import Callable
from contextlib import closing
from dataclasses import dataclass

from penstock_views.declaration.totals import Aggregate
from penstock_views.declaration.views import View

from penstock.config import Config
from penstock.connect.apply import ConnectorWatch
from penstock.loads.airflow_api import AirflowApi
from penstock.loads.load import LoadResult, Run, follow, trigger_load
from penstock.loads.load import Progress as LoadProgress
from penstock.pipeline.followed import paused_views
from penstock.pipeline.hops import Passage
from penstock.pipeline.stalled import JobWatch, stopped_views
from penstock.project.workspace import Workspace
from penstock.topics.declare import cdc_topics, view_topics

USERS = "public.users"
"""The table that Airflow loads."""
_POLL_S = 0.2


@dataclass(frozen=True)
class Hop:
    """How far one hop is: `done` of `total` rows or records."""

    name: str
    done: int
    total: int

    @property
    def is_done(self) -> bool:
        """Return whether nothing is under way any more."""
        return self.done >= self.total


OnHops = Callable[[list[Hop]], None]


def load_and_follow(workspace: Workspace, *, users: int, api_url: str | None, on_hops: OnHops) -> LoadResult:
    """Load users through Airflow and return when every change of theirs is acknowledged by Cassandra.

    It waits for as long as it takes; `on_hops` shows it.

    :raises LoadFailed: with the reason of the task.
    :raises ConnectorFailed, ConnectorIdle: when the source or the sink does not work meanwhile.
    :raises JobFails: when the job of row views keeps failing.
    """
    config = workspace.config
    airflow = AirflowApi(config.airflow.url)
    views = _followed_views(workspace)
    topics = {"change_topics": cdc_topics(views), "view_topics": view_topics(views)}
    with closing(Passage(config, **topics, sink=config.names.sink)) as passage:
        run = trigger_load(airflow, config.names.dag, users=users, api_url=api_url)
        result = follow(airflow, run, on_progress=lambda progress: on_hops(_hops(passage, run, progress)))
        _follow_to_cassandra(config, passage, run, result, on_hops)
    return result


def _follow_to_cassandra(config: Config, passage: Passage, run: Run, result: LoadResult, on_hops: OnHops) -> None:
    connectors = ConnectorWatch(config.connect.url, config.names.source_connector, config.names.sink)
    job = JobWatch(config, "views")
    hops = _hops(passage, run, result)
    while not all(hop.is_done for hop in hops):
        on_hops(hops)
        connectors.look()
        job.look()
        time.sleep(_POLL_S)
        hops = _hops(passage, run, result)
    on_hops(hops)


def _hops(passage: Passage, run: Run, loaded: LoadProgress | LoadResult) -> list[Hop]:
    """Each written row is one change, and each change at least one record of every topic followed."""
    counts = passage.counts()
    records = loaded.written * passage.views
    return [
        Hop("API → Postgres", loaded.fetched, run.users),
        Hop("Postgres → change topics", min(counts.changed, loaded.written), loaded.written),
        Hop("change → view topics", min(counts.viewed, records), records),
        Hop("view topics → Cassandra", min(counts.written, records), records),
    ]


def _followed_views(workspace: Workspace) -> list[View]:
    """Return the views in whose topics every change can be counted: an aggregate has one record for many."""
    without = paused_views(workspace.config.of_source("")) | stopped_views(workspace.config).keys()
    return [
        view
        for view in workspace.views
        if view.source_table == USERS and view.name not in without and not isinstance(view, Aggregate)
    ]


def is_loaded(config: Config, *, users: int | None, api_url: str | None) -> bool:
    """Return whether Airflow has loaded what is asked for before; None asks for any number, from any address."""
    runs = AirflowApi(config.airflow.url).successful_runs(config.names.dag)
    return any(
        conf.get("users", 0) >= (users or 1) and (api_url is None or conf.get("api_url") == api_url) for conf in runs
    )
