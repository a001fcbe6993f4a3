"""`views apply`: make the views live while the others keep running, and fill what is new.

Order matters: the jobs know a new view before the reading that fills it begins, so no change is in neither.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from penstock_views.declaration.totals import Aggregate
from penstock_views.declaration.views import View, ViewInvalid

from penstock.config import Config
from penstock.layout import Layout
from penstock.names import of_source
from penstock.pipeline.away import find_away
from penstock.pipeline.fence import OnProgress
from penstock.pipeline.fills import ids_in_cassandra, replaced, unfilled
from penstock.pipeline.followed import followed_views, paused_views
from penstock.pipeline.identities import Identities, identities_of, moved_views
from penstock.pipeline.snapshots import unsent_changes
from penstock.pipeline.stalled import (
    JOBS,
    ROWS,
    ViewStopped,
    missed_views,
    put_off,
    refuse_stopped,
    stopped_views,
    trouble_of,
)
from penstock.pipeline.standing import lost_aggregates
from penstock.pipeline.topic_ids import note_topics
from penstock.pipeline.unwritten import note_new_topics
from penstock.postgres.connection import connect
from penstock.postgres.silent import SilentChange, forget_changes
from penstock.project.folders import Project
from penstock.project.generation import epoch_of
from penstock.project.in_step import ViewsLeftOut, ViewsWrong
from penstock.project.workspace import Workspace
from penstock.running import read_running, view_set
from penstock.setup.steps import steps
from penstock.stack import stack
from penstock.stack.part import Part
from penstock.stack.supervisor import Supervisor, SupervisorUnreachable
from penstock.trouble import Trouble
from penstock.views.begin import begin_aggregates, end_runs
from penstock.views.check import check, fallen_views
from penstock.views.fresh import settle_empty
from penstock.views.lane import TableUnread
from penstock.views.refill import refill
from penstock.wait import wait_until

OnStep = Callable[[str, str], None]
_WAIT_S = 180.0


def apply_views(workspace: Workspace, *, on_step: OnStep, on_progress: OnProgress, rate: int | None = None) -> None:
    """Make the views live: publication, topics, subjects, tables, connectors, job; then fill those that are new.

    :param rate: of the fill, at most so many rows a second.
    :raises ViewsWrong: before anything is changed.
    :raises ViewsLeftOut: when all is done but for views whose tables cannot be followed, or that are stopped.
    :raises SupervisorUnreachable: when the stack does not run.
    """
    config = workspace.config
    if config.supervised:
        Supervisor(Layout.of(config)).states()
    wrong, as_before = check(workspace).wrong, _as_before(workspace)
    left_out = [problem for problem in wrong if problem.is_of_table or problem.view in as_before]
    if len(left_out) < len(wrong):
        raise ViewsWrong(wrong)
    for step in steps(workspace):
        on_step(step.name, step.action())
    stopped: dict[str, str] = {}
    with put_off(stopped):
        go_live(workspace, on_step=on_step, on_progress=on_progress, rate=rate)
    named = {problem.view for problem in left_out}
    reasons = dict.fromkeys(why for name, why in stopped.items() if name not in named)
    if left_out or reasons:
        raise ViewsLeftOut(left_out, reasons)


def _as_before(workspace: Workspace) -> frozenset[str]:
    """Name the views that are stopped, or run as they are written: what is wrong with them gets no worse.

    Their tables were altered, and that keeps the views of other tables from nothing.
    """
    config, project = workspace.config, workspace.project
    running, now = read_running(Layout.of(config).running_file(ROWS)), view_set(project.views, project.avro)
    same = dict(now.items() & running.views.items()) if running else {}
    as_written = (view.name for view in workspace.views if {view.file.name, *view.contract_files} <= same.keys())
    return frozenset({*stopped_views(config), *as_written})


def go_live(workspace: Workspace, *, on_step: OnStep, on_progress: OnProgress, rate: int | None = None) -> None:
    """Let the jobs take up the views; fill those that never were, and those whose table changed without an event.

    So are those whose table is another one now, or was away. `up` does this when all else is done.

    :param rate: of the fill, at most so many rows a second.
    :raises ViewStopped: when some are stopped; the others are filled by then.
    """
    away = find_away(workspace)
    # Of every source before the jobs forget which were stopped.
    due = [_look(each, on_step=on_step) for each in workspace.sources if each.config.source not in away]
    on_step("jobs", "took these views up" if renew_jobs(workspace.config) else "ran with these views")
    stopped = {name: why for each in due for name, why in each.fallen.items()}
    for each in due:
        _go_live(each, stopped, on_step=on_step, on_progress=on_progress, rate=rate)
    for why in away.values():
        on_step("fill", why)
    if not any(each.again for each in due) and not away and not stopped:
        on_step("fill", "every view was filled")
    if stopped:
        raise ViewStopped(stopped)


@dataclass(frozen=True)
class _Due:
    """What is to be read again of a source.

    :param missing: the views that miss changes.
    :param unfilled: the others that were not filled.
    :param fallen: the views that no reading helps, since their revision fell, each with what does.
    """

    workspace: Workspace
    paused: frozenset[str]
    changes: Sequence[SilentChange]
    identities: Identities
    missing: Sequence[View]
    unfilled: Sequence[View]
    fallen: Mapping[str, str]

    @property
    def again(self) -> list[View]:
        """All of these views."""
        return [*self.missing, *self.unfilled]


def _look(workspace: Workspace, *, on_step: OnStep) -> _Due:
    """Find what is to be read again of a source, and end what must not go on."""
    config = workspace.config
    note_new_topics(workspace)
    changes, identities = unsent_changes(workspace), identities_of(workspace)
    for change in changes:
        table = of_source(config.source, change.table)
        on_step("rows changed", f"{table}: {change.what}; no event was sent for it, its views are filled again")
    fallen = {view.name: f"view {view.name}: {why}" for view, why in fallen_views(config, workspace.views)}
    followed = [view for view in followed_views(workspace) if view.name not in fallen]
    moved = moved_views(followed, identities, epoch=epoch_of(config))
    followed = [view for view in followed if view not in moved]  # what is read again would lose, too
    missing = _missing(workspace, followed, changes)
    unfilled = [view for view in views_to_fill(config, followed, identities, on_step=on_step) if view not in missing]
    due = _Due(workspace, paused_views(config), changes, identities, missing, unfilled, fallen)
    # A run that has written to a table that is gone would never write those groups again.
    end_runs(config, [view for view in due.again if isinstance(view, Aggregate) and view.name not in due.paused])
    return due


def _go_live(due: _Due, stopped: dict[str, str], *, on_step: OnStep, on_progress: OnProgress, rate: int | None) -> None:
    """Fill the views of one source, with which the jobs run; those that are stopped are put off."""
    config = due.workspace.config
    fresh = [view for view in due.unfilled if view.name not in due.paused]
    empty = settle_empty(config, fresh, identities=due.identities, on_progress=on_progress)
    waiting = [view for view in due.again if view not in empty and view.name in due.paused]
    filled = [view for view in due.again if view not in empty and view.name not in due.paused]
    if empty:
        on_step("fill", f"{_names(empty)}: no row to fill yet")
    if filled:
        _fill(due, filled, stopped, on_step=on_step, on_progress=on_progress, rate=rate)
    # A paused view has not been read again, nor has one that is stopped: its table's note stays until it is.
    held = {view.table for view in due.again if view in waiting or view.name in stopped}
    _forget(config, [change for change in due.changes if change.table not in held])
    note_topics(due.workspace)
    if waiting:
        on_step("fill", f"{_names(waiting)} paused: `penstock views resume`, then `penstock views apply` fills it")


def renew_jobs(config: Config) -> bool:
    """Let the jobs take up the views as the files have them now; return whether one ran with others, or was in trouble.

    Queries of tables whose views are the same run on. Where containers run the jobs, a new image brings the new files,
    and with it the job is a new one.

    :raises SupervisorUnreachable: when the stack does not run.
    """
    if not config.supervised:
        return False
    supervisor = Supervisor(Layout.of(config))
    if not supervisor.is_running():
        raise SupervisorUnreachable(Layout.of(config).run / "supervisor.sock")
    jobs = [part for part in stack.parts(config.of_source("")) if part.name in JOBS]
    return any([_renew(config, supervisor, job) for job in jobs])  # a list: each of them


def _renew(config: Config, supervisor: Supervisor, job: Part) -> bool:
    trouble, running_file = trouble_of(config, job.name), Layout.of(config).running_file(job.name)
    # One that fails may have read files that were other files when it was started; so its command says nothing.
    if supervisor.renew(job, in_any_case=trouble.times > 0):
        running_file.unlink(missing_ok=True)  # it is of the process before
        return True
    project = Project.of(config)
    wanted = view_set(project.views, project.avro)
    if _runs(running_file, wanted) and trouble == Trouble():
        return False
    # What is stopped starts again by this, too.
    running_file.unlink(missing_ok=True)
    supervisor.signal(job.name, "HUP")
    # No query of before runs on from here: a view would miss what is read again for it.
    what = f"the {job.name} job takes the views up; `penstock logs {job.name}` says more"
    wait_until(lambda: _runs(running_file, wanted), timeout_s=_WAIT_S, what=what)
    return True


def _runs(running_file: Path, views: dict[str, str]) -> bool:
    running = read_running(running_file)
    return running is not None and running.views == views


def views_to_fill(config: Config, views: Sequence[View], identities: Identities, *, on_step: OnStep) -> list[View]:
    """Return those that their present generation has not filled, or not from what is their table now."""
    for old in replaced(config, views, identities=identities):
        on_step("table replaced", f"{old.view.source_table}: {old.why}; {old.view.name} is filled again")
    return unfilled(config, views, ids=ids_in_cassandra(config), epoch=epoch_of(config), identities=identities)


def _missing(workspace: Workspace, views: Sequence[View], changes: Sequence[SilentChange]) -> list[View]:
    """Return those that miss changes, whatever of them was filled before.

    Their table changed without an event, or they are stopped, were stopped or cannot go on.
    """
    tables, stopped = (
        {change.table for change in changes},
        {*stopped_views(workspace.config), *missed_views(workspace.config), *lost_aggregates(workspace)},
    )
    return [view for view in views if view.table in tables or view.name in stopped]


def _forget(config: Config, changes: Sequence[SilentChange]) -> None:
    with connect(config) as connection:
        forget_changes(connection, changes)


def _fill(
    due: _Due,
    views: list[View],
    stopped: dict[str, str],
    *,
    on_step: OnStep,
    on_progress: OnProgress,
    rate: int | None,
) -> None:
    """Fill row views and histories; an aggregate begins by itself, from a snapshot of its own."""
    workspace = due.workspace
    aggregates = [view for view in views if isinstance(view, Aggregate)]
    others = [view for view in views if not isinstance(view, Aggregate)]
    removed = _refill(workspace, others, stopped, on_progress=on_progress, rate=rate)
    counting = _begin(due, aggregates, on_progress=on_progress) if aggregates else ()
    with put_off(stopped):
        refuse_stopped(workspace.config, [view.name for view in views])
    if filled := [view for view in others if view.name not in stopped]:
        on_step("fill", f"{_names(filled)} filled" + (f", {removed:,} stale rows removed" if removed else ""))
    if counting:
        on_step("fill", f"{_names(counting)} filled")
    if empty := [view for view in aggregates if view not in counting and view.name not in stopped]:
        on_step("fill", f"{_names(empty)}: no row to count yet; the first one begins it")


def _refill(
    workspace: Workspace, views: Sequence[View], stopped: dict[str, str], *, on_progress: OnProgress, rate: int | None
) -> int:
    """Fill them; put off what is stopped, what its table does not fit any more, and what cannot be read."""
    while views:
        try:
            return refill(workspace, views, on_progress=on_progress, rate=rate)
        except (ViewInvalid, TableUnread, ViewStopped) as exc:
            failed = {view.name: why for view in views if (why := _why(exc, view))}
            if not failed:
                raise
            stopped |= failed
            views = [view for view in views if view.name not in failed]
    return 0


def _why(exc: ViewInvalid | TableUnread | ViewStopped, view: View) -> str | None:
    """Say why a view is put off; None where it is another one that is."""
    if isinstance(exc, ViewStopped):
        return exc.reasons.get(view.name)
    return str(exc) if exc.of in {view.name, view.table} else None


def _begin(due: _Due, views: Sequence[View], *, on_progress: OnProgress) -> tuple[View, ...]:
    return begin_aggregates(due.workspace, views, identities=due.identities, on_progress=on_progress).views


def _names(views: Sequence[View]) -> str:
    return ", ".join(view.name for view in views)
