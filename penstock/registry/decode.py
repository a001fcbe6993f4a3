"""Decode Confluent's wire format (byte 0, 4-byte schema id, Avro) by the registry.

Bad bytes are a result, not an error: a person who looks at a topic wants to see the other records.
"""

from __future__ import annotations

import io
import json
import struct
import time
from collections.abc import Callable, Collection
from dataclasses import dataclass
from typing import Any, Protocol

from fastavro import parse_schema, schemaless_reader
from fastavro.schema import SchemaParseException

from penstock.errors import TransientError

_HEADER = struct.Struct(">bI")
AVRO = "AVRO"
"""The type of a schema that a registry does not name."""
_AWAY_S = 5.0
"""So long nobody waits again for a registry that gave no schema: each of a page's records would wait on its own."""

# What fastavro raises on bytes that are not of the schema.
_DECODE_ERRORS = (EOFError, ValueError, IndexError, KeyError, TypeError, OverflowError, struct.error)


@dataclass(frozen=True)
class Decoded:
    """A key or value: decoded, or the reason why not (then `value` is text or hex)."""

    value: Any
    schema_id: int | None = None
    problem: str | None = None


@dataclass(frozen=True)
class Schema:
    """A schema as a registry has it; of Avro and JSON its text is JSON."""

    text: str
    type: str = AVRO


class SchemaSource(Protocol):
    """What a decoder asks of a registry."""

    def schema(self, schema_id: int) -> Schema | None:
        """Return a schema, None when there is no such id."""


class _NotAvro(Exception):
    """A schema that no record can be decoded by."""


class AvroDecoder:
    """Decodes records of any subject; each schema is asked for once.

    :param read: makes of a writer schema what is read of its records, by Avro's rules of schema resolution; None reads
        all.
    """

    def __init__(self, registry: SchemaSource, read: Callable[[dict[str, Any]], dict[str, Any]] | None = None) -> None:
        self._registry, self._read = registry, read
        self._schemas: dict[int, tuple[Any, Any] | _NotAvro] = {}
        self._away: TransientError | None = None
        self._asks_from = 0.0

    def decode(self, data: bytes | None) -> Decoded:
        """Decode a key or value; a null stays None.

        :raises RegistryUnreachable: the registry is away: that says nothing about the record.
        """
        if data is None:
            return Decoded(None)
        if len(data) < _HEADER.size or data[0] != 0:
            return Decoded(readable(data), problem="not in the registry's wire format")
        _, schema_id = _HEADER.unpack_from(data)
        schemas = self._schemas_of(schema_id)
        if schemas is None:
            return Decoded(data.hex(), schema_id, f"the registry has no schema {schema_id}")
        if isinstance(schemas, _NotAvro):
            return Decoded(data.hex(), schema_id, f"schema {schema_id} {schemas}")
        return _read(data, schema_id, *schemas)

    def _schemas_of(self, schema_id: int) -> tuple[Any, Any] | _NotAvro | None:
        """Find the writer schema and what is read of it (None: all)."""
        if schema_id not in self._schemas:
            found = self._ask(schema_id)
            if found is None:  # not kept: it may be registered a moment later
                return None
            try:
                self._schemas[schema_id] = self._parsed(found)
            except _NotAvro as exc:
                self._schemas[schema_id] = exc
        return self._schemas[schema_id]

    def _ask(self, schema_id: int) -> Schema | None:
        if self._away is not None and time.monotonic() < self._asks_from:
            raise self._away.with_traceback(None)
        try:
            return self._registry.schema(schema_id)
        except TransientError as exc:
            self._away, self._asks_from = exc, time.monotonic() + _AWAY_S
            raise

    def _parsed(self, schema: Schema) -> tuple[Any, Any]:
        if schema.type != AVRO:
            raise _NotAvro(f"is {schema.type}, not Avro")
        try:
            writer = json.loads(schema.text)
            return parse_schema(writer), self._read and parse_schema(self._read(writer))
        except (SchemaParseException, ValueError, TypeError, KeyError, AttributeError, RecursionError) as exc:
            raise _NotAvro(f"cannot be read as Avro: {type(exc).__name__}: {exc}") from exc


def only_origin(
    envelope: dict[str, Any], *, of_source: Collection[str], beside: Collection[str] = ()
) -> dict[str, Any]:
    """Leave of Debezium's envelope what says where a change comes from: the rest is skipped, not decoded.

    :param of_source: fields of its `source`.
    :param beside: fields beside it.
    """
    (source,) = (field for field in envelope["fields"] if field["name"] == "source")
    kept = [field for field in source["type"]["fields"] if field["name"] in of_source]
    rest = [field for field in envelope["fields"] if field["name"] in beside]
    return envelope | {"fields": [*rest, source | {"type": source["type"] | {"fields": kept}}]}


def readable(data: bytes) -> str:
    """Return the bytes as text when they are printable UTF-8, else as hex."""
    try:
        text = data.decode()
    except UnicodeDecodeError:
        return data.hex()
    return text if text.isprintable() else data.hex()


def _read(data: bytes, schema_id: int, writer: Any, reader: Any) -> Decoded:
    body = io.BytesIO(data[_HEADER.size :])
    try:
        value = schemaless_reader(body, writer, reader)
    except _DECODE_ERRORS as exc:
        return Decoded(data.hex(), schema_id, f"not of schema {schema_id}: {type(exc).__name__}: {exc}")
    rest = len(data) - _HEADER.size - body.tell()
    if rest:
        return Decoded(data.hex(), schema_id, f"not of schema {schema_id}: {rest} bytes left over")
    return Decoded(value, schema_id)
