"""PostgreSQL, the source database."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path

from penstock.clone import ROOT
from penstock.config import Config
from penstock.errors import TerminalError
from penstock.layout import SERVERS, Layout, render
from penstock.postgres.connection import LOOK, PostgresUnreachable, open_connection
from penstock.secured import Secrets
from penstock.stack.part import Part

_BIN = SERVERS / "postgres" / "bin"
_HAS_LOCALES = 17

_AS_NOBODY = ("unshare", "--user", "--map-user=65534", "--map-group=65534")
"""Postgres refuses to run as root. In a user namespace it sees another uid; its files stay root's (unshare(1))."""


class InitdbFailed(TerminalError):
    """initdb could not make the database cluster."""

    def __init__(self, output: str) -> None:
        hint = ""
        if os.geteuid() == 0:
            hint = (
                "\n  What to do: as root, user namespaces are needed (unshare --user); or run Penstock as another user."
            )
        super().__init__(f"initdb failed:\n{output}{hint}")


def postgres(config: Config, layout: Layout) -> Part:
    """Return the part; `prepare` makes the cluster once and renders its settings each time."""
    section = config.postgres
    return Part(
        name="postgres",
        command=(*_unprivileged(), str(_BIN / "postgres"), "-D", str(layout.data("postgres"))),
        is_ready=lambda: _answers(config),
        prepare=lambda: _prepare(config, layout),
        host=section.host,
        runs=(_BIN / "postgres", ROOT / "servers/postgres"),
        ports={"postgres.port": section.port},
        stop_signal="INT",  # fast shutdown: https://www.postgresql.org/docs/18/server-shutdown.html
    )


def _unprivileged() -> tuple[str, ...]:
    return _AS_NOBODY if os.geteuid() == 0 else ()


def _prepare(config: Config, layout: Layout) -> None:
    data = layout.data("postgres")
    if not (data / "PG_VERSION").exists():
        _initdb(config, layout)
    settings = data / "penstock.conf"
    render(ROOT / "servers/postgres/postgresql.conf", settings, host=config.postgres.host, port=config.postgres.port)
    main = data / "postgresql.conf"
    _append(main, "include = 'penstock.conf'\n")
    if Secrets.of(config).exist:
        _secure(data, Secrets.of(config))
    elif config.postgres.password_file:
        _append(data / "pg_hba.conf", "host all all all scram-sha-256\n")


def _secure(data: Path, secrets: Secrets) -> None:
    """Let in by TLS and password only."""
    key, certificate = secrets.key("postgres"), secrets.certificate("postgres")
    encrypted = f"ssl = on\nssl_key_file = '{key}'\nssl_cert_file = '{certificate}'\n"
    _append(data / "penstock.conf", encrypted)
    (data / "pg_hba.conf").write_text("hostssl all all all scram-sha-256\n")


def _append(file: Path, line: str) -> None:
    text = file.read_text()
    if line not in text:
        file.write_text(text + line)


def _initdb(config: Config, layout: Layout) -> None:
    data = layout.data("postgres")
    data.mkdir(parents=True, exist_ok=True, mode=0o700)
    command = [*_unprivileged(), str(_BIN / "initdb"), "-D", str(data), "-U", config.postgres.user]
    file = config.postgres.password_file
    login = ["--auth=scram-sha-256", f"--pwfile={ROOT / file}"] if file else ["--auth=trust"]
    options = [*login, "--encoding=UTF8", *_locale(), "--no-instructions"]
    done = subprocess.run([*command, *options], check=False, capture_output=True, text=True)
    if done.returncode != 0:
        raise InitdbFailed(done.stdout + done.stderr)


def major_version() -> int:
    """Return the major version of the server that `make setup` installs, or `make postgres` in its place."""
    said = subprocess.run([str(_BIN / "postgres"), "--version"], check=True, capture_output=True, text=True).stdout
    return int(said.split()[-1].split(".")[0])


def _locale() -> list[str]:
    """Return a locale that is the same on every machine; before version 17 it is the machine's own of that name."""
    provider = ["--locale-provider=builtin"] if major_version() >= _HAS_LOCALES else []
    return [*provider, "--locale=C.UTF-8"]


def _answers(config: Config) -> bool:
    try:
        open_connection(config.postgres.dsn_of("postgres"), limits=LOOK).close()
    except PostgresUnreachable:
        return False
    return True
