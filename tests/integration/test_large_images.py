"""What Postgres says of the size of a row: `verify` refuses the values that the source leaves out."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import closing

import psycopg2
import pytest
from penstock_views.batch import Postgres, expected_rows, read_images
from penstock_views.carriers import REFUSED
from penstock_views.declare import Image, Row, row, view
from penstock_views.session import local_session
from penstock_views.sizes import IMAGE_BYTES
from pyspark.sql import SparkSession

from penstock.config import Config

TABLE = """
CREATE DOMAIN public.long_text AS text;
CREATE TABLE public.docs (
    id text, "odd ""name" text, fixed character(300), body bytea, doc json, docb jsonb, digits numeric, code long_text,
    numbers int[], times timestamptz[], texts text[], parts bytea[], included int, page xml,
    PRIMARY KEY (id) INCLUDE (included)
)
"""
# Each is of the limit with what comes before the sign, and one byte more with it.
VALUES = {
    "odd name": ('"odd ""name"', "repeat('é', 3932160) || {}", "'a'", "''"),
    "body": ("body", "convert_to(repeat('x', 7864320) || {}, 'UTF8')", "'a'", "''"),
    "doc": ("doc", "('\"' || repeat('x', 7864318) || {} || '\"')::json", "'a'", "''"),
    "docb": ("docb", "('{{\"a\":   \"' || repeat('x', 7864311) || {} || '\"}}')::jsonb", "'a'", "''"),
    "code": ("code", "repeat('€', 2621440) || {}", "'a'", "''"),
    "numbers": ("numbers", "array_fill(1, ARRAY[786432 + {}])", "1", "0"),
    "times": ("times", "array_fill(now(), ARRAY[196608 + {}])", "1", "0"),
    "texts": ("texts", "ARRAY[repeat('x', 7864304), {}]", "'a'", "''"),
    "parts": ("parts", "ARRAY[convert_to(repeat('x', 7864304), 'UTF8'), {}]", "'\\x01'::bytea", "''::bytea"),
}


@pytest.fixture(scope="module")
def spark() -> SparkSession:
    return local_session()


@pytest.fixture
def cursor(config: Config) -> Iterator[psycopg2.extensions.cursor]:
    with closing(psycopg2.connect(config.postgres.dsn)) as connection:
        connection.autocommit = True
        cursor = connection.cursor()
        for statement in TABLE.split(";"):
            cursor.execute(statement)
        yield cursor
        cursor.execute("DROP TABLE public.docs; DROP DOMAIN public.long_text")


def source(config: Config) -> Postgres:
    part = config.postgres
    return Postgres(part.host, part.port, part.database, part.user)


@view("public.docs", key=["id"])
def ids(d: Image) -> Row:
    """Hold what is never large."""
    return row(id=d.id, included=d.included)


@view("public.docs", key=["id"])
def bodies(d: Image) -> Row:
    """Hold what can be."""
    return row(id=d.id, body=d.body)


def test_each_type_counts_as_the_source_counts_it(
    spark: SparkSession, config: Config, cursor: psycopg2.extensions.cursor
) -> None:
    for name, (column, value, more, less) in VALUES.items():
        insert = f"INSERT INTO public.docs (id, {column}) VALUES (%s, {{}})"
        cursor.execute(insert.format(value.format(less)), (f"{name} fits",))
        cursor.execute(insert.format(value.format(more)), (f"{name} does not",))
    images = read_images(spark, "public.docs", source(config)).select("id", f"`{REFUSED.name}`").collect()
    refused = {row["id"]: set(row[REFUSED.name] or {}) for row in images}
    names = {name: 'odd "name' if name == "odd name" else name for name in VALUES}
    assert refused == {f"{name} fits": set() for name in names} | {
        f"{name} does not": {column} for name, column in names.items()
    }


def test_the_key_and_what_no_view_can_use_count_and_small_values_do_not(
    spark: SparkSession, config: Config, cursor: psycopg2.extensions.cursor
) -> None:
    body = f"convert_to(repeat('x', {IMAGE_BYTES}), 'UTF8')"
    cursor.execute(f"INSERT INTO docs (id, body, doc) VALUES (repeat('k', 256), {body}, '\"small\"')")
    cursor.execute(f"INSERT INTO docs (id, body) VALUES (repeat('k', 257), {body})")
    cursor.execute(
        "INSERT INTO docs (id, body, page) VALUES ('p', '1', ('<a>' || repeat('x', 9000000) || '</a>')::xml)"
    )
    cursor.execute("INSERT INTO docs (id, body, fixed) VALUES ('f', '1', 'padded')")
    postgres = source(config)
    kept = expected_rows(spark, bodies, postgres)
    assert {len(row["id"]) for row in kept.rows.collect()} == {1, 256}
    (problem,) = [row["problem"] for row in kept.rejected.select("problem").collect()]
    assert "body = 7864320 bytes (a row holds at most 7864320)" in problem
    assert expected_rows(spark, ids, postgres).rows.count() == 4
