"""Gathers what a run of the query must know from the registry."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from pathlib import Path

from py4j.protocol import Py4JNetworkError
from pyspark.sql import SparkSession
from pyspark.sql import types as T

from penstock.errors import TerminalError, TransientError
from penstock.registry.client import RegistryRefused
from penstock_views.change.envelope import Writer
from penstock_views.change.source import Source, WriterSchemas
from penstock_views.declaration.totals import Aggregate
from penstock_views.declaration.views import View
from penstock_views.output.contracts import check_contracts, row_type, signed_contracts
from penstock_views.output.derive import AggregateOutput, Output, Plan, StoppedView
from penstock_views.output.grouping import grouping_of
from penstock_views.output.isolate import why_stopped
from penstock_views.running.registry import ContractUnregistered, Registry, RevisionFell
from penstock_views.stream.config import JobConfig

MetSchemas = Collection[tuple[str, int]]
"""The topics and schema ids of records of which a plan knew too little."""


class NothingReadable(TerminalError):
    """A table has no schema of which a record can be read."""

    def __init__(self, writers: Sequence[Writer]) -> None:
        super().__init__(f"no record can be read: {'; '.join(str(writer.problem) for writer in writers)}")


def read_plan(spark: SparkSession, config: JobConfig, views: Sequence[View], met: MetSchemas) -> Plan:
    """Read the writer schemas of a table, and the ids of every contract.

    :param views: all of that table, or one of them.
    :param met: they count even where the registry no longer has them among the versions of their subject.
    :raises TransientError: for what may come by itself: a registry that is away, the first record of the table.
    :raises NothingReadable: when no schema of the table is one of a table.
    :raises RegistryRefused: when the registry does not serve us at all.
    """
    registry, topic = Registry(config.registry_url), views[0].source_topic
    writers = writers_of(registry, topic, met)
    made = [_output_or_stopped(spark, registry, config, view, writers) for view in views]
    outputs = tuple(each for each in made if isinstance(each, Output))
    stopped = tuple(each for each in made if isinstance(each, StoppedView))
    schemas = WriterSchemas(config.registry_url, max(writer.schema_id for writer in writers))
    return Plan(
        Source.of(views[0].source_table, topic, writers), outputs, config.names.dead_letter_topics[0], schemas, stopped
    )


def writers_of(registry: Registry, topic: str, met: MetSchemas = ()) -> tuple[Writer, ...]:
    """Read the writer schemas of a CDC topic.

    :raises SubjectMissing: when there is none yet.
    :raises NothingReadable: when none is one of a table.
    """
    versions = registry.writers(f"{topic}-value")
    ids = {schema_id for of_topic, schema_id in met if of_topic == topic} - {each.schema_id for each in versions}
    writers = (*versions, *filter(None, map(registry.writer, ids)))
    if all(writer.problem for writer in writers):
        raise NothingReadable(writers)
    return writers


def _output_or_stopped(
    spark: SparkSession, registry: Registry, config: JobConfig, view: View, writers: Sequence[Writer]
) -> Output | StoppedView:
    """Make a view's output; one of which that cannot be done is stopped, and the others go on."""
    try:
        return output_of(spark, registry, config.avro_dir, view, _image_of(writers))
    except (ContractUnregistered, RevisionFell) as exc:
        # The command that registers it (`up`, `apply`) starts a job again that has a stopped view.
        return StoppedView(view, f"view {view.name} is stopped: {exc}")
    except (TransientError, RegistryRefused, Py4JNetworkError, OSError):
        raise  # that is no view's own
    except Exception as exc:  # noqa: BLE001 - a user's function and table can break it in any way
        if not _kept_contract(spark, config, view, writers):
            return StoppedView(view, why_stopped(view.name, exc))
        return StoppedView(
            view, f"view {view.name} is stopped, {view.table} was altered: {exc}; then run `penstock views apply`"
        )


def _kept_contract(spark: SparkSession, config: JobConfig, view: View, writers: Sequence[Writer]) -> bool:
    """Return whether a view was what its files promise before the table's last changes."""
    for length in range(len(writers) - 1, 0, -1):
        try:
            check_contracts(config.avro_dir, signed_contracts(spark, view, _image_of(writers[:length])))
        except Exception:  # noqa: BLE001, S112 - as above; what is wrong now is reported, not what was wrong then
            continue
        return True
    return False


def output_of(spark: SparkSession, registry: Registry, avro_dir: Path, view: View, image: T.StructType) -> Output:
    """Make a view's output on a table's image.

    :raises ContractBroken: when the view gives something else than its files promise.
    :raises ContractUnregistered: when the registry does not have them.
    :raises RevisionFell: when it has one of a higher revision.
    """
    key, value = signed_contracts(spark, view, image)
    check_contracts(avro_dir, [key, value])
    ids = registry.id_of(key), registry.id_of(value)
    if isinstance(view, Aggregate):
        return AggregateOutput(view, key, value, *ids, grouping_of(view, image, row_type(spark, view, image)))
    return Output(view, key, value, *ids)


def _image_of(writers: Sequence[Writer]) -> T.StructType:
    return Source.of("", "", writers).image
