"""What one view or table breaks is its own: the others have their place in the plan."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest
from penstock_views.change.envelope import Writer
from penstock_views.change.source import Source
from penstock_views.declaration.views import Row, View
from penstock_views.output.contracts import Contract, signed_contracts
from penstock_views.output.derive import Plan, derive
from penstock_views.output.isolate import without_broken
from penstock_views.running.plan import NothingReadable, read_plan
from penstock_views.running.registry import SubjectMissing
from penstock_views.stream.config import JobConfig, parse_arguments
from pyspark.sql import SparkSession
from pyspark.sql import functions as F

from tests.names import load_views
from tests.unit.engine import cdc
from tests.unit.engine.conftest import RAW, SAMPLE, WRITERS, as_emitted, raw_frame
from tests.unit.engine.output.test_derive import WHOLE
from tests.unit.engine.stand_in import RegistryStandIn, Subjects


@pytest.fixture
def subjects() -> Subjects:
    """Return what the registry holds: the texts of each subject, oldest first."""
    return {f"{cdc.TOPIC}-value": [writer.schema for writer in WRITERS]}


@pytest.fixture
def registry(subjects: Subjects) -> Iterator[str]:
    """Serve the subjects as a registry does."""
    served = RegistryStandIn(subjects)
    yield served.url
    served.close()


@pytest.fixture
def config(tmp_path: Path, registry: str) -> JobConfig:
    flags = ["--bootstrap-servers", "nowhere:1", "--master", "local", "--checkpoint", str(tmp_path / "c")]
    return parse_arguments([*flags, "--registry-url", registry, "--avro-dir", str(tmp_path)])


def keep(spark: SparkSession, config: JobConfig, subjects: Subjects, views: list[View]) -> None:
    """Write the contracts of views into files and the registry."""
    image = Source.of("public.people", cdc.TOPIC, WRITERS).image
    for view in views:
        contracts: tuple[Contract, ...] = signed_contracts(spark, view, image)
        for contract in contracts:
            (config.avro_dir / contract.file_name).write_text(contract.text)
            subjects[contract.subject] = [contract.text]


@pytest.fixture
def views(spark: SparkSession, config: JobConfig, subjects: Subjects) -> list[View]:
    """Return the sample's views, whose contracts are kept."""
    found = list(load_views(SAMPLE))
    keep(spark, config, subjects, found)
    return found


def planned(spark: SparkSession, config: JobConfig, views: list[View]) -> Plan:
    return read_plan(spark, config, views, ())


def names(plan: Plan) -> tuple[list[str], list[str]]:
    return [output.view.name for output in plan.outputs], [stopped.view.name for stopped in plan.stopped]


def test_all_is_well(spark: SparkSession, config: JobConfig, views: list[View]) -> None:
    assert names(planned(spark, config, views)) == (["adults_by_name", "people_by_id"], [])


def test_a_function_that_fails_stops_its_view_alone(spark: SparkSession, config: JobConfig, views: list[View]) -> None:
    broken = replace(views[0], function=lambda u: Row({"id": u.id, "name": u.price}))
    plan = planned(spark, config, [broken, views[1]])
    assert names(plan) == (["people_by_id"], ["adults_by_name"])
    assert "public.people has no column `price`" in plan.stopped[0].reason
    assert "penstock views apply" in plan.stopped[0].reason


def test_contracts_of_an_earlier_version_name_no_table(
    spark: SparkSession, config: JobConfig, views: list[View], subjects: Subjects
) -> None:
    file = config.avro_dir / "views.people_by_id-value.avsc"
    earlier = {name: value for name, value in json.loads(file.read_text()).items() if name != "penstock.table"}
    file.write_text(json.dumps(earlier))
    subjects["views.people_by_id-value"] = [json.dumps(earlier)]
    assert names(planned(spark, config, views)) == (["adults_by_name", "people_by_id"], [])


def test_a_contract_that_never_was_kept_stops_its_view_alone(
    spark: SparkSession, config: JobConfig, views: list[View]
) -> None:
    (config.avro_dir / "views.adults_by_name-value.avsc").write_text("no JSON")
    assert names(planned(spark, config, views)) == (["people_by_id"], ["adults_by_name"])


def test_a_contract_that_nobody_registered_stops_its_view_alone(
    spark: SparkSession, config: JobConfig, views: list[View], subjects: Subjects
) -> None:
    del subjects["views.people_by_id-key"]
    plan = planned(spark, config, views)
    assert names(plan) == (["adults_by_name"], ["people_by_id"])
    assert "penstock views apply" in plan.stopped[0].reason


def test_a_revision_that_fell_stops_its_view_alone_and_says_which_it_takes(
    spark: SparkSession, config: JobConfig, views: list[View], subjects: Subjects
) -> None:
    (of_first,) = subjects["views.people_by_id-value"]
    subjects["views.people_by_id-value"].append(json.dumps(json.loads(of_first) | {"penstock.revision": 4}))
    plan = planned(spark, config, views)
    assert names(plan) == (["adults_by_name"], ["people_by_id"])
    assert "holds revision 4: rows of revision 3 lose" in plan.stopped[0].reason
    assert "write revision=5" in plan.stopped[0].reason


def test_the_changes_that_a_stopped_view_misses_are_dead_letters(
    spark: SparkSession, config: JobConfig, views: list[View]
) -> None:
    (config.avro_dir / "views.adults_by_name-value.avsc").unlink()
    plan = planned(spark, config, views)
    frame = raw_frame(spark, [cdc.Record(7, WHOLE)])
    written = [as_emitted(row) for row in derive(frame, plan).collect()]
    assert sorted(one.topic for one in written) == ["dead-letters.views", "views.people_by_id"]


def test_a_schema_that_nobody_can_read_is_refused_and_the_others_are_read(
    spark: SparkSession, config: JobConfig, views: list[View], subjects: Subjects
) -> None:
    subjects[f"{cdc.TOPIC}-value"].append('syntax = "proto3";')
    plan = planned(spark, config, views)
    assert names(plan) == (["adults_by_name", "people_by_id"], [])
    assert len(plan.source.unreadable) == 1
    derive(spark.createDataFrame([], RAW), plan)


def test_a_table_of_which_nothing_was_captured_waits(
    spark: SparkSession, config: JobConfig, views: list[View], subjects: Subjects
) -> None:
    del subjects[f"{cdc.TOPIC}-value"]
    with pytest.raises(SubjectMissing):
        planned(spark, config, views)


def test_without_any_schema_that_can_be_read_the_job_says_so(
    spark: SparkSession, config: JobConfig, views: list[View], subjects: Subjects
) -> None:
    subjects[f"{cdc.TOPIC}-value"] = ["7"]
    with pytest.raises(NothingReadable, match="schema id 5"):
        planned(spark, config, views)


@pytest.mark.parametrize("schema", ["7", "no JSON", "{}", '{"fields": [{"name": "before", "type": 3}]}', "null"])
def test_any_schema_that_is_none_of_a_table_has_a_problem(schema: str) -> None:
    assert "schema id 3" in str(Writer(3, schema).problem)


def test_a_view_of_which_no_query_can_be_made_is_stopped_alone(
    spark: SparkSession, config: JobConfig, views: list[View]
) -> None:
    plan = planned(spark, config, views)
    unmade = replace(plan.outputs[0], view=replace(plan.outputs[0].view, function=lambda _: Row({"id": F.col("no")})))
    mixed = replace(plan, outputs=(unmade, plan.outputs[1]))
    assert names(without_broken(spark, mixed)) == (["people_by_id"], ["adults_by_name"])
    assert without_broken(spark, plan) is plan
