"""A run of an aggregate starts behind the place from which its replication slot reads, with all rows of its table."""

from __future__ import annotations

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from functools import partial
from pathlib import Path
from typing import Any

import psycopg2
import pytest
from penstock_views.aggregates import baseline
from penstock_views.declaration.totals import Aggregate
from penstock_views.output.contracts import contracts_of, row_type, view_type
from penstock_views.output.derive import AggregateOutput
from penstock_views.output.grouping import grouping_of
from penstock_views.snapshot.held import SlotMissing, TableInUse, hold_snapshot
from penstock_views.snapshot.images import read_images
from penstock_views.stream.config import parse_aggregates_arguments
from penstock_views.stream.session import local_session

from penstock.config import Config
from tests.integration.test_views_batch import source
from tests.names import load_views
from tests.patience import PATIENCE_S

SLOT = "of_a_run"
TABLE = "public.reloaded"
VIEW = """
from penstock_views import aggregate, count, totals


@aggregate("public.reloaded", key=["kind"])
def by_kind(r):
    return totals(kind=r.kind, total=count())
"""
RELOAD = "TRUNCATE public.reloaded; INSERT INTO public.reloaded SELECT n, n % 2 FROM generate_series(1, 100) n"


def test_no_snapshot_is_taken_for_a_run_before_its_slot_is_there(config: Config) -> None:
    with pytest.raises(SlotMissing, match=SLOT), hold_snapshot(source(config), slot=SLOT):
        pass
    with closing(psycopg2.connect(config.postgres.dsn)) as connection, connection.cursor() as cursor:
        connection.autocommit = True
        cursor.execute("SELECT pg_create_logical_replication_slot(%s, 'pgoutput')", (SLOT,))
        try:
            cursor.execute("SELECT (confirmed_flush_lsn - '0/0')::bigint FROM pg_replication_slots")
            ((reads_from,),) = cursor.fetchall()
            with hold_snapshot(source(config), slot=SLOT) as held:
                assert held.seen.lsn >= reads_from
        finally:
            cursor.execute("SELECT pg_drop_replication_slot(%s)", (SLOT,))


def test_nobody_looks_for_a_slot_that_is_not_named(config: Config) -> None:
    with hold_snapshot(source(config)) as held:
        assert held.number > 0


@pytest.fixture
def loader(config: Config) -> Iterator[Any]:
    """Connect as who reloads a table; each statement goes into the transaction that is open."""
    with closing(psycopg2.connect(config.postgres.dsn)) as connection, connection.cursor() as cursor:
        cursor.execute("CREATE TABLE public.reloaded (id int PRIMARY KEY, kind int)")
        cursor.execute(RELOAD)
        connection.commit()
        yield cursor
        connection.rollback()
        cursor.execute("DROP TABLE public.reloaded")
        connection.commit()


def test_a_run_waits_for_who_reloads_its_table(
    config: Config, loader: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """TRUNCATE gives a table another file: an older snapshot has lost the old rows, and not seen the new ones."""
    (tmp_path / "v.py").write_text(VIEW)
    (view,) = load_views(tmp_path)
    assert isinstance(view, Aggregate)
    spark, place = local_session(), (view.source_topic, 0)
    image = read_images(spark, TABLE, source(config)).schema
    key, value = contracts_of(view, view_type(spark, view, image))
    output = AggregateOutput(view, key, value, 1, 2, grouping_of(view, image, row_type(spark, view, image)))
    database = '{{"host": "127.0.0.1", "port": {}, "database": "{}", "user": "{}"}}'
    given = {
        "--bootstrap-servers": "127.0.0.1:1",
        "--registry-url": "http://127.0.0.1:1",
        "--master": "local[1]",
        "--checkpoint": tmp_path,
        "--source": database.format(config.postgres.port, config.postgres.database, config.postgres.user),
    }
    job = parse_aggregates_arguments([str(word) for pair in given.items() for word in pair])
    for name, answer in {"end_offsets": {place: 0}, "last_headers": [], "offsets_since": {place: 0}}.items():
        monkeypatch.setattr(baseline, name, lambda *_, answer=answer, **__: answer)
    start = partial(baseline.start_from_snapshot, spark, job, output, tmp_path / "by_kind", 1)
    with ThreadPoolExecutor(1) as pool:
        loader.execute(RELOAD)
        started = pool.submit(start)
        try:
            with pytest.raises(TableInUse, match=TABLE):
                started.result(PATIENCE_S)
        finally:
            loader.connection.commit()
    counted = {row["kind"]: row["total:sum"] for row in spark.read.parquet(str(start().baseline)).collect()}
    assert counted == {0: 50, 1: 50}


def test_nobody_empties_a_table_while_a_run_reads_it(config: Config, loader: Any) -> None:
    empty = "SET LOCAL lock_timeout = '100ms'; TRUNCATE public.reloaded"
    with hold_snapshot(source(config), table=TABLE, locked=True):
        with pytest.raises(psycopg2.errors.LockNotAvailable):
            loader.execute(empty)
        loader.connection.rollback()
    loader.execute(empty)
