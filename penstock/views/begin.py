"""Follow new aggregates until each has started its run (docs/contracts.md, Aggregate) and Cassandra has its groups."""

from __future__ import annotations

import math
import shutil
import time
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from pathlib import Path

from penstock_views.aggregates.run import ask_next_run, current_run, is_next_run_asked, runs_folder
from penstock_views.declaration.views import View

from penstock.cassandra.table import empty_tables
from penstock.config import Config
from penstock.layout import Layout
from penstock.names import quoted, topic_of
from penstock.pipeline.fence import OnProgress, Patience, wait_until_written
from penstock.pipeline.fills import mark_filled
from penstock.pipeline.identities import Identities, identities_of
from penstock.pipeline.stale_groups import sweep_aggregates
from penstock.pipeline.stalled import JobWatch, refuse_stopped, stopped_views
from penstock.postgres.connection import connect
from penstock.project.generation import epoch_of
from penstock.project.workspace import Workspace
from penstock.registry.client import RegistryClient
from penstock.stack.elsewhere import refuse_outside
from penstock.views.reread import Wanted, only_reread, reread

JOB = "aggregates"
_ANY_ROW = "ctid = ANY (ARRAY(SELECT ctid FROM {table} LIMIT 1))"
_POLL_S = 0.5


@dataclass(frozen=True)
class Counting:
    """Aggregates that count.

    :param removed: how many groups were left over from before.
    """

    views: tuple[View, ...] = ()
    removed: int = 0


def end_runs(config: Config, views: Sequence[View]) -> None:
    """Let the job end the runs of these aggregates; each begins its next, and the others go on."""
    for view in views:
        ask_next_run(_runs_of(config, view.name))


def forget_runs(config: Config, name: str) -> None:
    """Remove what the job keeps of an aggregate that it does not run; there is nothing of another kind of view."""
    shutil.rmtree(_runs_of(config, name), ignore_errors=True)


def begin_again(workspace: Workspace, view: View, *, on_progress: OnProgress) -> int:
    """Let an aggregate's next run begin and wait until it counts; return how many groups were left over.

    :raises NotSupervised: from the host of containers, in whose volume the runs are.
    :raises JobFails: when the job keeps failing.
    :raises ViewStopped: when the view does.
    """
    config = workspace.config
    refuse_outside(config)
    identities = identities_of(workspace)
    end_runs(config, [view])
    removed = begin_aggregates(workspace, [view], identities=identities, on_progress=on_progress).removed
    refuse_stopped(config, [view.name])
    return removed


def begin_aggregates(
    workspace: Workspace, views: Sequence[View], *, identities: Identities, on_progress: OnProgress
) -> Counting:
    """Wait until these aggregates count, and remove the groups that are left over from before.

    :param identities: of their tables, before the job could begin.
    :returns: those that do; one whose table never had a row begins with its first, and one that is stopped does not.
    :raises JobFails: when the job keeps failing.
    """
    config = workspace.config
    _make_known(config, {view.table for view in views}, on_progress=on_progress)
    known = _known(config, {view.table for view in views})
    rowless = [view for view in views if view.table not in known]
    views = [view for view in views if view.table in known]
    epoch = epoch_of(config)
    _wait_for_runs(config, views, epoch=epoch, on_progress=on_progress)
    late = _not_started(config, views, epoch)
    counting = [view for view in views if view.name not in late]
    wait_until_written(config, sorted(view.topic for view in counting), on_progress=on_progress)
    swept = sweep_aggregates(workspace)
    # No row, no group: such a view holds all that there is, unless groups of before are left.
    empty = empty_tables(config, [view.name for view in rowless])
    exact = [view for view in rowless if view.name in empty]
    mark_filled(config, [*counting, *exact], epoch=epoch, identities=identities)
    return Counting(tuple(counting), sum(swept.get(view.name, 0) for view in counting))


def _make_known(config: Config, tables: Collection[str], *, on_progress: OnProgress) -> None:
    """Read a row of tables of which nothing was captured yet: no aggregate counts a read, but it shows the columns."""
    new = sorted(frozenset(tables) - _known(config, tables))
    if not new:
        return
    with connect(config) as connection, only_reread(connection):
        for table in new:
            wanted = Wanted((table,), _ANY_ROW.format(table=quoted(table)))
            reread(config, connection, wanted, on_progress=on_progress)


def _known(config: Config, tables: Collection[str]) -> frozenset[str]:
    """Return the tables of whose changes the registry has a schema."""
    with RegistryClient(config.registry.url) as registry:
        subjects = registry.subjects()
    return frozenset(table for table in tables if f"{topic_of(table, config.names.topic_prefix)}-value" in subjects)


def _wait_for_runs(config: Config, views: Sequence[View], *, epoch: int, on_progress: OnProgress) -> None:
    """Wait until each has started that can; a table of many rows takes its time, so only what fails ends it."""
    watch = JobWatch(config, JOB)
    patience = Patience(on_progress, math.inf, watch.look)
    while missing := [name for name in _not_started(config, views, epoch) if name not in stopped_views(config)]:
        patience.spend(len(missing), f"the run of {', '.join(missing)} has started (`penstock logs aggregates`)")
        time.sleep(_POLL_S)


def _not_started(config: Config, views: Sequence[View], epoch: int) -> list[str]:
    return [view.name for view in views if not _has_started(config, view, epoch)]


def _runs_of(config: Config, name: str) -> Path:
    return runs_folder(Layout.of(config).aggregates, name)


def _has_started(config: Config, view: View, epoch: int) -> bool:
    root = _runs_of(config, view.name)
    run = current_run(root)
    if run is None or is_next_run_asked(root) or run.revision != view.revision or run.epoch < epoch:
        return False
    # Its first micro-batch writes every group that there is.
    return any((run.checkpoint / "commits").glob("[0-9]*"))
