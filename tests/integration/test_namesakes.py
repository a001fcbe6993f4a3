"""A type of a user's is read as what it is made of, also when another type or a table has its name."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import closing
from pathlib import Path

import psycopg2
import pytest
from penstock_views.snapshot.images import read_images
from penstock_views.stream.session import local_session
from penstock_views.types.canonical import is_usable

from penstock.config import Config
from penstock.postgres.catalogue import read_live_table
from penstock.postgres.connection import connect
from penstock.postgres.publication import publish
from tests.integration.source_alone import SourceAlone, catch_up
from tests.integration.test_views_batch import source

TYPES = {
    "public.money": ("DOMAIN public.money AS numeric(10, 2)", "2.50", "string"),
    "public.xml": ("TYPE public.xml AS ENUM ('a', 'b')", "b", "string"),
    "public.uuid": ("DOMAIN public.uuid AS text", "no uuid", "string"),
    "public.isbn": ("DOMAIN public.isbn AS text", "12", "string"),
    "public.hstore": ("DOMAIN public.hstore AS jsonb", '{"a": 1}', "string"),
    "public.timestamptz": ("DOMAIN public.timestamptz AS bigint", 12, "bigint"),
    "public.oidvector": ("DOMAIN public.oidvector AS text", "1 2", "string"),
    'public."Date"': ('DOMAIN public."Date" AS varchar(50)', "some day", "string"),
    "public.name": ("DOMAIN public.name AS varchar(50)", "Ada", "string"),
    "public.mood": ("TYPE public.mood AS ENUM ('glad', 'sad')", "sad", "string"),
    "public.mood[]": ("TYPE public.moods AS ENUM ('x')", ["sad", "glad"], "array<string>"),
    "public.percent": ("DOMAIN public.percent AS numeric(5, 2)", "7.25", "string"),
}
"""Each with how it is made, a value, and how a view has it."""


@pytest.fixture(scope="module")
def named(config: Config) -> Config:
    columns = [f"c{number} {name}" for number, name in enumerate(TYPES)]
    made = "; ".join(f"CREATE {statement}" for statement, _, _ in TYPES.values())
    made += "; CREATE TYPE public.point AS (x int, y int)"
    unusable = "p public.point, m pg_catalog.money, ms public.money[]"
    with connect(config) as connection, connection, connection.cursor() as cursor:
        cursor.execute(f"{made}; CREATE TABLE public.named (id text PRIMARY KEY, {', '.join(columns)}, {unusable})")
        cursor.execute("ALTER TABLE public.named REPLICA IDENTITY FULL")
    return config


def record_of(config: Config, folder: Path, table: str, row: str, values: Sequence[object] = ()) -> str:
    """Return what the source sends of a new row; `row` are its columns behind the id, in SQL."""
    with connect(config) as connection:
        publish(connection, [table])
    alone = SourceAlone(config, folder, table=table, more={"changes.whole": "yes"})
    with closing(psycopg2.connect(config.postgres.dsn)) as writer, writer.cursor() as cursor:
        writer.autocommit = True
        catch_up(cursor, f"INSERT INTO {table} (id) VALUES ('step')")
        cursor.execute(f"INSERT INTO {table} VALUES ('new', {row})", values)
        cursor.execute(f"INSERT INTO {table} (id) VALUES ('end')")
    (new,) = (record for record in alone.records() if "key=Struct{id=new}" in record)
    return new


def test_the_catalogue_says_what_it_is_made_of(named: Config) -> None:
    with connect(named) as connection:
        fields = read_live_table(connection, "public.named").table.columns
    usable = {field.name: field.dataType.simpleString() for field in fields if is_usable(field)}
    assert usable == {"id": "string"} | {f"c{at}": kind for at, (_, _, kind) in enumerate(TYPES.values())}


def test_it_is_read_as_that_from_the_table_and_in_the_stream(named: Config, tmp_path: Path) -> None:
    values = [value for _, value, _ in TYPES.values()]
    new = record_of(named, tmp_path, "public.named", ", ".join(f"%s::{name}" for name in TYPES), values)
    shown = [f"[{', '.join(value)}]" if isinstance(value, list) else str(value) for value in values]
    assert ",".join(f"c{at}={value}" for at, value in enumerate(shown)) in new
    (row,) = read_images(local_session(), "public.named", source(named)).where("id = 'new'").collect()
    assert [row[f"c{at}"] for at in range(len(TYPES))] == values


SHARED = """
CREATE SCHEMA app;
CREATE SCHEMA other;
CREATE TYPE public.status AS ENUM ('open', 'closed');
CREATE TYPE other.status AS ENUM ('on', 'off');
CREATE DOMAIN public.email AS text;
CREATE DOMAIN other.amount AS text;
CREATE DOMAIN public.amount AS numeric(10, 2);
CREATE DOMAIN app.amount AS integer;
CREATE TABLE app.status (code text PRIMARY KEY);
CREATE TABLE app.email (id integer PRIMARY KEY);
CREATE TABLE app."_status" (id integer PRIMARY KEY);
CREATE TABLE app.orders (
    id text PRIMARY KEY, status public.status, mail public.email, was other.status, history public.status[],
    price public.amount, price_text other.amount, price_whole app.amount
);
ALTER TABLE app.orders REPLICA IDENTITY FULL;
"""


def test_a_type_of_the_name_of_a_table_or_of_another_type_is_read_as_itself(config: Config, tmp_path: Path) -> None:
    with connect(config) as connection, connection, connection.cursor() as cursor:
        cursor.execute(SHARED)
    row = "'closed', 'a@b', 'off', '{open,closed}', 1.50, 'much', 3"
    new = record_of(config, tmp_path, "app.orders", row)
    assert "after=Struct{id=new,status=closed,mail=a@b,was=off,history=[open, closed]," in new
    assert "price_text=much,price_whole=3}" in new
