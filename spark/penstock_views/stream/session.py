"""Builds Spark sessions: the cluster's for the job, a local one for types, tests and `verify`."""

from __future__ import annotations

import os
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from pyspark.sql import SparkSession

from penstock.installation import DEFAULT
from penstock_views.stream.local_jvm import LOGGING, LOOPBACK, jars_in, local_jvm

_OPTIMIZER = "org.apache.spark.sql.catalyst.optimizer"
_SOURCES = "org.apache.spark.sql.execution.datasources"
_IDLE_RULES = [
    f"{_OPTIMIZER}.InferFiltersFromGenerate",
    f"{_OPTIMIZER}.RemoveRedundantAliases",
    f"{_OPTIMIZER}.OptimizeCsvJsonExprs",
    f"{_OPTIMIZER}.OptimizeOneRowRelationSubquery",
    f"{_OPTIMIZER}.FoldablePropagation",
    f"{_SOURCES}.PushVariantIntoScan",
    f"{_SOURCES}.SchemaPruning",
    f"{_SOURCES}.PruneFileSourcePartitions",
]
"""What the optimizer need not look for: the plan of a view has none of it, or gains nothing. Looking took a quarter of
the optimizer's time, and a query is planned again with each of its batches."""

_UNKEPT = {
    "spark.ui.retainedJobs": "1",
    "spark.ui.retainedStages": "1",
    "spark.ui.retainedTasks": "1",
    "spark.ui.retainedDeadExecutors": "1",
    "spark.sql.ui.retainedExecutions": "1",
    "spark.sql.streaming.numRecentProgressUpdates": "2",  # Spark keeps one less
}
"""What Spark keeps for its web pages, which nobody serves here, of the last thousand batches: each with its whole plan,
alive for minutes, in the heap of a driver that plans two batches a second."""

_ASKED_OFTEN = ("PythonUtils", "functions", "org.apache.spark.sql.functions", "org.apache.spark.sql.types.Metadata")
"""The classes by which PySpark makes columns. Py4j asks the JVM for class and method at each use, which is some 5,000
times for a table of eight columns. For a class without a package the JVM searches all jars: 5 ms each time."""


def local_session(*, threads: int = 1, settings: Mapping[str, str] | None = None) -> SparkSession:
    """Start (or get) a Spark session inside this process.

    :param settings: more settings of Spark.
    :raises JarsMissing, JvmEnded: there are no jars of ours, or the JVM did not come up.
    """
    jvm = local_jvm()
    with jvm.offered():
        return start_session(_builder(f"local[{threads}]", LOOPBACK, settings or {}))


def start_session(builder: SparkSession.Builder) -> SparkSession:
    """Start the session, or get the one that runs."""
    spark = builder.getOrCreate()
    jvm = spark.sparkContext._jvm
    for name in _ASKED_OFTEN:
        setattr(jvm, name, _Remembered(getattr(jvm, name)))
    return spark


class _Remembered:
    """A Java class that asks the JVM for each of its static methods once."""

    def __init__(self, of_java: Any) -> None:
        self._of_java = of_java

    def __getattr__(self, name: str) -> Any:
        found = getattr(self._of_java, name)
        setattr(self, name, found)
        return found


def session_builder(master: str, jars: Path, host: str = LOOPBACK, *, java_options: str = "") -> SparkSession.Builder:
    """Prepare a session with what every use of the engine needs, in a JVM that Spark's scripts start.

    :param host: the address at which executors reach this driver.
    :param java_options: more options of the driver's JVM.
    """
    of_jvm = {"spark.jars": ",".join(jars_in(jars)), "spark.driver.extraJavaOptions": f"{LOGGING} {java_options}"}
    return _builder(master, host, of_jvm)


def _builder(master: str, host: str, more: Mapping[str, str]) -> SparkSession.Builder:
    os.environ.setdefault("PYSPARK_PYTHON", sys.executable)  # else Spark takes `python3` from PATH
    os.environ.setdefault("SPARK_LOCAL_IP", host)  # else Spark asks the resolver, and binds what it answers
    settings = {
        "spark.driver.host": host,
        "spark.ui.enabled": "false",
        "spark.ui.showConsoleProgress": "false",
        **_UNKEPT,
        "spark.sql.shuffle.partitions": "1",
        # A view must not depend on where it runs: before's image is computed by another run than after's was.
        "spark.sql.session.timeZone": "UTC",
        "spark.sql.ansi.enabled": "true",
        # As Postgres, Avro and CQL distinguish names; a renamed column ("email", then "Email") is two in an image.
        "spark.sql.caseSensitive": "true",
        # Views gain nothing from constraint propagation, and the optimizer spends time on it.
        "spark.sql.constraintPropagation.enabled": "false",
        "spark.sql.optimizer.excludedRules": ",".join(_IDLE_RULES),
        # Where in Python an expression was made costs several calls into the JVM for each, and nobody asks.
        "spark.python.sql.dataFrameDebugging.enabled": "false",
        # The JVM's own stack at that moment, kept with every expression of every plan for as long as its query runs.
        "spark.sql.dataFrameQueryContext.enabled": "false",
        **more,
    }
    builder = SparkSession.builder.appName(DEFAULT).master(master)
    for key, value in settings.items():
        builder = builder.config(key, value)
    return builder
