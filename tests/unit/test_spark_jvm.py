"""The JVM of a command's session: a Java that is not there or does not start is one message, and none outlives us."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from pathlib import Path
from typing import Any

import psutil
import pytest
from penstock_views.stream.local_jvm import OPENED
from penstock_views.stream.session import local_session

from penstock.wait import wait_until
from tests.patience import PATIENCE_S

OPEN_SESSION = """
import sys
from pathlib import Path
from penstock.config import Config
from penstock.local_spark import local_spark
from penstock.spark_jvm import SparkNotStarted
try:
    with local_spark(Config(state=Path(sys.argv[1]))) as spark:
        print(spark.range(3).count(), spark.sparkContext._jvm.java.lang.ProcessHandle.current().pid(), flush=True)
        sys.stdin.read()
except SparkNotStarted as exc:
    print(exc)
"""


def open_session(state: Path, **environment: str) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [sys.executable, "-c", OPEN_SESSION, str(state)],
        env={**os.environ, **environment},
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )


def a_java(folder: Path, script: str) -> str:
    """Make a JAVA_HOME whose Java is a script."""
    java = folder / "bin" / "java"
    java.parent.mkdir(parents=True)
    java.write_text(f"#!/bin/sh\n{script}\n")
    java.chmod(0o755)
    return str(folder)


def test_a_java_that_does_not_start_is_said_with_its_last_words(tmp_path: Path) -> None:
    home = a_java(tmp_path / "java", "echo out of the question >&2; exit 3")
    said, _ = open_session(tmp_path / "state", JAVA_HOME=home).communicate()
    assert f"Spark did not start with the Java of JAVA_HOME ({home}): Java ended with exit code 3" in said
    assert said.rstrip().endswith("out of the question")


def test_a_java_that_is_not_there_is_said(tmp_path: Path) -> None:
    said, _ = open_session(tmp_path / "state", JAVA_HOME="/nowhere").communicate()
    assert "Spark did not start with the Java of JAVA_HOME (/nowhere): [Errno 2] No such file" in said


@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGTERM])
def test_the_jvm_ends_with_the_command(tmp_path: Path, number: signal.Signals) -> None:
    command = open_session(tmp_path / "state")
    assert command.stdout is not None
    rows, pid = map(int, command.stdout.readline().split())
    assert rows == 3
    command.send_signal(number)
    command.communicate()
    wait_until(lambda: not psutil.pid_exists(pid), timeout_s=PATIENCE_S, what="the JVM has ended")


def test_a_call_to_a_jvm_that_ended_is_no_message(tmp_path: Path) -> None:
    """A connection is reset now and then only: here it is py4j's own words for it that must not be seen."""
    program = """
import sys
from pathlib import Path
from penstock.config import Config
from penstock.local_spark import local_spark
from penstock_views.stream.local_jvm import local_jvm
with local_spark(Config(state=Path(sys.argv[1]))):
    pass
local_jvm().end()
import logging
logging.exception("Exception while sending command.")
"""
    done = subprocess.run([sys.executable, "-c", program, tmp_path], capture_output=True, text=True, check=True)
    assert (done.stdout, done.stderr) == ("", "")


def test_what_is_opened_is_what_spark_says() -> None:
    jvm: Any = local_session().sparkContext._jvm
    of_spark = jvm.org.apache.spark.launcher.JavaModuleOptions.defaultModuleOptionArray()
    opened = [option for option in of_spark if option.startswith("--add-opens")]
    assert opened == [f"--add-opens={package}=ALL-UNNAMED" for package in OPENED]
