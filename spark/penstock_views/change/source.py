"""A table's CDC topic, and what the decoder (spark/decoder) is given to take of its records."""

from __future__ import annotations

import json
from collections.abc import Collection, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any

from pyspark.sql import types as T

from penstock_views.change.envelope import TableColumn, Writer, merge_columns
from penstock_views.types.canonical import read_by
from penstock_views.types.encodings import REFUSED, raw_type

IMAGES = ("before", "after")
"""The images of a row in an envelope."""

FACTS = (
    T.StructType()
    .add("schema_id", T.LongType())
    .add("problem", T.StringType())
    .add("op", T.StringType())
    .add("lsn", T.LongType())
    .add("tx_id", T.LongType())
    .add("committed_ms", T.LongType())
    .add("has_before", T.BooleanType())
    .add("has_after", T.BooleanType())
    .add("gone", T.ArrayType(T.StringType()))
)
"""What the decoder says of a record beside its images. `problem`: why it cannot be read, or NULL. `gone`: the columns
(by their names in Avro) that its writer lacks though an earlier one had them, or NULL."""


@dataclass(frozen=True)
class WriterSchemas:
    """Where writer schemas are found by their ids.

    :param url: the registry's Confluent API.
    :param known_id: one that it has, unlike a registry that is still starting.
    """

    url: str
    known_id: int


@dataclass(frozen=True)
class Source:
    """One table's CDC topic, and the columns that it is known to have or to have had.

    :param unreadable: the ids of schemas that are no envelopes of a table.
    :param read: the columns whose values are wanted; None for all.
    :param watches: whether any new column or type takes a new plan, not only those of the columns that are read.
    """

    table: str
    topic: str
    columns: tuple[TableColumn, ...]
    unreadable: tuple[int, ...] = ()
    read: frozenset[str] | None = None
    watches: bool = True

    @classmethod
    def of(cls, table: str, topic: str, writers: Sequence[Writer]) -> Source:
        """Make the source of which these writer schemas are known."""
        readable = [writer for writer in writers if writer.problem is None]
        unreadable = tuple(writer.schema_id for writer in writers if writer.problem is not None)
        return cls(table, topic, merge_columns(readable), unreadable)

    def only(self, columns: Collection[str], *, watches: bool) -> Source:
        """Make the source of which no other columns are read."""
        return replace(self, read=frozenset(columns), watches=watches)

    @cached_property
    def image(self) -> T.StructType:
        """The canonical type of the columns that are read."""
        return T.StructType([*[column.field for column in self.read_columns], REFUSED])

    @cached_property
    def read_columns(self) -> tuple[TableColumn, ...]:
        """The columns that are read."""
        return tuple(column for column in self.columns if self.read is None or column.field.name in self.read)

    @cached_property
    def slots(self) -> dict[str, Any]:
        """The places for the values of all columns that are read, and a type of each."""
        return {slot: avro for column in self.read_columns for slot, avro in column.slots.items()}

    @cached_property
    def opened_type(self) -> T.StructType:
        """The type of what the decoder gives for a record."""
        image = T.StructType([T.StructField(slot, raw_type(avro)) for slot, avro in self.slots.items()])
        return T.StructType().add("facts", FACTS).add(IMAGES[0], image).add(IMAGES[1], image)

    def wanted(self, known_id: int) -> str:
        """Tell the decoder what is wanted, as its `Reader` reads it."""
        places = {slot: place for place, slot in enumerate(self.slots)}
        columns = [
            {
                "name": column.name,
                "since": column.since,
                "types": [
                    {"like": read_by(avro), "slot": places.get(column.slot_of(avro) or "")} for avro in column.types
                ],
            }
            for column in (self.columns if self.watches else self.read_columns)
        ]
        settings = {"topic": self.topic, "whole": self.watches, "slots": len(places), "columns": columns}
        return json.dumps(settings | {"unreadable": self.unreadable, "known_id": known_id})
