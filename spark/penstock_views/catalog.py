"""Gathers what a run of the query must know from the registry and Kafka, and learns the schemas that it met."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field, replace

from py4j.protocol import Py4JNetworkError
from pyspark.sql import SparkSession
from pyspark.sql import types as T

from penstock.errors import TerminalError, TransientError
from penstock_views.broker import end_offsets
from penstock_views.config import JobConfig
from penstock_views.contracts import check_contracts, row_type, signed_contracts
from penstock_views.declare import View
from penstock_views.declare_totals import Aggregate
from penstock_views.decode import Refusal, Source
from penstock_views.derive import AggregateOutput, Output, Plan, StoppedView
from penstock_views.envelope import Writer, image_type
from penstock_views.group import grouping_of
from penstock_views.isolate import why_stopped
from penstock_views.registry import ContractUnregistered, Registry, RegistryRefused, SubjectMissing


class NothingReadable(TerminalError):
    """No table has a schema of which a record can be read."""

    def __init__(self, writers: Sequence[Writer]) -> None:
        super().__init__(f"no record can be read: {'; '.join(str(writer.problem) for writer in writers)}")


@dataclass
class Learned:
    """What this process found out about schema ids that are in no subject's versions."""

    writers: dict[tuple[str, int], Writer] = field(default_factory=dict)
    refusals: list[Refusal] = field(default_factory=list)


def read_plan(spark: SparkSession, config: JobConfig, views: Sequence[View], learned: Learned) -> Plan:
    """Read the writer schemas of every source, and the ids of every contract.

    :raises TransientError: for what may come by itself: a registry that is away, the first record of any table.
    :raises RegistryRefused: when the registry does not serve us at all.
    """
    registry = Registry(config.registry_url)
    tables = tuple(dict.fromkeys(view.table for view in views))
    sources, refusals = _sources(registry, config, tables, learned)
    writers = {source.table: source.writers for source in sources}
    known = [view for view in views if view.table in writers]
    made = [_output_or_stopped(spark, registry, config, view, writers[view.table]) for view in known]
    outputs = tuple(each for each in made if isinstance(each, Output))
    stopped = tuple(each for each in made if isinstance(each, StoppedView))
    unknown = tuple(table for table in tables if table not in writers)
    return Plan(sources, outputs, config.dead_letter_topic, (*learned.refusals, *refusals), unknown, stopped)


def is_known(config: JobConfig, table: str) -> bool:
    """Tell whether something was captured of a table.

    :raises TransientError: when the registry is away.
    """
    try:
        return bool(Registry(config.registry_url).writers(f"{config.cdc_topic(table)}-value"))
    except SubjectMissing:
        return False


def learn(config: JobConfig, topics: Sequence[str], met: tuple[str, int], learned: Learned) -> str:
    """Ask the registry for a schema id that a record of a topic carried, and remember the answer.

    :param met: the topic and the id.
    :returns: what was learned, for people.
    :raises TransientError: when the registry or Kafka is away: then nothing is known about the id.
    """
    topic, schema_id = met
    # The ends come first: whoever wrote a record below them had registered its schema before (see Refusal).
    ends = end_offsets(config.bootstrap, topics)
    writer = Registry(config.registry_url).writer(schema_id)
    if writer is None:
        learned.refusals.append(Refusal(schema_id, ends))
        return f"schema id {schema_id} (topic {topic}) is not in the registry: its records become dead letters"
    if writer.problem is not None:
        learned.refusals.append(Refusal(schema_id, None))
        return f"{writer.problem}: its records become dead letters"
    learned.writers[topic, schema_id] = writer
    return f"new writer schema {schema_id} of topic {topic}"


def _sources(
    registry: Registry, config: JobConfig, tables: Iterable[str], learned: Learned
) -> tuple[tuple[Source, ...], list[Refusal]]:
    """Read the writer schemas of every table; a table must not hold up the others.

    One of which nothing was captured yet: its first record makes the query fail with an unknown schema, and the next
    run has the source. One that has schemas which nobody can read: their records are refused.

    :raises SubjectMissing: when no table has any.
    :raises NothingReadable: when none can be read.
    """
    found, missing, unreadable = [], [], list[Writer]()
    for table in tables:
        try:
            source = _source(registry, config, table, learned)
        except SubjectMissing as exc:
            missing.append(exc)
            continue
        readable = tuple(writer for writer in source.writers if writer.problem is None)
        unreadable += [writer for writer in source.writers if writer.problem is not None]
        if readable:
            found.append(replace(source, writers=readable))
    if not found:
        raise missing[0] if missing else NothingReadable(unreadable)
    return tuple(found), [Refusal(writer.schema_id, None) for writer in unreadable]


def _output_or_stopped(
    spark: SparkSession, registry: Registry, config: JobConfig, view: View, writers: Sequence[Writer]
) -> Output | StoppedView:
    """Make a view's output; one of which that cannot be done stands still, and the others go on."""
    try:
        return _output(spark, registry, config, view, image_type(writers))
    except ContractUnregistered as exc:
        # Whoever registers it (`up`, `apply`) starts a job anew that has a stopped view.
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
    """Tell whether a view was what its files promise before the table's last changes."""
    for length in range(len(writers) - 1, 0, -1):
        try:
            check_contracts(config.avro_dir, signed_contracts(spark, view, image_type(writers[:length])))
        except Exception:  # noqa: BLE001, S112 - as above; what is wrong now is told, not what was wrong then
            continue
        return True
    return False


def _output(spark: SparkSession, registry: Registry, config: JobConfig, view: View, image: T.StructType) -> Output:
    key, value = signed_contracts(spark, view, image)
    check_contracts(config.avro_dir, [key, value])
    ids = registry.id_of(key), registry.id_of(value)
    if isinstance(view, Aggregate):
        return AggregateOutput(view, key, value, *ids, grouping_of(view, image, row_type(spark, view, image)))
    return Output(view, key, value, *ids)


def _source(registry: Registry, config: JobConfig, table: str, learned: Learned) -> Source:
    topic = config.cdc_topic(table)
    versions = {writer.schema_id: writer for writer in registry.writers(f"{topic}-value")}
    for (of_topic, schema_id), writer in learned.writers.items():
        if of_topic == topic:
            versions.setdefault(schema_id, writer)
    return Source(table, topic, tuple(versions.values()))
