"""A job as a process, with no server there: what it leaves behind when it fails, is killed, or is asked to end."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from penstock.clone import ROOT
from penstock.trouble import Trouble, read_trouble
from penstock.wait import wait_until
from tests.patience import PATIENCE_S

VIEW = """from penstock_views import Image, Row, row, view


@view("public.t", key=["id"])
def t_by_id(t: Image) -> Row:
    return row(id=t.id)
"""


@pytest.fixture
def command(tmp_path: Path) -> list[str]:
    """Return the command line of a job that never reaches Kafka."""
    (tmp_path / "views").mkdir()
    flags = {
        "--bootstrap-servers": "127.0.0.1:9",
        "--registry-url": "http://127.0.0.1:9",
        "--master": "local",
        "--checkpoint": tmp_path / "checkpoint",
        "--views-dir": tmp_path / "views",
        "--trouble-file": tmp_path / "views.trouble.json",
    }
    words = [str(word) for pair in flags.items() for word in pair]
    return [sys.executable, str(ROOT / "spark/jobs/row_views.py"), *words]


def trouble(folder: Path) -> Trouble:
    return read_trouble(folder / "views.trouble.json")


def begin(command: list[str], folder: Path) -> subprocess.Popen[bytes]:
    """Start a run and wait until it has written that it runs."""
    run = subprocess.Popen(command, stdout=subprocess.DEVNULL)
    wait_until((folder / "views.trouble.json").exists, timeout_s=PATIENCE_S, what="the job begins")
    return run


def test_a_job_that_cannot_begin_says_why_each_time(command: list[str], tmp_path: Path) -> None:
    (tmp_path / "views" / "broken.py").write_text("this is no Python\n")
    for times in (1, 2):
        assert subprocess.run(command, check=False, stdout=subprocess.DEVNULL).returncode == 1
        assert trouble(tmp_path).times == times
    assert "broken.py:1: invalid syntax" in trouble(tmp_path).reason


def test_a_job_that_is_killed_and_then_asked_to_end(command: list[str], tmp_path: Path) -> None:
    (tmp_path / "views" / "t.py").write_text(VIEW)
    first = begin(command, tmp_path)
    first.kill()
    first.wait(30)
    second = subprocess.Popen(command, stdout=subprocess.DEVNULL)
    wait_until(lambda: trouble(tmp_path).times == 1, timeout_s=PATIENCE_S, what="the next run says it")
    assert "killed" in trouble(tmp_path).reason
    second.terminate()
    assert second.wait(60) == 0
    assert not (tmp_path / "views.trouble.json").exists()
