"""Run pgcli in this process with every value as Postgres writes it: `python -m penstock.cli.pgcli …`.

The driver's own types have no `24:00`, no month in an interval and no year above 9999 or before Christ.
"""

from __future__ import annotations

from typing import Any

import psycopg
from pgcli import pgexecute  # type: ignore[import-untyped]
from pgcli.main import cli  # type: ignore[import-untyped]
from psycopg.types.string import TextLoader


class TextCursor(pgexecute.ProtocolSafeCursor):  # type: ignore[misc]
    """A cursor whose values are the server's text."""

    def __init__(self, *arguments: Any, **named: Any) -> None:
        super().__init__(*arguments, **named)
        for known in psycopg.postgres.types:
            for oid in filter(None, (known.oid, known.array_oid)):
                self.adapters.register_loader(oid, TextLoader)


def show_text() -> None:
    """Let the statements of the user, and no other query of pgcli, have such cursors."""
    execute = pgexecute.PGExecute.execute_normal_sql

    def execute_as_text(self: Any, split_sql: str) -> Any:
        usual, self.conn.cursor_factory = self.conn.cursor_factory, TextCursor
        try:
            return execute(self, split_sql)
        finally:
            self.conn.cursor_factory = usual

    pgexecute.PGExecute.execute_normal_sql = execute_as_text


if __name__ == "__main__":
    show_text()
    cli()
