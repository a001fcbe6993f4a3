"""Spark inside this process, silent: for the types of views and for what they must hold."""

from __future__ import annotations

import logging
import os
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

from penstock_views.snapshot.postgres import Postgres
from penstock_views.stream.session import local_session
from py4j.protocol import Py4JJavaError
from pyspark.errors import PySparkException
from pyspark.sql import SparkSession

from penstock.address import let_in_options
from penstock.config import Config
from penstock.environment import taken_from
from penstock.errors import TerminalError
from penstock.layout import Layout
from penstock.secured import Secrets
from penstock.wait import log_tail

_THREADS = 2


class SparkNotStarted(TerminalError):
    """The JVM of a session does not start."""

    def __init__(self, cause: Exception, log: Path) -> None:
        java = os.environ.get("JAVA_HOME", "the first in PATH")
        said = str(cause).strip().splitlines()[0]
        super().__init__(
            f"Spark did not start with the Java of JAVA_HOME ({java}): {said}\n  Where to look: {log}\n{log_tail(log)}"
        )


@contextmanager
def local_spark(config: Config, *, name: str) -> Iterator[SparkSession]:
    """Open a session that ends with the block; within the block of another it is that one's.

    :param name: of its log and of its folder for temporary files.
    :raises SparkNotStarted: with the last lines of its log.
    """
    if (outer := SparkSession.getActiveSession()) is not None:
        yield outer
        return
    layout = Layout.of(config)
    layout.temporary(name).mkdir(parents=True, exist_ok=True)
    with _environment(layout.temporary_environment(name) | _private(config)), _stderr_to(layout.log(name)):
        try:
            spark = local_session(threads=_THREADS, java_options=let_in_options(config.registry.url))
        except (PySparkException, OSError) as exc:
            raise SparkNotStarted(exc, layout.log(name)) from exc
    try:
        yield spark
    except (KeyboardInterrupt, SystemExit):
        _kill_jvm(spark)
        raise
    except BaseException:
        spark.stop()
        raise
    spark.stop()


def _private(config: Config) -> dict[str, str]:
    """Let no stranger into a session of a secured stack: it listens on a port, and makes a secret of its own."""
    settings = "--conf spark.authenticate=true --conf spark.network.crypto.enabled=true"
    return {"PYSPARK_SUBMIT_ARGS": f"{settings} pyspark-shell"} if Secrets.of(config).exist else {}


def read_by_spark(config: Config) -> Postgres:
    """Say where Spark reads the source database, in its present."""
    section = config.database
    reads = Postgres(section.host, section.port, section.database, section.user, section.password, tls=section.tls)
    return replace(reads, excluded=config.excluded, hashed=config.hashed)


@contextmanager
def spark_failures(make: Callable[[str], Exception]) -> Iterator[None]:
    """Make of Spark's failures in the block one error that says why."""
    try:
        yield
    except PySparkException as exc:
        raise make(str(exc).split("\n", 1)[0]) from exc
    except Py4JJavaError as exc:
        cause = exc.java_exception
        while cause.getCause() is not None:
            cause = cause.getCause()
        raise make(str(cause.getMessage() or cause.toString()).split("\n", 1)[0]) from exc


def _kill_jvm(spark: SparkSession) -> None:
    """End the JVM without a word: a call that was cut off has left its answer under way, which the next would read."""
    logging.getLogger("py4j").addHandler(logging.NullHandler())
    logging.getLogger("py4j").propagate = False
    gateway = spark.sparkContext._gateway
    if gateway is not None:
        gateway.proc.kill()
        gateway.proc.wait()


@contextmanager
def _environment(variables: dict[str, str]) -> Iterator[None]:
    """Let a child process that starts here inherit these, and of the environment what Penstock takes.

    One that starts later finds the environment as it was.
    """
    kept = dict(os.environ)
    os.environ.clear()
    os.environ.update(taken_from(kept) | variables)
    try:
        yield
    finally:
        os.environ.clear()
        os.environ.update(kept)


@contextmanager
def _stderr_to(path: Path) -> Iterator[None]:
    """Let a child process that starts here write its chatter into a file; Spark's JVM inherits our stderr for good."""
    path.parent.mkdir(parents=True, exist_ok=True)
    sys.stderr.flush()
    kept = os.dup(2)
    with path.open("ab") as log:
        os.dup2(log.fileno(), 2)
    try:
        yield
    finally:
        os.dup2(kept, 2)
        os.close(kept)
