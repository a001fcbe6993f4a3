"""`penstock psql` runs a script as it was asked to, or says why not; nothing here reaches a server."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from penstock.clone import ROOT


def psql(state: Path, *arguments: str, piped: bytes | None = None) -> subprocess.CompletedProcess[str]:
    """Run the command where no Postgres listens.

    :param piped: nothing, from /dev/null, without it.
    """
    command = [sys.executable, "-c", "from penstock.cli.main import main; main()", "psql", *arguments]
    nowhere = {"PENSTOCK_STATE": str(state), "PENSTOCK_POSTGRES__PORT": "1"}
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
