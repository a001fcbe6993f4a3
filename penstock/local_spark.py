"""Spark inside this process, silent: for the types of views and for what they must hold."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace

from penstock_views.snapshot.postgres import Postgres
from penstock_views.stream.local_jvm import JvmEnded, local_jvm
from penstock_views.stream.session import local_session
from py4j.protocol import Py4JJavaError
from pyspark.errors import PySparkException
from pyspark.sql import SparkSession

from penstock.config import Config
from penstock.secured import Secrets
from penstock.spark_jvm import SparkNotStarted, begin_jvm

_THREADS = 2


@contextmanager
def local_spark(config: Config) -> Iterator[SparkSession]:
    """Open the session of this process, or hand out the one that is open; it ends with the process.

    :raises SparkNotStarted: with the last lines of its log.
    """
    spark = SparkSession.getActiveSession()
    if spark is None:
        log = begin_jvm(config)
        try:
            spark = local_session(threads=_THREADS, settings=_private(config))
        except (JvmEnded, PySparkException) as exc:
            raise SparkNotStarted(exc, log) from exc
    try:
        yield spark
    except (KeyboardInterrupt, SystemExit):
        # A call that was cut off has left its answer under way, which the next would read.
        local_jvm().end()
        raise


def _private(config: Config) -> dict[str, str]:
    """Let no stranger into a session of a secured stack: it listens on a port, and makes a secret of its own."""
    settings = ("spark.authenticate", "spark.network.crypto.enabled")
    return dict.fromkeys(settings, "true") if Secrets.of(config).exist else {}


def read_by_spark(config: Config) -> Postgres:
    """Say where Spark reads the source database, in its present."""
    section = config.reading.database
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
