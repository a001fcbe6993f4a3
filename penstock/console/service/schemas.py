"""Schemas: each subject's versions with what changed, the contract in the repository, the column in Cassandra."""

from __future__ import annotations

import json
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from penstock.console.hub import Hub
from penstock.errors import TerminalError
from penstock.project.folders import Project
from penstock.registry.apply import schema_files
from penstock.registry.decode import AVRO, Schema

_PRIMITIVE = {"null", "boolean", "int", "long", "float", "double", "bytes", "string"}


class SubjectNotFound(TerminalError):
    """There is no such subject."""

    def __init__(self, name: str) -> None:
        super().__init__(f"there is no subject {name}; /schemas lists those that exist")


class SchemaUnreadable(TerminalError):
    """What was pasted is no JSON."""

    def __init__(self, problem: str) -> None:
        super().__init__(f"the schema is not valid JSON: {problem}")


@dataclass(frozen=True)
class SubjectRow:
    """A subject in the list; `file` is that of its contract, by its name in schemas/avro."""

    name: str
    versions: int
    has_contract: bool
    file: str | None


@dataclass(frozen=True)
class Field:
    """A field of a record: its type in words, and the Cassandra column of the same name, if the topic is a view's.

    :param default: as JSON; empty when it has none.
    """

    name: str
    type: str
    default: str = ""
    column: str | None = None

    @property
    def text(self) -> str:
        """Its type and default, for people."""
        return f"{self.type}, default {self.default}" if self.default else self.type


@dataclass(frozen=True)
class Version:
    """A version and what it changed; `changes` of the first are empty. What is no Avro is its text."""

    version: int
    id: int
    changes: tuple[str, ...]
    schema: Any
    type: str = AVRO


@dataclass(frozen=True)
class SubjectDetail:
    """Everything of one subject; the versions newest first. `contract` says how the repository's file stands to it."""

    name: str
    compatibility: str
    versions: tuple[Version, ...]
    fields: tuple[Field, ...]
    contract: str


@dataclass(frozen=True)
class Verdict:
    """Whether a schema may follow the newest version."""

    compatible: bool
    reasons: tuple[str, ...]


def list_subjects(hub: Hub) -> list[SubjectRow]:
    """Return every subject.

    :raises NotSeen: the registry was never seen.
    """
    files = {subject: path.name for subject, path in _files(hub).items()}
    known = hub.now.snapshot.registry.seen.values()
    return [SubjectRow(each.name, len(each.versions), each.name in files, files.get(each.name)) for each in known]


def subject_detail(hub: Hub, name: str) -> SubjectDetail:
    """Return everything of one subject.

    :raises SubjectNotFound: there is none.
    """
    numbers = hub.registry.versions(name)
    if not numbers:
        raise SubjectNotFound(name)
    found = [(number, *_schema(hub, name, number)) for number in numbers]
    versions = []
    for before, (number, schema_id, schema, kind) in zip([None, *found], found, strict=False):
        changes = describe_changes(before[2], schema) if before else ()
        versions.append(Version(number, schema_id, changes, schema, kind))
    newest = versions[-1].schema
    level = hub.registry.compatibility(name) or f"{hub.registry.default_compatibility()} (the registry's default)"
    return SubjectDetail(
        name,
        level,
        tuple(reversed(versions)),
        _fields(hub, name, newest),
        _against_contract(_files(hub).get(name), newest),
    )


def check(hub: Hub, name: str, text: str) -> Verdict:
    """Ask the registry whether a schema may follow; nothing is registered.

    :raises SchemaUnreadable: it is no JSON.
    """
    try:
        schema = json.dumps(json.loads(text))
    except ValueError as exc:
        raise SchemaUnreadable(str(exc)) from exc
    return Verdict(*hub.registry.is_compatible(name, schema))


def describe_changes(before: Any, after: Any) -> tuple[str, ...]:
    """Say in words what differs between two schemas, field by field; of what is no Avro, whether the text does."""
    if isinstance(before, str) or isinstance(after, str):
        return ("nothing",) if before == after else ("another text",)
    old, new = ({field.name: field.text for field in flat_fields(schema)} for schema in (before, after))
    added = [f"+ {name}: {new[name]}" for name in new if name not in old]
    removed = [f"- {name}: {old[name]}" for name in old if name not in new]
    changed = [f"~ {name}: {old[name]} → {new[name]}" for name in new if name in old and old[name] != new[name]]
    return tuple(added + removed + changed) or ("nothing but names or documentation",)


def flat_fields(schema: Any, prefix: str = "") -> list[Field]:
    """List the fields of a record, those of Debezium's row (`before`, `after`) once, as `row.…`."""
    found = []
    for field in schema.get("fields", ()) if isinstance(schema, dict) else ():
        record = _record_in(field["type"])
        if record is not None and record.get("fields"):
            name = "row" if field["name"] == "before" else field["name"]
            found += flat_fields(record, f"{prefix}{name}.")
        elif not _names_a_record(field["type"]):  # `after` is of the record that `before` defines
            default = json.dumps(field["default"]) if "default" in field else ""
            found.append(Field(prefix + field["name"], type_text(field["type"]), default))
    return found


def type_text(kind: Any) -> str:
    """Write an Avro type in words: `string`, `timestamp-micros or null`."""
    if isinstance(kind, list):
        named = [type_text(each) for each in kind if each != "null"]
        return " or ".join([*named, "null"] if "null" in kind else named)
    if not isinstance(kind, dict):
        return str(kind)
    logical = kind.get("logicalType") or kind.get("connect.name")
    if logical == "decimal":
        return f"decimal({kind.get('precision')},{kind.get('scale', 0)})"
    if kind.get("type") == "array":
        return f"array of {type_text(kind['items'])}"
    return str(logical or (kind.get("name") if kind.get("type") == "record" else type_text(kind["type"])))


def _names_a_record(kind: Any) -> bool:
    kinds = kind if isinstance(kind, list) else [kind]
    return any(isinstance(each, str) and each not in _PRIMITIVE for each in kinds)


def _record_in(kind: Any) -> dict[str, Any] | None:
    kinds = kind if isinstance(kind, list) else [kind]
    return next((each for each in kinds if isinstance(each, dict) and each.get("type") == "record"), None)


def _schema(hub: Hub, name: str, version: int) -> tuple[int, Any, str]:
    found = hub.registry.version(name, version)
    if found is None:
        raise SubjectNotFound(f"{name} version {version}")
    schema_id, schema = found
    return schema_id, _document(schema), schema.type


def _document(schema: Schema) -> Any:
    try:
        return json.loads(schema.text) if schema.type == AVRO else schema.text
    except ValueError:
        return schema.text


def _fields(hub: Hub, subject: str, schema: Any) -> tuple[Field, ...]:
    view = hub.now.snapshot.known.view_of(subject.rpartition("-")[0])
    cassandra = hub.now.snapshot.cassandra.value
    columns = cassandra.tables.get(view.name, {}) if view and cassandra else {}
    return tuple(replace(field, column=columns.get(field.name)) for field in flat_fields(schema))


def _files(hub: Hub) -> dict[str, Path]:
    return schema_files(Project.of(hub.config).avro, hub.config.names)


def _against_contract(file: Path | None, schema: Any) -> str:
    if file is None:
        return "no contract: this subject follows its source table"
    try:
        contract = json.loads(file.read_text(encoding="utf-8"))
        is_same = {*flat_fields(contract)} == {*flat_fields(schema)}
    except (OSError, ValueError, KeyError, TypeError) as exc:
        return f"schemas/avro/{file.name} is no schema: {type(exc).__name__}: {exc}"
    if is_same:
        return f"as schemas/avro/{file.name} says"
    return f"differs from schemas/avro/{file.name}: {'; '.join(describe_changes(schema, contract))}"
