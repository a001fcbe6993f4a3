"""State of the flow right now: connectors, the replication slot, how far the sink is behind, dead letters."""

from __future__ import annotations

import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import partial

import psycopg2
from confluent_kafka import KafkaException

from penstock.config import Config
from penstock.connect.api import ConnectApi, State
from penstock.connect.files import read_connectors
from penstock.connect.heartbeat import is_silent
from penstock.connect.watch_file import describe, read_watched
from penstock.contract import AGGREGATE
from penstock.errors import TransientError, first_line
from penstock.layout import Layout
from penstock.names import of_source
from penstock.pipeline.fills import lost, replaced
from penstock.pipeline.followed import known_paused
from penstock.pipeline.hops import records_behind
from penstock.pipeline.identities import MOVED, identities_of, moved_views
from penstock.pipeline.snapshots import unsent_changes
from penstock.pipeline.stalled import ALARMING, JOBS, describe_failures, missed_views, stopped_views, trouble_of
from penstock.pipeline.standing import Hang, Standing, gaps_in, hangs, standings
from penstock.pipeline.topic_ids import made_again, noted_ids
from penstock.pipeline.unwritten import unwritten
from penstock.postgres.commands import Command, read_commands
from penstock.postgres.connection import connect
from penstock.postgres.silent import sees_ddl
from penstock.postgres.slot import read_own_slot
from penstock.project.connector_lists import change_topics, read_lists
from penstock.project.folders import Project
from penstock.project.generation import epoch_of
from penstock.project.workspace import Workspace
from penstock.registry.client import RegistryClient
from penstock.topics.admin import TopicAdmin
from penstock.topics.declare import view_topics

_NEW_SLOT = "changes may be missing; `penstock views rebuild` reads everything again"
_HAS_STALLED = (
    "the source connector has stalled; if it is RUNNING, `penstock logs connect` may say why, and connect, killed "
    "(-9), starts again where it was"
)
_READS_AGAIN = "`penstock views rebuild` reads everything again"
_BEGINS_AGAIN = "`penstock views apply` begins it again"
_MB = 2**20
_QUICKLY_S = 5.0


@dataclass(frozen=True)
class Reading:
    """One line of the flow: what was looked at, what was seen, and whether it is as it should be."""

    name: str
    seen: str
    is_well: bool


Reader = Callable[[], list[Reading]]


def read_flow(workspace: Workspace) -> list[Reading]:
    """Look at everything at once; what does not answer becomes a reading that says so."""
    workspace, broken = workspace.as_declared_last()
    config = workspace.config
    of_sources = [_of_source(each) for each in workspace.sources]
    readers: dict[str, Reader] = {
        "commands": partial(_commands, config),
        "connectors": partial(_connectors, config),
        **{name: reader for readers in of_sources for name, reader in readers.items()},
        "jobs": partial(read_jobs, config),
        "places": partial(_places, workspace),
        "sink": partial(_sink, workspace),
        "dead letters": partial(_dead_letters, config),
    }
    files = [Reading("view files", f"{broken}; what runs is as it was before", is_well=False)] if broken else []
    with ThreadPoolExecutor(len(readers)) as pool:
        return files + [reading for readings in pool.map(_read, readers, readers.values()) for reading in readings]


def _of_source(workspace: Workspace) -> dict[str, Reader]:
    """Return what looks at a source, and at how its views stand to it."""
    config = workspace.config
    where = f"{config.source}: " if config.source else ""
    return {
        _source_name(config): partial(_source, config),
        f"slot {config.names.slot}": partial(_slot, config),
        f"{where}rows changed without events": partial(_silent_changes, workspace),
        f"{where}source tables": partial(_tables, workspace),
        f"{where}topics": partial(_topics, workspace),
        f"{where}contracts": partial(_contracts, workspace),
        f"{where}view tables": partial(_view_tables, workspace),
    }


def _source_name(config: Config) -> str:
    return f"{config.source or 'Postgres'} → change topics"


def _shown(config: Config, table: str) -> str:
    return f"table {of_source(config.source, table)}"


def _read(name: str, reader: Reader) -> list[Reading]:
    try:
        return reader()
    except (TransientError, psycopg2.OperationalError) as exc:
        return [Reading(name, first_line(exc), is_well=False)]
    except KafkaException as exc:  # a consumer's own: a partition has no leader
        return [Reading(name, f"Kafka: {exc.args[0].str()}", is_well=False)]


def _commands(config: Config) -> list[Reading]:
    """Say what is at work, and what was cut off."""
    with connect(config) as connection:
        found = read_commands(connection)
    return [Reading(f"`{each.command}`", _how_far(each), is_well=each.is_at_work) for each in found]


def _how_far(command: Command) -> str:
    after = f"after the step {command.step}" if command.step else "in its first step"
    if command.is_at_work:
        return f"is at work, {after} ({command.place}, since {command.started_at:%Y-%m-%d %H:%M})"
    return f"was cut off {after} ({command.place}, started at {command.started_at:%Y-%m-%d %H:%M}): run it again"


def _connectors(config: Config) -> list[Reading]:
    with ConnectApi(config.connect.url) as api:
        found = [overview.status for _, overview in sorted(api.connectors().items())]
    ours = {config.names.connector(file.name) for file in read_connectors(Project.of(config).connectors)}
    statuses = [status for status in found if config.connect.managed or status.name in ours]
    watched = read_watched(Layout.of(config).watch_file, url=config.connect.url)
    readings = []
    for status in statuses:
        running = sum(task.state == State.RUNNING for task in status.tasks)
        seen = f"{status.summary}, {running} of {len(status.tasks)} tasks run"
        if status.name in watched:
            seen += f"; {describe(watched[status.name])}"
        readings.append(Reading(f"connector {status.name}", seen, status.is_running))
    return readings or [Reading("connectors", "none: `penstock up` applies them", is_well=False)]


def _source(config: Config) -> list[Reading]:
    admin = TopicAdmin(config.kafka.bootstrap, timeout_s=_QUICKLY_S)
    written = {config.names.heartbeat_topic, *change_topics(config)}
    newest_at_s = admin.newest_at_s({name: count for name, (count, _) in admin.topics().items() if name in written})
    if newest_at_s is None:
        return [Reading(_source_name(config), f"nothing was written: {_HAS_STALLED}", is_well=False)]
    age_s = max(time.time() - newest_at_s, 0.0)
    seen = f"last written {age_s:,.0f} s ago"
    silent = is_silent(age_s)
    return [Reading(_source_name(config), f"{seen}: {_HAS_STALLED}" if silent else seen, is_well=not silent)]


def _slot(config: Config) -> list[Reading]:
    name = f"slot {config.names.slot}"
    with connect(config) as connection:
        slot = read_own_slot(connection)
    if slot is None:
        return [Reading(name, f"does not exist: {_NEW_SLOT}", is_well=False)]
    state = "active" if slot.active else "not active"
    seen = f"{state}, {slot.retained / _MB:,.1f} MB of WAL retained ({slot.wal_status})"
    if slot.wal_status == "lost":
        seen += f": {_NEW_SLOT}"
    elif slot.wal_status == "unreserved":
        seen += ": about to be lost; raise max_slot_wal_keep_size, and let the source connector run"
    elif not slot.active:
        seen += ": nobody reads it, and WAL is kept for it; `penstock connectors list` says why"
    return [Reading(name, seen, is_well=slot.active and slot.wal_status in {"reserved", "extended"})]


_NO_TRIGGERS = (
    "event triggers are missing, disabled or of an earlier version: only `penstock up` and `penstock views apply` find "
    "what DDL did, until a superuser runs what `penstock doctor --sql` prints"
)


def _silent_changes(workspace: Workspace) -> list[Reading]:
    with connect(workspace.config) as connection:
        where = workspace.config.source or "Postgres"
        blind = [] if sees_ddl(connection) else [Reading(where, _NO_TRIGGERS, is_well=True)]
    return blind + _unsent(workspace)


def _unsent(workspace: Workspace) -> list[Reading]:
    changes = unsent_changes(workspace)
    cure = "`penstock views apply` reads the table again"
    said = [(_shown(workspace.config, change.table), change.what) for change in changes]
    return [Reading(table, f"{what}: {cure}", is_well=False) for table, what in said]


def _tables(workspace: Workspace) -> list[Reading]:
    config, identities = workspace.config, identities_of(workspace)
    old = replaced(config, workspace.declared, identities=identities)
    cure = "`penstock views apply` reads the table again"
    said = {each.view.table: f"its views hold the rows of before: {each.why}; {cure}" for each in old}
    moved = moved_views(workspace.declared, identities, epoch=epoch_of(config))
    said |= {view.table: f"{MOVED}; {_READS_AGAIN}" for view in moved}
    return [Reading(_shown(config, table), why, is_well=False) for table, why in said.items()]


def _topics(workspace: Workspace) -> list[Reading]:
    of_views = view_topics(workspace.declared)
    cures = {True: "`penstock views apply` fills its view again", False: _READS_AGAIN}
    return [
        Reading(f"topic {topic}", f"was deleted, or made again: {cures[topic in of_views]}", is_well=False)
        for topic in made_again(workspace)
    ]


def _contracts(workspace: Workspace) -> list[Reading]:
    config = workspace.config
    with RegistryClient(config.registry.url) as registry, connect(config) as connection:
        known, live = registry.subjects(), noted_ids(connection)
    topics = [topic for topic in view_topics(workspace.declared) if topic in live]
    needed = [f"{topic}-{part}" for topic in topics for part in ("key", "value")]
    missing = [subject for subject in needed if subject not in known]
    cure = "`penstock up` registers them"
    return [Reading("Schema Registry", f"lacks {', '.join(missing)}: {cure}", is_well=False)] if missing else []


def _view_tables(workspace: Workspace) -> list[Reading]:
    config = workspace.config
    with connect(config) as connection:
        live = noted_ids(connection)
    started = {each.view for each in standings(workspace)}
    # An aggregate of a table that never had a row has nothing to be filled with.
    views = [view for view in workspace.declared if view.topic in live]
    views = [view for view in views if view.kind != AGGREGATE or view.name in started]
    cure = "`penstock views apply` fills it again"
    return [Reading(f"view {name}", f"{why}: {cure}", is_well=False) for name, why in lost(config, views).items()]


def _places(workspace: Workspace) -> list[Reading]:
    """Yield the queries that cannot go on from where they stand, and those that hang."""
    config = workspace.config
    found, admin = standings(workspace), TopicAdmin(config.kafka.bootstrap, timeout_s=_QUICKLY_S)
    lost_places = list(gaps_in(admin, found))
    gaps = [
        Reading(standing.name, f"{gap.why()}: {_BEGINS_AGAIN if standing.view else _READS_AGAIN}", is_well=False)
        for standing, gap in lost_places
    ]
    ill = {standing.name for standing, _ in lost_places}
    stuck = [standing for standing in found if standing.name not in ill]
    return [
        *gaps,
        *(Reading(standing.name, _hang(standing, hang), is_well=False) for standing, hang in hangs(config, stuck)),
    ]


def _hang(standing: Standing, hang: Hang) -> str:
    since = "never" if standing.committed_s is None else f"{time.time() - standing.committed_s:,.0f} s ago"
    return (
        f"hangs: its last commit was {since}, and offset {hang.offset:,} of {hang.place[0]} waits for "
        f"{hang.waits_s:,.0f} s; {standing.job}, killed (-9), goes on where it was (`penstock logs {standing.job}`)"
    )


def read_jobs(config: Config) -> list[Reading]:
    """Yield the jobs that failed and the stopped views; nothing when all is well."""
    troubles = {job: trouble_of(config, job) for job in JOBS}
    failed = [
        Reading(f"job {job}", describe_failures(trouble), is_well=trouble.times < ALARMING)
        for job, trouble in troubles.items()
        if trouble.times
    ]
    incomplete = stopped_views(config) | missed_views(config)
    return [*failed, *(Reading(f"view {name}", reason, is_well=False) for name, reason in incomplete.items())]


def _sink(workspace: Workspace) -> list[Reading]:
    config = workspace.config
    # Asking for topics first makes a broker that is away an error within seconds.
    admin = TopicAdmin(config.kafka.bootstrap, timeout_s=_QUICKLY_S)
    admin.topics()
    paused, flowing = known_paused(workspace), read_lists(Project.of(config)).flowing
    cure = "`penstock views apply` lets the sink go on and reads the tables again"
    gaps = [
        Reading("view topics → Cassandra", f"{gap.why()}: {cure}", is_well=False) for gap in unwritten(config, admin)
    ]
    topics = [config.names.view_topic(name) for name in flowing if name not in paused]
    behind = records_behind(config, topics=topics, sink=config.names.sink)
    waiting = [Reading(f"view {name}", "paused", is_well=True) for name in sorted(paused)]
    return [Reading("view topics → Cassandra", f"{behind:,} records behind", is_well=True), *gaps, *waiting]


def _dead_letters(config: Config) -> list[Reading]:
    counts = TopicAdmin(config.kafka.bootstrap, timeout_s=_QUICKLY_S).records(
        dict.fromkeys(config.names.dead_letter_topics, 1)
    )
    letters = {topic: counts.get(topic) for topic in config.names.dead_letter_topics}
    return [Reading(topic, _letters(topic, count), is_well=count == 0) for topic, count in letters.items()]


def _letters(topic: str, count: int | None) -> str:
    if count is None:
        return "its partition has no leader: bring back the broker that has it"
    cure = f": `penstock topics tail {topic}` tells why; once that is mended, `penstock topics clear {topic}`"
    return f"{count:,} records{cure if count else ''}"
