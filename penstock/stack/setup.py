"""The steps of the set-up: what must exist in the servers before data flows. Each is idempotent, says what it did."""

from __future__ import annotations

from contextlib import closing
from pathlib import Path

import psycopg2
from psycopg2 import sql

from penstock.config import ROOT, Config
from penstock.errors import TerminalError

POSTGRES_SCHEMAS = ROOT / "schemas" / "postgres"
AIRFLOW_DATABASE = "airflow_meta"


class SchemaFailed(TerminalError):
    """A file of schemas/postgres was refused by Postgres."""

    def __init__(self, file: Path, reason: str) -> None:
        super().__init__(f"{file.relative_to(ROOT)} was refused by Postgres: {reason}")


def create_tables(config: Config) -> str:
    """Create the databases, then run schemas/postgres/*.sql in the order of their names, each in one transaction."""
    made = [name for name in (config.postgres.database, AIRFLOW_DATABASE) if _create_database(config, name)]
    files = sorted(POSTGRES_SCHEMAS.glob("*.sql"))
    with closing(psycopg2.connect(config.postgres.dsn)) as connection:
        for file in files:
            _run_file(connection, file)
    return f"{len(files)} files applied" + (f", database {', '.join(made)} created" if made else "")


def _create_database(config: Config, name: str) -> bool:
    section = config.postgres
    server = f"host={section.host} port={section.port} user={section.user} dbname=postgres"
    with closing(psycopg2.connect(server)) as connection:
        connection.autocommit = True
        cursor = connection.cursor()
        cursor.execute("SELECT 1 FROM pg_database WHERE datname = %s", (name,))
        if cursor.fetchone():
            return False
        cursor.execute(sql.SQL("CREATE DATABASE {}").format(sql.Identifier(name)))
        return True


def _run_file(connection: psycopg2.extensions.connection, file: Path) -> None:
    try:
        with connection, connection.cursor() as cursor:
            cursor.execute(file.read_text())
    except psycopg2.Error as exc:
        raise SchemaFailed(file, str(exc).strip()) from exc
