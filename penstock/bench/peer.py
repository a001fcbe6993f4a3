"""One view of public.users by Penstock and by what tutorials build, one after the other in one run.

Both are asked in the same way. A row of the benchmark's own gets a new value while others are updated at a steady rate.
A client looks until Cassandra has the value.
"""

from __future__ import annotations

import json
import random
import subprocess
import sys
import tempfile
import time
import uuid
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path

from cassandra.cluster import Session
from psycopg2.extensions import connection as Connection

from penstock.bench.alone import parts_stopped
from penstock.bench.pace import LOOK_S, OnProgress, percentiles
from penstock.bench.peer_job import TABLE, Settings, columns_of
from penstock.bench.updates import Updates
from penstock.cassandra.session import open_session
from penstock.config import Config, to_json
from penstock.environment import taken_from
from penstock.errors import TerminalError
from penstock.layout import Layout
from penstock.names import topic_of
from penstock.pipeline.stalled import JOBS
from penstock.postgres.connection import connect
from penstock.registry.client import RegistryClient
from penstock.stack.elsewhere import NotSupervised
from penstock.wait import log_tail

_SOURCE, _VIEW = "public.users", "users_by_id"
_STALL_S = 120.0
_PAUSE_S = (0.05, 0.15)
_INSERT = """
    INSERT INTO public.users (id, email, first_name, last_name, registered, country)
    VALUES (%s, 'bench@example.com', 'Bench', 'Mark', '2020-02-02', 'Nowhere')
"""


class NotArrived(TerminalError):
    """A change did not come: then no figure counts."""

    def __init__(self, table: str, log: str = "") -> None:
        super().__init__(f"a change was not in {table} after {_STALL_S:.0f} s; `penstock status` shows more{log}")


class TooFew(TerminalError):
    """Two changes were not timed."""

    def __init__(self, table: str) -> None:
        super().__init__(f"too few changes of {table} came for figures: take more `--seconds`, or a lower `--rate`")


@dataclass(frozen=True)
class Waits:
    """Milliseconds from when an UPDATE is handed to Postgres until a client reads its value in Cassandra."""

    samples: int
    p50_ms: float
    p99_ms: float
    max_ms: float

    @classmethod
    def of(cls, seconds: list[float]) -> Waits:
        """Sum up two waits or more."""
        figures = (*percentiles(seconds), max(seconds))
        return cls(len(seconds), *(round(each * 1000, 1) for each in figures))

    def __str__(self) -> str:
        return f"p50 {self.p50_ms:,.0f} ms, p99 {self.p99_ms:,.0f} ms, max {self.max_ms:,.0f} ms ({self.samples} timed)"


@dataclass(frozen=True)
class Compared:
    """The figures of one run at one rate of changes per second."""

    rate: int
    penstock: Waits
    peer: Waits

    @property
    def ratio(self) -> float:
        """How many times longer the peer takes at the median."""
        return self.peer.p50_ms / self.penstock.p50_ms


def compare(config: Config, *, rate: int, seconds: int, warm_up_s: int, on_progress: OnProgress) -> Compared:
    """Measure Penstock as it runs, then the peer with Penstock's own jobs stopped; they run again at the end.

    :param warm_up_s: so many seconds are not timed at first.
    :raises NotArrived: one of them has stalled.
    :raises TooFew: one of them is too slow for so short a run.
    """
    if not config.supervised:
        raise NotSupervised("its jobs cannot be stopped from here")
    keyspace = config.names.keyspace
    with open_session(config) as session, connect(config) as connection, _probe(connection) as row:

        def measure(table: str) -> Waits:
            probe = _Probe(connection, row, _look(session, f"{keyspace}.{table}", row), table)
            probe.wait()  # what came before, such as the changes of an earlier run, is written then
            updates = Updates(config, tables=[_SOURCE], rate=rate, seconds=warm_up_s + seconds)
            return _measure(updates, probe, warm_up_s, on_progress)

        ours = measure(_VIEW)
        with parts_stopped(config, JOBS), _peer(config, session) as log:
            _wait_for(_Probe(connection, row, _look(session, f"{keyspace}.{TABLE}", row), TABLE), log)
            return Compared(rate, ours, measure(TABLE))


@dataclass(frozen=True)
class _Probe:
    """A row that is changed and looked for.

    :param look: returns the value that Cassandra has.
    """

    connection: Connection
    row: str
    look: Callable[[], str | None]
    table: str

    def wait(self) -> float:
        """Change the row and return the seconds until Cassandra has it."""
        started = time.monotonic()
        value = self.change()
        while self.look() != value:
            if time.monotonic() - started > _STALL_S:
                raise NotArrived(self.table)
            time.sleep(LOOK_S)
        return time.monotonic() - started

    def change(self) -> str:
        """Give the row another value; return it."""
        value = str(uuid.uuid4())
        with self.connection, self.connection.cursor() as cursor:
            cursor.execute("UPDATE public.users SET city = %s WHERE id = %s", (value, self.row))
        return value


def _wait_for(probe: _Probe, log: Path) -> None:
    """Change the row until some change has come: the peer reads none that was made before it began to read."""
    started = time.monotonic()
    while probe.look() is None:
        if time.monotonic() - started > _STALL_S:
            raise NotArrived(probe.table, f"\n{log_tail(log)}")
        probe.change()
        time.sleep(1)


def _measure(updates: Updates, probe: _Probe, warm_up_s: int, on_progress: OnProgress) -> Waits:
    """Time the probe again and again while the updates run."""
    updates.start()
    warm_at, waits = time.monotonic() + warm_up_s, list[float]()
    while updates.is_running:
        at, wait = time.monotonic(), probe.wait()
        if at >= warm_at:
            waits.append(wait)
            on_progress(f"changes of {probe.table} timed", len(waits), 0)
        time.sleep(random.uniform(*_PAUSE_S))  # noqa: S311 - in step with no interval of a server
    if len(waits) < 2:
        raise TooFew(probe.table)
    return Waits.of(waits)


@contextmanager
def _probe(connection: Connection) -> Iterator[str]:
    row = str(uuid.uuid4())
    with connection, connection.cursor() as cursor:
        cursor.execute(_INSERT, (row,))
    try:
        yield row
    finally:
        with connection, connection.cursor() as cursor:
            cursor.execute("DELETE FROM public.users WHERE id = %s", (row,))


def _look(session: Session, table: str, row: str) -> Callable[[], str | None]:
    key = row if table.endswith(TABLE) else uuid.UUID(row)
    select = session.prepare(f"SELECT city FROM {table} WHERE id = ?")  # noqa: S608 - names of ours

    def look() -> str | None:
        found = session.execute(select, (key,)).one()
        return None if found is None else str(found["city"])

    return look


@contextmanager
def _peer(config: Config, session: Session) -> Iterator[Path]:
    """Run the peer with a table of its own; give its log."""
    with RegistryClient(config.registry.url) as registry:
        topic = topic_of(_SOURCE, config.names.topic_prefix)
        subject = f"{topic}-value"
        found = registry.version(subject, registry.versions(subject)[-1])
    schema = "" if found is None else found[1].text
    columns = ", ".join(f"{name} text{' PRIMARY KEY' if name == 'id' else ''}" for name in columns_of(schema))
    table, layout = f"{config.names.keyspace}.{TABLE}", Layout.of(config)
    session.execute(f"DROP TABLE IF EXISTS {table}")
    session.execute(f"CREATE TABLE {table} ({columns})")
    log = layout.log("bench-peer")
    with tempfile.TemporaryDirectory(dir=layout.state) as folder, log.open("wb") as said:
        (file := Path(folder) / "config.json").write_text(to_json(config))
        settings = json.dumps(asdict(Settings(str(file), topic, schema, f"{folder}/checkpoint")))
        command = [sys.executable, "-m", "penstock.bench.peer_job", settings]
        process = subprocess.Popen(command, stdout=said, stderr=said, env=taken_from({}))
        try:
            yield log
        finally:
            process.kill()
            process.wait()
            session.execute(f"DROP TABLE IF EXISTS {table}")
