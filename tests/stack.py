"""The stack that the e2e and fault tests run against: its configuration, and its clients."""

from __future__ import annotations

import os
import shlex
import subprocess
import threading
import time
import uuid
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager, redirect_stderr, redirect_stdout
from dataclasses import dataclass, field
from io import StringIO
from typing import Any
from unittest.mock import patch

import psycopg2
from cassandra import OperationTimedOut, ReadFailure, ReadTimeout, Unavailable
from cassandra.cluster import NoHostAvailable, Session
from cassandra.connection import ConnectionException
from pyspark.sql import SparkSession

from penstock.cli.main import run
from penstock.clone import ROOT
from penstock.config import Config
from penstock.environment import taken_from
from penstock.local_spark import local_spark
from penstock.stack.health import PartHealth, part_healths
from tests.patience import PATIENCE_S

INSERT = """
INSERT INTO public.users (id, email, first_name, last_name, registered, country)
VALUES (%s, 'written@example.com', 'Written', 'Meanwhile', '2022-02-02', %s)
"""


_COMES_BACK = (NoHostAvailable, OperationTimedOut, ReadFailure, ReadTimeout, Unavailable, ConnectionException)
"""What a node that is away, or too few of several, make of a statement."""


@contextmanager
def all_the_while(act: Callable[[], Any], *, pause_s: float = 0) -> Iterator[None]:
    """Do something again and again beside the block.

    :param pause_s: seconds from one time to the next.
    """
    ended = threading.Event()

    def repeat() -> None:
        while not ended.wait(pause_s):
            act()

    thread = threading.Thread(target=repeat)
    thread.start()
    try:
        yield
    finally:
        ended.set()
        thread.join()


def run_here(arguments: Sequence[str], environment: Mapping[str, str]) -> subprocess.CompletedProcess[str]:
    """Run a command of Penstock's in this process, with another environment."""
    out, err, code = StringIO(), StringIO(), 0
    with patch.dict(os.environ, taken_from(environment), clear=True), redirect_stdout(out), redirect_stderr(err):
        try:
            run(arguments)
        except SystemExit as end:
            code = int(end.code or 0)
    return subprocess.CompletedProcess(arguments, code, out.getvalue(), err.getvalue())


@dataclass(frozen=True)
class Ground:
    """Where a stack of the tests lives, and how it is started."""

    state: str
    base_port: int
    up: tuple[str, ...] = ("up",)
    partitions: int = 1
    airflow: bool = True
    can_show_mbeans: bool = True
    settings: Mapping[str, str] = field(default_factory=dict)
    """Further lines, by section."""

    @property
    def project(self) -> str:
        """A copy of the clone's views, schemas and connectors: tests write into it."""
        return f"{self.state}-project"


KRAFT = Ground("var-e2e", 26000)
ZOOKEEPER = Ground("var-e2e-zookeeper", 26200, up=("up", "--zookeeper"))
PARTITIONED = Ground("var-e2e-partitioned", 26400, partitions=3)
SECURE = Ground("var-e2e-secure", 26600, up=("up", "--secure"), can_show_mbeans=False)
HA = Ground(
    "var-e2e-ha",
    26800,
    up=("up", "--profile", "ha"),
    airflow=False,
    # Twelve servers of Java beside each other.
    settings={
        "kafka": "heap_mb = 320",
        "connect": "heap_mb = 512",
        "spark": "executor_memory_mb = 512\ndriver_memory_mb = 768",
        "cassandra": "heap_mb = 512",
    },
)


def toml(ground: Ground, *, metrics: bool) -> str:
    """Ports and a folder of its own: the tests run beside a stack that somebody uses.

    :param metrics: Kafka and Connect show their MBeans, which takes them longer to start.
    """
    keys = {
        "api": ["port"],
        "postgres": ["port"],
        "kafka": ["port", "controller_port", "metrics_port"],
        "zookeeper": ["port"],
        "registry": ["port"],
        "connect": ["port", "metrics_port"],
        "spark": ["master_port", "master_ui_port", "worker_port", "worker_ui_port"],
        "cassandra": ["port", "storage_port"],
        "airflow": ["port"],
        "console": ["port"],
    }
    lines, port = [f'state = "{ground.state}"', f'project = "{ground.project}"'], ground.base_port
    for section, names in keys.items():
        lines.append(f"[{section}]")
        for name in names:
            if (metrics and ground.can_show_mbeans) or name != "metrics_port":
                lines.append(f"{name} = {port}")
            port += 1
        if section in ground.settings:
            lines.append(ground.settings[section])
        if section == "kafka" and ground.partitions > 1:
            lines.append(f"partitions = {ground.partitions}")
        if section == "airflow" and not ground.airflow:
            lines.append("enabled = false")
    # After the last section, which is the console's: its tests pause connectors.
    lines.append("write = true")
    return "\n".join(lines) + "\n"


@dataclass
class Stack:
    """A running stack and its clients.

    :param held: what a test opens and the end of all tests closes.
    """

    config: Config
    environment: dict[str, str]
    cassandra: Session
    held: ExitStack

    def run(
        self, command: str, *, check: bool = True, timeout_s: float = PATIENCE_S
    ) -> subprocess.CompletedProcess[str]:
        """Run a shell command in the clone as a user would, against this stack."""
        done = subprocess.run(
            ["bash", "-c", command],
            cwd=ROOT,
            env=self.environment,
            capture_output=True,
            text=True,
            timeout=timeout_s,
            check=False,
        )
        if check:
            assert done.returncode == 0, f"{command}\n{done.stdout}\n{done.stderr}"
        return done

    def penstock(self, *commands: str, check: bool = True) -> subprocess.CompletedProcess[str]:
        """Run commands of Penstock's, one after another until one fails, in this process.

        Here Spark stands ready, which each of them would start again. That they work as a shell runs them is what
        `test_readme.py` and the tutorial in `test_views.py` show.
        """
        self._start_spark()
        for command in commands:
            done = run_here(shlex.split(command), self.environment)
            if check:
                assert done.returncode == 0, f"{command}\n{done.stdout}\n{done.stderr}"
            if done.returncode:
                break
        return done

    def _start_spark(self) -> None:
        if SparkSession.getActiveSession() is None:
            self.held.enter_context(local_spark(self.config))

    def drop(self, *views: str) -> None:
        """Remove what is left of views whose functions are gone."""
        self.penstock(f"views drop {' '.join(views)} --yes")

    def sql(self, statement: str, *arguments: Any) -> list[tuple[Any, ...]]:
        """Run one statement in Postgres and commit it; return its rows."""
        connection = psycopg2.connect(self.config.postgres.dsn)
        try:
            with connection, connection.cursor() as cursor:
                cursor.execute(statement, arguments or None)
                return cursor.fetchall() if cursor.description else []
        finally:
            connection.close()

    def health(self, part: str) -> PartHealth:
        """Return how a part is."""
        return next(health for health in part_healths(self.config) if health.name == part)

    def runs_again(self, before: PartHealth) -> bool:
        """Return whether a part answers that was another process before."""
        now = self.health(before.name)
        return now.pid not in {0, before.pid} and now.answers

    @contextmanager
    def written_to(self, country: str) -> Iterator[None]:
        """Insert users into a country all the while."""
        with all_the_while(lambda: self.sql(INSERT, str(uuid.uuid4()), country), pause_s=0.02):
            yield

    def cql(self, statement: str, *arguments: Any) -> list[Any]:
        """Run one statement in Cassandra; return its rows. While nodes are away, try again."""
        deadline = time.monotonic() + PATIENCE_S
        while True:
            try:
                return list(self.cassandra.execute(statement, arguments or None))
            except _COMES_BACK:
                if time.monotonic() > deadline:
                    raise
                time.sleep(0.2)
