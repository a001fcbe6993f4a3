"""Postgres: its settings, its free slots, and the rights of our role on what the views read."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass
from functools import partial
from typing import Any

from psycopg2.extras import RealDictCursor

from penstock.config import Config
from penstock.doctor.clock import judge_clock, read_clock
from penstock.doctor.finding import Finding, ok, stops, warning
from penstock.doctor.rights import (
    airflow_database,
    database_right,
    handed_over,
    identifier,
    made_by_project,
    made_schemas,
    owners_right,
    parameter_right,
    reader_rights,
    relation,
    replicator_rights,
    schema_right,
    statistics_right,
)
from penstock.doctor.standbys import examine_standbys
from penstock.doctor.wal import RDS, altered, judge_wal_level, read_keeper
from penstock.postgres.catalogue import listed, read_live_table
from penstock.postgres.connection import PostgresUnreachable, connect
from penstock.postgres.own import Connection
from penstock.postgres.silent import sees_ddl
from penstock.postgres.slot import Slot, read_slots
from penstock.postgres.unfit import Unfit

_OLDEST, _NEWEST = 15, 18
_STATEMENT_S = 10
_PATIENCES = ("transaction_timeout",)
"""Whatever is longer is ended, such as a fill. Our sessions set the others, and this one came with Postgres 17."""

_ASKED = """
SELECT current_setting('server_version') AS version,
    current_setting('server_version_num')::int / 10000 AS major,
    current_setting('wal_level') AS wal_level,
    pg_is_in_recovery() AS is_standby,
    current_setting('max_replication_slots')::int AS slots,
    current_setting('max_wal_senders')::int AS senders,
    (SELECT count(*) FROM pg_stat_replication) AS senders_used,
    current_setting('max_slot_wal_keep_size') AS kept_for_slots,
    current_database()::text AS database,
    current_user::text AS role,
    rolsuper AS is_superuser,
    rolreplication OR rolsuper OR coalesce(
        (SELECT pg_has_role(oid, 'MEMBER') FROM pg_roles WHERE rolname = 'rds_replication'), false) AS replicates,
    rolcreatedb OR rolsuper AS creates_databases,
    has_database_privilege(current_database(), 'CREATE') AS creates,
    pg_has_role('pg_read_all_stats', 'USAGE') AS sees_statistics,
    has_parameter_privilege('session_replication_role', 'SET') AS sets_role,
    EXISTS (SELECT FROM pg_database WHERE datname = %(airflow)s) AS has_airflow_database,
    EXISTS (SELECT FROM pg_proc JOIN pg_namespace n ON n.oid = pronamespace
        WHERE nspname = 'penstock' AND proname = 'sees_ddl') AS is_set_up,
    current_setting('event_triggers', true) IS NOT DISTINCT FROM 'off' AS triggers_are_off,
    (SELECT CASE WHEN NOT pg_has_role(pubowner, 'USAGE') THEN pg_get_userbyid(pubowner) END
        FROM pg_publication WHERE pubname = %(publication)s) AS publication_owner
FROM pg_roles WHERE rolname = current_user
"""
# Nothing is lacking before the first set-up.
_LACKS = """
SELECT true FROM pg_namespace n LEFT JOIN pg_class c
    ON c.relnamespace = n.oid AND c.relkind IN ('r', 'v') AND %(table)s IN (c.relname::text, '*')
CROSS JOIN string_to_table(%(needed)s, ', ') AS needed
WHERE n.nspname = %(schema)s AND NOT CASE %(table)s WHEN '' THEN has_schema_privilege(n.oid, needed)
    ELSE coalesce(has_table_privilege(c.oid, needed), true) END
LIMIT 1
"""
_OTHERS_SCHEMAS = """
SELECT nspname::text AS name, pg_get_userbyid(nspowner)::text AS owner FROM pg_namespace
WHERE nspname = ANY (%s) AND NOT pg_has_role(nspowner, 'USAGE') ORDER BY 1
"""
_FORGOTTEN_S = 600
_PREPARED = """
SELECT quote_literal(gid) AS name, database::text, to_char(prepared, 'YYYY-MM-DD HH24:MI') AS since
FROM pg_prepared_xacts WHERE prepared <= now() - %s * interval '1 second' ORDER BY prepared
"""
_SETTINGS = "SELECT name FROM pg_settings WHERE name = ANY (%s) AND reset_val <> '0' ORDER BY 1"
_TABLE = """
SELECT c.oid IS NOT NULL AS exists, coalesce(has_schema_privilege(n.oid, 'CREATE'), false) AS may_make,
    coalesce(has_schema_privilege(n.oid, 'USAGE'), false) AS is_reached,
    coalesce(has_table_privilege(c.oid, 'SELECT'), false) AS is_read
FROM (SELECT) AS one
LEFT JOIN pg_namespace n ON n.nspname = %s
LEFT JOIN pg_class c ON c.relnamespace = n.oid AND c.relname = %s AND c.relkind IN ('r', 'p', 'v', 'm', 'f')
"""
# A table comes before its partitions.
_OTHERS = """
SELECT r.rolname::text AS owner, r.rolsuper AS is_superuser,
    array_agg(n.nspname || '.' || c.relname ORDER BY c.oid <> named.oid, n.nspname, c.relname) AS parts
FROM pg_class named JOIN pg_namespace s ON s.oid = named.relnamespace AND s.nspname = %s
LEFT JOIN LATERAL pg_partition_tree(named.oid) AS part ON true
JOIN pg_class c ON c.oid = coalesce(part.relid, named.oid)
JOIN pg_namespace n ON n.oid = c.relnamespace JOIN pg_roles r ON r.oid = c.relowner
WHERE named.relname = %s AND NOT pg_has_role(r.oid, 'USAGE') GROUP BY r.oid, r.rolname, r.rolsuper ORDER BY 1
"""


@dataclass(frozen=True)
class Server:
    """What the server says of itself and of our role, by the names of `_ASKED`; each makes a finding or none."""

    version: str
    major: int
    wal_level: str
    is_standby: bool
    slots: int
    slots_used: int
    senders: int
    senders_used: int
    kept_for_slots: str
    slot: Slot | None
    """That of the installation, whatever database it reads."""
    database: str
    role: str
    is_superuser: bool
    replicates: bool
    creates_databases: bool
    creates: bool
    sees_statistics: bool
    sets_role: bool
    has_airflow_database: bool
    publication_owner: str | None
    is_set_up: bool
    sees_ddl: bool = True
    triggers_are_off: bool = False
    patiences: tuple[str, ...] = ()
    schemas_of_others: tuple[tuple[str, str], ...] = ()
    keeper: str = ""
    """Who refuses ALTER SYSTEM to everybody."""
    forgotten: tuple[tuple[str, str, str], ...] = ()
    """Of each prepared transaction that is open for long: its name as a literal, its database, since when."""


@dataclass(frozen=True)
class Owner:
    """Who owns a table or some of its partitions, where our role is none of those who are that owner."""

    owner: str
    is_superuser: bool
    parts: Sequence[str]


@dataclass(frozen=True)
class SourceTable:
    """A table of the views.

    :param is_made: by `penstock up`, from the project's own files.
    :param may_make: our role, in its schema.
    """

    name: str
    is_made: bool
    exists: bool
    may_make: bool
    is_reached: bool
    is_read: bool
    others: tuple[Owner, ...] = ()
    unfit: tuple[Unfit, ...] = ()


def examine(config: Config, tables: Sequence[str]) -> Iterator[Finding]:
    """Look at the server, and at the tables of the views.

    :raises PostgresUnreachable: nobody answers, or lets us in.
    """
    with connect(config) as connection:
        connection.set_session(readonly=True, autocommit=True)
        _execute(connection, f"SET statement_timeout = '{_STATEMENT_S}s'")
        server, clock = _ask(connection, made_schemas(config)), read_clock(partial(_time, connection))
        made = made_by_project(config, tables)
        found = [_ask_table(connection, table, is_made=table in made) for table in tables]
        standbys = [] if server.is_standby else [*examine_standbys(config, connection)]
    yield from judge_server(config, server)
    yield from standbys
    yield from judge_rights(config, server)
    for table in found:
        yield from judge_table(server.role, table)
    for own, is_source in ((config.replicating, True), (config.reading, False)):
        if own.database.user != config.database.user:
            yield from _examine_login(own, found, is_source=is_source)
    yield from judge_clock(clock)


def _examine_login(config: Config, known: Sequence[SourceTable], *, is_source: bool) -> Iterator[Finding]:
    """Look at the tables, which our role knows, and at what Penstock keeps, as one does that has a single duty.

    :param is_source: it is the source connector's role, and not the reader's.
    """
    role, rights = config.database.user, replicator_rights(config) if is_source else reader_rights(config)
    try:
        with connect(config) as connection:
            connection.set_session(readonly=True, autocommit=True)
            found = [_ask_table(connection, each.name, is_made=each.is_made) for each in known if each.exists]
            lacking = [right for right in rights if _execute(connection, _LACKS, asdict(right))]
            seen, keeper = _ask_itself(connection), read_keeper(connection)
    except PostgresUnreachable as exc:
        cure = "`penstock up`" if config.database.managed else "run what `penstock doctor --sql` prints for it"
        yield stops(f"role {role} is not let in: {exc}", cure)
        return
    missing = [finding for table in found for finding in _judge_reading(role, table)]
    said = {each for table in known for each in table.unfit}
    missing += [stops(each.what, each.cure) for table in found for each in table.unfit if each not in said]
    missing += [stops(f"role {role} lacks {right.what}", f"{right.given(role).text};") for right in lacking]
    if is_source and not seen["replicates"]:
        missing.append(_may_not_replicate(role, keeper))
    if not is_source and not seen["sees_statistics"]:
        missing.append(_sees_no_statistics(role))
    yield from missing or [ok(f"role {role} has its rights")]


def judge_server(config: Config, server: Server) -> Iterator[Finding]:
    """Judge what the whole server is and has."""
    yield _judge_version(server)
    if server.is_standby:
        yield stops("it is a standby, which takes no writes", f"name the primary in {config.section}")
    yield judge_wal_level(server.wal_level, server.keeper)
    yield from _judge_slots(config.names.slot, server)
    yield from _judge_prepared(server)
    if server.kept_for_slots == "-1":
        yield warning(
            "a source that is away for long fills its disk: max_slot_wal_keep_size is -1",
            altered("max_slot_wal_keep_size", "4096" if server.keeper else "'4GB'", server.keeper),
        )
    for name in server.patiences:
        yield warning(
            f"{name} is set for role {server.role}: it ends what takes longer, such as a fill",
            f"ALTER ROLE {identifier(server.role)} IN DATABASE {identifier(server.database)} SET {name} = 0;",
        )
    yield from _judge_airflow_database(config, server)


def _judge_airflow_database(config: Config, server: Server) -> Iterator[Finding]:
    name = config.names.airflow_database
    is_needed = config.airflow.managed and config.airflow.enabled and not config.source
    if is_needed and not (server.has_airflow_database or server.creates_databases):
        yield stops(
            f"database {name}, which holds what Airflow keeps, is not there",
            f"{airflow_database(name, server.role)}; or airflow.enabled = false",
        )


def _judge_version(server: Server) -> Finding:
    said = f"PostgreSQL {server.version}"
    if server.major < _OLDEST:
        return stops(f"{said}: Penstock needs {_OLDEST} or later", f"upgrade it to {_OLDEST} to {_NEWEST}")
    if server.major > _NEWEST:
        return warning(f"{said}: Penstock was tried with {_NEWEST}", "`penstock verify` says whether all is well")
    return ok(said)


def _judge_slots(slot: str, server: Server) -> Iterator[Finding]:
    free, senders = server.slots - server.slots_used, server.senders - server.senders_used
    if server.slot and server.slot.database not in (None, server.database):
        yield stops(
            f"replication slot {slot} belongs to database {server.slot.database}",
            f"if nobody needs it: SELECT pg_drop_replication_slot('{slot}');",
        )
    elif server.slot and server.slot.wal_status == "lost":
        yield stops(f"replication slot {slot} has lost its place", "`penstock views rebuild` reads everything again")
    elif server.slot is None and free < 1:
        yield stops(
            f"no replication slot is free: {server.slots_used} of {server.slots} are there",
            altered("max_replication_slots", str(server.slots + 2), server.keeper, restart=True),
        )
    else:
        has = f"has its slot {slot}" if server.slot else f"{free} of {server.slots} slots are free"
        yield ok(f"{has}, {senders} of {server.senders} WAL senders are free")
    if not (server.slot and server.slot.active) and senders < 1:
        yield stops(
            f"no WAL sender is free: {server.senders_used} of {server.senders} are in use",
            altered("max_wal_senders", str(server.senders + 2), server.keeper, restart=True),
        )


def _judge_prepared(server: Server) -> Iterator[Finding]:
    for name, database, since in server.forgotten:
        yield warning(
            f"prepared transaction {name} of database {database} is open since {since}: meanwhile no slot can be made, "
            "a slot keeps the WAL since then, and no table that it holds joins the publication",
            f"ROLLBACK PREPARED {name}; in database {database}, or COMMIT PREPARED",
        )


def judge_rights(config: Config, server: Server) -> Iterator[Finding]:
    """Judge what our role may do on the server and in the database."""
    role, missing = identifier(server.role), []
    if not server.replicates:
        missing.append(_may_not_replicate(server.role, server.keeper))
    if not server.creates:
        missing.append(
            stops(f"role {server.role} may not create in database {server.database}", f"{database_right(config).text};")
        )
    if server.publication_owner:
        name = config.names.publication
        cure = f"ALTER PUBLICATION {name} OWNER TO {role};"
        missing.append(_of_others(server.role, f"publication {name}", server.publication_owner, cure))
    for name, owner in server.schemas_of_others:
        missing.append(_of_others(server.role, f"schema {name}", owner, f"{handed_over(name, server.role)};"))
    if not server.sees_statistics:
        missing.append(_sees_no_statistics(server.role))
    yield from missing or [ok(f"role {server.role} has its rights{' (a superuser)' * server.is_superuser}")]
    yield from _judge_silent_changes(config, server)


def _may_not_replicate(role: str, keeper: str) -> Finding:
    name = identifier(role)
    given = f"GRANT rds_replication TO {name};" if keeper == RDS else f"ALTER ROLE {name} REPLICATION;"
    return stops(f"role {role} may not replicate", given)


def _sees_no_statistics(role: str) -> Finding:
    return warning(
        f"role {role} does not see since when transactions of others run: an aggregate that begins may read its topic "
        "from the start",
        f"{statistics_right(identifier(role)).text};",
    )


def _judge_silent_changes(config: Config, server: Server) -> Iterator[Finding]:
    unseen = (
        "what DDL does to rows without a change is found at the next `penstock up` or `views apply`, "
        "and no DDL is refused"
    )
    if server.triggers_are_off:
        yield warning(f"event_triggers is off: {unseen}", altered("event_triggers", "on", server.keeper))
    elif not server.sees_ddl:
        yield warning(
            f"event triggers are missing, disabled or of an earlier version: {unseen}",
            "after `penstock up`, a superuser runs what `penstock doctor --sql` prints as event triggers",
        )
    if not server.sets_role:
        yield warning(
            "the rows that a TRUNCATE takes leave the views at the next `penstock up` or `views apply` only",
            f"{parameter_right(config).text}; and `penstock up`",
        )


def _of_others(role: str, what: str, owner: str, cure: str) -> Finding:
    return stops(f"{what} belongs to {owner}, and role {role} is not one of it", cure)


def judge_table(role: str, table: SourceTable) -> Iterator[Finding]:
    """Judge one table of the views."""
    schema = table.name.split(".", 1)[0]
    if not table.exists:
        yield from _judge_missing(role, table, schema)
        return
    missing = [*_judge_reading(role, table)]
    for each in table.others:
        what = f"{'each of' if len(each.parts) > 1 else 'table'} {listed(each.parts)}"
        missing.append(_of_others(role, what, each.owner, _owning(role, table, each)))
    missing += [stops(each.what, each.cure) for each in table.unfit]
    yield from missing or [ok(f"table {table.name} can be followed")]


def _judge_reading(role: str, table: SourceTable) -> Iterator[Finding]:
    schema = table.name.split(".", 1)[0]
    if not table.is_reached:
        yield stops(f"role {role} does not reach schema {schema}", f"{schema_right(role, schema, creates=False).text};")
    if not table.is_read:
        granted = f"GRANT SELECT ON {relation(table.name)} TO {identifier(role)};"
        yield stops(f"role {role} may not read table {table.name}", granted)


def _owning(role: str, table: SourceTable, other: Owner) -> str:
    if not other.is_superuser:
        return f"GRANT {identifier(other.owner)} TO {identifier(role)};"
    if len(other.parts) > 1:
        return f"{owners_right(role, [table.name]).text};"
    return f"ALTER TABLE {relation(other.parts[0])} OWNER TO {identifier(role)};"  # its members are superusers too


def _judge_missing(role: str, table: SourceTable, schema: str) -> Iterator[Finding]:
    if not table.is_made:
        yield stops(f"table {table.name} of the views is not there", "create it, or remove its views")
    elif not table.may_make:
        right = schema_right(role, schema, creates=True)
        yield stops(f"role {role} may not create table {table.name} in schema {schema}", f"{right.text};")
    else:
        yield ok(f"table {table.name} is not there yet: `penstock up` makes it")


def _ask(connection: Connection, made: Sequence[str]) -> Server:
    slots, seen = read_slots(connection), _ask_itself(connection)
    patiences = tuple(row["name"] for row in _execute(connection, _SETTINGS, (list(_PATIENCES),)))
    schemas = tuple((row["name"], row["owner"]) for row in _execute(connection, _OTHERS_SCHEMAS, (made,)))
    prepared = _execute(connection, _PREPARED, (_FORGOTTEN_S,))
    looks = seen["is_set_up"] and not schemas and sees_ddl(connection)
    sees = bool(seen["is_superuser"] or looks)
    return Server(
        **seen,
        keeper=read_keeper(connection),
        slots_used=len(slots),
        slot=next((slot for slot in slots if slot.name == connection.names.slot), None),
        sees_ddl=sees,
        patiences=patiences,
        schemas_of_others=schemas,
        forgotten=tuple((row["name"], row["database"], row["since"]) for row in prepared),
    )


def _ask_itself(connection: Connection) -> dict[str, Any]:
    names = connection.names
    named = {"publication": names.publication, "airflow": names.airflow_database}
    (seen,) = _execute(connection, connection.own(_ASKED), named)
    return dict(seen)


def _ask_table(connection: Connection, name: str, *, is_made: bool) -> SourceTable:
    (seen,) = _execute(connection, _TABLE, name.split(".", 1))
    others = tuple(Owner(**row) for row in _execute(connection, _OTHERS, name.split(".", 1)))
    is_there = seen["exists"] and seen["is_reached"]
    misfits = read_live_table(connection, name).unfit if is_there else ()
    return SourceTable(name, is_made, **seen, others=others, unfit=misfits)


def _time(connection: Connection) -> float:
    (row,) = _execute(connection, "SELECT extract(epoch FROM clock_timestamp())::float8 AS time")
    return float(row["time"])


def _execute(connection: Connection, statement: str, values: Any = None) -> list[Any]:
    with connection.cursor(cursor_factory=RealDictCursor) as cursor:
        cursor.execute(statement, values)
        return list(cursor.fetchall()) if cursor.description else []
