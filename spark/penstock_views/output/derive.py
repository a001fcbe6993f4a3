"""Derives view records from CDC records: what each change does to each view.

For one record and one view, with f the view's function:

| f(before)       | f(after)         | the view                                                  |
|-----------------|------------------|-----------------------------------------------------------|
| row             | row, same key    | upsert                                                    |
| row             | row, another key | delete of before's key, upsert                            |
| row             | none             | delete of before's key                                    |
| row             | failed           | delete of before's key, dead letter: no stale row stays   |
| none or failed  | row              | upsert                                                    |
| none or failed  | failed           | dead letter                                               |
| none or failed  | none             | nothing                                                   |

The same goes for an image that cannot be read at all: a failed one is dead-lettered by `decode`. A history has an
entry for each delete and each upsert (`entries`). Another job keeps an aggregate. Its failures become dead letters
here, like the others, so that one job reports all of a record's.

A failed `before` needs no delete: f is deterministic, so it failed as well when this image was an `after`. The row that
stood there was deleted then. Nor is it a dead letter again. The exception is a column that was dropped or renamed. The
views that use it are stopped, each change that they miss is a dead letter, and the others go on.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from pyspark.sql import Column, DataFrame
from pyspark.sql import functions as F
from pyspark.sql.avro.functions import to_avro

from penstock.contract import LSN, MAX_GENERATION, OFFSETS_PER_GENERATION, VERSION
from penstock_views.change import wire
from penstock_views.change.dead_letter import dead_letter, kept_in_letters
from penstock_views.change.decode import decode
from penstock_views.change.source import IMAGES, Source, WriterSchemas
from penstock_views.declaration.views import History, View
from penstock_views.output.contracts import Contract
from penstock_views.output.entries import as_text, changed_columns, entry
from penstock_views.output.evaluate import Evaluation, add_evaluations, use_of, why_lacking
from penstock_views.output.grouping import Grouping


@dataclass(frozen=True)
class Output:
    """One view as the job writes it: its contracts and their ids in the registry."""

    view: View
    key: Contract
    value: Contract
    key_id: int
    value_id: int


@dataclass(frozen=True)
class AggregateOutput(Output):
    """One aggregate, and how its groups are added up."""

    grouping: Grouping


@dataclass(frozen=True)
class StoppedView:
    """A view that kept its contract until its table was altered: its records are dead letters, the others go on."""

    view: View
    reason: str


@dataclass(frozen=True)
class Plan:
    """Everything that the query of a table knows when it starts."""

    source: Source
    outputs: tuple[Output, ...]
    dead_letters: str
    schemas: WriterSchemas
    stopped: tuple[StoppedView, ...] = ()
    """Views that are not among the outputs."""

    @property
    def max_epoch(self) -> int:
        """The last epoch in which every view still has a generation."""
        views = [output.view for output in self.outputs] + [stopped.view for stopped in self.stopped]
        return MAX_GENERATION + 1 - max(view.revision for view in views)

    @property
    def aggregates(self) -> tuple[AggregateOutput, ...]:
        """The aggregates, which are kept by a job of their own (`penstock_views.aggregates.query`)."""
        return tuple(output for output in self.outputs if isinstance(output, AggregateOutput))

    def read_by(self, outputs: Sequence[Output]) -> Source:
        """Narrow the source to the columns that some views read.

        Every new column and type matters to a view that keeps whole rows, and may cure one that is stopped.
        """
        uses = [use_of(output.view, self.source.image) for output in outputs]
        columns = frozenset[str]().union(*[use.columns for use in uses])
        return self.source.only(columns, watches=bool(self.stopped) or any(use.is_whole for use in uses))


def derive(raw: DataFrame, plan: Plan) -> DataFrame:
    """Turn CDC records into what goes to Kafka.

    :param raw: the columns of Kafka's source, headers included.
    :returns: `topic`, `key`, `value`, `headers`: view records and dead letters.
    """
    decoded = decode(raw, plan.read_by(plan.outputs), plan.schemas, plan.max_epoch)
    judged = decoded.select("*", *[_lacking(plan.source, output) for output in plan.outputs])
    unreadable = F.when(F.col("unreadable").isNotNull(), dead_letter(plan.dead_letters, "DECODE", F.col("unreadable")))
    missed = [_missed(plan, each) for each in plan.stopped]
    return records_of(judged, plan.outputs, plan.dead_letters, [unreadable, *missed])


def records_of(
    changes: DataFrame,
    outputs: Sequence[Output],
    dead_letters: str,
    more: Sequence[Column] = (),
    *,
    named: Column | None = None,
) -> DataFrame:
    """Make what views write of changes.

    :param changes: RECORD, CHANGE, both IMAGES, and of each output why it is stopped (`lacking_of`).
    :param dead_letters: the topic of what the views cannot follow.
    :param more: of each change, as the view records are; NULL where there is none.
    :param named: names the row in the reason of a dead letter; None where its record does.
    :returns: `topic`, `key`, `value`, `headers`: view records and dead letters.
    """
    evaluated = add_evaluations(changes, _evaluations(outputs))
    written = [output for output in outputs if not isinstance(output, AggregateOutput)]
    keys = [_encoded_key(output, part) for output in written for part in IMAGES]
    keyed = evaluated.select("*", *kept_in_letters(), *keys)
    letters = [_failure(dead_letters, output, named) for output in outputs]
    records = [record for output in written for record in _records(evaluated, output)]
    # Made in a step of its own: Spark interprets what it explodes, and asks for the type of it in each row.
    made = keyed.select(F.array(*more, *letters, *records).alias("records"))
    each = made.select(F.explode("records").alias("record")).where("record is not null")
    return each.select("record.topic", "record.key", "record.value", "record.headers")


def lacking_of(output: Output, reason: Column | None) -> Column:
    """Name the column that says why an output's view is stopped for a change; NULL where it is not."""
    said = F.lit(None).cast("string") if reason is None else reason
    return said.alias(_column(output, "lacking"))


def _column(output: Output, part: str) -> str:
    return f"{output.view.name}__{part}"


def _lacking(source: Source, output: Output) -> Column:
    reason = why_lacking(output.view, source.image)
    # A record that is no change is reported once, for all views.
    is_change = F.coalesce(*IMAGES).isNotNull()
    return lacking_of(output, None if reason is None else F.when(is_change, reason))


def _evaluations(outputs: Sequence[Output]) -> Sequence[Evaluation]:
    return [_evaluation(output, part) for output in outputs for part in _parts(output)]


def _evaluation(output: Output, part: str) -> Evaluation:
    # What is wrong with an old row was reported when it was new.
    reports = part == "after"
    return Evaluation(output.view, part, _column(output, part), reports, _column(output, "lacking"))


def _parts(output: Output) -> Sequence[str]:
    """Name the images of which a view's row matters; of an aggregate's changes only the failures are reported here."""
    return ("after",) if isinstance(output, AggregateOutput) else IMAGES


def _encoded_key(output: Output, part: str) -> Column:
    """Encode the key of the view's row; NULL when there is no row. Keys are compared as these bytes."""
    row = F.col(_column(output, part))["row"]
    key = [row[name].alias(name) for name in output.view.key]
    if isinstance(output.view, History):
        key.append(_entry_version(output.view).alias(VERSION))
    encoded = wire.framed(output.key_id, to_avro(F.struct(*key), output.key.text))
    return F.when(row.isNotNull(), encoded).alias(_column(output, f"{part}_key"))


def _failure(dead_letters: str, output: Output, named: Column | None) -> Column:
    """Make the dead letter of a change that the view cannot follow; NULL where there is none."""
    problem = F.coalesce(_column(output, "lacking"), F.col(_column(output, "after"))["problem"])
    reason = problem if named is None else F.concat(problem, F.lit("; the row: "), named)
    return F.when(problem.isNotNull(), dead_letter(dead_letters, "VIEW", reason))


def _missed(plan: Plan, stopped: StoppedView) -> Column:
    """Make the dead letter of a change that a stopped view misses; NULL for what is no change.

    Without the value: there may be one for each change of a table for weeks, and a re-read cures them all.
    """
    return F.when(
        F.col("unreadable").isNull(), dead_letter(plan.dead_letters, "VIEW", F.lit(stopped.reason), has_value=False)
    )


def _records(frame: DataFrame, output: Output) -> tuple[Column, Column]:
    """Make what is written for the key that the row leaves, and for the key that it has; each NULL where none is."""
    old_key, new_key = F.col(_column(output, "before_key")), F.col(_column(output, "after_key"))
    stays = old_key.eqNullSafe(new_key)
    if isinstance(output.view, History):
        left, came = _entries(frame, output, output.view, stays)
    else:
        left, came = F.lit(None).cast("binary"), _encoded_value(output, F.col(_column(output, "after"))["row"])
    return (
        F.when(old_key.isNotNull() & ~stays, _view_record(output, old_key, left)),
        F.when(new_key.isNotNull(), _view_record(output, new_key, came)),
    )


def _entries(frame: DataFrame, output: Output, view: History, stays: Column) -> tuple[Column, Column]:
    """Make the entry of a row that leaves its key, and that of a row that comes to its key or stays there."""
    old, new = (F.col(_column(output, part))["row"] for part in IMAGES)
    fields = frame.select(new.alias("row")).select("row.*").schema.fields
    change = {
        VERSION: _entry_version(view),
        "lsn": F.col("lsn"),
        "tx_id": F.col("tx_id"),
        "committed_at": F.timestamp_millis("committed_ms"),
    }
    leaving = change | {"op": F.lit("d"), "before": as_text(old, fields)}
    coming = change | {
        "op": F.when(stays, "u").when(F.col("op") == "r", "r").otherwise("c"),
        "before": F.when(stays, as_text(old, fields)),
        "after": as_text(new, fields),
        "changed": F.when(stays, changed_columns(old, new, [field.name for field in fields])),
    }
    keys = [[row[name].alias(name) for name in view.key] for row in (old, new)]
    return _encoded_value(output, entry(keys[0], leaving)), _encoded_value(output, entry(keys[1], coming))


def _encoded_value(output: Output, row: Column) -> Column:
    return wire.framed(output.value_id, to_avro(row, output.value.text))


def _version(view: View) -> Column:
    """Say the version of a write: a later revision writes over what an earlier one wrote for the same change."""
    return _version_of(view.revision)


def _entry_version(view: History) -> Column:
    """Say the version that names an entry, the same under each revision: a change that is read again is one entry."""
    return _version_of(view.since)


def _version_of(revision: int) -> Column:
    generation = F.col("epoch") + F.lit(revision - 1)
    return generation * F.lit(OFFSETS_PER_GENERATION) + F.col("offset")


def _view_record(output: Output, key: Column, value: Column) -> Column:
    headers = F.array(wire.text_header(VERSION, _version(output.view)), wire.text_header(LSN, F.col("lsn")))
    parts = {"topic": F.lit(output.view.topic), "key": key, "value": value, "headers": headers}
    return F.struct(*[column.alias(name) for name, column in parts.items()])
