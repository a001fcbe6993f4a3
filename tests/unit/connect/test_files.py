"""Connector files: what is read, and what is said of each kind of broken file."""

from __future__ import annotations

from pathlib import Path

import pytest

from penstock.connect.files import ConnectorFileInvalid, ConnectorFileMissing, read_connector, read_connectors


def write(folder: Path, text: str, name: str = "a-source") -> Path:
    path = folder / f"{name}.json"
    path.write_text(text, encoding="utf-8")
    return path


def test_a_bare_map_is_read_and_named_after_its_file(tmp_path: Path) -> None:
    file = read_connector(write(tmp_path, '{"connector.class": "x.Y", "tasks.max": "1"}'))
    assert (file.name, file.config) == ("a-source", {"connector.class": "x.Y", "tasks.max": "1"})


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ('{\n  "connector.class": "x.Y",\n}', "line 3, column 1: not valid JSON"),
        ('{"connector.class": "x.Y"', "line 1, column 26: not valid JSON"),
        ("", "line 1, column 1: not valid JSON"),
        ("[]", "must be one JSON object"),
        ('"connector.class"', "must be one JSON object"),
        ('{\n "connector.class": "x.Y",\n "tasks.max": 1\n}', 'line 3, column 2: the value of "tasks.max"'),
        ('{"connector.class": "x.Y", "a": true}', "not true or false"),
        ('{"connector.class": "x.Y", "a": null}', "not null"),
        ('{"connector.class": "x.Y", "a": {"b": "c"}}', "not a nested value"),
        ('{"connector.class": "x.Y", "a": "1", "a": "2"}', '"a" is there 2 times'),
        ('{"a": "b"}', '"connector.class" is missing'),
        ('{"connector.class": "x.Y", "name": "other"}', '"name" differs'),
        ('{"name": "a-source", "config": {"connector.class": "x.Y"}}', "the form of POST /connectors"),
    ],
)
def test_a_broken_file_is_refused_with_its_place(tmp_path: Path, text: str, expected: str) -> None:
    path = write(tmp_path, text)
    with pytest.raises(ConnectorFileInvalid) as refused:
        read_connector(path)
    assert expected in str(refused.value)
    assert str(path) in str(refused.value)


def test_every_problem_of_a_file_is_reported_at_once(tmp_path: Path) -> None:
    with pytest.raises(ConnectorFileInvalid) as refused:
        read_connector(write(tmp_path, '{"a": 1,\n "b": []}'))
    message = str(refused.value)
    assert '"a"' in message and '"b"' in message and "connector.class" in message


def test_bytes_that_are_no_utf8_are_refused(tmp_path: Path) -> None:
    path = tmp_path / "a.json"
    path.write_bytes(b'{"connector.class": "\xff"}')
    with pytest.raises(ConnectorFileInvalid, match="UTF-8"):
        read_connector(path)


def test_all_files_come_in_order_of_their_names(tmp_path: Path) -> None:
    for name in ("b", "a"):
        write(tmp_path, '{"connector.class": "x.Y"}', name)
    assert [file.name for file in read_connectors(tmp_path)] == ["a", "b"]
    assert [file.name for file in read_connectors(tmp_path, names=["b"])] == ["b"]


def test_an_unknown_name_is_answered_with_those_that_exist(tmp_path: Path) -> None:
    write(tmp_path, '{"connector.class": "x.Y"}', "known")
    with pytest.raises(ConnectorFileMissing, match=r"missing\.json.*known"):
        read_connectors(tmp_path, names=["missing"])
