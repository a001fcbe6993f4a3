"""A Postgres of others: TLS, passwords, a role that is no superuser and does not own the tables of the application."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import psycopg2
import pytest
from penstock_views.declaration.views import View
from penstock_views.snapshot.expected import expected_rows
from penstock_views.snapshot.held import hold_snapshot
from penstock_views.snapshot.postgres import Postgres as Source
from penstock_views.stream.session import local_session

from penstock.clone import ROOT
from penstock.config import Config
from penstock.doctor.rights import roles
from penstock.pipeline.identities import identities_of
from penstock.postgres.catalogue import read_live_table
from penstock.postgres.connection import PostgresUnreachable, connect
from penstock.postgres.published import published_tables
from penstock.postgres.silent import forget_changes, look, sees_ddl, silent_changes
from penstock.project.connectors import declared_connectors
from penstock.project.workspace import Workspace
from penstock.sections.postgres import Postgres
from penstock.setup.actions import create_tables
from penstock.stack.health import part_healths
from penstock.views.check import check
from tests.integration.certificates import Certificates
from tests.integration.their_postgres import PASSWORD, Server, their_postgres
from tests.names import load_views

TABLE = "public.users"


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    folder = tmp_path_factory.mktemp("theirs")
    with their_postgres(folder, Certificates.made_in(folder / "tls")) as server:
        create_tables(Workspace(server.config))
        yield server


def test_it_is_not_ours_and_answers(server: Server) -> None:
    (health,) = (each for each in part_healths(server.config) if each.name == "postgres")
    assert (health.state, health.answers) == ("not ours", True)


def test_the_setup_takes_no_superuser(server: Server) -> None:
    assert server.as_superuser("SELECT rolsuper FROM pg_roles WHERE rolname = 'penstock'") == [(False,)]
    create_tables(Workspace(server.config))
    with connect(server.config) as connection:
        assert TABLE in published_tables(connection)
        assert read_live_table(connection, TABLE).not_full == ()
        assert not sees_ddl(connection)
    assert identities_of(Workspace(server.config))[TABLE].is_there


def test_views_check_finds_nothing_wrong(server: Server) -> None:
    assert check(Workspace(server.config)).wrong == ()


def test_the_slot_of_the_source_and_its_heartbeat_take_no_superuser(server: Server) -> None:
    with connect(server.config) as connection, connection, connection.cursor() as cursor:
        cursor.execute("SELECT pg_create_logical_replication_slot('tried', 'pgoutput', true)")
        cursor.execute("SELECT pg_logical_emit_message(false, 'penstock-heartbeat', '')")


def source(config: Config) -> Source:
    part = config.postgres
    return Source(part.host, part.port, part.database, part.user, part.password, tls=part.tls)


def test_a_snapshot_is_held_and_read_by_spark(server: Server) -> None:
    (view,) = (view for view in load_views(ROOT / "spark" / "views") if view.name == "users_by_country")
    assert isinstance(view, View)
    with hold_snapshot(source(server.config)) as held:
        rows = expected_rows(local_session(), view, source(server.config)).rows.collect()
    assert held.name
    assert [(row["first_name"], row["country"]) for row in rows] == [("Ann", "Chad")]


@pytest.mark.parametrize(
    ("statement", "found"),
    [
        ("ALTER TABLE users ALTER phone TYPE text USING upper(phone)", "all rows of public.users were rewritten"),
        (
            "ALTER TABLE users ADD level int DEFAULT 1",
            "column level was added with a value for the rows that were there",
        ),
        ("ALTER TABLE users REPLICA IDENTITY DEFAULT", "public.users had lost its REPLICA IDENTITY FULL"),
        ("TRUNCATE users", "TRUNCATE took its rows"),
    ],
)
def test_what_ddl_does_to_rows_is_found_at_the_next_look(server: Server, statement: str, found: str) -> None:
    server.as_superuser(f"SET ROLE application; {statement}")
    with connect(server.config) as connection:
        look(connection)
        changes = silent_changes(connection, {TABLE})
        assert found in [change.what for change in changes]
        assert read_live_table(connection, TABLE).not_full == ()
        forget_changes(connection, changes)
        look(connection)
        assert silent_changes(connection, {TABLE}) == []


def test_the_source_connector_is_configured_with_the_same_without_the_password(server: Server) -> None:
    (source,) = declared_connectors(server.config, names=["users-postgres-source"])
    assert source.config["database.sslmode"] == "verify-full"
    assert source.config["database.sslrootcert"] == str(server.config.postgres.ca)
    assert source.config["database.password"] == "${env:PENSTOCK_POSTGRES_PASSWORD}"
    assert PASSWORD not in str(source.config)


@pytest.mark.parametrize(
    ("wrong", "says"),
    [
        ({"ca_file": None}, "root certificate file"),
        ({"host": "localhost"}, 'does not match host name "localhost"'),
        ({"password_file": None}, "no password supplied"),
        ({"sslmode": "disable", "ca_file": None}, "no encryption"),
    ],
)
def test_what_is_wrong_is_said_and_no_password_with_it(server: Server, wrong: dict[str, Any], says: str) -> None:
    part = Postgres.model_validate(server.config.postgres.model_dump() | wrong)
    with pytest.raises(PostgresUnreachable) as away, connect(server.config.model_copy(update={"postgres": part})):
        pass
    assert says in str(away.value)
    assert PASSWORD not in str(away.value)


def test_a_superuser_can_make_the_event_triggers_once(server: Server) -> None:
    (triggers,) = (role for role in roles(server.config, [TABLE]) if role.name == "a superuser")
    server.give_rights(triggers)
    create_tables(Workspace(server.config))
    with connect(server.config) as connection:
        assert sees_ddl(connection)
    with pytest.raises(psycopg2.errors.RaiseException, match="need its REPLICA IDENTITY FULL"):
        server.as_superuser("SET ROLE application; ALTER TABLE users REPLICA IDENTITY DEFAULT")
