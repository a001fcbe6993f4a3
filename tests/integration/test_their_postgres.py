"""A Postgres of others: TLS, passwords, a role that is no superuser and does not own the tables of the application."""

from __future__ import annotations

import signal
import socket
import subprocess
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import psycopg2
import pytest
from penstock_views.batch import Postgres as Source
from penstock_views.batch import expected_rows
from penstock_views.declare import View
from penstock_views.load import load_views
from penstock_views.session import local_session
from penstock_views.snapshot import hold_snapshot

from penstock.config import ROOT, Config, Postgres
from penstock.connect.declared import declared_connectors
from penstock.project import Project
from penstock.stack.health import part_healths
from penstock.stack.layout import Layout
from penstock.stack.parts.postgres import postgres
from penstock.stack.setup import create_tables
from penstock.stack.wait import wait_until
from penstock.views.catalogue import PostgresAway, connect, published_tables, read_live_table
from penstock.views.check import check
from penstock.views.lives import lives_of
from penstock.views.silent import forget_changes, look, sees_ddl, silent_changes
from tests.integration.certificates import Certificates
from tests.patience import PATIENCE_S

SUPER, PASSWORD = "owner-of-all-5ecret", "p3nstock's 5ecret"
TABLE = "public.users"
# docs/your-servers.md has these too.
GRANTS = """
CREATE ROLE application LOGIN PASSWORD 'application-5ecret';
CREATE ROLE penstock LOGIN REPLICATION PASSWORD 'p3nstock''s 5ecret';
GRANT CONNECT, CREATE ON DATABASE app TO penstock;
GRANT application TO penstock;
GRANT pg_read_all_stats TO penstock;
GRANT CREATE, USAGE ON SCHEMA public TO application, penstock;
"""
INSERT = """
INSERT INTO public.users (id, email, first_name, last_name, country, registered)
VALUES (gen_random_uuid(), 'a@b.c', 'Ann', 'Å', 'Chad', '2026-11-23 12:00:00.123+01')
"""


class Server:
    """The server with its two ways in: the superuser's, and the configuration that Penstock has."""

    def __init__(self, folder: Path, port: int, certificates: Certificates) -> None:
        self.files = {"super": SUPER, "penstock": PASSWORD}
        for name, secret in self.files.items():
            (folder / name).write_text(secret + "\n")
        secure = {"host": "127.0.0.1", "port": port, "sslmode": "verify-full", "ca_file": certificates.ca}
        self.administrator = Config.model_validate(
            {"state": folder / "theirs", "postgres": {**secure, "password_file": folder / "super"}}
        )
        theirs = {"managed": False, "user": "penstock", "password_file": folder / "penstock"}
        self.config = Config.model_validate(
            {"state": folder / "ours", "postgres": {**secure, **theirs}, "airflow": {"managed": False}}
        )

    def as_superuser(self, statements: str, database: str = "app") -> list[tuple[Any, ...]]:
        """Run statements; outside of a transaction when it is only one."""
        with closing(psycopg2.connect(self.administrator.postgres.dsn_of(database))) as connection:
            connection.autocommit = True
            with connection.cursor() as cursor:
                cursor.execute(statements)
                return cursor.fetchall() if cursor.description else []


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """Run a Postgres that takes connections with TLS and a password only, in which the application has its table."""
    folder = tmp_path_factory.mktemp("theirs")
    certificates = Certificates.made_in(folder / "tls")
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port = int(listener.getsockname()[1])
    server = Server(folder, port, certificates)
    part = postgres(server.administrator, Layout.of(server.administrator))
    part.prepare()
    data = Layout.of(server.administrator).data("postgres")
    key, signed = certificates.sign("postgres")
    with (data / "postgresql.conf").open("a") as settings:
        settings.write(f"ssl = on\nssl_key_file = '{key}'\nssl_cert_file = '{signed}'\n")
    (data / "pg_hba.conf").write_text("hostssl all all 127.0.0.1/32 scram-sha-256\n")
    with (folder / "postgres.log").open("wb") as log:
        process = subprocess.Popen(part.command, stdout=log, stderr=log)
    try:
        wait_until(part.is_ready, timeout_s=PATIENCE_S, what="Postgres answers", log=folder / "postgres.log")
        server.as_superuser("CREATE DATABASE app", "postgres")
        server.as_superuser(GRANTS)
        users = Project.of(server.config).postgres / "010_users.sql"
        server.as_superuser(f"SET ROLE application; {users.read_text()}; {INSERT}")
        create_tables(server.config)
        yield server
    finally:
        process.send_signal(signal.SIGINT)
        process.wait(30)


def test_it_is_not_ours_and_answers(server: Server) -> None:
    (health,) = (each for each in part_healths(server.config) if each.name == "postgres")
    assert (health.state, health.answers) == ("not ours", True)


def test_the_setup_takes_no_superuser(server: Server) -> None:
    assert server.as_superuser("SELECT rolsuper FROM pg_roles WHERE rolname = 'penstock'") == [(False,)]
    create_tables(server.config)
    with connect(server.config) as connection:
        assert TABLE in published_tables(connection)
        assert read_live_table(connection, TABLE).not_full == ()
        assert not sees_ddl(connection)
    assert lives_of(server.config)[TABLE].is_there


def test_views_check_finds_nothing_wrong(server: Server) -> None:
    assert check(server.config).wrong == ()


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
        ("ALTER TABLE users ALTER phone TYPE text USING upper(phone)", "all rows of public.users were written anew"),
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


def test_the_source_connector_is_told_the_same_without_the_password(server: Server) -> None:
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
    with pytest.raises(PostgresAway) as away, connect(server.config.model_copy(update={"postgres": part})):
        pass
    assert says in str(away.value)
    assert PASSWORD not in str(away.value)
