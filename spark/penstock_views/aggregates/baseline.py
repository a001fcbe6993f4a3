"""Starts a run of an aggregate: the sums of its table as of one snapshot, and where its changes begin."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path

from pyspark.sql import DataFrame, SparkSession
from pyspark.sql import functions as F

from penstock.contract import EPOCH
from penstock.offsets import Place
from penstock.postgres.exclusions import refuse_others
from penstock.postgres.record import read_epoch
from penstock.postgres.unfit import refuse_hidden
from penstock_views.aggregates.run import Run, prepare_next_run, run_folder, run_number, start_run
from penstock_views.declaration.views import View
from penstock_views.output.derive import AggregateOutput
from penstock_views.snapshot.expected import evaluate_rows, measure_rows
from penstock_views.snapshot.held import HeldSnapshot, hold_snapshot, open_connection
from penstock_views.snapshot.images import read_images
from penstock_views.snapshot.postgres import Postgres
from penstock_views.stream.broker import end_offsets, last_headers, offsets_since
from penstock_views.stream.config import AggregatesConfig
from penstock_views.stream.messages import say


def start_from_snapshot(
    spark: SparkSession, config: AggregatesConfig, output: AggregateOutput, root: Path, epoch: int
) -> Run:
    """Start a run, and end the previous one.

    :param root: the aggregate's folder.
    :param epoch: the run's, at least.
    :raises TransientError: when Kafka or Postgres is away, nothing reads the changes after a snapshot yet, or somebody
        is emptying the table.
    """
    view = output.view
    # First of all: what lies below was committed before the snapshot is even prepared.
    ends = end_offsets(config.bootstrap, [view.source_topic], group=config.group)
    epochs = [int(text) for text in last_headers(config.bootstrap, ends, EPOCH, group=config.group) if text.isdigit()]
    say(f"aggregates: {view.name} starts from a snapshot of {view.table}")
    source = config.sources[view.source]
    noted_epoch = _ask(source.postgres, view)
    with hold_snapshot(source.postgres, slot=source.slot, table=view.table, locked=True) as held:
        folder = prepare_next_run(root)
        _write_baseline(spark, source.postgres, output, held, folder / "baseline")
        number = run_number(ends, held.number)
        run = Run(
            folder=run_folder(root, number),
            revision=view.revision,
            epoch=max([epoch, noted_epoch, *epochs]),
            snapshot=held.seen,
            starts=_starts(config, ends, held),
            ends=ends,
            number=number,
            measures=output.grouping.measures.json(),
        )
    start_run(run)
    return run


def _ask(postgres: Postgres, view: View) -> int:
    """Ask Postgres for the epoch: a table without a change has no record that holds it.

    :raises HiddenOtherwise: the table would be read otherwise than its changes are sent.
    :raises RowsHidden: the role does not see all its rows.
    """
    with open_connection(postgres, view.names) as connection:
        refuse_hidden(connection, view.table, postgres.user)
        refuse_others(connection, view.table, postgres.excluded, postgres.hashed)
        return read_epoch(connection) or 1


def _write_baseline(
    spark: SparkSession, postgres: Postgres, output: AggregateOutput, held: HeldSnapshot, folder: Path
) -> None:
    images = read_images(spark, output.view.table, replace(postgres, snapshot=held.name))
    evaluated = evaluate_rows(output.grouping.view, images)
    measure_rows(output.grouping, evaluated.rows).coalesce(1).write.parquet(str(folder.absolute()))
    for problem, number in _count_problems(evaluated.rejected):
        say(f"aggregates: {number} rows of {output.view.table} are not counted: {problem}")


def _count_problems(rejected: DataFrame) -> list[tuple[str, int]]:
    counted = rejected.groupBy("problem").agg(F.count("*").alias("number")).orderBy(F.desc("number")).limit(5)
    return [(row["problem"], row["number"]) for row in counted.collect()]


def _starts(config: AggregatesConfig, ends: Mapping[Place, int], held: HeldSnapshot) -> dict[Place, int]:
    """Find where the records begin of all that the snapshot had not seen: at the ends, but for a few transactions.

    One that was just leaving Postgres's list of running transactions can be in Kafka already.
    """
    since = held.straddled_since_ms
    return dict(ends) if since is None else offsets_since(config.bootstrap, ends, since, group=config.group)
