"""Run pgcli in this process with every value as Postgres writes it: `python -m penstock.cli.pgcli …`."""

from __future__ import annotations

from typing import Any

from pgcli import pgexecute  # type: ignore[import-untyped]
from pgcli.main import cli  # type: ignore[import-untyped]

from penstock.cli.text_values import show_text


class TextCursor(pgexecute.ProtocolSafeCursor):  # type: ignore[misc]
    """A cursor whose values are the server's text."""

    def __init__(self, *arguments: Any, **named: Any) -> None:
        super().__init__(*arguments, **named)
        show_text(self)


def set_up() -> None:
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
    set_up()
    cli()
