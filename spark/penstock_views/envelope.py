"""Reads Debezium's envelope schemas: which columns a table has had, and the types that its writers gave them."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

from pyspark.sql import types as T

from penstock.errors import TerminalError
from penstock_views.canonical import field_from_writer, is_usable, not_null, read_by
from penstock_views.carriers import carried_kind
from penstock_views.names import postgres_name


class NoEnvelope(TerminalError):
    """A schema is not one that Debezium writes for a table."""

    def __init__(self, schema_id: int, lacking: str) -> None:
        super().__init__(f"schema id {schema_id} is no Debezium envelope: it has no {lacking}")


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
                    carried_kind(field["type"])
        except NoEnvelope as exc:
            return str(exc)
        except Exception as exc:  # noqa: BLE001 - whoever registered it may have written anything
            return f"schema id {self.schema_id} cannot be read: {type(exc).__name__}: {exc}"
        return None

    @cached_property
    def columns(self) -> dict[str, dict[str, Any]]:
        """The columns of the row image: Postgres' name to Avro field.

        :raises NoEnvelope: when this is no envelope.
        """
        parsed = json.loads(self.schema)
        parts = parsed.get("fields", []) if isinstance(parsed, dict) else []
        before = next((part["type"] for part in parts if part["name"] == "before"), None)
        image = not_null(before)
        if not isinstance(image, dict) or image.get("type") != "record":
            raise NoEnvelope(self.schema_id, "row image in `before`")
        return {postgres_name(field["name"]): field for field in image["fields"]}


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
