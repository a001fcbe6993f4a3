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

A failed `before` needs no delete: f is deterministic, so it failed as well when this image was an `after`, and the row
that stood there was deleted then. Nor is it a dead letter again.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from pyspark.sql import Column, DataFrame
from pyspark.sql import functions as F
from pyspark.sql.avro.functions import to_avro

from penstock_views import wire
from penstock_views.contracts import Contract
from penstock_views.dead_letter import dead_letter
from penstock_views.declare import MAX_GENERATION, View
from penstock_views.decode import Refusal, Source, decode
from penstock_views.evaluate import Evaluation, add_evaluations

OFFSETS_PER_GENERATION = 2**52


@dataclass(frozen=True)
class Output:
    """One view as the job writes it: its contracts and their ids in the registry."""

    view: View
    key: Contract
    value: Contract
    key_id: int
    value_id: int


@dataclass(frozen=True)
class Plan:
    """Everything that the query knows when it starts."""

    sources: tuple[Source, ...]
    outputs: tuple[Output, ...]
    dead_letters: str
    refusals: tuple[Refusal, ...] = ()

    @property
    def max_epoch(self) -> int:
        """The last epoch in which every view still has a generation."""
        return MAX_GENERATION + 1 - max(output.view.revision for output in self.outputs)

    def source_of(self, view: View) -> Source:
        """Find the source of a view's table."""
        return next(source for source in self.sources if source.table == view.table)


def derive(raw: DataFrame, plan: Plan) -> DataFrame:
    """Turn CDC records into what goes to Kafka.

    :param raw: the columns of Kafka's source, headers included.
    :returns: `topic`, `key`, `value`, `headers`: view records and dead letters.
    """
    decoded = decode(raw, plan.sources, plan.refusals, plan.max_epoch)
    evaluated = add_evaluations(decoded, _evaluations(plan))
    keyed = evaluated.select("*", *[_encoded_key(output, part) for output in plan.outputs for part in _PARTS])
    unreadable = F.when(F.col("unreadable").isNotNull(), dead_letter(plan.dead_letters, "DECODE", F.col("unreadable")))
    records = [unreadable, *[record for output in plan.outputs for record in _records(plan, output)]]
    each = keyed.select(F.explode(F.array(*records)).alias("record")).where("record is not null")
    return each.select("record.topic", "record.key", "record.value", "record.headers")


_PARTS = ("before", "after")


def _column(output: Output, part: str) -> str:
    return f"{output.view.name}__{part}"


def _evaluations(plan: Plan) -> Sequence[Evaluation]:
    return [
        Evaluation(output.view, plan.source_of(output.view).column(part), _column(output, part))
        for output in plan.outputs
        for part in _PARTS
    ]


def _encoded_key(output: Output, part: str) -> Column:
    """Encode the key of the view's row; NULL when there is no row. Keys are compared as these bytes."""
    row = F.col(_column(output, part))["row"]
    key = F.struct(*[row[name].alias(name) for name in output.view.key])
    encoded = wire.framed(output.key_id, to_avro(key, output.key.text))
    return F.when(row.isNotNull(), encoded).alias(_column(output, f"{part}_key"))


def _records(plan: Plan, output: Output) -> tuple[Column, Column, Column]:
    """Make the delete, the upsert and the dead letter of one view; each NULL where there is none."""
    old_key, new_key = F.col(_column(output, "before_key")), F.col(_column(output, "after_key"))
    after = F.col(_column(output, "after"))
    value = wire.framed(output.value_id, to_avro(after["row"], output.value.text))
    gone = old_key.isNotNull() & ~old_key.eqNullSafe(new_key)
    failed = dead_letter(plan.dead_letters, "VIEW", after["problem"])
    return (
        F.when(gone, _view_record(output, old_key, F.lit(None).cast("binary"))),
        F.when(new_key.isNotNull(), _view_record(output, new_key, value)),
        F.when(after["problem"].isNotNull(), failed),
    )


def _view_record(output: Output, key: Column, value: Column) -> Column:
    generation = F.col("epoch") + F.lit(output.view.revision - 1)
    version = generation * F.lit(OFFSETS_PER_GENERATION) + F.col("offset")
    headers = F.array(wire.text_header("version", version), wire.text_header("lsn", F.col("lsn")))
    parts = {"topic": F.lit(output.view.topic), "key": key, "value": value, "headers": headers}
    return F.struct(*[column.alias(name) for name, column in parts.items()])
