"""A script as `pg_dump` writes it, cut where the protocol needs it: at each COPY whose rows follow in the script."""

from __future__ import annotations

import re
from dataclasses import dataclass

# `pg_dump` puts a COPY on a line of its own, its rows on the next ones, and \. behind them.
_COPY = re.compile(r"^(COPY\s[^;]*\sFROM\s+stdin\b[^;]*);[ \t]*\n(.*?)^\\\.[ \t]*$\n?", re.I | re.M | re.S)
# psql's words to itself around a dump, from version 17.6 on; no other program needs them.
_RESTRICT = re.compile(r"^\\(un)?restrict\b.*\n?", re.M)


@dataclass(frozen=True)
class Piece:
    """Statements, or one COPY with its rows.

    :param rows: as COPY's text format has them; None where nothing is to be copied.
    """

    statements: str
    rows: str | None = None


def pieces(script: str) -> list[Piece]:
    """Cut a script into what Postgres takes at once.

    The form of a dump: https://www.postgresql.org/docs/18/app-pgdump.html, of its rows:
    https://www.postgresql.org/docs/18/sql-copy.html#SQL-COPY-FILE-FORMATS.
    """
    found, end = [], 0
    for copy in _COPY.finditer(script):
        found += [_statements(script[end : copy.start()]), Piece(copy[1], copy[2])]
        end = copy.end()
    found.append(_statements(script[end:]))
    return [piece for piece in found if piece.statements.strip()]


def _statements(text: str) -> Piece:
    return Piece(_RESTRICT.sub("", text))
