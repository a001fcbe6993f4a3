"""A Postgres that is away is one error, wherever it goes away: before a statement, or at one of the set-up."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import psycopg2
import pytest

from penstock.config import Config, load_config
from penstock.postgres.connection import LOOK, PostgresUnreachable, connect, open_connection
from penstock.postgres.publication import _execute
from penstock.setup.actions import run_files
from tests.integration.servers import free_port, started, written

ENDS_US = "SELECT pg_terminate_backend(pg_backend_pid())"


@pytest.fixture(scope="module")
def config(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Config]:
    file = written(tmp_path_factory.mktemp("pg"), "postgres", more='postgres.database = "postgres"')
    config = load_config(file)
    with started(config, "postgres"):
        yield config


def test_a_session_that_ends_within_the_block_is_a_postgres_that_is_away(config: Config) -> None:
    address = rf"Postgres does not answer at 127\.0\.0\.1:{config.postgres.port} \("
    with pytest.raises(PostgresUnreachable, match=address), connect(config) as connection:
        connection.cursor().execute(ENDS_US)
    with pytest.raises(PostgresUnreachable), connect(config) as connection, connection, connection.cursor() as cursor:
        cursor.execute(ENDS_US)


def test_what_it_says_of_a_statement_stays_what_it_is(config: Config) -> None:
    with pytest.raises(psycopg2.errors.QueryCanceled), connect(config) as connection:
        connection.cursor().execute("SET statement_timeout = 1; SELECT pg_sleep(60)")


def test_the_patience_of_a_role_ends_no_reading(config: Config) -> None:
    role = config.postgres.user
    with connect(config) as connection, connection, connection.cursor() as cursor:
        cursor.execute(f"ALTER ROLE {role} SET statement_timeout = '50ms'; ALTER ROLE {role} SET lock_timeout = '50ms'")
    with connect(config) as connection, connection.cursor() as cursor:
        cursor.execute("SELECT pg_sleep(0.2), current_setting('lock_timeout')")
        assert cursor.fetchone() == ("", "0")


def test_a_file_and_a_table_are_not_refused_by_a_postgres_that_is_away(config: Config, tmp_path: Path) -> None:
    file = tmp_path / "tables.sql"
    file.write_text(ENDS_US)
    with pytest.raises(PostgresUnreachable), connect(config) as connection:
        run_files(connection, [file])
    with pytest.raises(PostgresUnreachable), connect(config) as connection:
        _execute(connection, "public.t", ENDS_US)


def test_a_look_ends_a_statement_that_takes_too_long(config: Config) -> None:
    connection = open_connection(config.postgres.dsn, limits=LOOK)
    with pytest.raises(psycopg2.errors.QueryCanceled), connection.cursor() as cursor:
        cursor.execute("SELECT pg_sleep(60)")
    connection.close()


def test_an_address_where_nobody_listens_is_said() -> None:
    config = Config.model_validate({"postgres": {"port": free_port()}})
    with pytest.raises(PostgresUnreachable, match="Connection refused"), connect(config):
        pass
