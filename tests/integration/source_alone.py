"""The source connector's task in a Java process of its own, without Kafka and Connect."""

from __future__ import annotations

import subprocess
from collections.abc import Mapping
from functools import cache
from pathlib import Path
from tempfile import TemporaryDirectory
from types import MappingProxyType

import psycopg2

from penstock.clone import ROOT
from penstock.config import Config
from penstock.connect.files import ConnectorFile, read_connector
from penstock.installation import Names
from penstock.postgres.record import Record
from penstock.project.connector_lists import TABLES, as_noted
from penstock.wait import wait_until
from tests.patience import PATIENCE_S

HEAP_MB = 512
"""Of the 768 that Connect has by default, with the sink beside."""

NOTHING: Mapping[str, str] = MappingProxyType({})

_JARS = f"{ROOT}/.servers/plugins/debezium/debezium-connector-postgres/*:{ROOT}/.servers/kafka/*"

_started: list[subprocess.Popen[str]] = []


class SourceAlone:
    """One process of it, with the connector's file but for what needs Kafka; its slot goes when it ends."""

    def __init__(
        self,
        config: Config,
        folder: Path,
        *,
        table: str | None,
        more: Mapping[str, str] = NOTHING,
        connector: ConnectorFile | None = None,
    ) -> None:
        file = folder / "source.properties"
        settings = _settings(config, connector or _connector(), table) | dict(more)
        file.write_text("".join(f"{name}={_escaped(value)}\n" for name, value in settings.items()))
        command = ["java", f"-Xmx{HEAP_MB}m", "-cp", f"{_JARS}:{_compiled().name}", "SourceAlone", str(file)]
        self._log = folder / "source.log"
        with self._log.open("w") as log:
            self.process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=log, text=True)
        _started.append(self.process)

    def changes(self) -> list[list[str]]:
        """Return id, operation and what is left out of `before` and `after`, of each change up to the row `end`."""
        return [line.split("\t")[1:] for line in self._lines() if line.startswith("CHANGE\t")]

    def records(self) -> list[str]:
        """Return each record up to the row `end` as one text: keys, values, headers, the names of all columns.

        Asked for by the setting `changes.whole`.
        """
        return [line for line in self._lines() if line.startswith("RECORD\t")]

    def failure(self) -> str:
        """Return what it says when it has ended with an error."""
        self.process.communicate(timeout=PATIENCE_S)
        assert self.process.returncode == 1
        return self._log.read_text()

    def _lines(self) -> list[str]:
        out, _ = self.process.communicate(timeout=PATIENCE_S)
        assert self.process.returncode == 0, self._log.read_text()[-5000:]
        return out.splitlines()


def catch_up(cursor: psycopg2.extensions.cursor, step: str) -> None:
    """Wait until the source has read all that was written.

    :param step: a statement that writes a row, so that there is something to confirm; it commits by itself.
    """
    cursor.execute("SELECT pg_current_wal_lsn()")
    ((lsn,),) = cursor.fetchall()
    cursor.execute(step)

    def has_confirmed() -> bool:
        cursor.execute("SELECT confirmed_flush_lsn >= %s FROM pg_replication_slots", (lsn,))
        return cursor.fetchone() == (True,)

    wait_until(has_confirmed, timeout_s=PATIENCE_S, what="the source has read it all")


def end_all() -> None:
    """End the processes that a test has left, as one that failed does: the next one has the same slot."""
    while _started:
        with _started.pop() as process:
            process.kill()


@cache
def _compiled() -> TemporaryDirectory[str]:
    """Compile it once; the folder goes with this process."""
    folder = TemporaryDirectory()
    java = ROOT / "tests/integration/SourceAlone.java"
    subprocess.run(["javac", "-d", folder.name, "-cp", _JARS, java], check=True)
    return folder


def _escaped(value: str) -> str:
    """Write a value as Java's properties have it, which are Latin-1."""
    plain = value.replace("\\", "\\\\")
    return "".join(each if each.isascii() else f"\\u{ord(each):04x}" for each in plain)


def _hashed(config: Config) -> dict[str, str]:
    """Return the settings with the secret itself: nothing resolves a reference here."""
    settings = config.hashed.settings
    return settings | ({"penstock.hash.secret": config.hashed.secret} if settings else {})


def _connector() -> ConnectorFile:
    """Return the source as it is applied."""
    return as_noted(
        read_connector(ROOT / "connect/connectors/users-postgres-source.json"),
        {Names(): Record(known=frozenset({"public.users"}))},
    )


def _settings(config: Config, connector: ConnectorFile, table: str | None) -> dict[str, str]:
    """Return the settings of one table, or of every table that is known."""
    own = ("producer.", "transforms", "errors.", "exactly.", "signal.", "notification.", TABLES)
    part = config.database
    return {name: value for name, value in connector.config.items() if not name.startswith(own)} | {
        "database.hostname": part.host,
        "database.port": str(part.port),
        "database.user": part.user,
        "database.password": part.password or "none",
        "database.dbname": part.database,
        **({TABLES: table} if table else {}),
        "slot.drop.on.stop": "true",
        **config.excluded.settings,
        **_hashed(config),
    }
