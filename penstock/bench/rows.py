"""The small rows that the benchmarks of the sink write: their schemas, their table, their way into a topic."""

from __future__ import annotations

import io
import json
import struct
import uuid
from collections.abc import Callable, Iterator
from dataclasses import dataclass

from confluent_kafka import Message, Producer
from fastavro import parse_schema, schemaless_writer

from penstock.brokers import librdkafka_settings
from penstock.contract import OFFSETS_PER_GENERATION, VERSION
from penstock.registry.client import RegistryClient

TABLE_COLUMNS = "id uuid PRIMARY KEY, name text, email text, country text, age int, row_version bigint"
_UUID = {"type": "string", "logicalType": "uuid"}
_KEY = {"type": "record", "name": "Key", "namespace": "penstock.bench", "fields": [{"name": "id", "type": _UUID}]}
_VALUE = {
    "type": "record",
    "name": "Value",
    "namespace": "penstock.bench",
    "fields": [
        {"name": "id", "type": _UUID},
        *({"name": name, "type": ["null", "string"], "default": None} for name in ("name", "email", "country")),
        {"name": "age", "type": ["null", "int"], "default": None},
    ],
}

OnDelivery = Callable[[Message], None]


@dataclass(frozen=True)
class Encoded:
    """One record as it goes to Kafka."""

    key: bytes
    value: bytes
    version: int


def row_id(number: int) -> uuid.UUID:
    """Return the key of the n-th row: spread over the token ring by Cassandra's hash."""
    return uuid.UUID(int=number)


class RowWriter:
    """Writes rows into a topic, in Confluent's wire format, with a version header."""

    def __init__(self, bootstrap: str, *, topic: str, registry: RegistryClient, linger_ms: int) -> None:
        self._topic = topic
        self._key, self._value = parse_schema(_KEY), parse_schema(_VALUE)
        self._key_frame = struct.pack(">bI", 0, registry.register(f"{topic}-key", json.dumps(_KEY)))
        self._value_frame = struct.pack(">bI", 0, registry.register(f"{topic}-value", json.dumps(_VALUE)))
        settings = {**librdkafka_settings(bootstrap), "linger.ms": linger_ms, "compression.type": "lz4"}
        self._producer = Producer({**settings, "queue.buffering.max.messages": 200_000, "log_level": 0})

    def write(self, number: int, *, on_delivery: OnDelivery | None = None) -> None:
        """Write the n-th row without waiting, unless the producer's queue is full."""
        record = self._encode(number)
        headers: list[tuple[str, str | bytes | None]] = [(VERSION, str(record.version))]
        while True:
            try:
                self._producer.produce(
                    self._topic,
                    key=record.key,
                    value=record.value,
                    headers=headers,
                    on_delivery=None if on_delivery is None else lambda _, message: on_delivery(message),
                )
            except BufferError:
                self._producer.poll(0.1)
            else:
                self._producer.poll(0)
                return

    def write_all(self, numbers: range) -> Iterator[int]:
        """Write rows, yielding how many are written every 10,000, and return when Kafka has them all."""
        for count, number in enumerate(numbers, start=1):
            self.write(number)
            if count % 10_000 == 0:
                yield count
        self.flush()
        yield len(numbers)

    def flush(self) -> None:
        """Return when Kafka has every row that was written."""
        self._producer.flush()

    def _encode(self, number: int) -> Encoded:
        key = {"id": str(row_id(number))}
        value = {
            **key,
            "name": f"Name Surname {number}",
            "email": f"name.{number}@example.com",
            "country": "Norway",
            "age": number % 90,
        }
        return Encoded(
            self._key_frame + _avro(self._key, key),
            self._value_frame + _avro(self._value, value),
            OFFSETS_PER_GENERATION + number,
        )


def _avro(schema: object, datum: object) -> bytes:
    out = io.BytesIO()
    schemaless_writer(out, schema, datum)  # type: ignore[arg-type]
    return out.getvalue()
