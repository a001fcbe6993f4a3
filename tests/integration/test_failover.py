"""A standby is promoted under the real source: it goes on from there, or refuses with the cure."""

from __future__ import annotations

import re
import signal
import threading
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import psycopg2
import pytest

from penstock.config import Config
from penstock.doctor.finding import Weight
from penstock.doctor.standbys import examine_standbys
from penstock.postgres.connection import connect
from penstock.postgres.publication import publish
from penstock.sections.postgres import Postgres
from tests.integration.source_alone import SourceAlone
from tests.integration.standby import PHYSICAL, Address, Server, pair

pytestmark = pytest.mark.slow

TABLES = """
CREATE SEQUENCE public.numbers;
CREATE TABLE public.items (id text PRIMARY KEY DEFAULT nextval('public.numbers')::text, note text)
"""
INSERT = "INSERT INTO items (note) VALUES ('%s')"
END = "INSERT INTO items (id) VALUES ('end')"
KEEPS_UP = f"ALTER SYSTEM SET synchronized_standby_slots = '{PHYSICAL}'"
IS_KEPT = "EXISTS (SELECT FROM pg_replication_slots WHERE slot_name = 'penstock' AND synced AND NOT temporary)"
STREAMS = "EXISTS (SELECT FROM pg_replication_slots WHERE slot_name = 'penstock' AND active)"

Pair = tuple[Server, Server, Address]


@pytest.fixture
def cluster(tmp_path: Path) -> Iterator[Pair]:
    with pair(tmp_path, tables=TABLES) as servers:
        with connect(servers[0].config) as connection:
            publish(connection, ["public.items"])
        yield servers


def source(address: Address, folder: Path) -> SourceAlone:
    config = Config(state=folder, postgres=Postgres(port=address.port))
    # It stops before each try to start again.
    return SourceAlone(config, folder, table="public.items", more={"slot.drop.on.stop": "false"})


def promote(primary: Server, standby: Server, address: Address) -> None:
    """Kill the primary, and let the standby take its place."""
    primary.stop(signal.SIGKILL)
    standby.sql("SELECT pg_promote()")
    address.lead_to(standby)


class Writer:
    """Inserts row after row wherever the address leads; what is refused or cut off is tried again as another row."""

    def __init__(self, address: Address) -> None:
        self._dsn = Config(postgres=Postgres(port=address.port)).postgres.dsn
        self._ends = threading.Event()
        self._thread = threading.Thread(target=self._write, daemon=True)
        self._thread.start()

    def end(self) -> None:
        self._ends.set()
        self._thread.join()

    def _write(self) -> None:
        while not self._ends.is_set():
            try:
                self._insert()
            except psycopg2.Error:
                self._ends.wait(0.05)

    def _insert(self) -> None:
        with closing(psycopg2.connect(self._dsn)) as connection:
            connection.autocommit = True
            with connection.cursor() as cursor:
                while not self._ends.wait(0.005):
                    cursor.execute(INSERT % "under load")


def test_the_source_goes_on_from_a_standby_that_keeps_its_slot(cluster: Pair, tmp_path: Path) -> None:
    primary, standby, address = cluster
    primary.sql(KEEPS_UP, "SELECT pg_reload_conf()")
    reads, writer = source(address, tmp_path), Writer(address)
    primary.waits(STREAMS)
    standby.waits(IS_KEPT)
    before = primary.sql("SELECT count(*) FROM items")[0][0]
    primary.waits(f"count(*) > {before + 100} FROM items")
    promote(primary, standby, address)
    held = standby.sql("SELECT count(*) FROM items")[0][0]
    standby.waits(f"count(*) > {held + 100} FROM items")
    standby.waits(STREAMS)
    writer.end()
    standby.sql(END)
    created = [row for row, op, *_ in reads.changes() if op in {"c", "r"}]
    assert sorted(created) == sorted({*created})
    assert {*created} == {row for (row,) in standby.sql("SELECT id FROM items")}


def test_a_standby_without_the_slot_is_refused(cluster: Pair, tmp_path: Path) -> None:
    primary, standby, address = cluster
    standby.sql("ALTER SYSTEM SET sync_replication_slots = off", "SELECT pg_reload_conf()")
    reads = source(address, tmp_path)
    primary.waits(STREAMS)
    read_all(primary)
    standby.waits(f"pg_last_wal_replay_lsn() >= '{end_of(primary)}'")
    standby.waits("NOT EXISTS (SELECT FROM pg_replication_slots WHERE slot_type = 'logical')")
    promote(primary, standby, address)
    failure = reads.failure()
    assert "replication slot penstock is gone, and with it the changes since" in failure
    assert "`penstock views rebuild` reads everything again" in failure


def test_a_standby_that_lacks_what_was_read_is_refused(cluster: Pair, tmp_path: Path) -> None:
    primary, standby, address = cluster
    reads = source(address, tmp_path)
    primary.waits(STREAMS)
    read_all(primary)
    standby.waits(IS_KEPT)
    standby.sql("ALTER SYSTEM SET primary_conninfo = ''", "SELECT pg_reload_conf()")
    standby.waits("NOT EXISTS (SELECT FROM pg_stat_wal_receiver)")
    primary.sql(*[INSERT % "only in the primary"] * 20)
    read_all(primary)
    primary.stop(signal.SIGKILL)
    standby.sql("SELECT pg_promote()")
    # Its log is soon longer than that of the primary was: nobody sees a gap in numbers.
    standby.sql(*[INSERT % ("only in the standby" * 100)] * 500)
    address.lead_to(standby)
    assert "the server was promoted (timeline 2) without all that the source has read" in reads.failure()


def test_doctor_names_what_keeps_a_standby_from_being_promoted(cluster: Pair, tmp_path: Path) -> None:
    primary, standby, address = cluster
    named = {"standbys": [f"127.0.0.1:{standby.config.postgres.port}"]}
    config = primary.config.model_copy(update={"postgres": primary.config.postgres.model_copy(update=named)})
    reads = source(address, tmp_path)
    primary.waits(STREAMS)
    standby.waits(IS_KEPT)
    assert said(config) == ["the source may read what no standby has yet"]
    primary.sql(KEEPS_UP, "SELECT pg_reload_conf()")
    primary.waits("current_setting('synchronized_standby_slots') <> ''")
    assert said(config) == []
    assert said(primary.config) == ["1 standbys are connected, and 0 are named"]
    standby.sql("ALTER SYSTEM SET hot_standby_feedback = off", "ALTER SYSTEM SET sync_replication_slots = off")
    standby.sql("SELECT pg_reload_conf()")
    standby.waits("current_setting('sync_replication_slots') = 'off'")
    (name,) = config.postgres.standbys
    assert said(config) == [
        f"standby {name} has hot_standby_feedback = off",
        f"standby {name} has sync_replication_slots = off",
    ]
    standby.stop()
    assert said(config)[-1] == f"standby {name} does not answer"
    primary.sql("ALTER SYSTEM RESET synchronized_standby_slots", "SELECT pg_reload_conf()", END)
    assert reads.changes()


def said(config: Config) -> list[str]:
    """Return how the findings of standbys begin, but for what is well."""
    with connect(config) as connection:
        found = [each.what for each in examine_standbys(config, connection) if each.weight is not Weight.OK]
    return [re.split(r": | and keeps no", what)[0] for what in found]


def test_a_slot_of_before_is_kept_in_standbys_from_the_next_start_on(cluster: Pair, tmp_path: Path) -> None:
    primary, standby, address = cluster
    primary.sql("SELECT pg_create_logical_replication_slot('penstock', 'pgoutput')")
    reads = source(address, tmp_path)
    primary.waits("failover FROM pg_replication_slots WHERE slot_name = 'penstock'")
    standby.waits(IS_KEPT)
    primary.sql(END)
    assert reads.changes()


def end_of(server: Server) -> str:
    return str(server.sql("SELECT pg_current_wal_lsn()")[0][0])


def read_all(server: Server) -> None:
    """Write a row; return when the source has it."""
    server.sql(INSERT % "read")
    end = end_of(server)
    server.waits(f"confirmed_flush_lsn >= '{end}' FROM pg_replication_slots WHERE slot_name = 'penstock'")
