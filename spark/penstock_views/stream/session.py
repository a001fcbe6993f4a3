"""Builds Spark sessions: the cluster's for the job, a local one for types, tests and `verify`."""

from __future__ import annotations

import os
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from pyspark.sql import SparkSession

from penstock.class_archive import class_archive_options
from penstock.clone import ROOT
from penstock.errors import TerminalError
from penstock.installation import DEFAULT

JARS = ROOT / ".servers" / "spark"
"""Where setup puts Spark's extra jars: Kafka, Avro, the Postgres driver."""

COMPILE_ALL = "-XX:-DontCompileHugeMethods"
"""Spark generates methods above 8,000 bytecodes for wide views, which the JVM only interprets unless set otherwise:
12,000 against 6,500 rows per second of processor time, both images and both views of public.users."""

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
the optimizer's time, and a query is planned anew with each of its batches."""

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
"""The classes by which PySpark makes columns. Py4j asks the JVM for class and method at each use, some 5,000 times for
the plan of a table of eight columns, and the JVM searches all jars for a class without a package: 5 ms each time."""

_LOGGING = Path(__file__).with_name("log4j2.properties")


class JarsMissing(TerminalError):
    """Spark's extra jars are not installed."""

    def __init__(self, folder: Path) -> None:
        super().__init__(f"no *.jar in {folder}: run `make setup`")


def local_session(jars: Path = JARS, *, threads: int = 1, java_options: Sequence[str] = ()) -> SparkSession:
    """Start (or get) a Spark session inside this process.

    :param java_options: more options of its JVM.
    :raises JarsMissing: when the folder holds no jar.
    """
    # The first compiler only: a session of seconds ends before the second one pays (verify: 23 s, now 16 s).
    options = ["-XX:TieredStopAtLevel=1", COMPILE_ALL, *java_options, class_archive_options()]
    return start_session(session_builder(f"local[{threads}]", jars, java_options=" ".join(options)))


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


def session_builder(
    master: str, jars: Path, host: str = "127.0.0.1", *, java_options: str = ""
) -> SparkSession.Builder:
    """Prepare a session with what every use of the engine needs.

    :param host: the address at which executors reach this driver.
    :param java_options: more options of the driver's JVM.
    """
    found = sorted(str(jar) for jar in jars.glob("*.jar"))
    if not found:
        raise JarsMissing(jars)
    os.environ.setdefault("PYSPARK_PYTHON", sys.executable)  # else Spark takes `python3` from PATH
    os.environ.setdefault("SPARK_LOCAL_IP", host)  # else Spark asks the resolver, and binds what it answers
    settings = {
        "spark.jars": ",".join(found),
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
        "spark.driver.extraJavaOptions": f"-Dlog4j2.configurationFile={_LOGGING.as_uri()} {java_options}",
    }
    builder = SparkSession.builder.appName(DEFAULT).master(master)
    for key, value in settings.items():
        builder = builder.config(key, value)
    return builder
