"""Output of the commands, as it is; tables are fitted to a terminal, and whole in a pipe."""

from __future__ import annotations

from rich import box
from rich.console import Console
from rich.table import Column, Table

_PIPE_WIDTH = 400


def make_table(*columns: str) -> Table:
    """Return a table whose cells wrap but are never cut."""
    return Table(*(Column(name, overflow="fold") for name in columns), box=box.SIMPLE_HEAD, pad_edge=False)


def plain_console(*, stderr: bool = False, soft_wrap: bool = True, width: int | None = None) -> Console:
    """Return what prints every text as it is: in servers' words a bracket is no markup, and `:x:` no emoji."""
    return Console(stderr=stderr, soft_wrap=soft_wrap, width=width, highlight=False, markup=False, emoji=False)


def print_table(table: Table) -> None:
    """Print the table; a pipe has no width, so nothing wraps there."""
    console = plain_console(soft_wrap=False)
    if not console.is_terminal:
        console = plain_console(soft_wrap=False, width=_PIPE_WIDTH)
    console.print(table, no_wrap=not console.is_terminal)
