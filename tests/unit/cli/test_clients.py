"""`penstock cqlsh` is the stack's alone; `psql` runs a script as it was asked to, or says why not. No server runs."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from penstock.cli.clients import _text
from penstock.clone import ROOT
from tests.stack import run_here


def nowhere(state: Path) -> dict[str, str]:
    """Name servers that do not listen."""
    ports = {f"PENSTOCK_{name}__PORT": "1" for name in ("POSTGRES", "CASSANDRA")}
    return {**os.environ, "PENSTOCK_STATE": str(state), **ports}


def run(environment: dict[str, str], *arguments: str, piped: bytes = b"") -> subprocess.CompletedProcess[str]:
    """Run a command in a process of its own: it reads a pipe, or becomes another program."""
    command = [sys.executable, "-c", "from penstock.cli.main import main; main()", *arguments]
    done = subprocess.run(command, env=environment, cwd=ROOT, capture_output=True, check=False, input=piped)
    return subprocess.CompletedProcess(command, done.returncode, done.stdout.decode(), done.stderr.decode())


def psql(state: Path, *arguments: str, piped: bytes | None = None) -> subprocess.CompletedProcess[str]:
    if piped is None:
        return run_here(["psql", *arguments], nowhere(state))
    return run(nowhere(state), "psql", *arguments, piped=piped)


@pytest.mark.parametrize(
    ("arguments", "piped", "named"),
    [
        (["-d", "billing", "-c", "DELETE FROM users"], None, "-d billing"),
        (["-c", "DELETE FROM users", "other_db"], None, "other_db"),
        (["-U", "reader", "-h", "db2", "-f", "README.md"], None, "-U reader -h db2"),
        (["-tA", "-c", "SELECT 1"], None, "-A"),
        (["-d", "billing"], b"DELETE FROM users", "-d billing"),
    ],
)
def test_arguments_that_no_shell_would_get_are_refused_by_name(
    arguments: list[str], piped: bytes | None, named: str, tmp_path: Path
) -> None:
    done = psql(tmp_path, *arguments, piped=piped)
    assert done.returncode == 1
    assert f"nothing was run: {named}\n" in done.stderr
    assert "--source NAME" in done.stderr


@pytest.mark.parametrize("is_piped", [True, False])
def test_a_script_in_another_encoding_is_said(tmp_path: Path, is_piped: bool) -> None:
    script, file = "SELECT 'größe'".encode("latin-1"), tmp_path / "latin.sql"
    file.write_bytes(script)
    done = psql(tmp_path / "var", piped=script) if is_piped else psql(tmp_path / "var", "-f", str(file))
    origin = "what was piped in" if is_piped else str(file)
    assert (done.returncode, done.stderr.splitlines()[0]) == (
        1,
        f"penstock: nothing was run: {origin} is no UTF-8 (at byte 10)",
    )


def test_a_script_is_read_as_psql_does() -> None:
    assert _text("\ufeffSELECT 'größe'\r\n;\n".encode(), "x") == "SELECT 'größe'\n;\n"


@pytest.mark.parametrize("settings", [".cassandra/cqlshrc", ".cqlshrc"])
def test_cqlsh_reads_and_moves_nothing_of_the_users_home(tmp_path: Path, settings: str) -> None:
    home = tmp_path / "home"
    files = {home / settings: "[connection]\nssl = true\n", home / ".cqlsh_history": "SELECT 1;\n"}
    for file, text in files.items():
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(text)
    done = run({**nowhere(tmp_path / "var"), "HOME": str(home)}, "cqlsh", "-e", "SELECT 1")
    assert done.stderr.startswith("Connection error:"), done.stderr
    assert {file: file.read_text() for file in files} == files


def test_in_cqlsh_the_home_folder_is_the_users(tmp_path: Path) -> None:
    """Where `COPY` writes to; `--version` ends it before it looks for a server."""
    program = "import os, sys; from penstock.cassandra import shell; sys.argv = ['', '--version']\n"
    program += "try: shell.main()\nfinally: print(os.path.expanduser('~'))"
    environment = {**os.environ, "HOME": str(tmp_path), "CQL_HISTORY": str(tmp_path / "clients" / "cqlsh_history")}
    done = subprocess.run([sys.executable, "-c", program], env=environment, cwd=ROOT, capture_output=True, check=False)
    assert done.stdout.decode().splitlines()[-1] == str(tmp_path)
