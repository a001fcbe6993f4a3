"""Checks that readers of a view topic can take a new contract: what the registry (BACKWARD) would refuse.

https://avro.apache.org/docs/1.12.0/specification/#schema-resolution
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

_WIDER = {
    ("int", "long"),
    ("int", "float"),
    ("int", "double"),
    ("long", "float"),
    ("long", "double"),
    ("float", "double"),
    ("string", "bytes"),
    ("bytes", "string"),
}


def why_unreadable(before: Mapping[str, Any], after: Mapping[str, Any]) -> str | None:
    """Say why records of a contract cannot be read by the one that follows it; None when they can."""
    types = {field["name"]: field["type"] for field in before.get("fields", [])}
    for field in after["fields"]:
        name, kind = field["name"], field["type"]
        if name not in types:
            if "default" not in field:
                return f"{name} is new in the key"
        elif not _reads(kind, types[name]):
            return f"{name} was {_shown(types[name])} and is {_shown(kind)}"
    return None


def _reads(reader: Any, writer: Any) -> bool:
    if isinstance(writer, list):
        return all(_reads(reader, each) for each in writer)
    if isinstance(reader, list):
        return any(_reads(each, writer) for each in reader)
    kind, other = _kind(reader), _kind(writer)
    if kind == other == "array":
        return _reads(reader["items"], writer["items"])
    return kind == other or (other, kind) in _WIDER


def _kind(schema: Any) -> str:
    return str(schema["type"] if isinstance(schema, Mapping) else schema)


def _shown(schema: Any) -> str:
    if isinstance(schema, list):
        return " or ".join(map(_shown, schema))
    return f"array of {_shown(schema['items'])}" if _kind(schema) == "array" else _kind(schema)
