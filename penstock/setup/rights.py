"""Gives our users their rights in the servers of a secured stack, as `penstock doctor --sql` prints them for others."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Sequence

import psycopg2
from confluent_kafka.admin import (  # type: ignore[attr-defined]  # re-exported there without `__all__`
    AclBinding,
    AclOperation,
    AclPermissionType,
    AdminClient,
    ResourcePatternType,
    ResourceType,
)

from penstock.brokers import Brokers, librdkafka_settings
from penstock.cassandra.session import CassandraRefused, CassandraUnreachable, open_session
from penstock.config import Config
from penstock.doctor.rights import (
    Acl,
    Role,
    identifier,
    kafka_acls,
    kafka_principal,
    loader_of,
    reader_of,
    relation,
    replicator_of,
    role_of,
)
from penstock.postgres.connection import connect, has_run
from penstock.postgres.own import Connection
from penstock.secured import ADMINISTRATOR, LOADER, Secrets
from penstock.wait import wait_until

_FIRST = "cassandra"
"""The user that a new Cassandra makes by itself, with a password that is its name."""
_FIRST_USER_S = 120.0
_ALTERED_S = 120.0
# A schema with a point in its name is no view's; a fill reads a partition in it with its table.
_UNREAD = """
    SELECT n.nspname || '.' || c.relname FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
    WHERE strpos(n.nspname, '.') = 0 AND c.oid IN (
        SELECT coalesce(part.relid, named) FROM unnest(%(tables)s::regclass[]) AS named
        LEFT JOIN LATERAL pg_partition_tree(named) AS part ON true)
    AND NOT coalesce(has_table_privilege(to_regrole(%(role)s), c.oid, 'SELECT'), false)
    ORDER BY 1
"""


def give_kafka_rights(config: Config) -> str:
    """Let Penstock's user do what it needs, in topics, groups and transactions of these names alone."""
    acls = kafka_acls(config)
    administrator = Brokers(config.kafka.bootstrap, Secrets.of(config).kafka_properties(ADMINISTRATOR))
    allow(administrator, kafka_principal(config), acls)
    return f"{len(acls)} kinds of rights"


def allow(bootstrap: str, principal: str, acls: Sequence[Acl]) -> None:
    """Let a user of Kafka do what these allow.

    :param bootstrap: as an administrator reaches it.
    """
    rights = [right for acl in acls for right in _bindings(principal, acl)]
    client = AdminClient({**librdkafka_settings(bootstrap)})  # must outlive what it promises
    for done in client.create_acls(rights).values():
        done.result()


def _bindings(principal: str, acl: Acl) -> Iterator[AclBinding]:
    kind, pattern = ResourceType[acl.kind.upper().replace("-", "_")], ResourcePatternType.PREFIXED
    for prefix in acl.prefixes:
        for operation in acl.operations:
            allowed = (AclOperation[operation.upper()], AclPermissionType.ALLOW)
            yield AclBinding(kind, prefix, pattern, f"User:{principal}", "*", *allowed)


def give_loader_rights(config: Config, *, table: str) -> None:
    """Make the role of Postgres that Airflow logs in as: it writes one table, and its own metadata.

    :param table: must be there.
    """
    role, database = loader_of(config, [table]), config.names.airflow_database
    owned = f"ALTER DATABASE {identifier(database)} OWNER TO {identifier(role.name)}"
    with connect(config) as connection:
        _give(connection, role, Secrets.of(config).password(LOADER), owned)


def give_reading_rights(config: Config, *, tables: Collection[str]) -> None:
    """Make the roles of Postgres that the source connector and all that only reads log in as, where they have logins.

    :param tables: must be there. A fill reads each of their partitions by itself.
    """
    with connect(config) as connection:
        for own, role_of_duty in ((config.replicating.database, replicator_of), (config.reading.database, reader_of)):
            role = role_of_duty(config, ())
            if own.user == role.name:
                _give(connection, role_of_duty(config, _unread(connection, role.name, tables)), own.password)


def _unread(connection: Connection, role: str, tables: Collection[str]) -> list[str]:
    """Name those of the tables, and of their partitions, that a role may not read yet."""
    with connection, connection.cursor() as cursor:
        cursor.execute(_UNREAD, {"role": identifier(role), "tables": [*map(relation, sorted(tables))]})
        return [name for (name,) in cursor.fetchall()]


def _give(connection: Connection, role: Role, password: str, *more: str) -> None:
    """Run the statements of a role, and what goes with them; the first one, which makes it, only where it is not there.

    They take no lock. While somebody alters the table they wait, and are refused when that lasts.
    """
    quoted = "'" + password.replace("'", "''") + "'"
    texts = [*(each.text.replace("'…'", quoted) for each in role.statements), *more]

    def are_given() -> bool:
        with connection, connection.cursor() as cursor:
            cursor.execute("SELECT FROM pg_roles WHERE rolname = %s", (role.name,))
            is_there = cursor.rowcount > 0
        try:
            return has_run(connection, *texts[1 if is_there else 0 :])
        except psycopg2.errors.InternalError_:
            return False

    what = f"role {role.name} has its rights: a transaction of somebody else has a table in use"
    wait_until(are_given, timeout_s=_ALTERED_S, what=what)


def give_cassandra_rights(config: Config) -> str:
    """Make Penstock's role with its rights; the first user gets a password of the stack's own before."""
    administrator = _as_user(config, "cassandra-administrator")
    first = _as_user(config, "cassandra-first")
    wait_until(
        lambda: _lets_in(administrator) or _lets_in(first),
        timeout_s=_FIRST_USER_S,
        what="Cassandra has its first user",
    )
    if not _lets_in(administrator):
        _run(first, [f"ALTER ROLE {_FIRST} WITH PASSWORD = '{administrator.cassandra.password}'"])
        # Cassandra remembers the password of before for a while (`credentials_validity`, 2 s).
        what = "Cassandra lets its first user in with the new password"
        wait_until(lambda: _lets_in(administrator), timeout_s=_FIRST_USER_S, what=what)
    wanted = role_of(config, "cassandra").statements
    _run(administrator, [each.text.replace("'…'", f"'{config.cassandra.password}'") for each in wanted])
    return f"role {config.cassandra.user} has its rights in keyspace {config.names.keyspace}"


def _as_user(config: Config, secret: str) -> Config:
    """Return the configuration by which the first user of Cassandra logs in, with one of its passwords."""
    login = {"user": _FIRST, "password_file": Secrets.of(config).password_file(secret)}
    return config.model_copy(update={"cassandra": config.cassandra.model_copy(update=login)})


def _lets_in(config: Config) -> bool:
    try:
        with open_session(config):
            return True
    except (CassandraUnreachable, CassandraRefused):
        return False


def _run(config: Config, statements: Sequence[str]) -> None:
    with open_session(config) as session:
        for statement in statements:
            session.execute(statement)
