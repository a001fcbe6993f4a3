"""Standbys of Postgres: whether one that is promoted lets the source go on.

The primary says what it keeps for them. What they are set to only they say: `standbys` in [postgres] names them.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import closing
from dataclasses import dataclass
from typing import Any

from psycopg2.extensions import make_dsn
from psycopg2.extras import RealDictCursor

from penstock.config import Config
from penstock.doctor.finding import Finding, ok, warning
from penstock.doctor.wal import altered, read_keeper
from penstock.postgres.connection import LOOK, PostgresUnreachable, open_connection
from penstock.postgres.own import Connection

SINCE = 17
"""The first version whose standbys keep slots of logical decoding."""

_PRIMARY = """
SELECT current_setting('server_version_num')::int / 10000 AS major,
    (SELECT (to_jsonb(s) ->> 'failover')::boolean FROM pg_replication_slots s WHERE slot_name = %s) AS is_kept,
    (SELECT count(*)::int FROM pg_stat_replication r WHERE NOT EXISTS (
        SELECT FROM pg_replication_slots s WHERE s.active_pid = r.pid AND s.slot_type = 'logical')) AS connected,
    array(SELECT slot_name::text FROM pg_replication_slots WHERE slot_type = 'physical' ORDER BY 1) AS physical_slots,
    coalesce(current_setting('synchronized_standby_slots', true), '') AS waits_for
"""
_STANDBY = """
SELECT pg_is_in_recovery() AS is_standby, current_setting('hot_standby_feedback') = 'on' AS gives_feedback,
    coalesce(current_setting('sync_replication_slots', true) = 'on', false) AS synchronises,
    (SELECT NOT temporary FROM pg_replication_slots WHERE slot_name = %s) AS is_ready
"""


@dataclass(frozen=True)
class Primary:
    """What the primary says of its standbys.

    :param is_kept: whether standbys keep the source's slot too; None: there is no such slot.
    :param connected: how many read its log now.
    :param physical_slots: by which standbys read it.
    :param waits_for: `synchronized_standby_slots`, whose standbys have all that is sent to the source.
    """

    major: int
    is_kept: bool | None
    connected: int
    physical_slots: tuple[str, ...]
    waits_for: str
    keeper: str = ""


@dataclass(frozen=True)
class Standby:
    """What a standby says of itself.

    :param is_ready: whether the source's slot would survive a promotion; None: it is not there.
    """

    is_standby: bool
    gives_feedback: bool
    synchronises: bool
    is_ready: bool | None
    keeper: str = ""


def examine_standbys(config: Config, connection: Connection) -> Iterator[Finding]:
    """Look at the primary, and at each standby that the configuration names."""
    (seen,) = _ask(connection, _PRIMARY, config.names.slot)
    primary = Primary(**(seen | {"physical_slots": tuple(seen["physical_slots"])}), keeper=read_keeper(connection))
    yield from judge_primary(config, primary)
    for address in config.database.standbys if primary.major >= SINCE else ():
        yield from _examine(config, address)


def judge_primary(config: Config, primary: Primary) -> Iterator[Finding]:
    """Judge what the primary keeps for its standbys, beside those that the configuration names."""
    slot, named = config.names.slot, len(config.database.standbys)
    if not (primary.connected or primary.physical_slots or named):
        return
    if primary.major < SINCE:
        yield warning(
            f"standbys keep no slot before PostgreSQL {SINCE}: the source refuses one that is promoted",
            f"upgrade to {SINCE}; or `penstock views rebuild` after a promotion",
        )
        return
    if primary.is_kept is False:
        yield warning(
            f"slot {slot} is in no standby: the source refuses one that is promoted",
            '"slot.failover": "true" in the connector file of the source, and `penstock up`',
        )
    if not primary.waits_for:
        yield warning(
            "the source may read what no standby has yet: it refuses one that is promoted without that",
            _waiting(primary),
        )
    if primary.connected > named:
        yield warning(
            f"{primary.connected} standbys are connected, and {named} are named: what the others are set to is unknown",
            f'standbys = ["host:port", …] in {config.section}',
        )


def _waiting(primary: Primary) -> str:
    if not primary.physical_slots:
        return "give each standby a physical slot (primary_slot_name), and name those in synchronized_standby_slots"
    return altered("synchronized_standby_slots", f"'{', '.join(primary.physical_slots)}'", primary.keeper)


def _examine(config: Config, address: str) -> Iterator[Finding]:
    host, _, port = address.rpartition(":")
    try:
        connection = open_connection(make_dsn(config.database.dsn, host=host, port=port), limits=LOOK)
    except PostgresUnreachable as exc:
        yield warning(f"standby {address} does not answer", str(exc))
        return
    with closing(connection):
        (seen,) = _ask(connection, _STANDBY, config.names.slot)
        keeper = read_keeper(connection)
    yield from judge_standby(config, address, Standby(**seen, keeper=keeper))


def judge_standby(config: Config, address: str, standby: Standby) -> Iterator[Finding]:
    """Judge whether the source could go on from a standby."""
    slot = config.names.slot
    if not standby.is_standby:
        yield warning(f"{address} is named as a standby and is none", f"correct `standbys` in {config.section}")
        return
    feedback = altered("hot_standby_feedback", "on", standby.keeper)
    synchronise = altered("sync_replication_slots", "on", standby.keeper)
    missing = []
    if not standby.gives_feedback:
        missing.append(warning(f"standby {address} has hot_standby_feedback = off and keeps no slot", feedback))
    if not standby.synchronises:
        missing.append(warning(f"standby {address} has sync_replication_slots = off", synchronise))
    if not missing and standby.is_ready is None:
        cure = "primary_slot_name, and dbname in primary_conninfo, on the standby; its log says what it misses"
        missing.append(warning(f"standby {address} does not have slot {slot}", cure))
    elif not missing and not standby.is_ready:
        cure = "none, while the source reads on; else its log says what it waits for"
        missing.append(warning(f"standby {address} has not caught up with slot {slot}", cure))
    yield from missing or [ok(f"standby {address} keeps slot {slot}")]


def _ask(connection: Any, question: str, slot: str) -> list[dict[str, Any]]:
    with connection, connection.cursor(cursor_factory=RealDictCursor) as cursor:
        cursor.execute(question, (slot,))
        return [dict(row) for row in cursor.fetchall()]
