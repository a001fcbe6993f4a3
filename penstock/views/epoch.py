"""Begin a new epoch: one more snapshot of every table, whose records win over all of before (docs/contracts.md).

It mends what a re-read cannot: a replication slot that is lost, offsets that are gone, a database that was restored.
Cut off at any step it leaves nothing to undo: asked again, it begins one more epoch.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from functools import partial
from pathlib import Path

from penstock_views.declaration.totals import Aggregate
from penstock_views.stream.checkpoint import by_topic, committed, start_checkpoint

from penstock.config import Config
from penstock.connect.api import ConnectApi, State
from penstock.connect.apply import apply_connectors, wait_running
from penstock.connect.place import ask, move_sink, place_sink
from penstock.contract import MAX_GENERATION
from penstock.errors import TerminalError
from penstock.layout import Layout
from penstock.offsets import Place
from penstock.pipeline.fence import OnProgress, ends, wait_until_captured
from penstock.pipeline.followed import followed_views, refuse_paused
from penstock.pipeline.identities import Identities, identities_of
from penstock.pipeline.stalled import refuse_stopped
from penstock.pipeline.topic_ids import made_again, note_topics
from penstock.pipeline.unwritten import note_gaps
from penstock.postgres.connection import connect
from penstock.postgres.own import Connection
from penstock.postgres.record import raise_epoch
from penstock.postgres.slot import Slot, drop_slot, read_slot
from penstock.postgres.unfit import refuse_hidden
from penstock.project.connector_lists import epoch_in
from penstock.project.folders import Project
from penstock.project.generation import epoch_of
from penstock.project.workspace import Workspace
from penstock.setup.actions import create_tables, create_topics, create_view_tables, register_subjects
from penstock.setup.connectors import correct_epoch, wanted_connectors
from penstock.setup.source import live_epoch
from penstock.stack.elsewhere import NotSupervised, refuse_outside
from penstock.stack.supervisor import Supervisor
from penstock.topics.admin import TopicAdmin
from penstock.topics.declare import cdc_topics, view_topics
from penstock.topics.gaps import gaps_of
from penstock.views.apply import OnStep, go_live, renew_jobs
from penstock.views.begin import begin_aggregates, end_runs
from penstock.views.refill import follow, settle
from penstock.views.reread import only_reread
from penstock.wait import wait_until

_WAIT_S = 120.0


class NoEpochLeft(TerminalError):
    """A generation has eleven bits."""

    def __init__(self, epoch: int) -> None:
        super().__init__(f"epoch {epoch} would be beyond the last generation, {MAX_GENERATION}: `penstock reset --yes`")


class SourceWithoutViews(TerminalError):
    """Nothing is read of a source database."""

    def __init__(self, source: str, known: Iterable[str]) -> None:
        super().__init__(f"no view names a source {source}; those that views name: {', '.join(known) or 'none'}")


def begin_epochs(workspace: Workspace, *, source: str | None = None, on_step: OnStep, on_progress: OnProgress) -> int:
    """Begin the next epoch of each source database, one after the other; return how many stale rows were removed.

    :param source: of this one alone.
    :raises SourceWithoutViews: before anything is lost.
    """
    parts = {each.config.source: each for each in workspace.sources if each.views}
    if source is not None and source not in parts:
        raise SourceWithoutViews(source, filter(None, parts))
    chosen = parts.values() if source is None else [parts[source]]
    return sum(begin_epoch(each, on_step=on_step, on_progress=on_progress) for each in chosen)


def begin_epoch(workspace: Workspace, *, on_step: OnStep, on_progress: OnProgress) -> int:
    """Read all tables again under the next epoch and fill every view with it; return how many stale rows were removed.

    :param workspace: with the views of one source.

    Other changes go on meanwhile. Every history gets an entry `r` for each row.

    :raises ViewPaused, RowsHidden, NoEpochLeft, NotSupervised: before anything is lost.
    :raises ConnectorFailed: when the source cannot take the snapshot, with its trace.
    :raises ViewStopped: when all is done but for stopped views.
    """
    config = workspace.config
    refuse_outside(config)
    epoch = _make_ready(workspace, on_step=on_step)
    with connect(config) as connection, only_reread(connection), ConnectApi(config.connect.url) as api:
        began, identities = _restart_source(workspace, connection, api, epoch, on_step=on_step)
        wait_until_captured(config, on_progress=on_progress)
        followed = followed_views(workspace)
        written = [view for view in followed if not isinstance(view, Aggregate)]
        follow(config, written, on_progress=on_progress)
        removed = settle(workspace, written, began, identities=identities, on_progress=on_progress)
    # Only now: a run counts what comes after its snapshot, and before the new slot no event reports that.
    counted = [view for view in followed if isinstance(view, Aggregate)]
    end_runs(config, counted)
    renew_jobs(config)
    removed += begin_aggregates(workspace, counted, identities=identities, on_progress=on_progress).removed
    note_topics(workspace)
    # A snapshot that was cut off and started again needs a re-read; else there is nothing to do.
    go_live(workspace, on_step=on_step, on_progress=on_progress)
    refuse_stopped(config, [view.name for view in followed])
    return removed


def _restart_source(
    workspace: Workspace, connection: Connection, api: ConnectApi, epoch: int, *, on_step: OnStep
) -> tuple[dict[Place, int], Identities]:
    """Let the source lose its place and start with a snapshot under the epoch.

    :returns: the ends of the change topics before the snapshot, and the identities of the tables as of then.
    """
    config, source = workspace.config, workspace.config.names.source_connector
    if source in api.connectors():
        _stop_source(api, source)
    # Before its place is lost: cut off after that and resumed, its snapshot must not look like one of before.
    raise_epoch(connection, epoch, partitions=config.kafka.partitions)
    correct_epoch(config, epoch)
    (file,) = wanted_connectors(workspace, names=[source])
    api.put_config(source, file.config)
    _stop_source(api, source)
    topics = sorted({view.source_topic for view in workspace.views})
    began, identities = ends(config, topics), identities_of(workspace)
    _forget_place(api, source)
    on_step("source", "stopped, its offsets forgotten")
    on_step("slot", "dropped" if _drop_slot(connection) else "was gone")
    if _begin_checkpoint(workspace, api, began):
        on_step("progress", "of the views job began again: what it would have read next is gone from Kafka")
    _start_sink(workspace, api)
    _start_source(api, source)
    on_step("epoch", f"{epoch} began; every table is read again")
    return began, identities


def _make_ready(workspace: Workspace, *, on_step: OnStep) -> int:
    """Make all that the next epoch needs, and let the jobs take the views up; return the number of that epoch."""
    config, views = workspace.config, workspace.views
    # A database that was restored has another publication, and its tables other identities; one of an earlier version
    # has no record of who is paused.
    on_step("tables", create_tables(workspace))
    refuse_paused(config, [view.name for view in views])
    with connect(config) as connection:
        for table in sorted({view.table for view in followed_views(workspace)}):
            refuse_hidden(connection, table, config.replicating.database.user)
    epoch = _latest_epoch(config) + 1
    if epoch + max(view.revision for view in views) - 1 > MAX_GENERATION:
        raise NoEpochLeft(epoch)
    on_step("topics", create_topics(workspace.whole))
    on_step("subjects", register_subjects(workspace.whole))
    on_step("keyspace", create_view_tables(workspace.whole))
    if not config.supervised and _lost_topics(workspace, cdc_topics(views)):
        raise NotSupervised(
            "the views job cannot go on in its topics, and only while it is stopped it can begin again; "
            "`docker compose down --volumes` begins all again"
        )
    on_step("jobs", "took these views up" if renew_jobs(config) else "ran with these views")
    return epoch


def _latest_epoch(config: Config) -> int:
    """Return the latest epoch that is known: a database that was restored may know of an earlier one alone."""
    with ConnectApi(config.connect.url) as api:
        return max(epoch_of(config), epoch_in(Project.of(config)), live_epoch(api, config.names.source_connector))


def _stop_source(api: ConnectApi, source: str) -> None:
    ask(lambda: api.stop(source), what=f"Connect takes the stop of {source}")
    what = f"connector {source} is stopped"
    wait_until(lambda: api.status(source).connector.state == State.STOPPED, timeout_s=_WAIT_S, what=what)


def _begin_checkpoint(workspace: Workspace, api: ConnectApi, began: Mapping[Place, int]) -> bool:
    """Let the views job begin at the ends of the topics in which it cannot go on from its place; return whether it did.

    All that lies before is read again. Where the job can go on it does, as histories hold each change. Neither the job
    nor the sink can read what was written with the ids of a registry that is gone.
    """
    config = workspace.config
    root, admin = _checkpoint(config), TopicAdmin(config.kafka.bootstrap)
    starting = by_topic(began)
    gone = _lost_topics(workspace, starting)
    if not gone:
        return False
    supervisor = Supervisor(Layout.of(config))
    supervisor.stop_and_wait("views")
    for topic in sorted(gone):
        start_checkpoint(root, topic, starting[topic])
    if config.names.registry_topics[0] in made_again(workspace) and config.names.sink in api.connectors():
        move_sink(admin, api, config.names.sink, ends(config, view_topics(workspace.views)))
    supervisor.start_process("views")
    return True


def _lost_topics(workspace: Workspace, topics: Collection[str]) -> set[str]:
    """Find the change topics in which the views job cannot go on."""
    config = workspace.config
    remade = frozenset(made_again(workspace))
    if config.names.registry_topics[0] in remade:
        return set(topics)
    gaps = gaps_of(TopicAdmin(config.kafka.bootstrap), committed(_checkpoint(config), topics))
    return {gap.place[0] for gap in gaps} | remade.intersection(topics)


def _checkpoint(config: Config) -> Path:
    return Layout.of(config).row_views


def _start_sink(workspace: Workspace, api: ConnectApi) -> None:
    """Let the sink follow its file; what it never read is read again, for other sources by the next fill."""
    config = workspace.config
    others = [each for each in workspace.whole.sources if each.config.source != config.source]
    files = wanted_connectors(workspace, names=[config.names.sink])
    for file in files:
        place_sink(TopicAdmin(config.kafka.bootstrap), api, file, on_loss=partial(note_gaps, others))
    apply_connectors(api, files=files)


def _forget_place(api: ConnectApi, source: str) -> None:
    ask(lambda: api.delete_offsets(source), what=f"the offsets of {source} are deleted")


def _drop_slot(connection: Connection) -> bool:
    """Drop the slot; the server may hold it a moment longer than the connector."""
    name = connection.names.slot

    def found() -> Slot | None:
        with connection:
            return read_slot(connection, name)

    def is_let_go() -> bool:
        slot = found()
        return slot is None or not slot.active

    if found() is None:
        return False
    wait_until(is_let_go, timeout_s=_WAIT_S, what=f"Postgres has let go of slot {name}")
    drop_slot(connection, name)
    return True


def _start_source(api: ConnectApi, source: str) -> None:
    api.resume(source)
    wait_running(api, source, timeout_s=_WAIT_S)
