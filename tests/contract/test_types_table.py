"""docs/types.md and the code's maps of types say the same."""

from __future__ import annotations

import re
from typing import Any

import pytest
from penstock_views.output.contracts import avro_of
from penstock_views.types.canonical import (
    DEBEZIUM,
    NO_ARRAYS_OF,
    POSTGRES,
    field_from_postgres,
    field_from_writer,
    is_usable,
    logical_of,
)
from pyspark.sql import types as T

from penstock.cassandra.table_file import cql_type
from penstock.clone import ROOT
from penstock.connect.files import read_connectors
from tests.every_type import COLUMNS, UNUSABLE

TEXT = (ROOT / "docs" / "types.md").read_text()
ROWS = [
    [cell.strip() for cell in re.split(r"(?<!\\)\|", line)[1:-1]] for line in TEXT.splitlines() if line[:3] == "| `"
]
NUMERICS = {"numeric(p,s)": "numeric(7,4)", "numeric": "numeric"}
TABLE = {re.findall(r"`([^`]+)`", row[0])[0]: row[1:] for row in ROWS}
CQL = {column.sql: column.cql for column in COLUMNS}


def sql_type(row: str) -> str:
    return NUMERICS.get(row, row)


def test_the_table_has_every_type_of_the_code_and_no_other() -> None:
    assert set(TABLE) == {*POSTGRES, *NUMERICS}


@pytest.mark.parametrize("row", TABLE)
def test_spark_and_avro_are_those_of_the_code(row: str) -> None:
    field = field_from_postgres("x", sql_type(row))
    spark = field.dataType.simpleString().replace("(7,4)", "(p,s)")
    logical = logical_of(field)
    assert TABLE[row][1] == (f"{spark} `{logical}`" if logical else spark)
    avro: Any = avro_of(field)
    described = avro if isinstance(avro, dict) else {"type": avro}
    meaning = described.get("connect.name") or described.get("logicalType")
    assert TABLE[row][2] == described["type"] + (f", `{meaning}`" if meaning else "")


@pytest.mark.parametrize("row", TABLE)
def test_cql_is_what_the_round_trip_proves(row: str) -> None:
    names = {"character varying": "varchar(10)", "character": "char(5)", "enum": "public.mood"}
    short = {"time without time zone": "time", "timestamp without time zone": "timestamp"}
    proven = sql_type({**names, **short, "timestamp with time zone": "timestamptz"}.get(row, row))
    assert TABLE[row][3] == f"`{CQL[proven]}`"


@pytest.mark.parametrize("row", TABLE)
def test_the_tables_that_are_written_have_that_type(row: str) -> None:
    assert TABLE[row][3] == f"`{cql_type(avro_of(field_from_postgres('x', sql_type(row))))}`"


def test_an_array_is_a_frozen_list() -> None:
    assert cql_type(avro_of(field_from_postgres("x", "inet[]"))) == "frozen<list<inet>>"


@pytest.mark.parametrize("row", TABLE)
def test_debezium_schemas_are_read_as_that_type(row: str) -> None:
    avro_type = TABLE[row][0].split()[0]
    for name in re.findall(r"`([^`]+)`", TABLE[row][0]) or [None]:
        limits = {"length": "7", "scale": "4"} if row == "numeric(p,s)" else {}
        said = {"type": {"numeric(p,s)": "numeric", "enum": "enum:public.mood"}.get(row, row), **limits}
        parameters = {f"__debezium.source.column.{key}": value.upper() for key, value in said.items()}
        avro = {"type": avro_type, "connect.name": name, "connect.parameters": parameters}
        assert (avro_type, name) in DEBEZIUM
        assert field_from_writer({"name": "x", "type": ["null", avro]}) == field_from_postgres("x", sql_type(row))


def test_an_array_is_typed_by_its_elements() -> None:
    field = field_from_postgres("x", "inet[]")
    assert (field.dataType, logical_of(field)) == (T.ArrayType(T.StringType()), "inet")
    assert avro_of(field) == {"type": "array", "items": {"type": "string", "logicalType": "inet"}}


def test_the_source_sends_what_a_view_can_use_and_nothing_else() -> None:
    java = (ROOT / "connect/postgres-source/src/main/java/dev/penstock/postgres/TypeNames.java").read_text()
    (listed,) = re.findall(r"String USABLE\s*=([^;]*);", java)
    written = "".join(re.findall(r'"([^"]*)"', listed)).split()
    types = {field_from_postgres("x", name.removeprefix("_") + "[]" * name.startswith("_")) for name in written}
    assert all(map(is_usable, types))
    plain = {*POSTGRES, "numeric"}
    arrays = plain - {*NO_ARRAYS_OF, "enum"}
    assert len(written) == len(set(written)) == len(plain) + len(arrays)


@pytest.mark.parametrize("sql_type", UNUSABLE.values())
def test_what_the_table_does_not_have_is_unusable(sql_type: str) -> None:
    assert not is_usable(field_from_postgres("x", sql_type))


def test_the_settings_are_those_of_the_source_connector() -> None:
    (source,) = read_connectors(ROOT / "connect" / "connectors", names=["users-postgres-source"])
    settings = dict(re.findall(r"`([a-z]+[.][a-z.]+)=([^`]+)`", TEXT))
    assert len(settings) == 5
    assert {key: source.config[key] for key in settings} == settings
