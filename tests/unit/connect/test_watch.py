"""The watcher as its own process where no Connect is; with one: tests/integration/test_connect_watch.py."""

from __future__ import annotations

import signal
import socket
import subprocess
import sys
from pathlib import Path

from penstock.connect.watch_file import read_watch
from penstock.wait import wait_until
from tests.patience import PATIENCE_S


def written_at_s(file: Path) -> float:
    watch = read_watch(file)
    return watch.written_at_s if watch and watch.is_alive else 0.0


def test_a_connect_that_is_away_is_said_once_and_the_end_is_clean(tmp_path: Path) -> None:
    file, log = tmp_path / "watch.json", tmp_path / "log"
    with socket.socket() as taken, log.open("wb") as output:
        taken.bind(("127.0.0.1", 0))  # bound, not listening: nobody answers there, nobody else takes it
        url = f"http://127.0.0.1:{taken.getsockname()[1]}"
        command = [sys.executable, "-m", "penstock.connect.watch", "--url", url, "--file", str(file)]
        process = subprocess.Popen(command, stdout=output, stderr=subprocess.STDOUT)
        try:
            wait_until(lambda: written_at_s(file) > 0, timeout_s=PATIENCE_S, what="the watcher looked", log=log)
            first = written_at_s(file)
            wait_until(lambda: written_at_s(file) > first + 2, timeout_s=PATIENCE_S, what="it looked again", log=log)
            process.send_signal(signal.SIGTERM)
            assert process.wait(10) == 0
        finally:
            process.kill()
            process.wait()
    lines = [line.split(" ", 1)[1] for line in log.read_text().splitlines()]
    away = (
        f"waiting: Kafka Connect does not answer at {url} (ConnectionError); is it running? `penstock status` shows it"
    )
    assert lines == [f"watching {url} every 2 s", away, "stopped"]
    assert not file.exists()
