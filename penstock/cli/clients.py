"""`penstock cqlsh` and `penstock psql`: the databases' shells, with the addresses of this stack filled in."""

from __future__ import annotations

import os
import shlex
import socket
import ssl
import stat
import sys
from collections.abc import Iterator, Sequence
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Annotated

import psycopg
import typer
from psycopg import Connection, Cursor

from penstock.cli.sql_script import Piece, pieces
from penstock.cli.text_values import show_text
from penstock.config import Config, load_config
from penstock.environment import taken_from
from penstock.errors import TerminalError
from penstock.postgres.connection import WORK, PostgresUnreachable
from penstock.sections.cassandra import Cassandra
from penstock.whole_file import write_whole

_LISTENS_S = 3
_PASS_THROUGH = {"allow_extra_args": True, "ignore_unknown_options": True}
Arguments = Annotated[list[str] | None, typer.Argument(metavar="[ARGUMENTS]...", help="Passed on as they are.")]


class SourceUnknown(TerminalError):
    """No source database has that name."""

    def __init__(self, name: str, config: Config) -> None:
        known = ", ".join(sorted(config.sources)) or "none beside [postgres]"
        super().__init__(f"penstock.toml has no source {name}; there are: {known}")


class ArgumentsIgnored(TerminalError):
    """Arguments are for pgcli, which is not opened: without them the statements would run somewhere else."""

    def __init__(self, arguments: Sequence[str]) -> None:
        super().__init__(
            f"nothing was run: {shlex.join(arguments)}\n"
            "  is for pgcli, and Penstock itself runs what -c, -f or a pipe gives it, in the database of penstock.toml."
            "\n  What to do: --source NAME for another source database; without -c, -f and pipe, pgcli is opened"
        )


class ScriptUnreadable(TerminalError):
    """A script is in another encoding; to guess would change its values."""

    def __init__(self, origin: str, byte: int) -> None:
        super().__init__(
            f"nothing was run: {origin} is no UTF-8 (at byte {byte})\n"
            "  What to do: iconv -f LATIN1 -t UTF-8, or whatever it is written in; a dump: pg_dump -E UTF8"
        )


class StatementRefused(TerminalError):
    """Postgres refuses a statement."""

    def __init__(self, cause: str) -> None:
        super().__init__(f"Postgres refuses the statement: {cause}")


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
    shell = [sys.executable, "-m", "penstock.cassandra.shell", _node(section), str(section.port)]
    if section.user:
        shell += [f"--credentials={_cassandra_credentials(config)}", f"--username={section.user}"]
    if section.tls:
        shell.append("--ssl")
    # Nothing of the user's cqlsh is for this Cassandra, and nothing of Penstock lies outside the clone.
    _become(
        [*shell, *(arguments or ())], {"CQL_HISTORY": str(_home(config) / "cqlsh_history"), **_certificates(config)}
    )


def psql(
    commands: Annotated[
        list[str] | None, typer.Option("-c", "--command", help="Run this statement and exit; may be repeated.")
    ] = None,
    tuples_only: Annotated[
        bool, typer.Option("-t", "--tuples-only", help="With -c, -f or a pipe: rows only, tab-separated.")
    ] = False,
    file: Annotated[
        Path | None,
        typer.Option("-f", "--file", exists=True, dir_okay=False, help="Run the statements of this file and exit."),
    ] = None,
    source: Annotated[str, typer.Option(help="The source database, by its name in penstock.toml.")] = "",
    arguments: Arguments = None,
) -> None:
    """Open pgcli on the stack's Postgres (its distribution has no psql); every further argument is pgcli's.

    Values are shown as Postgres writes them.

    With -c no shell is opened: Penstock runs the statements itself, each in its own transaction, and prints their
    results. It exits with 1 at the first that fails, where pgcli would exit with 0. So it does with -f and with what is
    piped into it, all of which is one transaction. That may be a dump of `pg_dump` in plain text.

    Examples: `penstock psql -c "UPDATE users SET first_name = 'Ada' WHERE email LIKE 'ada%'"`,
    `penstock psql < tables.sql`, `pg_dump shop | penstock psql`
    """
    config = load_config()
    if source and source not in config.sources:
        raise SourceUnknown(source, config)
    config = config.of_source(source)
    scripts = [[Piece(command)] for command in commands or ()]
    if file is not None:
        scripts.append(pieces(_text(file.read_bytes(), str(file))))
    if arguments and (scripts or _is_piped()):
        raise ArgumentsIgnored(arguments)
    if tuples_only and not scripts and (arguments or sys.stdin.isatty()):
        raise typer.BadParameter("-t is for -c, -f and what is piped in; in pgcli: \\T tsv_noheader")
    if not scripts and not arguments and not sys.stdin.isatty():
        scripts.append(pieces(_text(sys.stdin.buffer.read(), "what was piped in")))
    if scripts:
        with _session(config) as connection:
            for script in scripts:
                _run(connection, script, tuples_only=tuples_only)
    else:
        _become_pgcli(config, arguments or ())


def _text(script: bytes, origin: str) -> str:
    """Read a script, in UTF-8 whatever the machine's language is; as psql does, without a byte order mark."""
    try:
        text = script.decode("utf-8-sig")
    except UnicodeDecodeError as exc:
        raise ScriptUnreadable(origin, exc.start) from exc
    return text.replace("\r\n", "\n")


def _is_piped() -> bool:
    """Return whether statements come in by a pipe or from a file; a terminal and `/dev/null` are devices."""
    return not stat.S_ISCHR(os.fstat(0).st_mode)


def _become_pgcli(config: Config, arguments: Sequence[str]) -> None:
    section = config.database
    address = ["-h", section.host, "-p", str(section.port), "-U", section.user, "-d", section.database]
    secret = {"PGPASSWORD": section.password} if section.password_file else {}
    pgcli = [sys.executable, "-m", "penstock.cli.pgcli"]
    # XDG_CONFIG_HOME: where pgcli keeps its settings, log and history.
    settings = {"XDG_CONFIG_HOME": str(_home(config)), **secret, **section.tls_environment}
    _become([*pgcli, *address, "--less-chatty", *arguments], settings)


def _node(section: Cassandra) -> str:
    """Return a node that takes connections; where none does, the first one."""
    return next((host for host in section.hosts if _listens(host, section.port)), section.hosts[0])


def _listens(host: str, port: int) -> bool:
    try:
        socket.create_connection((host, port), timeout=_LISTENS_S).close()
    except OSError:
        return False
    return True


def _cassandra_credentials(config: Config) -> Path:
    """Write what cqlsh logs in with: a password among its arguments would be seen by everybody on the machine."""
    section, file = config.cassandra, _home(config) / "cassandra-credentials"
    write_whole(file, f"[plain_text_auth]\nusername = {section.user}\npassword = {section.password}\n", mode=0o600)
    return file


def _certificates(config: Config) -> dict[str, str]:
    section = config.cassandra
    return {"SSL_CERTFILE": str(section.ca or ssl.get_default_verify_paths().cafile)} if section.tls else {}


def _home(config: Config) -> Path:
    folder = config.state_dir / "clients"
    folder.mkdir(parents=True, exist_ok=True)
    return folder


def _become(command: list[str], environment: dict[str, str]) -> None:
    """Replace this process: signals, exit code and terminal are then the shell's own."""
    sys.stdout.flush()
    os.execve(command[0], command, {**taken_from(os.environ), **environment})  # noqa: S606 - a list built here, no shell


@contextmanager
def _session(config: Config) -> Iterator[Connection]:
    try:
        connection = psycopg.connect(config.database.dsn, autocommit=True, connect_timeout=WORK.connect_s)
    except psycopg.OperationalError as exc:
        raise PostgresUnreachable(config.database.dsn, exc) from exc
    with closing(connection):
        show_text(connection)
        try:
            yield connection
        except psycopg.Error as exc:
            raise StatementRefused(str(exc).strip()) from exc


def _run(connection: Connection, script: Sequence[Piece], *, tuples_only: bool) -> None:
    """Run all of a script or nothing of it: statements that are sent at once are one transaction anyway."""
    is_cut = len(script) > 1
    with connection.cursor() as cursor:
        if is_cut:
            cursor.execute("BEGIN")
        for piece in script:
            _run_piece(cursor, piece, tuples_only=tuples_only)
        if is_cut:
            cursor.execute("COMMIT")


def _run_piece(cursor: Cursor, piece: Piece, *, tuples_only: bool) -> None:
    if piece.rows is not None:
        with cursor.copy(piece.statements.encode()) as copy:
            copy.write(piece.rows)
        _print_result(cursor, tuples_only=tuples_only)
        return
    cursor.execute(piece.statements.encode())
    for result in cursor.results():
        _print_result(result, tuples_only=tuples_only)


def _print_result(cursor: Cursor[tuple[str | None, ...]], *, tuples_only: bool) -> None:
    rows = [
        ["NULL" if value is None else value for value in row]
        for row in (cursor.fetchall() if cursor.description else ())
    ]
    if tuples_only:
        print("".join("\t".join(row) + "\n" for row in rows), end="")
        return
    if cursor.description:
        _print_table([column.name for column in cursor.description], rows)
    print(cursor.statusmessage or "no statement")


def _print_table(names: list[str], rows: list[list[str]]) -> None:
    # Not rich's table: that wraps cells at the terminal's width, and what is printed here gets piped and copied.
    widths = [max(map(len, column)) for column in zip(names, *rows, strict=True)]
    for line in (names, ["-" * width for width in widths], *rows):
        print("  ".join(cell.ljust(width) for cell, width in zip(line, widths, strict=True)).rstrip())
