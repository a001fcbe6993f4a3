"""Reads Debezium's envelope schemas: which columns a writer schema holds, and how to decode them."""

from __future__ import annotations

import json
from collections.abc import Collection, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from itertools import dropwhile
from typing import Any

from pyspark.sql import Column
from pyspark.sql import functions as F
from pyspark.sql import types as T
from pyspark.sql.avro.functions import from_avro

from penstock.errors import TerminalError
from penstock_views.canonical import field_from_writer, is_usable, not_null
from penstock_views.carriers import GONE, REFUSED, Carrier, avro_carrier, carry_all, gone_column
from penstock_views.names import postgres_name

ORIGIN = ("lsn", "txId", "ts_ms")
"""What is read of an envelope's `source`: the change's place in the log, its transaction, and when that committed."""

_DECODED_BY = frozenset(
    ["type", "name", "namespace", "fields", "items", "values", "symbols", "size", "logicalType", "precision", "scale"]
)
"""The attributes of an Avro schema by which bytes are decoded (https://avro.apache.org/docs/1.12.0/specification/);
nobody gives a default, as both schemas of a decoding are of one writer."""


class NoEnvelope(TerminalError):
    """A schema is not one that Debezium writes for a table."""

    def __init__(self, schema_id: int, lacking: str) -> None:
        super().__init__(f"schema id {schema_id} is no Debezium envelope: it has no {lacking}")


@dataclass(frozen=True)
class Writer:
    """One writer schema of a table's CDC records.

    :param known: the columns to know of; None for all.
    """

    schema_id: int
    schema: str
    known: frozenset[str] | None = None

    def only(self, columns: Collection[str]) -> Writer:
        """Make the same writer that knows of no other columns."""
        return replace(self, known=frozenset(columns))

    @cached_property
    def problem(self) -> str | None:
        """Why no record of this schema can be read; None when they can."""
        try:
            _ = self.reader
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
        image = not_null(self._part("before")["type"])
        if not isinstance(image, dict) or image.get("type") != "record":
            raise NoEnvelope(self.schema_id, "row image in `before`")
        columns = {postgres_name(field["name"]): field for field in image["fields"]}
        return {name: field for name, field in columns.items() if self.known is None or name in self.known}

    @cached_property
    def reader(self) -> str:
        """The same schema without what nobody reads; the types stay the writer's own, so nothing is misread."""
        before, source = self._part("before"), self._part("source")
        image, origin = not_null(before["type"]), not_null(source["type"])
        kept = [field for field in origin["fields"] if field["name"] in ORIGIN]
        lacking = set(ORIGIN).difference(field["name"] for field in kept)
        if lacking:
            raise NoEnvelope(self.schema_id, " and no ".join(f"`source.{name}`" for name in sorted(lacking)))
        usable = [self.columns[name] for name in self._usable]
        slim = {
            "before": before | {"type": ["null", image | {"fields": usable}]},
            "source": source | {"type": origin | {"fields": kept}},
        }
        parts = [slim.get(name, self._part(name)) for name in ("before", "after", "source", "op")]
        return json.dumps(json.loads(self.schema) | {"fields": parts})

    @cached_property
    def _usable(self) -> list[str]:
        return [name for name, field in self.columns.items() if is_usable(field_from_writer(field))]

    def decode(self, body: Column) -> Column:
        """Decode Avro bytes of this schema; a struct of NULLs when they are not of it."""
        # PERMISSIVE: one record of garbage must not fail the query.
        return from_avro(body, _bare(self.schema), {"avroSchema": _bare(self.reader), "mode": "PERMISSIVE"})

    def canonical(self, image: Column, target: T.StructType, left_out: Column) -> Column:
        """Turn a decoded image into the canonical row.

        A column that only came after this writer is NULL; one that was gone before it is REFUSED, and so is what the
        source has left out.
        """
        read = [self._read(image, field) for field in target.fields if field != REFUSED]
        return F.when(image.isNotNull(), F.struct(*carry_all(read, left_out)))

    def _read(self, image: Column, field: T.StructField) -> tuple[T.StructField, Carrier | None, Column | None]:
        if field.name in self._usable:
            written = self.columns[field.name]
            return field, avro_carrier(written, field), image[written["name"]]
        return gone_column(field) if self.schema_id in field.metadata.get(GONE, ()) else (field, None, None)

    def _part(self, name: str) -> dict[str, Any]:
        parsed = json.loads(self.schema)
        fields = parsed.get("fields", []) if isinstance(parsed, dict) else []
        for field in fields:
            if field["name"] == name:
                return dict(field)
        raise NoEnvelope(self.schema_id, f"field `{name}`")


def image_type(writers: Sequence[Writer]) -> T.StructType:
    """Merge the columns of all writer schemas, oldest first: each column that ever was, typed as the newest has it."""
    fields = {name: field_from_writer(field) for writer in writers for name, field in writer.columns.items()}
    return T.StructType([*[_with_gone(field, writers) for field in fields.values()], REFUSED])


def _bare(schema: str) -> str:
    """Leave out of a schema what only tells people and Connect: each task that decodes is sent it, and parses it."""
    return json.dumps(_bare_part(json.loads(schema)), separators=(",", ":"))


def _bare_part(part: Any) -> Any:
    if isinstance(part, dict):
        return {name: _bare_part(value) for name, value in part.items() if name in _DECODED_BY}
    return [_bare_part(each) for each in part] if isinstance(part, list) else part


def _with_gone(field: T.StructField, writers: Sequence[Writer]) -> T.StructField:
    """Note in a column's metadata which writers came after it was dropped or renamed."""
    since = dropwhile(lambda writer: field.name not in writer.columns, writers)
    gone = [writer.schema_id for writer in since if field.name not in writer.columns]
    return T.StructField(field.name, field.dataType, field.nullable, field.metadata | {GONE: gone}) if gone else field
