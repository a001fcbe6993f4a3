"""Tables on standard output: fitted to a terminal, whole in a pipe."""

from __future__ import annotations

from rich import box
from rich.console import Console
from rich.table import Column, Table

_PIPE_WIDTH = 400


def make_table(*columns: str) -> Table:
    """Return a table whose cells wrap but are never cut."""
    return Table(*(Column(name, overflow="fold") for name in columns), box=box.SIMPLE_HEAD, pad_edge=False)


def print_table(table: Table) -> None:
    """Print the table; a pipe has no width, so nothing wraps there."""
    console = Console(highlight=False)
    if not console.is_terminal:
        console = Console(highlight=False, width=_PIPE_WIDTH)
    console.print(table, no_wrap=not console.is_terminal)
