"""Writes CDC records as Debezium does and reads view records back; shares no code with the engine."""

from __future__ import annotations

import copy
import io
import json
from dataclasses import dataclass, field
from typing import Any

import fastavro

TOPIC = "app.public.people"
UUID = {"type": "string", "connect.version": 1, "connect.name": "io.debezium.data.Uuid"}
DECIMAL = {
    "type": "bytes",
    "scale": 4,
    "precision": 7,
    "connect.version": 1,
    "connect.parameters": {"scale": "4", "connect.decimal.precision": "7"},
    "connect.name": "org.apache.kafka.connect.data.Decimal",
    "logicalType": "decimal",
}
DATE = {"type": "int", "connect.version": 1, "connect.name": "io.debezium.time.Date"}
ZONED = {"type": "string", "connect.version": 1, "connect.name": "io.debezium.time.ZonedTimestamp"}
JSON = {"type": "string", "connect.version": 1, "connect.name": "io.debezium.data.Json"}

PEOPLE: dict[str, Any] = {
    "id": UUID,
    "name": "string",
    "age": "int",
    "score": DECIMAL,
    "born": DATE,
    "seen": ZONED,
    "note": JSON,
}
PEOPLE_TYPED_TIGHTER = {key: value for key, value in PEOPLE.items() if key != "note"} | {
    "age": {"type": "int", "connect.type": "int16"},
    "score": DECIMAL | {"scale": 2, "precision": 5},
}
"""The table before an ALTER: no `note`, a smallint, a numeric(5,2)."""

COMMITTED_MS = 1_795_433_969_123
"""2026-11-23T11:39:29.123Z."""


def envelope(columns: dict[str, Any]) -> dict[str, Any]:
    """Build the schema of the change events of a table with these columns."""
    fields = [
        {"name": name, "type": kind} if name == "id" else {"name": name, "type": ["null", kind], "default": None}
        for name, kind in columns.items()
    ]
    value = {"type": "record", "name": "Value", "fields": fields, "connect.name": f"{TOPIC}.Value"}
    source = {
        "type": "record",
        "name": "Source",
        "namespace": "io.debezium.connector.postgresql",
        "fields": [
            {"name": "connector", "type": "string"},
            {"name": "lsn", "type": ["null", "long"], "default": None},
            {"name": "txId", "type": ["null", "long"], "default": None},
            {"name": "ts_ms", "type": "long"},
            {"name": "xmin", "type": ["null", "long"], "default": None},
        ],
    }
    return {
        "type": "record",
        "name": "Envelope",
        "namespace": TOPIC,
        "fields": [
            {"name": "before", "type": ["null", value], "default": None},
            {"name": "after", "type": ["null", "Value"], "default": None},
            {"name": "source", "type": source},
            {"name": "op", "type": "string"},
            {"name": "ts_ms", "type": ["null", "long"], "default": None},
        ],
        "connect.name": f"{TOPIC}.Envelope",
    }


def wire(schema_id: int, schema: dict[str, Any], datum: Any) -> bytes:
    """Encode in Confluent's wire format."""
    out = io.BytesIO()
    fastavro.schemaless_writer(out, fastavro.parse_schema(copy.deepcopy(schema)), datum)
    return b"\0" + schema_id.to_bytes(4, "big") + out.getvalue()


def unwire(schema: dict[str, Any], data: bytes) -> tuple[int, Any]:
    """Decode from Confluent's wire format: the schema id and the datum."""
    assert data[0] == 0
    parsed = fastavro.parse_schema(copy.deepcopy(schema))
    return int.from_bytes(data[1:5], "big"), fastavro.schemaless_reader(io.BytesIO(data[5:]), parsed, parsed)


def change(op: str, before: Any, after: Any, lsn: int = 77, tx_id: int = 700) -> dict[str, Any]:
    """Build one change event, committed at COMMITTED_MS."""
    source = {"connector": "postgresql", "lsn": lsn, "txId": tx_id, "ts_ms": COMMITTED_MS}
    return {"before": before, "after": after, "op": op, "source": source}


@dataclass(frozen=True)
class Record:
    """One row as Spark's Kafka source gives it."""

    offset: int
    value: bytes | None
    epoch: str | None = "1"
    partition: int = 0
    topic: str = TOPIC
    key: bytes = b"the key"
    left_out: dict[str, str] = field(default_factory=dict)
    """What the source has left out of `before` and of `after`, as it says so."""

    def as_row(self) -> tuple[Any, ...]:
        """Give the source's columns in order."""
        headers = [("__debezium.context.task", b"0")]
        if self.epoch is not None:
            headers.append(("epoch", self.epoch.encode()))
        headers += [(f"penstock.left.out.{image}", text.encode()) for image, text in self.left_out.items()]
        return (self.topic, self.partition, self.offset, self.key, self.value, headers)


@dataclass(frozen=True)
class Emitted:
    """One record that the engine sends to Kafka."""

    topic: str
    key: bytes
    value: bytes | None
    headers: dict[str, str]

    @property
    def version(self) -> int:
        """The version header of a view record."""
        return int(self.headers["version"])


def schema_text(columns: dict[str, Any]) -> str:
    """Write the envelope schema as a registry holds it."""
    return json.dumps(envelope(columns))
