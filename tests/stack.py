"""The stack that the e2e and fault tests run against: its configuration, and its clients."""

from __future__ import annotations

import subprocess
import time
from dataclasses import dataclass
from typing import Any

import psycopg2
from cassandra import OperationTimedOut, ReadFailure
from cassandra.cluster import NoHostAvailable, Session
from cassandra.connection import ConnectionException

from penstock.config import ROOT, Config
from tests.patience import PATIENCE_S

BASE_PORT = 26000
STATE = "var-e2e"
PROJECT = "var-e2e-project"
"""A copy of the clone's views, schemas and connectors: tests write into it."""


def toml() -> str:
    """Ports and a folder of its own: the tests run beside a stack that somebody uses."""
    keys = {
        "api": ["port"],
        "postgres": ["port"],
        "kafka": ["port", "controller_port"],
        "registry": ["port"],
        "connect": ["port"],
        "spark": ["master_port", "master_ui_port", "worker_port", "worker_ui_port"],
        "cassandra": ["port", "storage_port"],
        "airflow": ["port"],
        "console": ["port"],
    }
    lines, port = [f'state = "{STATE}"', f'project = "{PROJECT}"'], BASE_PORT
    for section, names in keys.items():
        lines.append(f"[{section}]")
        for name in names:
            lines.append(f"{name} = {port}")
            port += 1
    # After the last section, which is the console's: its tests pause connectors.
    lines.append("write = true")
    return "\n".join(lines) + "\n"


@dataclass
class Stack:
    """A running stack and its clients."""

    config: Config
    environment: dict[str, str]
    cassandra: Session

    def run(
        self, command: str, *, check: bool = True, timeout_s: float = PATIENCE_S
    ) -> subprocess.CompletedProcess[str]:
        """Run a shell command in the clone as a user would, against this stack."""
        done = subprocess.run(
            ["bash", "-c", command],
            cwd=ROOT,
            env=self.environment,
            capture_output=True,
            text=True,
            timeout=timeout_s,
            check=False,
        )
        if check:
            assert done.returncode == 0, f"{command}\n{done.stdout}\n{done.stderr}"
        return done

    def sql(self, statement: str, *arguments: Any) -> list[tuple[Any, ...]]:
        """Run one statement in Postgres and commit it; return its rows."""
        connection = psycopg2.connect(self.config.postgres.dsn)
        try:
            with connection, connection.cursor() as cursor:
                cursor.execute(statement, arguments or None)
                return cursor.fetchall() if cursor.description else []
        finally:
            connection.close()

    def cql(self, statement: str, *arguments: Any) -> list[Any]:
        """Run one statement in Cassandra; return its rows. While the driver finds the node again, try again."""
        deadline = time.monotonic() + PATIENCE_S
        while True:
            try:
                return list(self.cassandra.execute(statement, arguments or None))
            except (NoHostAvailable, OperationTimedOut, ReadFailure, ConnectionException):
                if time.monotonic() > deadline:
                    raise
                time.sleep(0.2)
