"""The contracts of the view topics: a view's type, written as Avro schemas in `schemas/avro`.

`penstock views write` writes them after a view changed; the job and `penstock views check` refuse a view that does not
keep them.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from pyspark.sql import SparkSession
from pyspark.sql import functions as F
from pyspark.sql import types as T

from penstock.contract import REVISION, ROW_VERSION, SINCE, TABLE
from penstock.errors import TerminalError, first_line
from penstock_views.declaration.totals import Aggregate
from penstock_views.declaration.views import History, Image, View, ViewInvalid
from penstock_views.output.entries import entry_type
from penstock_views.output.evaluate import call_view
from penstock_views.output.fingerprint import fingerprint
from penstock_views.output.grouping import grouping_of
from penstock_views.output.limits import refuse_in_key
from penstock_views.output.primary_key import refuse_merging
from penstock_views.types.canonical import logical_of
from penstock_views.types.tables import Table

FINGERPRINT, SOURCE = "penstock.fingerprint", "penstock.source"
"""More properties of a value's schema: there the file, git and the registry all show a changed function."""

_AVRO: dict[tuple[str, str | None], Any] = {
    ("string", None): "string",
    ("string", "uuid"): {"type": "string", "logicalType": "uuid"},
    ("int", None): "int",
    ("bigint", None): "long",
    ("boolean", None): "boolean",
    ("float", None): "float",
    ("double", None): "double",
    ("binary", None): "bytes",
    ("string", "digits"): {"type": "string", "logicalType": "digits"},
    ("string", "inet"): {"type": "string", "logicalType": "inet"},
    # Connect's name of the meaning: the sink refuses a bare number or text where CQL has a type of its own.
    ("string", "interval"): {"type": "string", "connect.name": "io.debezium.time.Interval"},
    ("bigint", "time"): {"type": "long", "connect.name": "io.debezium.time.MicroTime"},
    ("date", None): {"type": "int", "logicalType": "date"},
    ("timestamp", None): {"type": "long", "logicalType": "timestamp-millis"},
}


class ContractBroken(TerminalError):
    """A view's type is not what its schema files promise."""

    def __init__(self, file: Path, problem: str) -> None:
        self.problem = problem
        super().__init__(
            f"{file}: {problem}. If the view or its table changed on purpose: raise the revision and run "
            "`penstock views write`"
        )


@dataclass(frozen=True)
class Contract:
    """One Avro schema of a view topic."""

    subject: str
    file_name: str
    """Its file in `schemas/avro`, the same in each installation."""
    schema: dict[str, Any]

    @property
    def text(self) -> str:
        """The schema as it stands in the file."""
        return json.dumps(self.schema, indent=2) + "\n"

    def is_kept_by(self, written: dict[str, Any]) -> bool:
        """Return whether a schema that was written is this one; one of an earlier version names no table."""
        unnamed = {TABLE: self.schema[TABLE]} if TABLE in self.schema else {}
        return unnamed | written == self.schema


def view_type(spark: SparkSession, view: View, image: T.StructType) -> T.StructType:
    """Find the type of what a view's table holds: key columns first.

    :param image: the canonical columns of its source table.
    :raises ViewInvalid: when the function does not work on them or the view cannot hold what it gives.
    """
    row = row_type(spark, view, image)
    found = entry_type(view, row) if isinstance(view, History) else row
    if ROW_VERSION in found.names:
        raise ViewInvalid(
            view.origin,
            f"column {ROW_VERSION} is the view table's own, the version of each write; give it another name in the "
            f"function, as in {ROW_VERSION}_=r.{ROW_VERSION}",
        )
    return grouping_of(view, image, row).view_type if isinstance(view, Aggregate) else found


def row_type(spark: SparkSession, view: View, image: T.StructType) -> T.StructType:
    """Find the type of the rows that a view's function gives: key columns first.

    :param image: the canonical columns of its table.
    :raises ViewInvalid: when the function does not work on them or a column's type is outside the contract.
    """
    frame = spark.createDataFrame([], T.StructType([T.StructField("image", image)]))
    made = call_view(view, Image(view.table, F.col("image"), image))
    try:
        found = frame.select(*[column.alias(name) for name, column in made.columns.items()]).schema
        frame.where(F.lit(True) if made.condition is None else made.condition)
    except Exception as exc:  # Spark's analysis errors share no base class; the user sees which
        raise ViewInvalid(view.origin, first_line(exc)) from exc
    for field in found.fields:
        _avro_type(view, field)
        refusal = refuse_in_key(field)
        if field.name in view.key and refusal:
            raise ViewInvalid(view.origin, refusal)
    return found


def contracts_of(view: View, row: T.StructType) -> tuple[Contract, Contract]:
    """Say the key's and the value's contract of a view whose rows have that type."""
    key = [{"name": name, "type": _avro_type(view, row[name])} for name in view.primary_key]
    rest = [
        {"name": field.name, "type": ["null", _avro_type(view, field)], "default": None}
        for field in row.fields
        if field.name not in view.primary_key
    ]
    return _contract(view, "key", key), _contract(view, "value", key + rest)


def check_contracts(folder: Path, contracts: Sequence[Contract]) -> None:
    """Compare contracts with their files.

    :raises ContractBroken: naming the first file that is missing or differs, and where.
    """
    for contract in contracts:
        file = folder / contract.file_name
        if not file.exists():
            raise ContractBroken(file, "the file is missing")
        written = json.loads(file.read_text())
        if not contract.is_kept_by(written):
            raise ContractBroken(file, _difference(written, contract.schema))


def contracts_on(spark: SparkSession, view: View, table: Table) -> tuple[Contract, Contract]:
    """Compute the key's and the value's contract of a view from its function and its table.

    :raises ViewInvalid: when the view cannot be kept on that table.
    """
    if isinstance(view, Aggregate):  # a group has many rows anyway
        return signed_contracts(spark, view, table.columns)
    if not table.primary_key:
        raise ViewInvalid(view.origin, f"{table.name} has no primary key, so no two rows of it can be kept apart")
    contracts = signed_contracts(spark, view, table.columns)
    refuse_merging(spark, view, table.columns, table.primary_key)
    return contracts


def signed_contracts(spark: SparkSession, view: View, image: T.StructType) -> tuple[Contract, Contract]:
    """Compute both contracts of a view; the value's says which revision of which function it is.

    :raises ViewInvalid: when the function does not work on that image, or is not deterministic.
    """
    key, value = contracts_of(view, view_type(spark, view, image))
    source = {SOURCE: view.source} if view.source else {}
    since = {SINCE: view.since} if isinstance(view, History) and view.since != view.revision else {}
    signature = {REVISION: view.revision, FINGERPRINT: fingerprint(spark, view, image), TABLE: view.table}
    return key, replace(value, schema=value.schema | signature | source | since)


def _contract(view: View, part: str, fields: list[dict[str, Any]]) -> Contract:
    record = {"type": "record", "name": part.capitalize(), "namespace": f"penstock.{view.contract}", "fields": fields}
    return Contract(f"{view.topic}-{part}", f"{view.contract}-{part}.avsc", record)


def avro_of(field: T.StructField) -> Any:
    """Say the Avro type of a column of a view, NULL aside; None for a type that no view can have."""
    if isinstance(field.dataType, T.DecimalType):
        size = {"precision": field.dataType.precision, "scale": field.dataType.scale}
        return {"type": "bytes", "logicalType": "decimal", **size}
    if isinstance(field.dataType, T.ArrayType) and not isinstance(field.dataType.elementType, T.ArrayType):
        items = avro_of(T.StructField(field.name, field.dataType.elementType, True, field.metadata))
        return items and {"type": "array", "items": items}
    return _AVRO.get((field.dataType.simpleString(), logical_of(field)))


def _avro_type(view: View, field: T.StructField) -> Any:
    avro = avro_of(field)
    if avro is None:
        known = ", ".join(sorted({name for name, _ in _AVRO} | {"decimal", "arrays of these"}))
        spark_type = field.dataType.simpleString()
        raise ViewInvalid(view.origin, f"column {field.name} has type {spark_type}; cast it to one of: {known}")
    return avro


def _difference(written: dict[str, Any], computed: dict[str, Any]) -> str:
    old, new = ({field["name"]: field for field in schema["fields"]} for schema in (written, computed))
    for name in old | new:
        if old.get(name) != new.get(name):
            return f"field {name} is {old.get(name, 'absent')} in the file and {new.get(name, 'absent')} in the view"
    if computed.get(REVISION) != written.get(REVISION):
        return f"it is of revision {written.get(REVISION, 'unknown')}, the view of revision {computed.get(REVISION)}"
    if computed.get(SOURCE) != written.get(SOURCE):
        return f"it is of source {written.get(SOURCE, '[postgres]')}, the view of {computed.get(SOURCE, '[postgres]')}"
    if (table := written.get(TABLE)) and table != computed.get(TABLE):
        return f"it is of table {table}, the view of {computed.get(TABLE)}"
    if computed.get(FINGERPRINT) != written.get(FINGERPRINT):
        return f"the function computes something else than when revision {written.get(REVISION, 'unknown')} was written"
    return "the order of the fields or the record's name differs from the view's"
