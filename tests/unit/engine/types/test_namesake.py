"""A user's type is what it is made of, whatever its name is, wherever it is read."""

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
    ("field", "type_"),
    [
        (column("string", "TEXT:PUBLIC.UUID"), "string"),
        (column("string", "VARCHAR:PUBLIC.DATE"), "string"),
        (column("long", "INT8:PUBLIC.TEXT"), "bigint"),
        (column("string", "ENUM:PUBLIC.INET", "io.debezium.data.Enum"), "string"),
        (column("string", "ENUM:PUBLIC.A:INT4", "io.debezium.data.Enum"), "string"),
        (column("string", "NUMERIC:PUBLIC.MONEY"), "string"),
        (column("string", "INET:PUBLIC.ADDRESS"), "string"),
        (column("string", "UUID", "io.debezium.data.Uuid"), "string"),
        (column("int", "INT2"), "int"),
        (column("int", "DATE", "io.debezium.time.Date"), "date"),
        (column("string", "JSON", "io.debezium.data.Json"), "string"),
        (column("string", "INET"), "string"),
        (column("string", "VARCHAR"), "string"),
        (column("string", "NUMERIC"), "string"),
        (column("string", "NAME:PUBLIC.CALLED"), None),
        (column("string", "CITEXT"), None),
        (column("string", "CITEXT:PUBLIC.EMAIL"), None),
        (column("string", "MONEY:PUBLIC.PRICE"), None),
        (column("string", "OTHER:PUBLIC.POINT"), None),
        (column("long", "TIMESTAMP", "io.debezium.time.MicroTimestamp"), "timestamp"),
    ],
)
def test_a_column_is_what_its_own_type_is_made_of(field: dict[str, Any], type_: str | None) -> None:
    found = field_from_writer(field)
    assert (found.dataType.simpleString() if is_usable(found) else None) == type_


def test_the_files_are_read_as_postgres_reads_them(tmp_path: Path) -> None:
    (tmp_path / "a.sql").write_text(
        "CREATE DOMAIN public.money AS numeric(10, 2); CREATE DOMAIN percent AS numeric(5, 2);"
        "CREATE TABLE public.t (id bigint PRIMARY KEY, a public.money, b money, c percent, d pg_catalog.int4)"
    )
    columns = read_table(tmp_path, "public.t").columns
    assert [field.name for field in columns if is_usable(field)] == ["id", "a", "c", "d"]
    assert columns["a"].dataType.simpleString() == "string"
    assert "lc_monetary" in columns["b"].metadata["penstock.unusable"]
