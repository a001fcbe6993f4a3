"""The connector files: `connect/connectors/<name>.json`, bare maps of text to text, ready for `curl -X PUT -d @file`.

This module reads and refuses; it never talks to a worker.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from penstock.errors import TerminalError


class ConnectorFileInvalid(TerminalError):
    """A connector file does not hold a bare configuration map."""

    def __init__(self, path: Path, problems: Sequence[str]) -> None:
        listed = "\n  ".join(problems)
        super().__init__(f"connector file {path} refused; nothing was applied:\n  {listed}")


class ConnectorFileMissing(TerminalError):
    """A connector was named that has no file."""

    def __init__(self, name: str, folder: Path, known: Sequence[str]) -> None:
        there = ", ".join(known) or "none"
        super().__init__(f"no connector file {folder / f'{name}.json'}; the connectors there: {there}")


@dataclass(frozen=True)
class ConnectorFile:
    """One connector as the repository wants it; the name is the file's stem."""

    name: str
    config: dict[str, str]


def read_connectors(folder: Path, *, names: Sequence[str] = ()) -> tuple[ConnectorFile, ...]:
    """Read the named connector files, or all of the folder, in order of their names.

    :raises ConnectorFileMissing: a name has no file.
    :raises ConnectorFileInvalid: a file is broken, with every problem and its place.
    """
    known = sorted(path.stem for path in folder.glob("*.json"))
    for name in names:
        if name not in known:
            raise ConnectorFileMissing(name, folder, known)
    return tuple(read_connector(folder / f"{name}.json") for name in names or known)


def read_connector(path: Path) -> ConnectorFile:
    """Read one connector file.

    :raises ConnectorFileInvalid: broken JSON, a value that is not a string, a key twice, no `connector.class`.
    """
    text = _read_text(path)
    pairs = _parse(path, text)
    problems = list(_problems(path, text, pairs))
    if problems:
        raise ConnectorFileInvalid(path, problems)
    return ConnectorFile(path.stem, dict(pairs))


def _read_text(path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as exc:
        raise ConnectorFileInvalid(path, [f"cannot be read as UTF-8 text: {exc}"]) from exc


def _parse(path: Path, text: str) -> list[tuple[str, Any]]:
    # Pairs, not a dict: a key written twice would otherwise vanish without a word.
    try:
        pairs = json.loads(text, object_pairs_hook=list)
    except json.JSONDecodeError as exc:
        place = f"line {exc.lineno}, column {exc.colno}"
        raise ConnectorFileInvalid(path, [f"{place}: not valid JSON: {exc.msg}; mend the file there"]) from exc
    if not text.lstrip().startswith("{"):
        raise ConnectorFileInvalid(path, ['line 1: must be one JSON object, {"key": "value", …}'])
    return list(pairs)


def _problems(path: Path, text: str, pairs: list[tuple[str, Any]]) -> Iterator[str]:
    keys = [key for key, _ in pairs]
    if "config" in keys and "connector.class" not in keys:
        yield f'{place_of(text, "config")}: this is the form of POST /connectors; keep only the map under "config"'
        return
    for key, value in pairs:
        if not isinstance(value, str):
            yield f'{place_of(text, key)}: the value of "{key}" must be a string in double quotes, not {_kind(value)}'
    for key in sorted({key for key in keys if keys.count(key) > 1}):
        yield f'{place_of(text, key)}: "{key}" is there {keys.count(key)} times; keep one'
    if "connector.class" not in keys:
        yield 'line 1: "connector.class" is missing; name the class of the connector'
    if dict(pairs).get("name", path.stem) != path.stem:
        yield f"{place_of(text, 'name')}: \"name\" differs from the file's name, which is the connector's; leave it out"


def place_of(text: str, key: str) -> str:
    """Say where a file has this key."""
    found = re.search(re.escape(json.dumps(key, ensure_ascii=False)) + r"\s*:", text)
    if found is None:  # written with escapes: the key alone must do
        return "somewhere"
    line_start = text.rfind("\n", 0, found.start()) + 1
    return f"line {text.count(chr(10), 0, found.start()) + 1}, column {found.start() - line_start + 1}"


def _kind(value: Any) -> str:
    names = {bool: "true or false", int: "a number", float: "a number", type(None): "null", list: "a nested value"}
    return names[type(value)]
