"""A view's key holds the primary key of its table itself, or in a form that keeps different values different."""

from __future__ import annotations

from pathlib import Path

import pytest
from penstock_views.declaration.views import ViewInvalid
from penstock_views.output.contracts import contracts_on
from penstock_views.output.primary_key import held_columns, refuse_merging
from penstock_views.types.canonical import field_from_postgres
from penstock_views.types.tables import Table
from pyspark.sql import SparkSession
from pyspark.sql import types as T

from tests.names import load_views

HEAD = (
    "from penstock_views import history, row, truncate_to_millis, unix_micros, view, whole\n"
    "from pyspark.sql import functions as F\n\n"
)
COLUMNS = {
    "id": "integer",
    "code": "text",
    "ts": "timestamp with time zone",
    "token": "uuid",
    "price": "numeric(7,4)",
    "amount": "numeric",
    "body": "bytea",
    "ratio": "double precision",
    "day": "date",
}


def table(*primary_key: str) -> Table:
    fields = [field_from_postgres(name, sql_type) for name, sql_type in COLUMNS.items()]
    return Table("public.t", T.StructType(fields), primary_key)


def check(spark: SparkSession, folder: Path, made: str, primary_key: str) -> None:
    names = [part.split("=")[0].strip() for part in made.split(";")]
    values = ", ".join(made.split(";"))
    (folder / "v.py").write_text(f"{HEAD}@view('public.t', key={names})\ndef v(r):\n    return row({values})\n")
    refuse_merging(spark, load_views(folder)[0], table().columns, [primary_key])


@pytest.mark.parametrize(
    ("made", "primary_key"),
    [
        ("id=r.id", "id"),
        ("number=r.id", "id"),
        ("number=r['id'].alias('other')", "id"),
        ("id=r.id.cast('bigint')", "id"),
        ("id=r.id.cast('string')", "id"),
        ("id=r.id.cast('bigint').cast('string')", "id"),
        ("id=r.id.cast('decimal(12,2)')", "id"),
        ("code=r.code.cast('binary')", "code"),
        ("token=r.token.cast('string')", "token"),
        ("ts=r.ts", "ts"),
        ("ts=unix_micros(r.ts)", "ts"),
        ("micros=F.unix_micros(r.ts).cast('string')", "ts"),
        ("ts=r.ts.cast('string')", "ts"),
        ("price=r.price.cast('decimal(20,6)')", "price"),
        ("price=r.price.cast('string')", "price"),
        ("amount=r.amount", "amount"),
        ("amount=r.amount.cast('string')", "amount"),
        ("ratio=r.ratio.cast('string')", "ratio"),
        ("day=r.day.cast('timestamp')", "day"),
        ("code=F.lower(r.code); real=r.code", "code"),
    ],
)
def test_a_column_itself_or_in_a_form_that_keeps_values_apart(
    spark: SparkSession, tmp_path: Path, made: str, primary_key: str
) -> None:
    check(spark, tmp_path, made, primary_key)


@pytest.mark.parametrize(
    ("made", "primary_key"),
    [
        ("code=F.lower(r.code)", "code"),
        ("code=F.trim(r.code)", "code"),
        ("code=F.coalesce(r.code, F.lit(''))", "code"),
        ("code=F.concat(r.code, F.lit('x'))", "code"),
        ("id=F.lit(1)", "id"),
        ("id=r.id % 10", "id"),
        ("id=r.id.cast('decimal(8,0)')", "id"),
        ("id=r.id.cast('float')", "id"),
        ("id=r.id.cast('boolean')", "id"),
        ("ts=truncate_to_millis(r.ts)", "ts"),
        ("ts=r.ts.cast('date')", "ts"),
        ("ts=r.ts.cast('bigint')", "ts"),
        ("ts=F.unix_millis(r.ts)", "ts"),
        ("ts=unix_micros(truncate_to_millis(r.ts))", "ts"),
        ("price=r.price.cast('decimal(7,2)')", "price"),
        ("price=r.price.cast('decimal(5,4)')", "price"),
        ("amount=r.amount.cast('decimal(38,10)')", "amount"),
        ("body=r.body.cast('string')", "body"),
        ("id=r.code", "id"),
    ],
)
def test_a_computed_column_of_its_name_is_refused(
    spark: SparkSession, tmp_path: Path, made: str, primary_key: str
) -> None:
    with pytest.raises(
        ViewInvalid,
        match=rf"v\.py:4: view v: the key lacks {primary_key} of public\.t's primary key: {primary_key} is computed "
        rf"there, so two rows of the table could become one of the view; give r\.{primary_key} itself",
    ):
        check(spark, tmp_path, made, primary_key)


def test_a_time_is_refused_with_how_its_microseconds_are_kept(spark: SparkSession, tmp_path: Path) -> None:
    with pytest.raises(ViewInvalid, match=r"or unix_micros\(r\.ts\), a bigint that keeps its microseconds"):
        check(spark, tmp_path, "ts=truncate_to_millis(r.ts)", "ts")


def test_a_column_that_is_not_there_is_named(spark: SparkSession, tmp_path: Path) -> None:
    (tmp_path / "v.py").write_text(f"{HEAD}@view('public.t', key=['a'])\ndef v(r):\n    return row(a=r.code)\n")
    with pytest.raises(ViewInvalid, match=r"the key lacks id of public\.t's primary key$"):
        contracts_on(spark, load_views(tmp_path)[0], table("code", "id"))


def test_a_whole_row_holds_its_key(spark: SparkSession, tmp_path: Path) -> None:
    (tmp_path / "v.py").write_text(f"{HEAD}@history('public.t', key=['id'])\ndef v(r):\n    return whole(r)\n")
    contracts_on(spark, load_views(tmp_path)[0], table("id"))


def test_what_is_itself_under_whatever_name_is_known_as_such(spark: SparkSession, tmp_path: Path) -> None:
    made = "id=r.code, code=r.id, ts=unix_micros(r.ts), token=r.token, n=r.id + 1"
    (tmp_path / "v.py").write_text(
        f"{HEAD}@view('public.t', key=['id', 'code', 'ts', 'token', 'n'])\ndef v(r):\n    return row({made})\n"
    )
    held = held_columns(spark, load_views(tmp_path)[0], table("id").columns)
    assert {name: (each.column, each.is_itself) for name, each in held.items()} == {
        "id": ("code", True),
        "code": ("id", True),
        "ts": ("ts", False),
        "token": ("token", True),
    }
