"""What Cassandra allows in no key is refused by the engine: for the key that the table's file says, of every kind."""

from __future__ import annotations

from pathlib import Path

import pytest
from penstock_views.declaration.views import View
from penstock_views.output.limits import beyond_cql
from penstock_views.snapshot.expected import evaluate_rows
from penstock_views.types.canonical import field_from_postgres
from pyspark.sql import SparkSession
from pyspark.sql import functions as F

from tests.names import load_views

HEAD = "from penstock_views import aggregate, count, history, row, totals, truncate_each_to_millis, view\n\n"
ROW = "return row(a=r.a, b=r.b, id=r.id)"
IMAGE = "a string, b string, body binary, id int, seen timestamp, times array<timestamp>"
LONG = "\u00e9" * 40_000


def load(root: Path, body: str, *, key: str | None = None) -> View:
    views, tables = root / "spark" / "views", root / "schemas" / "cassandra"
    views.mkdir(parents=True)
    (views / "v.py").write_text(HEAD + body)
    if key:
        tables.mkdir(parents=True)
        (tables / "v.cql").write_text(f"CREATE TABLE v (a text, b text, id int, PRIMARY KEY ({key}));")
    return load_views(views)[0]


def problems(spark: SparkSession, view: View, *rows: str) -> list[str]:
    values = " UNION ALL ".join(f"SELECT {row}" for row in rows)
    typed = f"SELECT {', '.join(f'CAST({c.split()[0]} AS {c.split()[1]}) {c.split()[0]}' for c in IMAGE.split(', '))}"
    images = spark.sql(f"{typed} FROM ({values}) AS t")
    return [row["problem"] for row in evaluate_rows(view, images).rejected.select("problem").collect()]


def image(a: str = "'x'", b: str = "'x'", body: str = "X'00'", seen: str = "NULL", times: str = "NULL") -> str:
    return f"{a} AS a, {b} AS b, {body} AS body, 1 AS id, {seen} AS seen, {times} AS times"


EMPTY = "view v: key column a is empty, which Cassandra allows in no partition key of one column"


@pytest.mark.parametrize(
    ("body", "key", "is_refused"),
    [
        (f"@view('public.t', key=['a', 'b', 'id'])\ndef v(r):\n    {ROW}\n", None, True),
        (f"@view('public.t', key=['a', 'b', 'id'])\ndef v(r):\n    {ROW}\n", "(a), b, id", True),
        (f"@view('public.t', key=['a', 'b', 'id'])\ndef v(r):\n    {ROW}\n", "a, b, id", True),
        (f"@view('public.t', key=['a', 'b', 'id'])\ndef v(r):\n    {ROW}\n", "(a, b), id", False),
        (f"@view('public.t', key=['id', 'a', 'b'])\ndef v(r):\n    {ROW}\n", None, False),
        (f"@history('public.t', key=['a'])\ndef v(r):\n    {ROW}\n", None, True),
        (f"@history('public.t', key=['a', 'id'])\ndef v(r):\n    {ROW}\n", None, False),
        ("@aggregate('public.t', key=['a'])\ndef v(r):\n    return totals(a=r.a, rows=count())\n", None, True),
    ],
)
def test_an_empty_value_is_refused_where_it_is_the_partition_key(
    spark: SparkSession, tmp_path: Path, body: str, key: str | None, is_refused: bool
) -> None:
    view = load(tmp_path, body, key=key)
    assert problems(spark, view, image(a="''"), image()) == ([EMPTY] if is_refused else [])


def test_an_empty_blob_is_refused_there_too(spark: SparkSession, tmp_path: Path) -> None:
    view = load(tmp_path, "@view('public.t', key=['body', 'id'])\ndef v(r):\n    return row(body=r.body, id=r.id)\n")
    (problem,) = problems(spark, view, image(body="X''"), image())
    assert problem.startswith("view v: key column body is empty")


@pytest.mark.parametrize(
    ("names", "key", "fits", "too_long"),
    [
        ("['a', 'id']", None, (65_535, 1), (65_536, 1)),
        ("['id', 'a']", None, (65_535, 1), (65_536, 1)),
        ("['a', 'b', 'id']", "(a, b), id", (40_000, 25_529), (40_000, 25_530)),  # 2 bytes and 1 more for each
        ("['id', 'a', 'b']", None, (40_000, 25_535), (40_000, 25_536)),
        ("['a', 'b', 'id']", "(a), b, id", (40_000, 40_000), (65_536, 1)),
    ],
)
def test_a_key_that_is_too_long_is_refused(
    spark: SparkSession, tmp_path: Path, names: str, key: str | None, fits: tuple[int, int], too_long: tuple[int, int]
) -> None:
    view = load(tmp_path, f"@view('public.t', key={names})\ndef v(r):\n    {ROW}\n", key=key)
    (problem,) = problems(spark, view, *(of_bytes(*lengths) for lengths in (fits, too_long)))
    assert problem.endswith(f"has {too_long[0]} bytes, and Cassandra allows 65,535 in a key")


def of_bytes(a: int, b: int) -> str:
    return image(a=f"repeat('x', {a})", b=f"repeat('x', {b})")


def test_the_letter_names_column_value_and_size_and_stays_short(spark: SparkSession, tmp_path: Path) -> None:
    view = load(tmp_path, f"@view('public.t', key=['id', 'a', 'b'])\ndef v(r):\n    {ROW}\n")
    assert problems(spark, view, image(a=f"repeat('{LONG[0]}', {len(LONG)})")) == [
        f"view v: key column a = {'é' * 40}… has 80000 bytes, and Cassandra allows 65,535 in a key"
    ]


def test_a_key_with_microseconds_is_refused_with_how_to_keep_them(spark: SparkSession, tmp_path: Path) -> None:
    view = load(tmp_path, "@view('public.t', key=['seen', 'id'])\ndef v(r):\n    return row(seen=r.seen, id=r.id)\n")
    (problem,) = problems(spark, view, image(seen="TIMESTAMP'2026-01-01 00:00:00.000001'"))
    assert "seen has microseconds" in problem
    assert "say unix_micros() in the view" in problem


def test_the_cure_of_an_array_of_timestamps_cures_it(spark: SparkSession, tmp_path: Path) -> None:
    body = "@view('public.t', key=['id'])\ndef v(r):\n    return row(id=r.id, times={})\n"
    odd = image(times="array(TIMESTAMP'2026-01-01 00:00:00.000001', TIMESTAMP'2026-01-01')")
    (problem,) = problems(spark, load(tmp_path / "as it is", body.format("r.times")), odd)
    assert "say truncate_each_to_millis() in the view" in problem
    cured = load(tmp_path / "cured", body.format("truncate_each_to_millis(r.times)"))
    assert problems(spark, cured, odd, image()) == []


@pytest.mark.parametrize(
    "body",
    [
        "@view('public.t', key=['id'])\ndef v(r):\n    return row(id=r.id, text=r.body.cast('string'))\n",
        "@view('public.t', key=['text', 'id'])\ndef v(r):\n    return row(id=r.id, text=r.body.cast('string'))\n",
        "@history('public.t', key=['id'])\ndef v(r):\n    return row(id=r.id, text=r.body.cast('string'))\n",
        "@aggregate('public.t', key=['text'])\ndef v(r):\n    return totals(text=r.body.cast('string'), n=count())\n",
    ],
    ids=["view", "key", "history", "aggregate"],
)
def test_bytes_that_are_no_utf_8_are_refused_as_a_text(spark: SparkSession, tmp_path: Path, body: str) -> None:
    view = load(tmp_path, body)
    assert problems(spark, view, image(body="X'63E9'"), image(body="X'63C3A9'")) == ["view v cannot compute: text"]


@pytest.mark.parametrize(
    ("span", "is_refused"),
    [
        ("P1Y2M3DT4H5M6.789S", False),
        ("P0Y0M0DT2562046H59M59.999999S", False),
        ("P0Y0M0DT-2562046H-59M-59.999999S", False),
        ("P2562047Y0M0DT0H0M0S", False),
        ("P0Y0M0DT2562047H0M0S", True),
        ("P0Y0M0DT-2147483647H0M0S", True),
        ("P0Y1M-1DT0H0M0S", True),
        ("infinity", True),
    ],
)
def test_an_interval_that_no_duration_holds_is_refused(
    spark: SparkSession, tmp_path: Path, span: str, is_refused: bool
) -> None:
    view = load(tmp_path, "@view('public.t', key=['id'])\ndef v(r):\n    return row(id=r.id, span=r.span)\n")
    reason = beyond_cql(view, field_from_postgres("span", "interval"), F.col("span"))
    assert reason is not None
    (row,) = spark.createDataFrame([(span,)], "span string").select(reason.alias("reason")).collect()
    assert (row["reason"] is not None) is is_refused
