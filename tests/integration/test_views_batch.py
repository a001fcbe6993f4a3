"""Views computed in batch from a real Postgres: as of an exported snapshot, in the types that the stream has."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterator
from contextlib import closing
from decimal import Decimal
from pathlib import Path

import psycopg2
import pytest
from penstock_views.declaration.views import View
from penstock_views.snapshot.expected import expected_rows
from penstock_views.snapshot.images import read_images
from penstock_views.snapshot.postgres import Postgres, SnapshotInvalid
from penstock_views.stream.session import local_session
from penstock_views.types.encodings import REFUSED
from penstock_views.types.tables import read_table
from pyspark.sql import SparkSession
from pyspark.sql import types as T

from penstock.clone import ROOT
from penstock.config import Config
from tests.names import load_views

VIEWS = {view.name: view for view in load_views(ROOT / "spark" / "views")}
ID = "00000000-0000-4000-8000-00000000000{}"
INSERT = """
INSERT INTO users
    (id, email, first_name, last_name, country, registered, date_of_birth, latitude, street_number, timezone)
VALUES (%s, 'a@b.c', 'Ann', 'Å', 'Chad', '2026-11-23 12:00:00.123+01', '1969-12-31', 1.5, %s, '{"offset":  "+1:00"}')
"""


@pytest.fixture(scope="module")
def spark() -> SparkSession:
    return local_session()


@pytest.fixture
def database(config: Config) -> Iterator[psycopg2.extensions.connection]:
    with closing(psycopg2.connect(config.postgres.dsn)) as connection:
        connection.autocommit = True
        connection.cursor().execute("TRUNCATE public.users")
        yield connection


def simple(field: T.StructField) -> tuple[str, T.DataType]:
    return field.name, field.dataType


def source(config: Config, snapshot: str | None = None) -> Postgres:
    part = config.postgres
    return Postgres(part.host, part.port, part.database, part.user, snapshot=snapshot)


def test_the_rows_are_those_of_the_snapshot(
    spark: SparkSession, config: Config, database: psycopg2.extensions.connection
) -> None:
    cursor = database.cursor()
    cursor.execute(INSERT, (ID.format(1), 1))
    with closing(psycopg2.connect(config.postgres.dsn)) as holder:
        held = holder.cursor()
        held.execute("BEGIN ISOLATION LEVEL REPEATABLE READ; SELECT pg_export_snapshot()")
        (snapshot,) = held.fetchone() or ()
        cursor.execute(INSERT, (ID.format(2), 1))
        cursor.execute("UPDATE users SET first_name = 'Later'")
        then = expected_rows(spark, VIEWS["users_by_country"], source(config, snapshot)).rows.collect()
    now = expected_rows(spark, VIEWS["users_by_country"], source(config)).rows.collect()
    assert [(row["id"], row["first_name"]) for row in then] == [(ID.format(1), "Ann")]
    assert {(row["id"], row["first_name"]) for row in now} == {(ID.format(1), "Later"), (ID.format(2), "Later")}


def test_values_have_the_canonical_types(
    spark: SparkSession, config: Config, database: psycopg2.extensions.connection
) -> None:
    database.cursor().execute(INSERT, (ID.format(1), None))
    images = read_images(spark, "public.users", source(config))
    columns = read_table(ROOT / "schemas" / "postgres", "public.users").columns
    assert [simple(field) for field in images.schema] == [simple(field) for field in [*columns, REFUSED]]
    # Epoch milliseconds, because collect() writes times in the zone of this machine.
    (row,) = (
        expected_rows(spark, VIEWS["users_by_id"], source(config))
        .rows.selectExpr("*", "unix_millis(registered) AS millis")
        .collect()
    )
    assert row["millis"] == int(dt.datetime(2026, 11, 23, 11, tzinfo=dt.UTC).timestamp()) * 1000 + 123
    assert (row["date_of_birth"], row["latitude"]) == (dt.date(1969, 12, 31), Decimal("1.5000"))
    assert (row["last_name"], row["timezone"], row["email"]) == ("Å", '{"offset": "+1:00"}', "a@b.c")
    assert row["street_number"] is None


def test_rows_that_the_view_cannot_hold_are_reported_apart(
    spark: SparkSession, config: Config, database: psycopg2.extensions.connection, tmp_path: Path
) -> None:
    (tmp_path / "v.py").write_text(
        "from penstock_views import row, view\n"
        "@view('public.users', key=['id'])\n"
        "def v(u):\n    return row(id=u.id, share=1 / u.street_number)\n"
    )
    view: View = load_views(tmp_path)[0]
    for number in (0, 1):
        database.cursor().execute(INSERT, (ID.format(number), number))
    expected = expected_rows(spark, view, source(config))
    assert [row["id"] for row in expected.rows.collect()] == [ID.format(1)]
    assert [(row["image"]["id"], row["problem"]) for row in expected.rejected.collect()] == [
        (ID.format(0), "view v cannot compute: share")
    ]


def test_a_snapshot_that_is_no_id_is_refused(spark: SparkSession, config: Config) -> None:
    with pytest.raises(SnapshotInvalid, match="no snapshot id"):
        expected_rows(spark, VIEWS["users_by_id"], source(config, "'; DROP TABLE users"))


@pytest.mark.slow
def test_a_table_of_as_many_columns_as_postgres_takes_is_read(
    spark: SparkSession, config: Config, database: psycopg2.extensions.connection
) -> None:
    cursor, texts = database.cursor(), ", ".join(f"c{number} text" for number in range(1599))
    cursor.execute(f"CREATE TABLE public.wide (id int PRIMARY KEY, {texts})")
    cursor.execute("INSERT INTO wide (id, c0, c1598) VALUES (1, 'first', 'last')")
    (image,) = read_images(spark, "public.wide", source(config)).select("id", "c0", "c1", "c1598").collect()
    assert tuple(image) == (1, "first", None, "last")
