"""A primary with its standby, and an address that leads to one of them, as that of a cluster does."""

from __future__ import annotations

import shutil
import signal
import socket
import subprocess
import threading
from collections.abc import Iterator
from contextlib import closing, contextmanager, suppress
from pathlib import Path
from typing import Any

import psycopg2

from penstock.config import Config
from penstock.layout import Layout
from penstock.project.workspace import Workspace
from penstock.sections.postgres import Postgres
from penstock.setup.actions import create_tables
from penstock.stack.parts.postgres import postgres
from penstock.wait import wait_until
from tests.integration.servers import free_port
from tests.patience import PATIENCE_S

PHYSICAL = "standby_one"
"""The slot by which the standby reads."""


class Server:
    """One Postgres; whose data it has is said when it starts."""

    def __init__(self, folder: Path) -> None:
        self.config = Config(state=folder, postgres=Postgres(port=free_port()))
        self.data = Layout.of(self.config).data("postgres")
        self._part = postgres(self.config, Layout.of(self.config))
        self._log = folder / "postgres.log"

    def start(self) -> None:
        """Run it; return when it answers."""
        self._part.prepare()
        with self._log.open("ab") as log:
            self._process = subprocess.Popen(self._part.command, stdout=log, stderr=log)
        wait_until(self._part.is_ready, timeout_s=PATIENCE_S, what="Postgres answers", log=self._log)

    def follow(self, port: int) -> None:
        """Run it as a standby of the server at a port, whose files it has; it keeps the slots."""
        (self.data / "standby.signal").touch()
        reads = f"host=127.0.0.1 port={port} user=postgres dbname=app"
        with (self.data / "postgresql.auto.conf").open("a") as settings:
            settings.write(
                f"primary_conninfo = '{reads}'\nprimary_slot_name = '{PHYSICAL}'\n"
                "hot_standby_feedback = on\nsync_replication_slots = on\n"
            )
        self.start()

    def stop(self, kind: signal.Signals = signal.SIGINT) -> None:
        """End it, if it runs."""
        if self._process.poll() is None:
            self._process.send_signal(kind)
            self._process.wait(30)

    def sql(self, *statements: str) -> list[tuple[Any, ...]]:
        """Run statements, each in a transaction of its own; return the rows of the last one."""
        with closing(psycopg2.connect(self.config.postgres.dsn)) as connection:
            connection.autocommit = True
            with connection.cursor() as cursor:
                for statement in statements:
                    cursor.execute(statement)
                return cursor.fetchall() if cursor.description else []

    def waits(self, condition: str) -> None:
        """Return when a condition of SQL is true."""
        wait_until(lambda: self.sql(f"SELECT {condition}") == [(True,)], timeout_s=PATIENCE_S, what=condition)


class Address:
    """A port that leads to one server at a time."""

    def __init__(self, server: Server) -> None:
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.port = int(self._listener.getsockname()[1])
        self._open: list[socket.socket] = []
        self.lead_to(server)
        threading.Thread(target=self._accept, daemon=True).start()

    def lead_to(self, server: Server) -> None:
        """Cut off whoever is connected, and lead to another server."""
        self._target = server.config.postgres.port
        self._cut_off()

    def close(self) -> None:
        """Lead nowhere."""
        self._listener.close()
        self._cut_off()

    def _cut_off(self) -> None:
        for each in self._open:
            _end(each)
            each.close()
        self._open.clear()

    def _accept(self) -> None:
        with suppress(OSError):
            while True:
                near, _ = self._listener.accept()
                try:
                    far = socket.create_connection(("127.0.0.1", self._target))
                except OSError:
                    near.close()
                    continue
                self._open += [near, far]
                for pair in ((near, far), (far, near)):
                    threading.Thread(target=_carry, args=pair, daemon=True).start()


def _carry(source: socket.socket, target: socket.socket) -> None:
    with suppress(OSError):
        while read := source.recv(65536):
            target.sendall(read)
    _end(source)
    _end(target)


def _end(connection: socket.socket) -> None:
    with suppress(OSError):
        connection.shutdown(socket.SHUT_RDWR)


@contextmanager
def pair(folder: Path, *, tables: str) -> Iterator[tuple[Server, Server, Address]]:
    """Run a primary, which is set up as `penstock up` does, a standby that keeps its slots, and their address."""
    primary, standby = Server(folder / "primary"), Server(folder / "standby")
    primary.start()
    create_tables(Workspace(primary.config))
    primary.sql(tables, f"SELECT pg_create_physical_replication_slot('{PHYSICAL}', true)")
    primary.stop()
    shutil.copytree(primary.data, standby.data)
    primary.start()
    standby.follow(primary.config.postgres.port)
    address = Address(primary)
    try:
        yield primary, standby, address
    finally:
        address.close()
        primary.stop()
        standby.stop()
