"""`penstock cqlsh` is the stack's alone; `psql` runs a script as it was asked to, or says why not. No server runs."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from penstock.clone import ROOT


def psql(state: Path, *arguments: str, piped: bytes | None = None) -> subprocess.CompletedProcess[str]:
    return run(state, "psql", *arguments, piped=piped)


def run(
    state: Path, *arguments: str, piped: bytes | None = None, home: Path | None = None
) -> subprocess.CompletedProcess[str]:
    """Run a command where no server listens.

    :param piped: nothing, from /dev/null, without it.
    """
    command = [sys.executable, "-c", "from penstock.cli.main import main; main()", *arguments]
    nowhere = {"PENSTOCK_STATE": str(state), "PENSTOCK_POSTGRES__PORT": "1", "PENSTOCK_CASSANDRA__PORT": "1"}
    nowhere |= {"HOME": str(home)} if home else {}
    environment, stdin = {**os.environ, **nowhere}, subprocess.DEVNULL if piped is None else None
    done = subprocess.run(
        command, env=environment, cwd=ROOT, capture_output=True, check=False, stdin=stdin, input=piped
    )
    return subprocess.CompletedProcess(command, done.returncode, done.stdout.decode(), done.stderr.decode())


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


@pytest.mark.parametrize("settings", [".cassandra/cqlshrc", ".cqlshrc"])
def test_cqlsh_reads_and_moves_nothing_of_the_users_home(tmp_path: Path, settings: str) -> None:
    home = tmp_path / "home"
    files = {home / settings: "[connection]\nssl = true\n", home / ".cqlsh_history": "SELECT 1;\n"}
    for file, text in files.items():
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(text)
    done = run(tmp_path / "var", "cqlsh", "-e", "SELECT 1", home=home)
    assert done.stderr.startswith("Connection error:"), done.stderr
    assert {file: file.read_text() for file in files} == files


def test_in_cqlsh_the_home_folder_is_the_users(tmp_path: Path) -> None:
    """Where `COPY` writes to; `--version` ends it before it looks for a server."""
    program = "import os, sys; from penstock.cassandra import shell; sys.argv = ['', '--version']\n"
    program += "try: shell.main()\nfinally: print(os.path.expanduser('~'))"
    environment = {**os.environ, "HOME": str(tmp_path), "CQL_HISTORY": str(tmp_path / "clients" / "cqlsh_history")}
    done = subprocess.run([sys.executable, "-c", program], env=environment, cwd=ROOT, capture_output=True, check=False)
    assert done.stdout.decode().splitlines()[-1] == str(tmp_path)
