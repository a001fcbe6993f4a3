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
from penstock.doctor.rights import Role, role_of
from penstock.layout import Layout
from penstock.project.folders import Project
from penstock.stack.parts.postgres import postgres
from penstock.wait import wait_until
from tests.integration.certificates import Certificates
from tests.integration.servers import free_port
from tests.patience import PATIENCE_S

SUPER, PASSWORD = "owner-of-all-5ecret", "p3nstock's 5ecret"
TABLE = "public.users"
INSERT = """
INSERT INTO public.users (id, email, first_name, last_name, country, registered)
VALUES (gen_random_uuid(), 'a@b.c', 'Ann', 'Å', 'Chad', '2026-11-23 12:00:00.123+01')
"""


def in_quotes(text: str) -> str:
    """Write a text for between the quotes of SQL or CQL."""
    return text.replace("'", "''")


class Server:
    """The server with its two ways in: the superuser's, and the configuration that Penstock has."""

    def __init__(self, folder: Path, port: int, certificates: Certificates) -> None:
        self.folder = folder
        self.files = {"super": SUPER, "penstock": PASSWORD}
        for name, secret in self.files.items():
            (folder / f"postgres-{name}").write_text(secret + "\n")
        secure = {"managed": False, "port": port, "sslmode": "verify-full", "ca_file": certificates.ca}
        self.administrator = Config.model_validate(
            {"state": folder / "theirs", "postgres": {**secure, "password_file": folder / "postgres-super"}}
        )
        theirs = {"user": "penstock", "password_file": folder / "postgres-penstock"}
        self.section = {**secure, **theirs}
        self.config = Config.model_validate(
            {"state": folder / "ours", "postgres": self.section, "airflow": {"managed": False}}
        )

    def start(self) -> None:
        """Run it; return when it answers."""
        part, log = postgres(self.administrator, Layout.of(self.administrator)), self.folder / "postgres.log"
        with log.open("ab") as output:
            self._process = subprocess.Popen(part.command, stdout=output, stderr=output)
        wait_until(part.is_ready, timeout_s=PATIENCE_S, what="Postgres answers", log=log)

    def stop(self) -> None:
        """End it."""
        self._process.send_signal(signal.SIGINT)
        self._process.wait(30)

    def as_superuser(self, statements: str, database: str = "app") -> list[tuple[Any, ...]]:
        """Run statements; outside of a transaction when it is only one."""
        with closing(psycopg2.connect(self.administrator.postgres.dsn_of(database))) as connection:
            connection.autocommit = True
            with connection.cursor() as cursor:
                cursor.execute(statements)
                return cursor.fetchall() if cursor.description else []

    def give_rights(self, role: Role) -> None:
        """Run the statements of a role, but for what is optional."""
        for statement in role.statements:
            if not statement.why.startswith("optional"):
                self.as_superuser(statement.text.replace("'…'", f"'{in_quotes(PASSWORD)}'"))


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
    server.start()
    try:
        server.as_superuser("CREATE DATABASE app", "postgres")
        server.as_superuser("CREATE ROLE application LOGIN PASSWORD 'application-5ecret'")
        server.as_superuser("GRANT CREATE, USAGE ON SCHEMA public TO application")
        users = Project.of(server.config).postgres / "010_users.sql"
        server.as_superuser(f"SET ROLE application; {users.read_text()}; {INSERT}")
        server.give_rights(role_of(server.config, "postgres", [TABLE]))
        yield server
    finally:
        server.stop()
