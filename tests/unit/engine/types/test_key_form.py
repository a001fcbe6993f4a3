"""Keys are equal as bytes exactly when Cassandra takes them for one, for every type that a key can have."""

from __future__ import annotations

import datetime as dt
import struct
from decimal import Decimal
from fractions import Fraction
from itertools import combinations_with_replacement
from pathlib import Path
from typing import Any

import pytest
from cassandra import cqltypes
from penstock_views.change.envelope import Writer
from penstock_views.output.contracts import avro_of
from penstock_views.output.derive import derive
from penstock_views.output.fingerprint import fingerprint
from penstock_views.output.limits import refuse_in_key
from penstock_views.snapshot.expected import ABSENT, evaluate_table
from penstock_views.stream.optimized import optimized
from penstock_views.types.canonical import POSTGRES, field_from_postgres, logical_of
from pyspark.sql import DataFrame, SparkSession
from pyspark.sql import functions as F
from pyspark.sql import types as T
from pyspark.sql.avro.functions import to_avro

from penstock.cassandra.table_file import cql_type
from penstock.verify.postgres_rows import exact_rows
from tests.names import load_views
from tests.unit.engine import cdc
from tests.unit.engine.conftest import as_emitted, make_plan, raw_frame

HEAD = "from penstock_views import aggregate, count, row, totals, view\n\n"
UTC = dt.UTC
TEXTS = ["", " ", "a", "A", "a ", "\u00e9", "e\u0301", "10", "10.0", "\U0001f642"]
ODD_NAN = struct.unpack(">d", bytes.fromhex("fff8000000000001"))[0]
FLOATS = [0.0, -0.0, 1.0, 1.5, -1.5, float("inf"), float("-inf"), float("nan"), ODD_NAN]
TIMES = [dt.datetime(2026, 1, 1, tzinfo=UTC), dt.datetime(2026, 1, 1, microsecond=1000, tzinfo=UTC)]
DIGITS = [
    "0",
    "-0",
    "0.00",
    "-0.0",
    "10",
    "10.0",
    "10.00",
    "1",
    "100",
    "100.5",
    "100.50",
    "0.1",
    "0.10",
    "-10.0",
    "-10",
]
VALUES: dict[str, list[Any]] = {
    "smallint": [0, 1, -1],
    "integer": [0, 1, -1],
    "bigint": [0, 1, 2**63 - 1],
    "real": FLOATS,
    "double precision": FLOATS,
    "text": TEXTS,
    "character varying": TEXTS,
    "character": TEXTS,
    "boolean": [True, False],
    "uuid": ["00000000-0000-4000-8000-00000000000a", "00000000-0000-4000-8000-00000000000b"],
    "date": [dt.date(1970, 1, 1), dt.date(2026, 1, 1)],
    "time without time zone": [0, 1, 86_399_999_999],
    "timestamp without time zone": TIMES,
    "timestamp with time zone": TIMES,
    "bytea": [bytearray(b""), bytearray(b"\0"), bytearray(b"\0\0")],
    "json": ["1", "1.0", "{}"],
    "jsonb": ["1", "1.0", "{}"],
    "enum": ["sad", "glad"],
    "inet": ["10.0.0.1", "10.0.0.2", "::1", "2001:db8::1"],
    "cidr": ["10.0.0.0/8", "10.0.0.0/9"],
    "macaddr": ["08:00:2b:01:02:03", "08:00:2b:01:02:04"],
    "macaddr8": ["08:00:2b:01:02:03:04:05", "08:00:2b:01:02:03:04:06"],
    "numeric(7,4)": [Decimal("0.0000"), Decimal("10.0000"), Decimal("10.0001")],
    "numeric(60,30)": ["1.500000000000000000000000000000", "1.500000000000000000000000000001"],
    "numeric": DIGITS,
}
KINDS = {
    "int": cqltypes.Int32Type,
    "bigint": cqltypes.LongType,
    "float": cqltypes.FloatType,
    "double": cqltypes.DoubleType,
    "text": cqltypes.UTF8Type,
    "boolean": cqltypes.BooleanType,
    "uuid": cqltypes.UTF8Type,  # the driver's own type takes a UUID; a text of it is as good here
    "date": cqltypes.SimpleDateType,
    "time": cqltypes.TimeType,
    "timestamp": cqltypes.LongType,
    "blob": cqltypes.BytesType,
    "inet": cqltypes.InetAddressType,
    "decimal": cqltypes.DecimalType,
}


def in_cassandra(cql: str, value: Any) -> bytes:
    """Write a value as Cassandra stores it: what it compares partition keys by."""
    plain = value.micros // 1000 if cql == "timestamp" else str(value) if cql == "inet" else value
    return bytes(KINDS[cql].serialize(plain, 5))


def clusters_as(cql: str, value: Any) -> Any:
    """Say what Cassandra compares clustering columns by: of a decimal its value, of a float Java's order."""
    if cql == "decimal":
        return Fraction(value)
    if cql in ("float", "double"):
        return "nan" if value != value else value.hex()
    return in_cassandra(cql, value)


def keyed(spark: SparkSession, folder: Path, field: T.StructField, values: list[Any]) -> DataFrame:
    """Compute a view that is keyed by a column of these values."""
    (folder / "v.py").write_text(f"{HEAD}@view('public.t', key=['v'])\ndef keyed(r):\n    return row(v=r.v)\n")
    images = spark.createDataFrame([(value,) for value in values], T.StructType([field]))
    view, named = load_views(folder)[0], images.select(F.col("v").alias("v", metadata=field.metadata))
    return evaluate_table(view, named).where(F.col(ABSENT).isNull()).drop(ABSENT)


def test_every_type_of_a_key_is_tried() -> None:
    usable = {name for name in POSTGRES if refuse_in_key(field_from_postgres("v", name)) is None}
    assert usable <= VALUES.keys()


@pytest.mark.parametrize("sql_type", VALUES)
def test_bytes_are_equal_exactly_when_cassandra_says_so(spark: SparkSession, tmp_path: Path, sql_type: str) -> None:
    field = field_from_postgres("v", sql_type)
    cql = cql_type(avro_of(field))
    # Of a partition key of one column, an empty value is refused.
    values = [value for value in VALUES[sql_type] if value not in ("", b"")]
    rows = keyed(spark, tmp_path, field, values)
    encoded = [bytes(row[0]) for row in rows.select(to_avro(F.struct("v"))).collect()]
    written = [row["v"] for row in exact_rows(rows)]
    assert len(encoded) == len(written) == len(values)
    for one, other in combinations_with_replacement(range(len(values)), 2):
        is_same = encoded[one] == encoded[other]
        pair = (values[one], values[other])
        assert is_same == (in_cassandra(cql, written[one]) == in_cassandra(cql, written[other])), pair
        assert is_same == (clusters_as(cql, written[one]) == clusters_as(cql, written[other])), pair


def test_what_postgres_calls_one_number_is_one_key_and_one_group(spark: SparkSession, tmp_path: Path) -> None:
    field = field_from_postgres("v", "numeric")
    assert {row["v"] for row in keyed(spark, tmp_path, field, DIGITS).collect()} == {
        *("0", "10", "1", "100", "100.5", "0.1", "-10"),
    }
    (tmp_path / "v.py").write_text(
        f"{HEAD}@aggregate('public.t', key=['v'])\ndef a(r):\n    return totals(v=r.v, rows=count())\n"
    )
    images = spark.createDataFrame([(value,) for value in DIGITS], T.StructType([field]))
    groups = evaluate_table(load_views(tmp_path)[0], images.select(F.col("v").alias("v", metadata=field.metadata)))
    assert logical_of(groups.schema["v"]) == "digits"
    assert {row["v"]: row["rows"] for row in groups.collect()} == {
        **{"0": 4, "10": 3, "1": 1, "100": 1, "100.5": 2, "0.1": 2, "-10": 2},
    }


def test_a_row_whose_key_keeps_its_value_stays(spark: SparkSession, tmp_path: Path) -> None:
    numeric = {"type": "string", "connect.parameters": {"__debezium.source.column.type": "NUMERIC"}}
    columns = {"id": "int", "amount": numeric}
    folder = tmp_path / "spark" / "views"
    folder.mkdir(parents=True)
    (folder / "v.py").write_text(
        f"{HEAD}@view('public.people', key=['amount', 'id'])\ndef v(r):\n    return row(amount=r.amount, id=r.id)\n"
    )
    plan = make_plan(spark, folder, (Writer(6, cdc.schema_text(columns)),))
    old, new = ({"id": 1, "amount": text} for text in ("10", "10.0"))
    value = cdc.wire(6, cdc.envelope(columns), cdc.change("u", old, new))
    emitted = [as_emitted(row) for row in optimized(derive(raw_frame(spark, [cdc.Record(0, value)]), plan)).collect()]
    assert [(one.topic, one.value is None) for one in emitted] == [("views.v", False)]
    _, key = cdc.unwire(plan.outputs[0].key.schema, emitted[0].key)
    assert key == {"amount": "10", "id": 1}


def test_only_a_view_with_such_a_key_is_another_than_before(spark: SparkSession, tmp_path: Path) -> None:
    """A fingerprint that moved asks for a new revision, which fills the view again."""
    (tmp_path / "v.py").write_text(f"{HEAD}@view('public.t', key=['v'])\ndef v(r):\n    return row(v=r.v)\n")
    (view,) = load_views(tmp_path)
    as_text = T.StructType([field_from_postgres("v", "text")])
    as_digits = T.StructType([field_from_postgres("v", "numeric")])
    assert fingerprint(spark, view, as_text) != fingerprint(spark, view, as_digits)
