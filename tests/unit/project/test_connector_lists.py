"""The derived keys of the connector files follow the views; order, layout and every other key stay."""

from __future__ import annotations

import json
import shutil
from dataclasses import replace
from pathlib import Path

import pytest
from penstock_views.declaration.views import View, row

from penstock.config import Config
from penstock.connect.files import read_connector
from penstock.postgres.record import Record
from penstock.project.connector_lists import (
    EPOCH,
    FORMER_PAUSED,
    PARTITIONS,
    TABLES,
    TOPICS,
    as_noted,
    epoch_in,
    formerly_paused,
    read_lists,
    with_epoch,
    with_views,
    without,
)
from penstock.project.folders import Project
from tests.names import OURS, SINK, SOURCE


def view(name: str, table: str) -> View:
    return View(name, table, ("id",), 1, lambda image: row(id=image.id), Path("v.py"), 1)


USERS = [view("users_by_id", "public.users"), view("users_by_country", "public.users")]
LINES = view("lines", "sales.Order Lines")


@pytest.fixture
def project(tmp_path: Path) -> Project:
    shutil.copytree(Project.of(Config()).connectors, tmp_path / "connect" / "connectors")
    project = Project(tmp_path)
    for name in read_lists(project).known - {view.name for view in USERS}:
        write(with_views(project, USERS, dropped=[name]))
    return project


def write(files: dict[Path, str]) -> None:
    for file, text in files.items():
        file.write_text(text)


def test_views_that_are_there_change_nothing(project: Project) -> None:
    for file, text in with_views(project, USERS).items():
        assert text == file.read_text()


def test_a_new_view_comes_last_and_a_dropped_one_leaves_the_files_as_they_were(project: Project) -> None:
    before = {name: (project.connectors / f"{name}.json").read_text() for name in (SOURCE, SINK)}
    write(with_views(project, [*USERS, LINES]))
    lists = read_lists(project)
    assert lists.tables == ("public.users", "sales.Order Lines")
    assert lists.flowing == ("users_by_id", "users_by_country", "lines")
    assert "lines" in lists.mapped
    write(with_views(project, USERS, dropped=["lines"]))
    assert {name: (project.connectors / f"{name}.json").read_text() for name in before} == before


def test_the_sink_goes_on_without_a_view_and_nothing_else_of_its_file_is_given_to_it(project: Project) -> None:
    file = project.connectors / f"{SINK}.json"
    before = read_connector(file).config
    write(with_views(project, [*USERS, LINES]))
    assert without(read_connector(file).config, OURS, ["lines"]) == before
    assert without(before, OURS, ["never_applied"]) == before
    left = without(before, OURS, ["users_by_id"])
    assert left[TOPICS] == "views.users_by_country"
    assert [key for key in left if "users_by_id" in key] == []


def test_the_source_is_applied_with_its_list_until_it_knows_every_table_of_it(project: Project) -> None:
    file = project.connectors / f"{SOURCE}.json"
    known = Record(known=frozenset({"penstock.signals", "public.users"}))
    before = as_noted(read_connector(file), {OURS: known})
    assert before.config == {key: value for key, value in read_connector(file).config.items() if key != TABLES}
    write(with_views(project, [*USERS, LINES]))
    assert as_noted(read_connector(file), {OURS: Record()}) == read_connector(file)
    assert as_noted(read_connector(file), {OURS: known}) == read_connector(file)
    both = Record(known=known.known | {"sales.Order Lines"})
    assert as_noted(read_connector(file), {OURS: both}) == before


def test_a_view_whose_function_is_gone_keeps_its_mapping_until_it_is_dropped(project: Project) -> None:
    write(with_views(project, [*USERS, LINES]))
    write(with_views(project, USERS))
    assert "lines" in read_lists(project).mapped


def test_the_worker_hears_nothing_of_a_paused_view_and_the_epoch_of_the_record(project: Project) -> None:
    source, sink = (read_connector(project.connectors / f"{name}.json") for name in (SOURCE, SINK))
    record = Record(7, frozenset({"users_by_country", "gone"}), partitions=3)
    assert as_noted(source, {OURS: record}).config.items() >= {EPOCH: "7", PARTITIONS: "3"}.items()
    applied = as_noted(sink, {OURS: record}).config
    assert applied[TOPICS] == "views.users_by_id"
    assert "users_by_country" not in str(applied)
    assert sink.config.items() >= {key: value for key, value in applied.items() if key != TOPICS}.items()


def test_without_a_word_in_the_record_the_sink_is_as_its_file_is(project: Project) -> None:
    file = read_connector(project.connectors / f"{SINK}.json")
    assert as_noted(file, {OURS: Record()}) == file


def test_views_that_an_earlier_version_had_paused_are_found_and_listed_again(project: Project) -> None:
    write(with_views(project, USERS, dropped=["users_by_country"]))
    (project.connectors / FORMER_PAUSED).write_text("# The views that\nusers_by_country\n")
    assert formerly_paused(project) == {"users_by_country"}
    write(with_views(project, USERS))
    assert read_lists(project).flowing == read_lists(project).mapped == ("users_by_id", "users_by_country")


def test_the_last_key_of_a_file_may_be_a_mapping(project: Project) -> None:
    sink = project.connectors / f"{SINK}.json"
    sink.write_text(
        '{\n  "connector.class": "x",\n  "topics": "views.a",\n  "topic.views.a.penstock.a.mapping": "*"\n}\n'
    )
    write(with_views(project, [view("a", "public.a"), view("b", "public.b")]))
    mappings = [key for key in json.loads(sink.read_text()) if key.endswith(".mapping")]
    assert mappings == [f"topic.views.{name}.penstock.{name}.mapping" for name in "ab"]
    write(with_views(project, [view("a", "public.a")], dropped=["b"]))
    assert json.loads(sink.read_text())["topics"] == "views.a"


@pytest.mark.parametrize("file", [SOURCE, SINK])
def test_what_the_version_needs_and_a_file_lacks_is_written_for_those_who_put_it_by_hand(
    project: Project, file: str
) -> None:
    path = project.connectors / f"{file}.json"
    whole = read_connector(path)
    kept = {key: value for key, value in whole.config.items() if not key.startswith(("errors.", "transforms.epoch.t"))}
    path.write_text(json.dumps(kept, indent=2))
    write(with_views(project, USERS))
    after = read_connector(path).config
    assert {key: whole.config[key] for key in after} == after
    theirs = {"errors.max.retries", "errors.retry.delay.max.ms", "errors.log.enable"}
    assert whole.config.keys() - after.keys() <= theirs | {"errors.deadletterqueue.topic.replication.factor"}


def test_a_name_that_is_no_plain_word_is_escaped_for_debezium(project: Project) -> None:
    write(with_views(project, [*USERS, view("odd", "public.a+b$")]))
    assert json.loads((project.connectors / f"{SOURCE}.json").read_text())["table.include.list"] == (
        r"public.users,public.a\+b\$"
    )
    assert read_lists(project).tables == ("public.users", "public.a+b$")


def test_another_epoch_changes_that_value_alone(project: Project) -> None:
    before = (project.connectors / f"{SOURCE}.json").read_text()
    write(with_epoch(project, 2))
    after = (project.connectors / f"{SOURCE}.json").read_text()
    assert epoch_in(project) == 2
    assert [line for line in before.splitlines() if line not in after.splitlines()] == [
        '  "transforms.epoch.value.literal": "1"'
    ]


BILLED = replace(view("billed", "public.users"), source="billing")


def test_the_connector_of_a_new_source_is_that_of_the_first_with_names_and_tables_of_its_own(project: Project) -> None:
    before = project.source_file.read_text()
    write(with_views(project, [*USERS, BILLED]))
    assert project.source_file.read_text() == before
    first, billing = (read_connector(each.source_file).config for each in (project, project.of_source("billing")))
    assert {key: value for key, value in billing.items() if first[key] != value} == {
        "topic.prefix": "app-billing",
        "slot.name": "penstock_billing",
        "publication.name": "penstock_billing",
        "signal.data.collection": "penstock_billing.signals",
        "notification.sink.topic.name": "debezium-notifications.app-billing",
    }
    assert read_lists(project.of_source("billing")).tables == ("public.users",)


def test_each_source_is_applied_with_its_own_list(project: Project) -> None:
    write(with_views(project, [*USERS, replace(LINES, source="billing")]))
    names = OURS.of_source("billing")
    file = replace(read_connector(project.of_source("billing").source_file), name=names.source_connector)
    assert as_noted(file, {OURS: Record(), names: Record()}) == file
    assert file.config[TABLES] == LINES.table


def test_each_source_has_the_epoch_of_its_own_record(project: Project) -> None:
    write(with_views(project, [*USERS, BILLED]))
    records = {OURS: Record(2), OURS.of_source("billing"): Record(5, frozenset({"billed"}))}
    first, billing, sink = (
        as_noted(read_connector(file), records).config
        for file in (project.source_file, project.of_source("billing").source_file, project.sink_file)
    )
    assert (first[EPOCH], billing[EPOCH]) == ("2", "5")
    assert "billed" not in str(sink)
