"""The Real-time Mode query of a table: its CDC topic in, view topics and dead letters out."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path

from pyspark.sql import DataFrame, SparkSession
from pyspark.sql.streaming.query import StreamingQuery
from pyspark.sql.streaming.readwriter import DataStreamWriter

from penstock.address import let_in_options
from penstock.brokers import java_settings
from penstock.class_archive import class_archive_options
from penstock.sizes import RECORD_BYTES
from penstock_views.output.derive import Plan, derive
from penstock_views.stream.checkpoint import Checkpoint
from penstock_views.stream.config import JobConfig
from penstock_views.stream.local_jvm import COMPILE_ALL, DEEP_STACKS
from penstock_views.stream.optimized import optimized
from penstock_views.stream.session import session_builder, start_session

# Hadoop's own way to local files starts a process for each permission and link it asks about, six or more for each
# file of progress: 40 ms at rest, 200 ms on a busy machine. A rename is as atomic without it.
_LOCAL_FILES = {
    "spark.hadoop.fs.file.impl": "org.apache.hadoop.fs.RawLocalFileSystem",
    "spark.sql.streaming.checkpointFileManagerClass": (
        "org.apache.spark.sql.execution.streaming.checkpointing.FileSystemBasedCheckpointFileManager"
    ),
}

SOURCE = {
    "failOnDataLoss": "true",
    "kafka.isolation.level": "read_committed",  # Debezium's exactly-once writes are transactions
    "includeHeaders": "true",
}
SINK = {
    "kafka.linger.ms": "0",
    "kafka.acks": "all",
    "kafka.compression.type": "lz4",
    "kafka.max.request.size": str(RECORD_BYTES),
    # What is sent waits in the executor's heap. With room for four of the largest records, a job that had several to
    # catch up with filled its heap again and again.
    "kafka.buffer.memory": str(2 * RECORD_BYTES),
    "includeHeaders": "true",
}


_FRUGAL = "-XX:ReservedCodeCacheSize=192m -XX:+UseSerialGC"
FRUGAL_JVM = f"-XX:TieredStopAtLevel=1 {_FRUGAL}"
"""Options of a JVM that does much once and little often: the first compiler only, since the second takes more of the
processor than the work does for minutes; room for the code, as 48 MB were full after an hour and code was compiled over
and over; no collector with threads of its own, which took 5 % of a core for 512 MB."""

HOTTEST_COMPILED_JVM = (
    "-XX:Tier4InvocationThreshold=100000 -XX:Tier4MinInvocationThreshold=12000 -XX:Tier4CompileThreshold=300000 "
    f"-XX:Tier4BackEdgeThreshold=800000 {_FRUGAL}"
)
"""The same for one that does the same every second: the second compiler as well, for what is twenty times as hot as the
JVM asks by itself. That is little to compile: within minutes the driver of two aggregates took 30 % of a core, with the
first compiler only 31 to 33."""

LARGE_ROWS_JVM = "-XX:+UseSerialGC -XX:MaxNewSize=128m"
"""For executors that hold rows of megabytes: arrays of up to 128 MB, which need one piece of the heap. The default
collector (G1) never moves them together: a job with some such rows to catch up with found no piece in 768 MB, and ended
again and again. With this one it catches up. The old generation has all but what is said here."""


def open_session(
    config: JobConfig, cores: int, *, driver_options: str = FRUGAL_JVM, executor_options: str = LARGE_ROWS_JVM
) -> SparkSession:
    """Connect to the cluster.

    :param cores: Real-time Mode needs one for each CDC partition: it holds a task, and so a core, on each for good.
    :param driver_options: those of the driver's JVM, which only plans.
    :param executor_options: more options of the executors' JVMs.
    """
    settings = {
        "spark.app.name": config.app_name,
        "spark.cores.max": str(cores),
        "spark.driver.memory": f"{config.driver_memory_mb}m",
        "spark.executor.memory": f"{config.executor_memory_mb}m",
        "spark.executor.extraJavaOptions": " ".join(
            [COMPILE_ALL, DEEP_STACKS, executor_options, *let_in_options(config.registry_url), class_archive_options()]
        ),
        # One failure ends the query anyway in this mode; the supervisor restarts the job from the checkpoint.
        "spark.task.maxFailures": "1",
        "spark.sql.streaming.stopTimeout": "10s",
        **_LOCAL_FILES,
    }
    java_options = " ".join([driver_options, *let_in_options(config.registry_url), class_archive_options()])
    builder = session_builder(config.master, config.jars, config.driver_host, java_options=java_options)
    for key, value in settings.items():
        builder = builder.config(key, value)
    return start_session(builder)


def read_records(
    spark: SparkSession, config: JobConfig, topic: str, *, starting: str, options: Mapping[str, str]
) -> DataFrame:
    """Read a CDC topic as its records come.

    :param starting: where, without a checkpoint: Kafka's source says `earliest`, or takes offsets as JSON.
    :param options: more of Kafka's source.
    """
    reader = spark.readStream.format("kafka").options(**SOURCE, **options).option("startingOffsets", starting)
    reader = reader.options(**java_settings(config.bootstrap, "kafka."))
    return reader.option("kafka.bootstrap.servers", config.bootstrap).option("subscribe", topic).load()


def write_records(records: DataFrame, config: JobConfig, *, name: str, checkpoint: Path) -> DataStreamWriter:
    """Prepare the query that writes records to Kafka; when it runs is left to say.

    :param name: the query's.
    :param checkpoint: the folder of its progress.
    """
    writer = optimized(records).writeStream.format("kafka").options(**SINK).queryName(name).outputMode("update")
    writer = writer.options(**java_settings(config.bootstrap, "kafka."))
    writer = writer.option("kafka.bootstrap.servers", config.bootstrap)
    return writer.option("checkpointLocation", str(checkpoint.absolute()))


def start_query(
    spark: SparkSession, config: JobConfig, topic: str, checkpoint: Checkpoint, plan: Plan, *, to_its_end: bool
) -> StreamingQuery:
    """Start the query of one CDC topic from its checkpoint.

    :param to_its_end: process and commit what is there now, and end; else go on in Real-time Mode.
    """
    # A lost checkpoint starts at the earliest offsets: versions make replays harmless.
    raw = read_records(spark, config, topic, starting=json.dumps(checkpoint.starting), options={})
    writer = write_records(derive(raw, plan), config, name=topic, checkpoint=checkpoint.folder)
    # Real-time Mode turns asynchronous progress on, and its log of offsets can be inconsistent after a crash.
    writer = writer.option("asyncProgressTrackingEnabled", "false")
    if to_its_end:
        return writer.trigger(availableNow=True).start()
    # PySpark's own type hints do not know this trigger yet.
    real_time = writer.trigger(realTime=f"{config.commit_interval_s:g} seconds")  # type: ignore[call-overload]
    query: StreamingQuery = real_time.start()
    return query
