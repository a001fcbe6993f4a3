"""Orphans are found by the mark in their environment, with real processes."""

import os
import subprocess
from collections.abc import Iterator
from pathlib import Path

import psutil
import pytest

from penstock.environment import PART_MARK
from penstock.stack.processes import STATE_MARK, marked, sweep

STUBBORN = "trap '' TERM; echo ready; while :; do sleep 1 & wait; done"


@pytest.fixture
def orphan(tmp_path: Path) -> Iterator[subprocess.Popen[str]]:
    environment = {**os.environ, STATE_MARK: str(tmp_path), PART_MARK: "kafka"}
    process = subprocess.Popen(
        ["/bin/sh", "-c", STUBBORN], env=environment, stdout=subprocess.PIPE, text=True, start_new_session=True
    )
    with process:
        assert process.stdout is not None
        process.stdout.readline()
        yield process
        process.kill()


def test_a_process_belongs_to_the_stack_named_in_its_environment(orphan: subprocess.Popen[str], tmp_path: Path) -> None:
    assert orphan.pid in [process.pid for process in marked(tmp_path)]
    assert orphan.pid in [process.pid for process in marked(tmp_path, part="kafka")]
    assert marked(tmp_path, part="registry") == []
    assert marked(tmp_path / "other") == []


def test_a_process_that_ignores_the_request_is_killed(orphan: subprocess.Popen[str], tmp_path: Path) -> None:
    sweep(tmp_path, grace_s=1)
    assert marked(tmp_path) == []
    assert not psutil.pid_exists(orphan.pid)
