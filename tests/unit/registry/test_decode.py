"""Decoding the wire format: what is not of it becomes a reason, never an error."""

from __future__ import annotations

import io
import json
import struct
from decimal import Decimal
from types import SimpleNamespace
from typing import Any

import pytest
from fastavro import parse_schema, schemaless_writer
from hypothesis import given
from hypothesis import strategies as st

from penstock.registry import decode
from penstock.registry.client import RegistryUnreachable
from penstock.registry.decode import AvroDecoder, Schema

SCHEMA = {
    "type": "record",
    "name": "Value",
    "fields": [
        {"name": "name", "type": ["null", "string"]},
        {"name": "amount", "type": {"type": "bytes", "logicalType": "decimal", "precision": 9, "scale": 2}},
    ],
}
# What some registry may hold and no record can be decoded by.
OTHERS = {9: "no JSON", 10: '{"type": "object"}', 11: "[]", 12: "null", 13: '{"type": "record"}', 14: "3"}
ROW = {"name": "Ada", "amount": Decimal("1.50")}


class Registry:
    """A registry that holds schema 7."""

    def __init__(self) -> None:
        self.asked: list[int] = []
        self.away = False

    def schema(self, schema_id: int) -> Schema | None:
        """Return the schema."""
        self.asked.append(schema_id)
        if self.away:
            raise RegistryUnreachable("http://registry", "ReadTimeout")
        if schema_id == 20:
            return Schema('syntax = "proto3"; message M {}', "PROTOBUF")
        return Schema(OTHERS.get(schema_id, json.dumps(SCHEMA))) if schema_id in {7, *OTHERS} else None


@pytest.fixture
def registry() -> Registry:
    return Registry()


def wire(row: dict[str, Any], schema_id: int = 7) -> bytes:
    body = io.BytesIO()
    schemaless_writer(body, parse_schema(SCHEMA), row)
    return struct.pack(">bI", 0, schema_id) + body.getvalue()


def test_a_record_is_decoded_with_logical_types_and_its_schema_is_asked_for_once(registry: Registry) -> None:
    decoder = AvroDecoder(registry)
    decoded = [decoder.decode(wire(ROW)) for _ in range(3)]
    assert [(one.value, one.schema_id, one.problem) for one in decoded] == [(ROW, 7, None)] * 3
    assert registry.asked == [7]


def test_null_is_null(registry: Registry) -> None:
    assert AvroDecoder(registry).decode(None).value is None


@pytest.mark.parametrize(
    ("data", "value", "problem"),
    [
        (b"", "", "wire format"),
        (b'{"a": 1}', '{"a": 1}', "wire format"),
        (b"\x01\x02\xff", "0102ff", "wire format"),
        (wire(ROW, 8), wire(ROW, 8).hex(), "no schema 8"),
        (wire(ROW)[:-1], wire(ROW)[:-1].hex(), "not of schema 7"),
        (wire(ROW) + b"x", (wire(ROW) + b"x").hex(), "1 bytes left over"),
    ],
)
def test_undecodable_bytes_are_shown_with_the_reason(registry: Registry, data: bytes, value: str, problem: str) -> None:
    decoded = AvroDecoder(registry).decode(data)
    assert decoded.value == value
    assert problem in (decoded.problem or "")


@given(st.binary(max_size=40))
def test_no_bytes_at_all_make_it_fail(body: bytes) -> None:
    AvroDecoder(Registry()).decode(struct.pack(">bI", 0, 7) + body)


def test_a_part_is_read_and_the_rest_skipped(registry: Registry) -> None:
    decoder = AvroDecoder(registry, read=lambda writer: writer | {"fields": writer["fields"][1:]})
    assert decoder.decode(wire(ROW)).value == {"amount": Decimal("1.50")}
    cut = decoder.decode(wire(ROW)[:-1])
    assert cut.problem is not None and cut.problem.startswith("not of schema 7: ")


def test_a_schema_of_another_kind_is_a_reason_and_the_bytes_are_shown(registry: Registry) -> None:
    decoder, data = AvroDecoder(registry), struct.pack(">bI", 0, 20) + b"\x00\xff"
    for _ in range(2):
        decoded = decoder.decode(data)
        assert (decoded.value, decoded.problem) == (data.hex(), "schema 20 is PROTOBUF, not Avro")
    assert registry.asked == [20]


@pytest.mark.parametrize("schema_id", OTHERS)
def test_a_schema_that_is_no_avro_is_a_reason_too(registry: Registry, schema_id: int) -> None:
    decoded = AvroDecoder(registry).decode(struct.pack(">bI", 0, schema_id) + b"\x00")
    assert decoded.problem is not None


def test_a_registry_that_is_silent_is_waited_for_once_and_asked_again_later(
    registry: Registry, monkeypatch: pytest.MonkeyPatch
) -> None:
    decoder, now = AvroDecoder(registry), 100.0
    monkeypatch.setattr(decode, "time", SimpleNamespace(monotonic=lambda: now))
    registry.away = True
    for _ in range(3):
        with pytest.raises(RegistryUnreachable):
            decoder.decode(wire(ROW))
    assert registry.asked == [7]
    registry.away, now = False, now + 60
    assert decoder.decode(wire(ROW)).value == ROW
