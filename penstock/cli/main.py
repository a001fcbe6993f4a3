"""The entry point: `penstock` and the seam where every error becomes one clear message."""

from __future__ import annotations

import sys
import traceback

import typer
from rich.console import Console

from penstock.cli import bench, clients, connectors, load, part, stack, topics, up, verify, views
from penstock.errors import PenstockError

app = typer.Typer(
    name="penstock",
    help="Keep Cassandra tables as live, exact views of Postgres tables, and prove it.",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    rich_markup_mode="markdown",
)
_err = Console(stderr=True, highlight=False, markup=False, soft_wrap=True)

for module in (up, stack, part, load, connectors, views, topics, verify, bench, clients):
    module.register(app)


def main() -> None:
    """Run the command line; exit 0 good, 1 failed, 2 usage."""
    try:
        app()
    except PenstockError as exc:
        _err.print(f"penstock: {exc}", style="red")
        sys.exit(1)
    except KeyboardInterrupt:
        sys.exit(130)
    except Exception as exc:  # noqa: BLE001 - the one seam where nothing may end as a traceback
        trace = "".join(traceback.format_exception(exc))
        _err.print(f"penstock: a fault of Penstock itself, please report it:\n{trace}")
        sys.exit(1)
