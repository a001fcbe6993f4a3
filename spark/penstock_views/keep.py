"""The micro-batch query that keeps one aggregate: the baseline and every change since it, added up by group.

It writes absolute values, with a version that rises from micro-batch to micro-batch and is the same when one is done
again; Spark's checkpoint sees to it that each change is in exactly one of them.
"""

from __future__ import annotations

import json
import re

from pyspark.sql import Column, DataFrame, SparkSession
from pyspark.sql import functions as F
from pyspark.sql.avro.functions import to_avro
from pyspark.sql.streaming.query import StreamingQuery

from penstock_views import wire
from penstock_views.config import AggregatesConfig
from penstock_views.decode import decode
from penstock_views.derive import AggregateOutput, Plan
from penstock_views.evaluate import Evaluation, add_evaluations
from penstock_views.group import ROWS
from penstock_views.life import Life
from penstock_views.stream import read_records, write_options

_NEW_EPOCH = "PENSTOCK-NEW-EPOCH"


def keep_aggregate(
    spark: SparkSession, config: AggregatesConfig, plan: Plan, output: AggregateOutput, life: Life
) -> StreamingQuery:
    """Start the query of one aggregate from its checkpoint."""
    topic = plan.source_of(output.view).topic
    starts = json.dumps({topic: {str(partition): offset for (_, partition), offset in life.starts.items()}})
    raw = read_records(spark, config, [topic], starting=starts)
    baseline = spark.readStream.schema(output.grouping.measures).parquet(str(life.baseline.absolute()))
    sums = output.grouping.add_up(baseline.unionByName(measure_changes(raw, plan, output, life)))

    def deliver(groups: DataFrame, batch_id: int) -> None:
        records = make_records(groups, output, life.version(batch_id))
        records.write.format("kafka").options(**write_options(config)).save()

    writer = output.grouping.finish(sums).writeStream.outputMode("update").queryName(output.view.name)
    writer = writer.option("checkpointLocation", str(life.checkpoint.absolute())).foreachBatch(deliver)
    return writer.trigger(processingTime=f"{config.commit_interval_s} seconds").start()


def measure_changes(raw: DataFrame, plan: Plan, output: AggregateOutput, life: Life) -> DataFrame:
    """Make the measures of what each CDC record changes: +after -before.

    A record of a snapshot (`r`) is no change. A row that cannot be computed is in no group; it was in none either when
    it was an `after`, so taking it back takes nothing.

    :returns: a row for each side of each change; a record of a later epoch makes the query fail (`new_epoch`).
    """
    source = plan.source_of(output.view)
    sides = {"after": 1, "before": -1}
    decoded = decode(raw, [source], plan.refusals, plan.max_epoch)
    is_counted = _is_counted(life, *[F.col(source.column(side)) for side in sides])
    judged = decoded.select("*", is_counted.alias("is_counted"))
    evaluated = add_evaluations(judged, [Evaluation(output.view, source.column(side), side) for side in sides])
    # No where() before the explode: Spark would push it down to Kafka's columns, with all of the decoding in it, again
    # for each time that the condition names an image.
    signed = [
        F.struct(F.when(F.col("is_counted"), F.col(side)["row"]).alias("row"), F.lit(sign).alias("sign"))
        for side, sign in sides.items()
    ]
    each = evaluated.select(F.explode(F.array(*signed)).alias("one")).where("one.row is not null")
    return each.select(*output.grouping.measure(F.col("one")["row"], F.col("one")["sign"]))


def new_epoch(message: str) -> int | None:
    """Find in a query's failure the later epoch that it met: a new life has to begin."""
    found = re.search(rf"{_NEW_EPOCH} epoch=(\d+)", message)
    return int(found[1]) if found else None


def make_records(groups: DataFrame, output: AggregateOutput, version: int) -> DataFrame:
    """Make the view records of changed groups; one without rows is a delete."""
    view = output.view
    key = wire.framed(output.key_id, to_avro(F.struct(*view.key), output.key.text))
    names = [name for name in groups.columns if name != ROWS]
    value = wire.framed(output.value_id, to_avro(F.struct(*names), output.value.text))
    return groups.select(
        F.lit(view.topic).alias("topic"),
        key.alias("key"),
        F.when(F.col(ROWS) > 0, value).alias("value"),
        F.array(wire.text_header("version", F.lit(version))).alias("headers"),
    )


def _is_counted(life: Life, after: Column, before: Column) -> Column:
    """Say whether a record is a change that is not in the baseline."""
    epoch, seen = F.col("epoch"), life.snapshot.is_seen(F.col("tx_id"), F.col("lsn"))
    raised = F.raise_error(F.concat(F.lit(f"{_NEW_EPOCH} epoch="), epoch.cast("string"))).cast("boolean")
    return (
        F.when(after.isNull() & before.isNull(), F.lit(False))
        .when(epoch > life.epoch, raised)
        .otherwise((epoch == life.epoch) & (F.col("op") != "r") & ~F.coalesce(seen, F.lit(False)))
    )
