"""A Postgres of others for the tests: TLS and passwords only, a role that is no superuser, tables of an application."""

from __future__ import annotations

import signal
import subprocess
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any

import psycopg2

from penstock.config import Config
from penstock.project import Project
from penstock.stack.layout import Layout
from penstock.stack.parts.postgres import postgres
from penstock.stack.wait import wait_until
from tests.integration.certificates import Certificates
from tests.integration.servers import free_port
from tests.patience import PATIENCE_S

SUPER, PASSWORD = "owner-of-all-5ecret", "p3nstock's 5ecret"
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
            (folder / f"postgres-{name}").write_text(secret + "\n")
        secure = {"host": "127.0.0.1", "port": port, "sslmode": "verify-full", "ca_file": certificates.ca}
        self.administrator = Config.model_validate(
            {"state": folder / "theirs", "postgres": {**secure, "password_file": folder / "postgres-super"}}
        )
        theirs = {"managed": False, "user": "penstock", "password_file": folder / "postgres-penstock"}
        self.section = {**secure, **theirs}
        self.config = Config.model_validate(
            {"state": folder / "ours", "postgres": self.section, "airflow": {"managed": False}}
        )

    def as_superuser(self, statements: str, database: str = "app") -> list[tuple[Any, ...]]:
        """Run statements; outside of a transaction when it is only one."""
        with closing(psycopg2.connect(self.administrator.postgres.dsn_of(database))) as connection:
            connection.autocommit = True
            with connection.cursor() as cursor:
                cursor.execute(statements)
                return cursor.fetchall() if cursor.description else []


@contextmanager
def their_postgres(folder: Path, certificates: Certificates) -> Iterator[Server]:
    """Run the server, in which the application has its table."""
    server = Server(folder, free_port(), certificates)
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
        yield server
    finally:
        process.send_signal(signal.SIGINT)
        process.wait(30)
