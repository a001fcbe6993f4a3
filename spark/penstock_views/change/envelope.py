"""Reads Debezium's envelope schemas: which columns a table has had, and the types that its writers gave them."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

from pyspark.sql import types as T

from penstock.names import postgres_name
from penstock_views.types.canonical import field_from_writer, is_usable, not_null, read_by
from penstock_views.types.encodings import encoding_of


@dataclass(frozen=True)
class Writer:
    """One writer schema of a table's CDC records."""

    schema_id: int
    schema: str

    @cached_property
    def problem(self) -> str | None:
        """Why its columns are unknown; None when they are not."""
        try:
            for field in self.columns.values():
                if is_usable(field_from_writer(field)):
                    encoding_of(field["type"])
        except Exception as exc:  # noqa: BLE001 - its author may have written anything
            return f"schema id {self.schema_id} is no Debezium envelope: {type(exc).__name__}: {exc}"
        return None

    @cached_property
    def columns(self) -> dict[str, dict[str, Any]]:
        """The columns of the row image in `before`: Postgres' name to Avro field; fails where there is none."""
        parts = {part["name"]: part["type"] for part in json.loads(self.schema)["fields"]}
        return {postgres_name(field["name"]): field for field in not_null(parts["before"])["fields"]}


@dataclass(frozen=True)
class TableColumn:
    """A column that a table has, or has had.

    :param name: its name in Avro.
    :param field: its canonical field, typed as the newest writer schema that has it says.
    :param since: the id of the first writer schema that had it.
    :param types: each Avro type that it has had, among those that are read differently.
    """

    name: str
    field: T.StructField
    since: int
    types: tuple[Any, ...]

    @cached_property
    def slots(self) -> dict[str, Any]:
        """The places for its values, one for each kind of type, and such a type; none for what no view can use."""
        return {slot: avro for avro in self.types if (slot := self.slot_of(avro)) is not None}

    def slot_of(self, avro: Any) -> str | None:
        """Name the place for the values of one of its types."""
        is_wanted = is_usable(field_from_writer({"name": self.name, "type": avro}))
        return f"{self.name}: {encoding_of(avro)}" if is_wanted else None


def merge_columns(writers: Sequence[Writer]) -> tuple[TableColumn, ...]:
    """Merge the columns of all writer schemas: each column that ever was."""
    found: dict[str, TableColumn] = {}
    # A later schema has a higher id: the source connector never takes one for an earlier (connect/postgres-source).
    for writer in sorted(writers, key=lambda writer: writer.schema_id):
        for name, field in writer.columns.items():
            before = found.get(name)
            types = before.types if before else ()
            if read_by(field["type"]) not in map(read_by, types):
                types = (*types, field["type"])
            since = before.since if before else writer.schema_id
            found[name] = TableColumn(field["name"], field_from_writer(field), since, types)
    return tuple(found.values())
