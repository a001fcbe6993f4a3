"""Excluded columns on a real Postgres and the real source: no record holds one, nothing of ours reads one."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import psycopg2
import pytest
from penstock_views.declaration.views import Image, Row, ViewInvalid, row, view, whole
from penstock_views.output.evaluate import call_view
from penstock_views.snapshot.images import read_images
from penstock_views.stream.session import local_session
from penstock_views.types.encodings import REFUSED
from pyspark.sql import functions as F

from penstock.config import Config
from penstock.console.service.source_row import read_source_row
from penstock.local_spark import read_by_spark
from penstock.postgres.catalogue import read_live_table
from penstock.postgres.connection import connect
from penstock.postgres.exclusions import ExclusionsUnfit
from penstock.postgres.own import Connection
from penstock.postgres.publication import publish
from penstock.postgres.silent import silent_changes
from penstock.project.workspace import Workspace
from penstock.setup.actions import create_tables
from penstock.wait import wait_until
from tests.integration.source_alone import SourceAlone
from tests.patience import PATIENCE_S

ODD = 'größe, "x" (a.b) '
"""A name with what means something in a list, in an expression, and in neither."""
TABLES = """
CREATE TYPE public.mood AS ENUM ('hidden-glad', 'hidden-sad');
CREATE TABLE public.people (
    id text PRIMARY KEY, name text, national_id text NOT NULL DEFAULT 'hidden-default', "größe, ""x"" (a.b) " text,
    photo bytea, mood public.mood, tags text[], kept_too text
);
CREATE TABLE public."People" (id text PRIMARY KEY, national_id text);
"""
EXCLUDED = ["national_id", ODD, "photo", "mood", "tags"]
VALUES = "'hidden-1', 'hidden-2', convert_to(repeat('hidden', 1500000), 'UTF8'), 'hidden-sad', ARRAY['hidden-3']"
INSERT = f"INSERT INTO people VALUES (%s, 'seen', {VALUES}, 'seen too')"
HIDDEN = ("hidden", "national_id", "größe", "gr_x00F6", "photo", "mood", "tags")


@pytest.fixture
def excluding(config: Config) -> Iterator[Config]:
    with connect(config) as connection, connection, connection.cursor() as cursor:
        cursor.execute(TABLES)
    yield Config.model_validate(config.model_dump() | {"tables": {"public.people": {"exclude": EXCLUDED}}})
    with connect(config) as connection, connection, connection.cursor() as cursor:
        cursor.execute('DROP TABLE people, "People"; DROP TYPE mood; DELETE FROM penstock.excluded_columns')
        cursor.execute("DELETE FROM penstock.silent_changes")


@pytest.fixture
def connection(excluding: Config) -> Iterator[Connection]:
    with connect(excluding) as connection:
        connection.autocommit = True
        yield connection


def follow(config: Config, *tables: str) -> None:
    with connect(config) as connection:
        publish(connection, tables)


def run(connection: Connection, statement: str, *values: str) -> None:
    with connection.cursor() as cursor:
        cursor.execute(statement, values or None)


def holds(connection: Connection, condition: str) -> bool:
    with connection.cursor() as cursor:
        cursor.execute(f"SELECT {condition}")
        return cursor.fetchone() == (True,)


@pytest.mark.slow
def test_no_record_of_the_source_has_a_value_or_a_name_of_them(
    excluding: Config, connection: Connection, tmp_path: Path
) -> None:
    create_tables(Workspace(excluding))
    follow(excluding, "public.people", "public.People")
    run(connection, INSERT, "of the snapshot")
    run(connection, "INSERT INTO \"People\" VALUES ('other', 'shown')")
    more = {"changes.whole": "yes", "signal.data.collection": "penstock.signals", "signal.enabled.channels": "source"}
    source = SourceAlone(excluding, tmp_path, table="public.people,public.People", more=more)
    streams = "EXISTS (SELECT FROM pg_replication_slots WHERE slot_name = 'penstock' AND active)"
    wait_until(lambda: holds(connection, streams), timeout_s=PATIENCE_S, what="the source reads on")
    run(connection, INSERT, "moves")
    run(connection, "UPDATE people SET name = 'seen again' WHERE id = 'moves'")
    run(connection, "UPDATE people SET national_id = 'hidden-4', tags = NULL WHERE id = 'moves'")
    run(connection, "UPDATE people SET id = 'moved' WHERE id = 'moves'")
    run(connection, "ALTER TABLE people ADD COLUMN late text DEFAULT 'seen late', ALTER national_id TYPE varchar(40)")
    run(connection, "UPDATE people SET kept_too = NULL, national_id = 'hidden-5' WHERE id = 'moved'")
    run(connection, "DELETE FROM people WHERE id = 'moved'")
    reread = '{"data-collections": ["public.people"], "type": "incremental"}'
    run(connection, "INSERT INTO penstock.signals (id, type, data) VALUES ('again', 'execute-snapshot', %s)", reread)
    # The source deletes the mark with which it opens a chunk when it has read it.
    is_read = "n_tup_del > 0 FROM pg_stat_user_tables WHERE relid = 'penstock.signals'::regclass"
    wait_until(lambda: holds(connection, is_read), timeout_s=PATIENCE_S, what="the table was read again")
    run(connection, "INSERT INTO people (id) VALUES ('end')")
    records = source.records()
    of_table = [record for record in records if "app.public.people" in record]
    assert {op for op in "rcud" if any(f"op={op}" in record for record in of_table)} == {*"rcud"}
    assert len([record for record in of_table if "op=r" in record]) >= 2  # the snapshot's and the re-read's
    assert [(word, record) for record in of_table for word in HIDDEN if word in record] == []
    assert any("seen late" in record and "kept_too" in record for record in of_table)
    assert [record for record in of_table if "left.out" in record] == []
    assert any("national_id=shown" in record for record in records)


def test_what_is_read_of_postgres_has_no_such_column(excluding: Config, connection: Connection) -> None:
    run(connection, INSERT, "of the snapshot")
    images = read_images(local_session(), "public.people", read_by_spark(excluding))
    assert images.columns == ["id", "name", "kept_too", REFUSED.name]
    # A value of 9 MB that is excluded makes no row too large.
    (image,) = images.collect()
    assert tuple(image)[:3] == ("of the snapshot", "seen", "seen too")
    assert not image[REFUSED.name]


def test_a_view_that_uses_one_is_refused_with_the_reason(connection: Connection) -> None:
    live = read_live_table(connection, "public.people")
    assert {*EXCLUDED} <= live.left_out.keys()
    image = Image("public.people", F.col("image"), live.table.columns)
    assert list(whole(image).columns) == ["id", "name", "kept_too"]
    asks = view("public.people", key=["id"])(with_number)
    with pytest.raises(ViewInvalid, match=r"people\.national_id is excluded from all that leaves Postgres"):
        call_view(asks, image)


def with_number(p: Image) -> Row:
    return row(id=p.id, number=p.national_id)


def test_the_control_center_reads_none(excluding: Config, connection: Connection) -> None:
    run(connection, INSERT, "one")
    found = read_source_row(
        excluding.postgres.dsn,
        "public.people",
        {"id": "one"},
        types={},
        excluded=excluding.excluded,
    )
    assert found.value == {"id": "one", "name": "seen", "kept_too": "seen too"}
    assert found.types.keys() == found.value.keys()


def test_what_is_excluded_later_is_read_again_and_said(
    config: Config, excluding: Config, connection: Connection
) -> None:
    follow(config, "public.people")
    create_tables(Workspace(config))
    said = create_tables(Workspace(excluding))
    assert "public.people: national_id is excluded from now on" in said
    assert "Kafka and Cassandra keep the values that they have" in said
    changes = silent_changes(connection, ["public.people"])
    assert [change.what for change in changes] == [f"{name} is excluded from now on" for name in sorted(EXCLUDED)]
    assert "excluded" not in create_tables(Workspace(excluding))
    assert "public.people: mood is no longer excluded" in create_tables(Workspace(config))


def test_a_name_of_no_column_and_one_of_the_key_stop_all(config: Config, excluding: Config) -> None:
    for name, what in (("nationalid", "there is no such column"), ("id", "is of the primary key")):
        wrong = Config.model_validate(config.model_dump() | {"tables": {"public.people": {"exclude": [name]}}})
        with pytest.raises(ExclusionsUnfit, match=rf"nothing was applied:\s+public\.people\.{name} .*{what}"):
            create_tables(Workspace(wrong))
    create_tables(Workspace(excluding))


def test_one_may_be_dropped_and_cannot_be_renamed(excluding: Config, connection: Connection) -> None:
    create_tables(Workspace(excluding))
    for what in ("TABLE", "VIEW"):
        with pytest.raises(psycopg2.errors.RaiseException, match="would be sent under another name"):
            run(connection, f"ALTER {what} people RENAME COLUMN national_id TO nid")
    run(connection, "ALTER TABLE people RENAME COLUMN kept_too TO kept")
    run(connection, "ALTER TABLE people DROP COLUMN national_id")
    create_tables(Workspace(excluding))


def test_where_nothing_refuses_it_the_new_name_is_reported(excluding: Config, connection: Connection) -> None:
    create_tables(Workspace(excluding))
    run(connection, "ALTER EVENT TRIGGER penstock_refuse_renamed DISABLE")
    run(connection, "ALTER TABLE people RENAME COLUMN national_id TO nid")
    with pytest.raises(
        ExclusionsUnfit, match=r"public\.people\.national_id is excluded, and is public\.people\.nid now"
    ):
        create_tables(Workspace(excluding))
    run(connection, "ALTER EVENT TRIGGER penstock_refuse_renamed ENABLE ALWAYS")
