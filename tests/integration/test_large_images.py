"""What Postgres says of the size of a row: `verify` refuses the values that the source leaves out."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import psycopg2
import pytest
from penstock_views.declaration.views import Image, Row, row, view
from penstock_views.snapshot.expected import expected_rows
from penstock_views.snapshot.images import read_images
from penstock_views.snapshot.postgres import Postgres
from penstock_views.stream.session import local_session
from penstock_views.types.encodings import REFUSED
from pyspark.sql import SparkSession

from penstock.config import Config
from penstock.sizes import IMAGE_BYTES
from penstock.wait import wait_until
from tests.integration.source_alone import SourceAlone
from tests.patience import PATIENCE_S

pytestmark = pytest.mark.slow

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


@pytest.fixture
def published(cursor: psycopg2.extensions.cursor) -> Iterator[None]:
    cursor.execute("ALTER TABLE docs REPLICA IDENTITY FULL; ALTER PUBLICATION penstock ADD TABLE docs")
    yield
    cursor.execute("ALTER PUBLICATION penstock DROP TABLE docs")


def columns_in(left_out: str) -> set[str]:
    return {each.split("=")[0] for each in left_out.split(";") if each}


@pytest.mark.usefixtures("published")
def test_the_source_leaves_out_the_same_read_as_a_snapshot_and_as_changes(
    config: Config, cursor: psycopg2.extensions.cursor, tmp_path: Path
) -> None:
    cursor.execute('ALTER TABLE docs RENAME COLUMN "odd ""name" TO plain')
    statements = []
    for name, (column, value, more, less) in VALUES.items():
        column = "plain" if name == "odd name" else column
        for is_large, extra in ((False, less), (True, more)):
            statements.append((f"{name} {is_large}", f"({column}) = ROW ({value.format(extra)})", column, is_large))
    for key, setting, _, _ in statements[::2] + statements[1::2]:
        cursor.execute("INSERT INTO docs (id) VALUES (%s)", (f"snapshot {key}",))
        cursor.execute(f"UPDATE docs SET {setting} WHERE id = %s", (f"snapshot {key}",))
    source = SourceAlone(config, tmp_path, table="public.docs")
    wait_until(lambda: is_streaming(cursor), timeout_s=PATIENCE_S, what="the source reads on")
    for key, setting, _, _ in statements:
        cursor.execute("INSERT INTO docs (id) VALUES (%s)", (key,))
        cursor.execute(f"UPDATE docs SET {setting} WHERE id = %s", (key,))
        cursor.execute("DELETE FROM docs WHERE id = %s", (key,))
    cursor.execute("INSERT INTO docs (id) VALUES ('end')")
    changed = {(key, op): (columns_in(before), columns_in(after)) for key, op, before, after in source.changes()}
    for key, _, column, is_large in statements:
        expected = {column} if is_large else set()
        assert changed[f"snapshot {key}", "r"] == (set(), expected), key
        assert changed[key, "u"] == (set(), expected), key
        assert changed[key, "d"] == (expected, set()), key


@pytest.mark.usefixtures("published")
def test_a_small_heap_stands_rows_of_twenty_megabytes(
    config: Config, cursor: psycopg2.extensions.cursor, tmp_path: Path
) -> None:
    cursor.execute("INSERT INTO docs (id, body) VALUES ('there', decode(repeat('ab', 20000000), 'hex'))")
    source = SourceAlone(config, tmp_path, table="public.docs")
    wait_until(lambda: is_streaming(cursor), timeout_s=PATIENCE_S, what="the source reads on")
    for number in range(10):
        cursor.execute("UPDATE docs SET body = decode(repeat(%s, 20000000), 'hex') WHERE id = 'there'", (f"0{number}",))
        cursor.execute("INSERT INTO docs (id) VALUES (%s)", (f"beside {number}",))
    cursor.execute("UPDATE docs SET id = 'moved' WHERE id = 'there'")
    cursor.execute("UPDATE docs SET body = 'small' WHERE id = 'moved'")
    cursor.execute("INSERT INTO docs (id) VALUES ('end')")
    changes = source.changes()
    assert [key for key, *_ in changes if key.startswith("beside")] == [f"beside {number}" for number in range(10)]
    large = "body=20000000 bytes (a row holds at most 7864320)"
    of_row = [change for change in changes if change[0] in ("there", "moved")]
    updates = [["there", "u", large, large]] * 10
    moved = [["there", "d", large, ""], ["moved", "c", "", large], ["moved", "u", large, ""]]
    assert of_row == [["there", "r", "", large], *updates, *moved]


def is_streaming(cursor: psycopg2.extensions.cursor) -> bool:
    cursor.execute("SELECT active FROM pg_replication_slots WHERE slot_name = 'penstock'")
    return cursor.fetchone() == (True,)


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
    names = {name: "odd_x0020__x0022_name" if name == "odd name" else name for name in VALUES}
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
