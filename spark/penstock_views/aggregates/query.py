"""The micro-batch query that keeps one aggregate: the baseline and every change since it, added up by group.

It writes absolute values, with a version that rises with each change of a group. Spark's checkpoint puts each change
into exactly one micro-batch. So values and versions are the same when one is done again.
"""

from __future__ import annotations

import json
import re
from threading import Lock

from pyspark.sql import Column, DataFrame, SparkSession
from pyspark.sql import functions as F
from pyspark.sql.avro.functions import to_avro
from pyspark.sql.streaming.query import StreamingQuery

from penstock.contract import VERSION
from penstock_views.aggregates.run import Run
from penstock_views.change import wire
from penstock_views.change.decode import is_refused, left_out, open_records, read_image, written
from penstock_views.change.source import Source
from penstock_views.output.derive import AggregateOutput, Plan
from penstock_views.output.evaluate import Evaluation, add_evaluations, why_lacking
from penstock_views.output.grouping import CHANGES, ROWS
from penstock_views.snapshot.held import is_seen
from penstock_views.stream.checkpoint import by_topic
from penstock_views.stream.config import AggregatesConfig
from penstock_views.stream.kafka import read_records, write_records

_NEW_EPOCH = "PENSTOCK-NEW-EPOCH"

_STARTS = Lock()
"""A query takes the settings of the session with it when it starts, and others start beside it."""

# The broker holds a fetch that finds nothing for 500 ms, and whatever the consumer asks next waits behind it. A
# micro-batch asks for records that are there, but the last offset is a transaction's marker, behind which nothing is.
_MICRO_BATCH = {"kafka.fetch.max.wait.ms": "10"}


def start_aggregate_query(
    spark: SparkSession, config: AggregatesConfig, plan: Plan, output: AggregateOutput, run: Run, partitions: int
) -> StreamingQuery:
    """Start the query of one aggregate from its checkpoint.

    :param partitions: of its CDC topic.
    """
    starts = json.dumps(by_topic(run.starts))
    raw = read_records(spark, config, plan.source.topic, starting=starts, options=_MICRO_BATCH)
    baseline = spark.readStream.schema(output.grouping.measures).parquet(str(run.baseline.absolute()))
    measures = baseline.unionByName(measure_changes(raw, plan, output, run))
    # Of one partition one task can do all; without this word it would hand what it has measured to another.
    together = measures.coalesce(1) if partitions == 1 else measures
    records = make_records(output.grouping.finish(output.grouping.add_up(together)), output, run)
    writer = write_records(records, config, name=output.view.name, checkpoint=run.checkpoint)
    timed = writer.trigger(processingTime=f"{config.commit_interval_s:g} seconds")
    with _STARTS:
        # The sums are divided as the records are; a query takes the number along, and a checkpoint keeps to its first.
        spark.conf.set("spark.sql.shuffle.partitions", str(partitions))
        return timed.start()


def measure_changes(raw: DataFrame, plan: Plan, output: AggregateOutput, run: Run) -> DataFrame:
    """Make the measures of what each CDC record changes: +after -before.

    A record of a snapshot (`r`) is no change. A row that cannot be computed is in no group. It was in none either when
    it was an `after`, so taking it back takes nothing. Each micro-batch is planned again, and what
    that costs the driver is the size of its expressions. So only the columns that the view uses are decoded. A record
    becomes its two images before the view's function is applied, which is planned once.

    :returns: a row for each side of each change; a record of a later epoch makes the query fail (`new_epoch`).
    """
    source = plan.read_by([output])
    opened = open_records(raw, source, plan.schemas)
    changes = _raises_version(run).cast("int").alias("changes")
    counted = opened.select("*", changes, _is_counted(source, plan, run).alias("is_counted"))
    reason = why_lacking(output.view, source.image)
    lacking = (F.lit(None).cast("string") if reason is None else reason).alias("lacking")
    both = F.explode(F.array(_side("after", 1), _side("before", -1))).alias("side")
    side = F.col("side")
    image = read_image(source, side["written"], side["left_out"]).alias("image")
    images = counted.select("changes", lacking, both).select("changes", "lacking", side["sign"].alias("sign"), image)
    # What is wrong with a row is reported by the job of row views.
    judged = add_evaluations(images, [Evaluation(output.view, "image", "outcome", reports=False, lacking="lacking")])
    rows = judged.select(F.col("outcome")["row"].alias("row"), "sign", "changes")
    # A fence: Spark would push the filter down to the records, with the reading of the image and the function in it.
    fenced = rows.select(F.explode(F.array(F.struct("row", "sign", "changes"))).alias("one")).where(
        "one.row is not null"
    )
    return fenced.select(*output.grouping.measure(F.col("one")["row"], F.col("one")["sign"], F.col("one")["changes"]))


def _side(image: str, sign: int) -> Column:
    """Take one of the two images of a change, as it was written; what is not counted has none."""
    as_written = F.when(F.col("is_counted"), F.col(written(image)))
    parts = {"sign": F.lit(sign), "left_out": F.col(left_out(image)), "written": as_written}
    return F.struct(*[part.alias(name) for name, part in parts.items()])


def new_epoch(message: str) -> int | None:
    """Find in a query's failure the later epoch that it met: a new run has to start."""
    found = re.search(rf"{_NEW_EPOCH} epoch=(\d+)", message)
    return int(found[1]) if found else None


def make_records(groups: DataFrame, output: AggregateOutput, run: Run) -> DataFrame:
    """Make the view records of changed groups; one without rows is a delete."""
    version = F.lit(run.first_version) + F.col(CHANGES)
    view = output.view
    key = wire.framed(output.key_id, to_avro(F.struct(*view.key), output.key.text))
    value = wire.framed(output.value_id, to_avro(F.struct(*output.grouping.view_type.names), output.value.text))
    return groups.select(
        F.lit(view.topic).alias("topic"),
        key.alias("key"),
        F.when(F.col(ROWS) > 0, value).alias("value"),
        F.array(wire.text_header(VERSION, version)).alias("headers"),
    )


def _raises_version(run: Run) -> Column:
    """Say whether a record raises the versions of its groups: not one of the first micro-batch, below the ends."""
    ends = [F.when(F.col("partition") == number, F.lit(end)) for (_, number), end in run.ends.items()]
    return F.col("offset") >= F.coalesce(*ends, F.lit(0))


def _is_counted(source: Source, plan: Plan, run: Run) -> Column:
    """Say whether a record is a change that is not in the baseline."""
    epoch, seen = F.col("epoch"), is_seen(run.snapshot, F.col("tx_id"), F.col("lsn"))
    raised = F.raise_error(F.concat(F.lit(f"{_NEW_EPOCH} epoch="), epoch.cast("string"))).cast("boolean")
    return (
        F.when(is_refused(source, plan.max_epoch), F.lit(False))
        .when(epoch > run.epoch, raised)
        .otherwise((epoch == run.epoch) & (F.col("op") != "r") & ~F.coalesce(seen, F.lit(False)))
    )
