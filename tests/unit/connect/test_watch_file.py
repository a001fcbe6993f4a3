"""The file of the watcher: written whole, believed only while its writer lives."""

from __future__ import annotations

import os
import socket
import subprocess
import sys
import time
from pathlib import Path

import pytest

from penstock.connect.watch_file import Watch, Watched, describe, read_watch, read_watched, write_watch

URL = "http://127.0.0.1:8083"
SINK = Watched(restarts=3, next_try_in_s=8.0, reason="a.B: gone")


@pytest.fixture
def file(tmp_path: Path) -> Path:
    return tmp_path / "run" / "watch.json"


def watch(*, pid: int | None = None, age_s: float = 0.0, host: str | None = None) -> Watch:
    own, here = os.getpid() if pid is None else pid, host or socket.gethostname()
    return Watch(pid=own, host=here, written_at_s=time.time() - age_s, url=URL, connectors={"sink": SINK})


def test_what_is_written_is_read_and_nothing_else_lies_there(file: Path) -> None:
    written = watch()
    write_watch(file, watch(age_s=5))
    write_watch(file, written)
    assert read_watch(file) == written
    assert list(file.parent.iterdir()) == [file]


def test_the_next_try_counts_from_now(file: Path) -> None:
    write_watch(file, watch(age_s=3))
    assert read_watched(file, url=URL)["sink"].next_try_in_s == pytest.approx(5, abs=0.5)


def test_a_living_watcher_is_believed() -> None:
    assert watch().is_alive


def test_an_old_file_is_not(file: Path) -> None:
    write_watch(file, watch(age_s=11))
    assert read_watched(file, url=URL) == {}


def test_the_file_of_an_ended_process_is_not() -> None:
    ended = subprocess.Popen([sys.executable, "-c", ""])
    ended.wait()
    assert not watch(pid=ended.pid).is_alive


def test_a_process_of_another_container_is_believed_while_its_file_is_fresh() -> None:
    ended = subprocess.Popen([sys.executable, "-c", ""])
    ended.wait()
    assert watch(pid=ended.pid, host="another").is_alive
    assert not watch(pid=ended.pid, host="another", age_s=11).is_alive


def test_the_watcher_of_another_connect_is_not(file: Path) -> None:
    write_watch(file, watch())
    assert read_watched(file, url="http://127.0.0.1:9999") == {}


@pytest.mark.parametrize("content", [None, "", "{}", "[1]"])
def test_without_a_readable_file_nothing_is_known(file: Path, content: str | None) -> None:
    file.parent.mkdir()
    if content is not None:
        file.write_text(content)
    assert read_watched(file, url=URL) == {}


@pytest.mark.parametrize(
    ("restarts", "next_try_in_s", "expected"),
    [
        (0, 1.0, "not restarted yet, next try in 1 s"),
        (1, None, "restarted once"),
        (3, 8.0, "restarted 3 times, next try in 8 s"),
    ],
)
def test_it_is_said_in_words(restarts: int, next_try_in_s: float | None, expected: str) -> None:
    assert describe(Watched(restarts=restarts, next_try_in_s=next_try_in_s, reason="")) == expected
