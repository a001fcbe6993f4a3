"""How schemas are described in words, on the contracts of the repository."""

from __future__ import annotations

import json
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from penstock.clone import ROOT
from penstock.config import Config
from penstock.console.look import registry
from penstock.console.look.registry import RegistryCollector, Subject
from penstock.console.service.schemas import (
    Field,
    _against_contract,
    _files,
    describe_changes,
    flat_fields,
    list_subjects,
    type_text,
)
from tests.project import copy_project
from tests.unit.console import made


def test_a_field_more_less_and_other_are_reported() -> None:
    before = {"type": "record", "name": "R", "fields": [{"name": "a", "type": "int"}, {"name": "b", "type": "string"}]}
    after = {
        "type": "record",
        "name": "R",
        "fields": [{"name": "a", "type": "long"}, {"name": "c", "type": ["null", "string"], "default": None}],
    }
    assert describe_changes(before, after) == ("+ c: string or null, default null", "- b: string", "~ a: int → long")


def test_the_row_of_a_change_is_described_once() -> None:
    row = {"type": "record", "name": "Value", "fields": [{"name": "id", "type": "string"}]}
    fields = [{"name": "before", "type": ["null", row]}, {"name": "after", "type": ["null", "Value"]}]
    envelope = {"type": "record", "name": "E", "fields": [*fields, {"name": "op", "type": "string"}]}
    assert flat_fields(envelope) == [Field("row.id", "string"), Field("op", "string")]


def test_a_default_stands_apart_from_the_type() -> None:
    schema = {"type": "record", "name": "R", "fields": [{"name": "a", "type": "string", "default": ", default x"}]}
    assert flat_fields(schema) == [Field("a", "string", '", default x"')]


def test_types_are_described_in_words() -> None:
    assert type_text({"type": "bytes", "logicalType": "decimal", "precision": 7, "scale": 4}) == "decimal(7,4)"
    assert type_text(["null", {"type": "long", "logicalType": "timestamp-micros"}]) == "timestamp-micros or null"
    assert type_text({"type": "array", "items": "string"}) == "array of string"


def test_every_contract_of_the_repository_can_be_described() -> None:
    files = sorted((ROOT / "schemas" / "avro").glob("*.avsc"))
    assert files
    for file in files:
        schema = json.loads(file.read_text())
        assert [field.name for field in flat_fields(schema)] == [field["name"] for field in schema["fields"]]


def test_the_contract_of_a_named_installation_is_found_by_its_topic(tmp_path: Path) -> None:
    copy_project(tmp_path)
    ours, others = "orders-views.users_by_id-value", ("views.users_by_id-value", "x" * 5000)
    subjects = {name: Subject(name, (1,)) for name in (ours, *others)}
    moment = SimpleNamespace(snapshot=made.snapshot(registry=made.reading(subjects)))
    hub: Any = SimpleNamespace(config=Config(name="orders", project=tmp_path), now=moment)
    files = {row.name: row.file for row in list_subjects(hub)}
    assert files == {ours: "views.users_by_id-value.avsc", **dict.fromkeys(others)}
    schema = json.loads((tmp_path / "schemas/avro/views.users_by_id-value.avsc").read_text())
    assert _against_contract(_files(hub)[ours], schema) == "as schemas/avro/views.users_by_id-value.avsc says"


@pytest.mark.parametrize("text", ["{", '{"type": "record", "fields": [{"name": "id"}]}', '{"fields": [3]}'])
def test_a_contract_that_is_broken_is_said_to_be(tmp_path: Path, text: str) -> None:
    file = tmp_path / "views.users-value.avsc"
    file.write_text(text)
    assert "views.users-value.avsc is no schema" in _against_contract(file, {"type": "record", "fields": []})


class Registry:
    """A registry whose every answer takes a second."""

    def __init__(self, *names: str) -> None:
        self.names, self.asked, self.now = names, list[str](), 0.0

    def subjects(self) -> tuple[str, ...]:
        return self.names

    def versions(self, name: str) -> tuple[int, ...]:
        self.now += 1
        self.asked.append(name)
        return (1,)


def test_a_registry_of_thousands_is_asked_bit_by_bit(monkeypatch: pytest.MonkeyPatch) -> None:
    answers = Registry(*(f"subject-{number:02}" for number in range(25)))
    monkeypatch.setattr(registry, "time", SimpleNamespace(monotonic=lambda: answers.now))
    monkeypatch.setattr(registry, "RegistryClient", lambda *_, **__: answers)
    collector = RegistryCollector(Config())
    assert list(collector.collect()) == list(answers.names)
    asked = []
    for _ in range(3):
        answers.asked.clear()
        assert len(collector.collect()) == 25
        asked.append(set(answers.asked))
    assert [len(each) for each in asked] == [10, 10, 10] and len(set().union(*asked)) == 25
    answers.names = ("new", "subject-07")
    assert list(collector.collect()) == ["new", "subject-07"]
