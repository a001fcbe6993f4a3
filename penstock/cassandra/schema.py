"""Apply schemas/cassandra/*.cql: the keyspace first, then every statement of every file; all of it repeatable."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from cassandra import RequestValidationException
from cassandra.cluster import Session
from cassandra.protocol import ErrorMessage

from penstock.cassandra.session import open_session
from penstock.config import Config
from penstock.errors import TerminalError
from penstock.sections.cassandra import Cassandra as Section

_TOKEN = re.compile(
    r"""(?P<comment>--[^\n]*|//[^\n]*|/\*.*?\*/)      # dropped
      | (?P<text>'(?:[^']|'')*'|"(?:[^"]|"")*"|\$\$.*?\$\$)  # may hold anything, ; and -- too
      | (?P<end>;)
      | (?P<other>.)""",
    re.DOTALL | re.VERBOSE,
)


class CqlRefused(TerminalError):
    """Cassandra refuses a statement of a schema file."""

    def __init__(self, path: Path, line: int, cause: str) -> None:
        super().__init__(f"{path}, line {line}: Cassandra refuses the statement: {cause}")


class KeyspaceDiffers(TerminalError):
    """The keyspace exists with another replication."""

    def __init__(self, keyspace: str, found: str, wanted: str) -> None:
        super().__init__(
            f"keyspace {keyspace} has replication {found}, {wanted} is wanted; "
            f"ALTER KEYSPACE {keyspace} and repair the nodes, or correct penstock.toml"
        )


@dataclass(frozen=True)
class Statement:
    """One CQL statement without its semicolon, and the line of the file where it begins."""

    line: int
    cql: str


def apply_schema(config: Config, *, folder: Path) -> tuple[str, ...]:
    """Create the keyspace and run every `*.cql` of the folder in order of the names; return the files run.

    Statements must be repeatable (IF NOT EXISTS). Table names without a keyspace are of the configured one.

    :raises CassandraUnreachable: no node answers.
    :raises KeyspaceDiffers: the keyspace exists with another replication.
    :raises CqlRefused: with file, line and Cassandra's reason.
    """
    files = sorted(folder.glob("*.cql"))
    with open_session(config) as session:
        _create_keyspace(session, config)
        session.set_keyspace(config.names.keyspace)
        for path in files:
            _run_file(session, path)
    return tuple(path.name for path in files)


def _run_file(session: Session, path: Path) -> None:
    for statement in split_statements(path.read_text(encoding="utf-8")):
        try:
            session.execute(statement.cql)
        except (RequestValidationException, ErrorMessage) as exc:
            raise CqlRefused(path, statement.line, str(exc)) from exc


def split_statements(text: str) -> Iterator[Statement]:
    """Split a CQL script at its semicolons; comments are dropped, quoted text is left alone."""
    parts: list[str] = []
    start = 0
    for token in _TOKEN.finditer(text):
        if token["end"]:
            yield from _statement(text, start, parts)
            parts = []
            continue
        piece = " " if token["comment"] else token[0]
        if not parts and not piece.strip():
            continue
        if not parts:
            start = token.start()
        parts.append(piece)
    yield from _statement(text, start, parts)


def _statement(text: str, start: int, parts: Sequence[str]) -> Iterator[Statement]:
    cql = "".join(parts).strip()
    if cql:
        yield Statement(text.count("\n", 0, start) + 1, cql)


def _create_keyspace(session: Session, config: Config) -> None:
    name = config.names.keyspace
    section = config.cassandra
    known = session.cluster.metadata.keyspaces.get(name)
    if known is None:
        session.execute(f'CREATE KEYSPACE IF NOT EXISTS "{name}" WITH replication = {replication(section)}')
        return
    found, wanted = known.replication_strategy.export_for_schema(), replication(section)
    if not is_same(found, wanted):
        raise KeyspaceDiffers(name, found, wanted)


def replication(section: Section) -> str:
    """Return the replication of our keyspaces, as CQL."""
    copies = "".join(f", '{datacenter}': '{count}'" for datacenter, count in section.copies.items())
    return f"{{'class': 'NetworkTopologyStrategy'{copies}}}"


def is_same(found: str, wanted: str) -> bool:
    """Return whether two replications, as CQL, are the same."""
    return _options(found) == _options(wanted)


def _options(cql: str) -> dict[str, str]:
    found: dict[str, str] = ast.literal_eval(cql)
    return found
