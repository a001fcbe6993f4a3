"""Gathers what a run of the query must know from the registry and Kafka, and learns the schemas that it met."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field

from pyspark.sql import SparkSession
from pyspark.sql import types as T

from penstock_views.broker import end_offsets
from penstock_views.config import JobConfig
from penstock_views.contracts import ContractBroken, check_contracts, row_type, signed_contracts
from penstock_views.declare import View, ViewInvalid
from penstock_views.declare_totals import Aggregate
from penstock_views.decode import Refusal, Source
from penstock_views.derive import OFFSETS_PER_GENERATION, AggregateOutput, Output, Plan, StoppedView
from penstock_views.envelope import NoEnvelope, Writer, image_type
from penstock_views.group import grouping_of
from penstock_views.registry import Registry, SubjectMissing


@dataclass
class Learned:
    """What this process found out about schema ids that are in no subject's versions."""

    writers: dict[tuple[str, int], Writer] = field(default_factory=dict)
    refusals: list[Refusal] = field(default_factory=list)


def read_plan(spark: SparkSession, config: JobConfig, views: Sequence[View], learned: Learned) -> Plan:
    """Read the writer schemas of every source, and the ids of every contract.

    :raises TransientError: for what may come by itself: a registry that is away, a subject not there yet.
    :raises ContractBroken, ViewInvalid: when a view is not what its files promise and never was; one that a change of
        its table broke is stopped.
    """
    registry = Registry(config.registry_url)
    tables = tuple(dict.fromkeys(view.table for view in views))
    sources = _sources(registry, config, tables, learned)
    writers = {source.table: source.writers for source in sources}
    known = [view for view in views if view.table in writers]
    made = [_output_or_stopped(spark, registry, config, view, writers[view.table]) for view in known]
    outputs = tuple(each for each in made if isinstance(each, Output))
    stopped = tuple(each for each in made if isinstance(each, StoppedView))
    unknown = tuple(table for table in tables if table not in writers)
    return Plan(sources, outputs, config.dead_letter_topic, tuple(learned.refusals), unknown, stopped)


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
    try:
        _ = writer.reader
    except NoEnvelope as exc:
        # A registered schema never changes, so its records can be refused wherever they stand.
        learned.refusals.append(Refusal(schema_id, dict.fromkeys(ends, OFFSETS_PER_GENERATION)))
        return f"{exc}: its records become dead letters"
    learned.writers[topic, schema_id] = writer
    return f"new writer schema {schema_id} of topic {topic}"


def _sources(registry: Registry, config: JobConfig, tables: Iterable[str], learned: Learned) -> tuple[Source, ...]:
    """Read the writer schemas of every table; one of which nothing was captured yet must not hold up the others.

    Its first record makes the query fail with an unknown schema, and the next run has the source.

    :raises SubjectMissing: when no table has any.
    """
    found, missing = [], []
    for table in tables:
        try:
            found.append(_source(registry, config, table, learned))
        except SubjectMissing as exc:
            missing.append(exc)
    if not found:
        raise missing[0]
    return tuple(found)


def _output_or_stopped(
    spark: SparkSession, registry: Registry, config: JobConfig, view: View, writers: Sequence[Writer]
) -> Output | StoppedView:
    try:
        return _output(spark, registry, config, view, image_type(writers))
    except (ContractBroken, ViewInvalid) as exc:
        if not _kept_contract(spark, config, view, writers):
            raise
        return StoppedView(
            view, f"view {view.name} is stopped, {view.table} was altered: {exc}; then run `penstock views apply`"
        )


def _kept_contract(spark: SparkSession, config: JobConfig, view: View, writers: Sequence[Writer]) -> bool:
    """Tell whether a view was what its files promise before the table's last changes."""
    for length in range(len(writers) - 1, 0, -1):
        try:
            check_contracts(config.avro_dir, signed_contracts(spark, view, image_type(writers[:length])))
        except (ContractBroken, ViewInvalid):
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
