"""The rights of each role, as statements: `penstock doctor --sql` prints them, and findings have them as cures.

The one home of that text: docs/your-servers.md and the servers of the tests are held to it. No server is asked here.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from cassandra.metadata import protect_name

from penstock.brokers import librdkafka_settings
from penstock.cassandra.schema import replication
from penstock.config import Config
from penstock.installation import RESERVED
from penstock.project.folders import Project, sources_of

_PLAIN = re.compile(r"[a-z_][a-z0-9_]*\Z")
# Being one of a superuser's role is being one.
_OWNERS = """DO $$ DECLARE needed text; BEGIN
    FOR needed IN
        SELECT DISTINCT CASE WHEN rolsuper THEN format('ALTER TABLE %s OWNER TO {role}', c.oid::regclass)
            ELSE format('GRANT %I TO {role}', rolname) END
        FROM unnest(ARRAY[{tables}]) AS named LEFT JOIN LATERAL pg_partition_tree(named) AS part ON true
        JOIN pg_class c ON c.oid = coalesce(part.relid, named) JOIN pg_roles r ON r.oid = relowner
        WHERE NOT pg_has_role('{name}', relowner, 'USAGE')
    LOOP
        EXECUTE needed;
    END LOOP;
END $$"""
_HAND_OVER = """DO $$ DECLARE thing text; BEGIN
    FOR thing IN
        SELECT 'SCHEMA {schema}'
        UNION ALL SELECT 'TABLE ' || oid::regclass FROM pg_class
            WHERE relnamespace = '{schema}'::regnamespace AND relkind IN ('r', 'v')
        UNION ALL SELECT 'ROUTINE ' || oid::regprocedure FROM pg_proc WHERE pronamespace = '{schema}'::regnamespace
    LOOP
        EXECUTE format('ALTER %s OWNER TO {role}', thing);
    END LOOP;
END $$"""

_LATER = "; after the first `penstock up`"
_TRIGGERS = "090_event_triggers.sql"
_WIDTH = 110
_CQL_RIGHTS = ("CREATE", "ALTER", "DROP", "SELECT", "MODIFY")


@dataclass(frozen=True)
class Statement:
    """One statement, without its semicolon, and why it is needed."""

    text: str
    why: str = ""


@dataclass(frozen=True)
class Right:
    """What a role of a single duty may do with a schema of ours, or with tables in it.

    :param table: `*` for all of them; empty for the schema itself.
    """

    needed: str
    schema: str
    table: str = ""
    why: str = ""

    @property
    def what(self) -> str:
        """The right and its object, as a GRANT names them."""
        ons = {"": f"SCHEMA {self.schema}", "*": f"ALL TABLES IN SCHEMA {self.schema}"}
        return f"{self.needed} ON {ons.get(self.table, f'{self.schema}.{self.table}')}"

    def given(self, role: str) -> Statement:
        """Return the statement that gives it."""
        return Statement(f"GRANT {self.what} TO {identifier(role)}", self.why)


@dataclass(frozen=True)
class Role:
    """A role of a server and all that it needs.

    :param server: its section of `penstock.toml`.
    :param use: who logs in with it.
    """

    server: str
    name: str
    use: str
    statements: tuple[Statement, ...]


@dataclass(frozen=True)
class Acl:
    """What a principal of Kafka may do with everything whose name begins with one of these.

    :param kind: topic, group or transactional-id, as `kafka-acls.sh` names them.
    """

    kind: str
    prefixes: tuple[str, ...]
    operations: tuple[str, ...] = ("All",)


def identifier(name: str) -> str:
    """Write a name for Postgres: quoted only where it must be."""
    return name if _PLAIN.match(name) and name not in RESERVED.split() else '"' + name.replace('"', '""') + '"'


def relation(table: str) -> str:
    """Write `schema.table`, as a view names it, for Postgres."""
    return ".".join(map(identifier, table.split(".", 1)))


def roles(
    config: Config, tables: Sequence[str], further: Mapping[str, Sequence[str]] | None = None
) -> tuple[Role, ...]:
    """Return every role of every server, Penstock's own first.

    :param tables: of the views, `schema.table`.
    :param further: those of further source databases, by the names of these.
    """
    sources = {"": tables, **(further or {})}
    of_sources = (role for source, each in sources.items() for role in _postgres(config.of_source(source), each))
    return (*of_sources, *_cassandra(config), *_kafka(config))


def role_of(config: Config, server: str, tables: Sequence[str] = ()) -> Role:
    """Return Penstock's own role of a server."""
    return next(role for role in roles(config, tables) if role.server == server)


def loader_of(config: Config, tables: Sequence[str]) -> Role:
    """Return the role of Postgres that only loads; its first statement makes it.

    :param tables: that it writes.
    """
    use = "Airflow's connection app_db; after the first `penstock up`"
    return Role("postgres", loader_role(config), use, tuple(_loader(config, tables)))


def replicator_of(config: Config, tables: Sequence[str]) -> Role:
    """Return the role of Postgres of the source connector; its first statement makes it."""
    use = "the source connector (replicator_password_file), also where a Connect of yours logs in by itself"
    return Role(_server(config), f"{config.role}_replicator", use + _LATER, tuple(_replicator(config, tables)))


def reader_of(config: Config, tables: Sequence[str]) -> Role:
    """Return the role of Postgres that only reads; its first statement makes it."""
    use = "who reads and compares (reader_password_file)"
    return Role(_server(config), f"{config.role}_reader", use + _LATER, tuple(_reader(config, tables)))


def as_text(found: Sequence[Role]) -> str:
    """Write the statements, with a line above those of each role."""
    return "\n".join(line for role in found for line in (*_lines(role), ""))


def _lines(role: Role) -> Iterator[str]:
    mark, end = ("#", "") if role.server == "kafka" else ("--", ";")
    yield f"{mark} {role.server}: {role.name}: {role.use}"
    for each in role.statements:
        comment = f"{mark} {each.why}" if each.why else ""
        beside = f"{each.text}{end}  {comment}".rstrip()
        yield from (beside,) if len(beside) <= _WIDTH or not comment else (comment, each.text + end)


def loader_role(config: Config) -> str:
    """Name the role of Postgres that only loads."""
    return f"{config.role}_loader"


def cassandra_role(config: Config) -> str:
    """Name Penstock's role of Cassandra."""
    return config.cassandra.user or config.name


def airflow_database(name: str, role: str) -> str:
    """Return the statement that makes the database of an Airflow of ours."""
    return f"CREATE DATABASE {identifier(name)} OWNER {identifier(role)}"


def made_by_project(config: Config, tables: Sequence[str]) -> list[str]:
    """Return those of the tables that the project's own files create."""
    made = re.findall(r"^CREATE TABLE IF NOT EXISTS ([\w.]+)", _files(config), re.MULTILINE)
    return [table for table in tables if table in made]


def made_schemas(config: Config) -> list[str]:
    """Return the schemas that the project's own files create."""
    return sorted({*re.findall(r"^CREATE SCHEMA IF NOT EXISTS (\w+)", _files(config), re.MULTILINE)})


def _files(config: Config) -> str:
    return config.names.in_sql("\n".join(file.read_text(encoding="utf-8") for file in Project.of(config).sql_files()))


def _postgres(config: Config, tables: Sequence[str]) -> Iterator[Role]:
    server, role = _server(config), config.role
    yield Role(server, role, "all that Penstock does itself", tuple(_owner(config, role, tables)))
    yield replicator_of(config, tables)
    if not config.source:
        yield loader_of(config, tables)
    yield reader_of(config, tables)
    yield Role(
        server, "a superuser", f"optional: event triggers, by which DDL is seen at once{_LATER}", (_triggers(config),)
    )


def _server(config: Config) -> str:
    return f"postgres, database {config.database.database}" if config.source else "postgres"


def _replicator(config: Config, tables: Sequence[str]) -> Iterator[Statement]:
    name = f"{config.role}_replicator"
    role = identifier(name)
    yield from _logs_in(config, role, tables, attributes="LOGIN REPLICATION")
    yield _sees_all_rows(role)
    yield from (right.given(name) for right in replicator_rights(config))


def _loader(config: Config, tables: Sequence[str]) -> Iterator[Statement]:
    role = identifier(loader_role(config))
    yield from _logs_in(config, role, made_by_project(config, tables), rights="SELECT, INSERT, UPDATE")
    yield Statement(f"GRANT USAGE ON SCHEMA loader TO {role}")
    yield Statement(f"GRANT SELECT, INSERT ON loader.rejected_users TO {role}", "what is no valid row")


def _reader(config: Config, tables: Sequence[str]) -> Iterator[Statement]:
    name = f"{config.role}_reader"
    role = identifier(name)
    yield from _logs_in(config, role, tables)
    yield _sees_all_rows(role)
    yield statistics_right(role)
    yield from (right.given(name) for right in reader_rights(config))


def replicator_rights(config: Config) -> tuple[Right, ...]:
    """Return what the source connector does with what Penstock keeps."""
    schema, signals = config.names.signals.split(".")
    return (
        Right("USAGE", schema),
        Right("SELECT, INSERT, DELETE", schema, signals, "a re-read of a table"),
        Right("SELECT", schema, "altered_columns", "which shape a record has"),
        Right("SELECT", schema, "known_tables", "which tables it sends"),
    )


def reader_rights(config: Config) -> tuple[Right, ...]:
    """Return what who only reads does with what Penstock keeps."""
    schemas = made_schemas(config)
    return (*(Right("USAGE", each) for each in schemas), *(Right("SELECT", each, "*") for each in schemas))


def _triggers(config: Config) -> Statement:
    """Return what makes the event triggers, without the comment above it."""
    text = config.names.in_sql((Project.of(config).postgres / _TRIGGERS).read_text(encoding="utf-8"))
    return Statement(text[text.index("DO $$") :].rstrip().removesuffix(";"))


def _owner(config: Config, role: str, tables: Sequence[str]) -> Iterator[Statement]:
    name, made = identifier(role), made_by_project(config, tables)
    yield _made(name, "LOGIN REPLICATION")
    yield database_right(config)
    if tables:
        yield owners_right(role, tables)
    yield statistics_right(name)
    for schema in _schemas(tables):
        is_ours = any(table.startswith(f"{schema}.") for table in made)
        yield schema_right(role, schema, creates=is_ours)
    yield parameter_right(config)


def owners_right(role: str, tables: Sequence[str]) -> Statement:
    """Return what makes a role one of those who own tables and their partitions."""
    named = ", ".join(f"to_regclass('{relation(table)}')" for table in tables)
    text = _OWNERS.format(tables=named, role=identifier(role), name=role)
    return Statement(text, "who owns the tables: publication, REPLICA IDENTITY")


def database_right(config: Config) -> Statement:
    """Return the grant on the source database."""
    granted = f"GRANT CONNECT, CREATE ON DATABASE {identifier(config.database.database)}"
    why = f"CREATE: schemas {' and '.join(made_schemas(config))}, the publication"
    return Statement(f"{granted} TO {identifier(config.role)}", why)


def statistics_right(role: str) -> Statement:
    """Return the grant by which aggregates see since when others' transactions run.

    :param role: as Postgres writes it.
    """
    return Statement(f"GRANT pg_read_all_stats TO {role}", "when transactions of others began, for aggregates")


def _sees_all_rows(role: str) -> Statement:
    return Statement(f"ALTER ROLE {role} BYPASSRLS", "optional: tables with row level security")


def schema_right(role: str, schema: str, *, creates: bool) -> Statement:
    """Return the grant on a schema of the views' tables."""
    rights = "CREATE, USAGE" if creates else "USAGE"
    granted = f"GRANT {rights} ON SCHEMA {identifier(schema)} TO {identifier(role)}"
    return Statement(granted, "CREATE: only for the table of the demo" if creates else "")


def handed_over(schema: str, role: str) -> str:
    """Return the statement that gives our role a schema of ours, which somebody else has made."""
    return _HAND_OVER.format(schema=schema, role=identifier(role))


def parameter_right(config: Config) -> Statement:
    """Return the optional grant by which a TRUNCATE becomes deletes."""
    granted = f"GRANT SET ON PARAMETER session_replication_role TO {identifier(config.role)}"
    return Statement(granted, "optional: TRUNCATE becomes deletes, live")


def _made(role: str, attributes: str) -> Statement:
    slot = f"REPLICATION: the slot; RDS has GRANT rds_replication TO {role} in its place"
    return Statement(f"CREATE ROLE {role} {attributes} PASSWORD '…'", slot if "REPLICATION" in attributes else "")


def _logs_in(
    config: Config, role: str, tables: Sequence[str], *, attributes: str = "LOGIN", rights: str = "SELECT"
) -> Iterator[Statement]:
    yield _made(role, attributes)
    yield Statement(f"GRANT CONNECT ON DATABASE {identifier(config.database.database)} TO {role}")
    for schema in _schemas(tables):
        yield Statement(f"GRANT USAGE ON SCHEMA {identifier(schema)} TO {role}")
    if tables:
        yield Statement(f"GRANT {rights} ON {', '.join(map(relation, tables))} TO {role}")


def _schemas(tables: Sequence[str]) -> list[str]:
    return sorted({table.split(".", 1)[0] for table in tables})


def _cassandra(config: Config) -> Iterator[Role]:
    role = cassandra_role(config)
    own = (keyspace_made(config), _cql_role(role), *keyspace_rights(config).values())
    yield Role("cassandra", role, "all that Penstock does itself", own)
    for name, right, use in (
        (f"{role}_writer", "MODIFY", "the sink connector, where a Connect of yours logs in by itself (auth.username)"),
        (f"{role}_reader", "SELECT", "who asks the views"),
    ):
        yield Role("cassandra", name, use, (_cql_role(name), _cql_right(config, right, name)))


def keyspace_made(config: Config) -> Statement:
    """Return the statement that makes the keyspace."""
    name = protect_name(config.names.keyspace)
    made = f"CREATE KEYSPACE IF NOT EXISTS {name} WITH replication = {replication(config.cassandra)}"
    return Statement(made, "not needed for a role that may create keyspaces")


def keyspace_rights(config: Config) -> Mapping[str, Statement]:
    """Return what Penstock's role may do with the keyspace: the grant of each right."""
    return {right: _cql_right(config, right, cassandra_role(config)) for right in _CQL_RIGHTS}


def _cql_role(name: str) -> Statement:
    return Statement(f"CREATE ROLE IF NOT EXISTS {protect_name(name)} WITH PASSWORD = '…' AND LOGIN = true")


def _cql_right(config: Config, right: str, role: str) -> Statement:
    keyspace = protect_name(config.names.keyspace)
    return Statement(f"GRANT {right} ON KEYSPACE {keyspace} TO {protect_name(role)}")


def kafka_principal(config: Config) -> str:
    """Name Penstock's user of Kafka: that of the properties file, where it logs in with a password."""
    return librdkafka_settings(config.kafka.bootstrap).get("sasl.username", config.name)


def kafka_acls(config: Config) -> tuple[Acl, ...]:
    """Return what Penstock's user needs, with the servers of ours that log in as the same user."""
    connect, registry, names = config.connect.managed, config.registry.managed, config.names
    of_connect = (f"{names.connect_cluster}-",)
    of_registry = (names.registry_topics[0].removesuffix("journal"), names.registry_events)
    topics = (*_data_topics(config), *of_connect[:connect], *of_registry[: 2 * registry])
    groups = _widest(
        names.groups,
        "spark-kafka-source-",
        *((names.connect_cluster,) if connect else ()),
        names.sink_group,
        *_REGISTRY_GROUPS[:registry],
    )
    ids = _widest(*of_connect, f"connect-cluster-{names.connect_cluster}")
    transactions = (Acl("transactional-id", ids),) if connect else ()
    return (Acl("topic", topics), Acl("group", groups), *transactions)


def _widest(*prefixes: str) -> tuple[str, ...]:
    """Leave out what begins with another one."""
    return tuple(each for each in prefixes if not any(each != other and each.startswith(other) for other in prefixes))


def _from_sources(config: Config) -> tuple[str, ...]:
    """Return how the topics of the source connectors begin."""
    names = [each.names for each in sources_of(config)]
    prefixes = [(f"{each.topic_prefix}.", each.notifications_topic, each.heartbeat_topic) for each in names]
    return _widest(*(prefix for each in prefixes for prefix in each))


def _data_topics(config: Config) -> tuple[str, ...]:
    return (*_from_sources(config), config.names.view_topics, *config.names.dead_letter_topics)


_REGISTRY_GROUPS = ("apicurio-",)
_TO_READ, _TO_WRITE = ("Read", "Describe"), ("Write", "Describe")


def _kafka(config: Config) -> Iterator[Role]:
    own, names = kafka_principal(config), config.names
    yield _principal(config, own, "all that Penstock does itself", kafka_acls(config))
    use = "both connectors, where a Connect of yours logs in by itself; `connect` is the group.id of its workers"
    connect = (
        Acl("topic", (*_from_sources(config), *names.dead_letter_topics), _TO_WRITE),
        Acl("topic", (names.view_topics,), _TO_READ),
        Acl("group", (names.sink_group,), _TO_READ),
        Acl(
            "transactional-id",
            tuple(f"connect-{each.names.source_connector}" for each in sources_of(config)),
            _TO_WRITE,
        ),
    )
    yield _principal(config, f"{own}_connect", use, connect)
    reads = (Acl("topic", _data_topics(config), _TO_READ), Acl("group", (names.groups,), _TO_READ))
    yield _principal(config, f"{own}_reader", "who reads the topics", reads)


def _principal(config: Config, name: str, use: str, acls: Sequence[Acl]) -> Role:
    return Role("kafka", name, use, tuple(Statement(acl_command(config, name, acl)) for acl in acls))


def acl_command(config: Config, principal: str, acl: Acl) -> str:
    """Return the command that gives a principal a right; it needs the file of an administrator."""
    operations = " ".join(f"--operation {operation}" for operation in acl.operations)
    prefixes = " ".join(f"--{acl.kind} {prefix}" for prefix in acl.prefixes)
    granted = f"--add --allow-principal User:{principal} {operations} {prefixes} --resource-pattern-type prefixed"
    return f"kafka-acls.sh {to_reach(config)} {granted}"


def to_reach(config: Config) -> str:
    """Return the options of Kafka's own commands that reach the brokers as an administrator."""
    return f"--bootstrap-server {config.kafka.bootstrap} --command-config admin.properties"
