"""Make the registry hold the contracts: every `schemas/avro/<subject>.avsc`, and the compatibility of each subject.

View subjects are BACKWARD; CDC subjects NONE, or an ALTER TABLE would kill the source (docs/contracts.md).
"""

from __future__ import annotations

import json
from collections.abc import Iterable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import requests

from penstock.errors import TerminalError
from penstock.installation import VIEW_FILES, Names
from penstock.registry.client import Compatibility, RegistryClient, RegistryRefused

_AT_ONCE = 8


class SchemaFileInvalid(TerminalError):
    """A contract file is no JSON."""

    def __init__(self, path: Path, problem: str) -> None:
        super().__init__(f"schema file {path} refused; nothing was registered: {problem}")


class SchemaIncompatible(TerminalError):
    """A contract breaks the one registered before."""

    def __init__(self, file: SchemaFile, reason: str) -> None:
        super().__init__(
            f"subject {file.subject}: schemas/avro/{file.name} is not a compatible successor of the registered schema "
            f"({reason}); give a new field a default and never change a type, or start a new view"
        )


@dataclass(frozen=True)
class SchemaFile:
    """One contract: its subject, the schema as JSON text in one line, and what its file is called."""

    subject: str
    schema: str
    name: str


def read_schemas(folder: Path, names: Names) -> tuple[SchemaFile, ...]:
    """Read every `*.avsc` of the folder, in order of the files, for the subjects of an installation.

    :raises SchemaFileInvalid: broken JSON, with line and column.
    """
    return tuple(_read(path, subject) for subject, path in schema_files(folder, names).items())


def schema_files(folder: Path, names: Names) -> dict[str, Path]:
    """Return the file of each subject of an installation, in order of the files."""
    files = sorted(folder.glob("*.avsc"))
    return {names.view_topic(path.stem.removeprefix(VIEW_FILES)): path for path in files}


def apply_schemas(client: RegistryClient, *, files: Iterable[SchemaFile]) -> dict[str, int]:
    """Register the contracts, BACKWARD; what is registered already stays as it is.

    :returns: the schema id of each subject.
    :raises SchemaIncompatible: naming the subject and the registry's reason.
    """
    # Each waits for the registry's journal several times.
    with ThreadPoolExecutor(_AT_ONCE) as pool:
        return dict(pool.map(partial(_register, client), files))


def release_cdc_subjects(client: RegistryClient, *, topics: Iterable[str]) -> None:
    """See to it that the key and value subjects of CDC topics, which the source creates, have compatibility NONE.

    Where NONE is the registry's default, as it is Apicurio's, a subject that does not exist yet needs nothing.
    """
    default = client.default_compatibility()
    for topic in topics:
        for subject in (f"{topic}-key", f"{topic}-value"):
            if (client.compatibility(subject) or default) != Compatibility.NONE:
                client.set_compatibility(subject, Compatibility.NONE)


def _read(path: Path, subject: str) -> SchemaFile:
    try:
        return SchemaFile(subject, json.dumps(json.loads(path.read_text(encoding="utf-8"))), path.name)
    except json.JSONDecodeError as exc:
        raise SchemaFileInvalid(path, f"line {exc.lineno}, column {exc.colno}: {exc.msg}") from exc
    except (OSError, UnicodeDecodeError) as exc:
        raise SchemaFileInvalid(path, str(exc)) from exc


def _register(client: RegistryClient, file: SchemaFile) -> tuple[str, int]:
    try:
        schema_id = client.register(file.subject, file.schema)
    except RegistryRefused as exc:
        if exc.status != requests.codes.conflict:
            raise
        raise SchemaIncompatible(file, exc.reason) from exc
    # After the first version: Apicurio knows no settings of a subject that has none.
    if client.compatibility(file.subject) != Compatibility.BACKWARD:
        client.set_compatibility(file.subject, Compatibility.BACKWARD)
    return file.subject, schema_id
