"""A user's type that is named as a built-in one is not taken for it, wherever its name is read."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from penstock_views.types.canonical import field_from_writer, is_usable
from penstock_views.types.tables import read_table

TYPE = "__debezium.source.column.type"


def column(avro: str, said: str, meaning: str | None = None) -> dict[str, Any]:
    """Write a column as Debezium's schemas do."""
    kind = {"type": avro, "connect.parameters": {TYPE: said}} | ({"connect.name": meaning} if meaning else {})
    return {"name": "x", "type": ["null", kind]}


@pytest.mark.parametrize(
    "field",
    [
        column("string", "UUID"),  # of text, it is no uuid to Debezium
        column("string", "DATE"),
        column("string", "TIMESTAMPTZ"),
        column("long", "TEXT"),
        column("string", "INTERVAL"),
        column("string", "BYTEA"),
        column("string", "INET", "io.debezium.data.Enum"),
        column("string", "MONEY"),
        column("string", "POINT", "io.debezium.data.Enum"),
    ],
)
def test_what_is_named_as_one_type_and_written_as_another_is_unusable(field: dict[str, Any]) -> None:
    assert not is_usable(field_from_writer(field))


@pytest.mark.parametrize(
    ("field", "type_"),
    [
        (column("string", "UUID", "io.debezium.data.Uuid"), "string"),
        (column("int", "INT2"), "int"),
        (column("int", "DATE", "io.debezium.time.Date"), "date"),
        (column("string", "JSON", "io.debezium.data.Json"), "string"),
        (column("string", "INET"), "string"),
        (column("string", "VARCHAR"), "string"),
        (column("string", "NUMERIC"), "string"),
        (column("string", "MOOD", "io.debezium.data.Enum"), "string"),
        (column("string", "PERCENT"), "string"),
        (column("string", "NAME"), "string"),  # of a domain "Name": events leave out what is of Postgres' own
        (column("long", "TIMESTAMP", "io.debezium.time.MicroTimestamp"), "timestamp"),
    ],
)
def test_what_says_what_it_is_is_that(field: dict[str, Any], type_: str) -> None:
    found = field_from_writer(field)
    assert (is_usable(found), found.dataType.simpleString()) == (True, type_)


def test_the_files_are_read_as_postgres_reads_them(tmp_path: Path) -> None:
    (tmp_path / "a.sql").write_text(
        "CREATE DOMAIN public.money AS numeric(10, 2); CREATE DOMAIN percent AS numeric(5, 2);"
        "CREATE TABLE public.t (id bigint PRIMARY KEY, a public.money, b money, c percent, d pg_catalog.int4)"
    )
    columns = read_table(tmp_path, "public.t").columns
    assert [field.name for field in columns if is_usable(field)] == ["id", "c", "d"]
    assert columns["a"].metadata["penstock.unusable"].startswith("has type public.money")
    assert "lc_monetary" in columns["b"].metadata["penstock.unusable"]
