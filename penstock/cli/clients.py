"""`penstock cqlsh` and `penstock psql`: the databases' shells, with the addresses of this stack filled in."""

from __future__ import annotations

import os
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Annotated

import typer

from penstock.config import Config, load_config

_PASS_THROUGH = {"allow_extra_args": True, "ignore_unknown_options": True}
Arguments = Annotated[list[str] | None, typer.Argument(metavar="[ARGUMENTS]...", help="Passed on as they are.")]


def register(app: typer.Typer) -> None:
    """Add `cqlsh` and `psql` to the root application."""
    app.command("cqlsh", context_settings=_PASS_THROUGH)(cqlsh)
    app.command("psql", context_settings=_PASS_THROUGH)(psql)


def cqlsh(arguments: Arguments = None) -> None:
    """Open cqlsh on the stack's Cassandra; every argument is cqlsh's.

    Example: `penstock cqlsh -e "SELECT * FROM penstock.users_by_id LIMIT 3"`
    """
    config = load_config()
    section = config.cassandra
    folder = _home(config)
    # cqlsh writes its history into ~/.cassandra otherwise; nothing of Penstock lies outside the clone.
    environment = {"CQL_HISTORY": str(folder / "cqlsh_history")}
    shell = [sys.executable, "-m", "penstock.cassandra.shell", section.host, str(section.port)]
    _become([*shell, *(arguments or ())], environment)


def psql(arguments: Arguments = None) -> None:
    """Open pgcli on the stack's Postgres (its distribution has no psql); every argument is pgcli's.

    Without a terminal give the statement by `-c`, several times if need be. `-t` leaves out headers and footer.

    Example: `penstock psql -c "UPDATE users SET first_name = 'Ada' WHERE email LIKE 'ada%'"`
    """
    config = load_config()
    section = config.postgres
    # pgcli keeps its settings, log and history there.
    environment = {"XDG_CONFIG_HOME": str(_home(config))}
    pgcli = Path(sys.executable).with_name("pgcli")
    address = ["-h", section.host, "-p", str(section.port), "-U", section.user, "-d", section.database]
    given = arguments or []
    _become([str(pgcli), *address, *_unattended(given), *given], environment)


def _unattended(arguments: Sequence[str]) -> list[str]:
    """Return pgcli's options for a run that no person watches: no question before an UPDATE, no greeting."""
    is_script = any(argument.startswith(("-c", "--command", "-f", "--file")) for argument in arguments)
    return ["--yes", "--less-chatty"] if is_script else ["--less-chatty"]


def _home(config: Config) -> Path:
    folder = config.state_dir / "clients"
    folder.mkdir(parents=True, exist_ok=True)
    return folder


def _become(command: list[str], environment: dict[str, str]) -> None:
    """Replace this process: signals, exit code and terminal are then the shell's own."""
    sys.stdout.flush()
    os.execve(command[0], command, {**os.environ, **environment})  # noqa: S606 - a list built here, no shell
