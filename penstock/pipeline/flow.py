"""How the flow is right now: connectors, the replication slot, how far the sink is behind, dead letters."""

from __future__ import annotations

import time
from collections.abc import Callable
from contextlib import closing
from dataclasses import dataclass

import psycopg2
from penstock_views.names import topic_of

from penstock.cassandra.session import open_session
from penstock.config import Config
from penstock.connect.api import ConnectApi, State
from penstock.connect.heartbeat import is_silent
from penstock.connect.watch_file import describe, read_watched
from penstock.errors import TransientError
from penstock.pipeline.bring_up import SINK
from penstock.pipeline.hops import records_behind
from penstock.project import Project
from penstock.stack.layout import Layout
from penstock.topics.admin import TopicAdmin
from penstock.topics.declare import DEAD_LETTER_TOPICS, HEARTBEAT_TOPIC
from penstock.views.connector_lists import SLOT, read_lists
from penstock.views.fills import replaced
from penstock.views.lives import lives_of
from penstock.views.load import views_of
from penstock.views.snapshots import unsent_changes
from penstock.views.stalled import ALARMING, JOBS, describe_failures, stopped_views, trouble_of

_NEW_SLOT = "changes may be missing; `penstock views rebuild` reads everything anew"
_STANDS_STILL = (
    "the source connector stands still; if it is RUNNING, `penstock logs connect` may say why, and connect, killed "
    "(-9), starts anew where it was"
)
_SOURCE = "Postgres → change topics"
_MB = 2**20
_QUICKLY_S = 5.0


@dataclass(frozen=True)
class Reading:
    """One line of the flow: what was looked at, what was seen, and whether it is as it should be."""

    name: str
    seen: str
    is_well: bool


def read_flow(config: Config) -> list[Reading]:
    """Look at everything; what does not answer becomes a reading that says so."""
    readers: dict[str, Callable[[Config], list[Reading]]] = {
        "connectors": _connectors,
        _SOURCE: _source,
        f"slot {SLOT}": _slot,
        "rows changed without events": _silent_changes,
        "source tables": _tables,
        "jobs": read_jobs,
        "sink": _sink,
        "dead letters": _dead_letters,
    }
    return [reading for name, reader in readers.items() for reading in _read(name, reader, config)]


def _read(name: str, reader: Callable[[Config], list[Reading]], config: Config) -> list[Reading]:
    try:
        return reader(config)
    except (TransientError, psycopg2.OperationalError) as exc:
        return [Reading(name, str(exc).strip().splitlines()[0], is_well=False)]


def _connectors(config: Config) -> list[Reading]:
    with ConnectApi(config.connect.url) as api:
        statuses = [overview.status for _, overview in sorted(api.connectors().items())]
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
    written = {HEARTBEAT_TOPIC, *(topic_of(table) for table in read_lists(Project.of(config)).tables)}
    newest_at_s = admin.newest_at_s({name: count for name, (count, _) in admin.topics().items() if name in written})
    if newest_at_s is None:
        return [Reading(_SOURCE, f"nothing was written: {_STANDS_STILL}", is_well=False)]
    age_s = max(time.time() - newest_at_s, 0.0)
    seen = f"last written {age_s:,.0f} s ago"
    silent = is_silent(age_s)
    return [Reading(_SOURCE, f"{seen}: {_STANDS_STILL}" if silent else seen, is_well=not silent)]


def _slot(config: Config) -> list[Reading]:
    query = """
        SELECT active, wal_status, pg_wal_lsn_diff(pg_current_wal_lsn(), restart_lsn)::bigint
        FROM pg_replication_slots WHERE slot_name = %s AND database = current_database()
    """
    with closing(psycopg2.connect(config.postgres.dsn)) as connection, connection.cursor() as cursor:
        cursor.execute(query, (SLOT,))
        slots = cursor.fetchall()
    if not slots:
        return [Reading(f"slot {SLOT}", f"does not exist: {_NEW_SLOT}", is_well=False)]
    ((active, wal_status, retained),) = slots
    seen = f"{'active' if active else 'not active'}, {(retained or 0) / _MB:,.1f} MB of WAL retained ({wal_status})"
    if wal_status == "lost":
        seen += f": {_NEW_SLOT}"
    return [Reading(f"slot {SLOT}", seen, is_well=bool(active) and wal_status in {"reserved", "extended"})]


def _silent_changes(config: Config) -> list[Reading]:
    changes = unsent_changes(config)
    cure = "`penstock views apply` reads the table again"
    return [Reading(f"table {change.table}", f"{change.what}: {cure}", is_well=False) for change in changes]


def _tables(config: Config) -> list[Reading]:
    with open_session(config) as session:
        old = replaced(session, config.cassandra.keyspace, views_of(config), lives=lives_of(config))
    cure = "`penstock views apply` reads the table again"
    why = {each.view.table: each.why for each in old}
    return [
        Reading(f"table {table}", f"its views hold the rows of before: {said}; {cure}", is_well=False)
        for table, said in why.items()
    ]


def read_jobs(config: Config) -> list[Reading]:
    """Tell of the jobs that failed and of the views that stand still; nothing when all is well."""
    troubles = {job: trouble_of(config, job) for job in JOBS}
    failed = [
        Reading(f"job {job}", describe_failures(trouble), is_well=trouble.times < ALARMING)
        for job, trouble in troubles.items()
        if trouble.times
    ]
    stopped = stopped_views(config).items()
    return [*failed, *(Reading(f"view {name}", reason, is_well=False) for name, reason in stopped)]


def _sink(config: Config) -> list[Reading]:
    # Asking for topics first makes a broker that is away an error within seconds.
    TopicAdmin(config.kafka.bootstrap, timeout_s=_QUICKLY_S).topics()
    lists = read_lists(Project.of(config))
    behind = records_behind(config, topics=[f"views.{name}" for name in lists.flowing], sink=SINK)
    paused = [Reading(f"view {name}", "paused", is_well=True) for name in sorted(lists.paused)]
    return [Reading("view topics → Cassandra", f"{behind:,} records behind", is_well=True), *paused]


def _dead_letters(config: Config) -> list[Reading]:
    counts = TopicAdmin(config.kafka.bootstrap, timeout_s=_QUICKLY_S).records(dict.fromkeys(DEAD_LETTER_TOPICS, 1))
    return [Reading(topic, f"{count:,} records", is_well=count == 0) for topic, count in counts.items()]
