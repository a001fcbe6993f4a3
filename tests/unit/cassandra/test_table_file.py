"""A view's table is read, written and brought in step, and what is the user's in its file stays."""

from __future__ import annotations

from pathlib import Path

import pytest

from penstock.cassandra.table_file import (
    ColumnExtra,
    ColumnLacking,
    CqlFileUnclear,
    Difference,
    TableShape,
    differences,
    new_table,
    read_shape,
    refused_options,
    rewritten_table,
)

SHAPE = TableShape(
    "lines", {"country": "text", "id": "uuid", "Total": "decimal", "row_version": "bigint"}, ("country", "id")
)
OWN = """\
-- mine; not a CREATE TABLE (
CREATE TABLE IF NOT EXISTS lines (
    country text, -- where, and why (a comment)
    id uuid, old map<text, frozen<list<int>>>,
    "Total" decimal,
    row_version bigint,
    PRIMARY KEY ((country, id))
) WITH CLUSTERING ORDER BY (id DESC) AND gc_grace_seconds = 900000;
"""


def test_a_new_table_reads_back_as_it_was_meant(tmp_path: Path) -> None:
    file = tmp_path / "lines.cql"
    file.write_text(new_table(SHAPE, view_file="spark/views/lines.py"))
    assert read_shape(file) == SHAPE
    assert "PRIMARY KEY ((country), id)" in file.read_text()


def test_a_table_in_step_stays_to_the_letter() -> None:
    text = new_table(SHAPE, view_file="v.py").replace("country ", "country  ").replace("-- View", "-- My view")
    assert rewritten_table(text, SHAPE, file="lines.cql") == text


def test_comment_options_and_partition_key_outlive_a_new_column(tmp_path: Path) -> None:
    file = tmp_path / "lines.cql"
    file.write_text(rewritten_table(OWN, SHAPE, file="lines.cql"))
    text = file.read_text()
    assert read_shape(file) == SHAPE
    assert text.startswith("-- mine; not a CREATE TABLE (\n")
    assert "PRIMARY KEY ((country, id))" in text
    assert text.endswith(") WITH CLUSTERING ORDER BY (id DESC) AND gc_grace_seconds = 900000;\n")


@pytest.mark.parametrize(
    ("options", "refused"),
    [
        ("gc_grace_seconds = 864000", []),
        ("comment = 'x'", []),
        ("default_time_to_live = 0", []),
        ("default_time_to_live = 0 -- default_time_to_live = 7\n", []),
        ("gc_grace_seconds=864000 and DEFAULT_TIME_TO_LIVE=60", ["default_time_to_live = 0"]),
        ("gc_grace_seconds = 3600", ["gc_grace_seconds = 864000"]),
        (
            "gc_grace_seconds = 0 AND default_time_to_live = 60",
            ["default_time_to_live = 0", "gc_grace_seconds = 864000"],
        ),
    ],
)
def test_options_that_make_rows_vanish_or_come_back_are_refused(
    tmp_path: Path, options: str, refused: list[str]
) -> None:
    file = tmp_path / "lines.cql"
    file.write_text(f"CREATE TABLE lines (id int, PRIMARY KEY (id)) WITH {options};")
    assert [option for _, option in refused_options(read_shape(file))] == refused


@pytest.mark.parametrize("total", ["counter", "decimal static", "decimal MASKED WITH DEFAULT()"])
def test_a_column_that_is_no_plain_one_is_a_difference(tmp_path: Path, total: str) -> None:
    file = tmp_path / "lines.cql"
    file.write_text(new_table(SHAPE, view_file="v.py").replace("decimal", total))
    (difference,) = differences(read_shape(file), SHAPE)
    assert difference.what.startswith("has column Total as ")


def test_every_difference_is_reported() -> None:
    found = TableShape("lines", {"country": "int", "id": "uuid", "old": "text", "row_version": "bigint"}, ("id",))
    assert [each.what for each in differences(found, SHAPE)] == [
        "has column country as int; the view's contract wants text",
        "lacks column Total decimal",
        "has column old text, which the view does not have",
        "has the primary key (id); the view's is (country, id)",
    ]
    kinds = [type(each) for each in differences(found, SHAPE)]
    assert kinds == [Difference, ColumnLacking, ColumnExtra, Difference]


@pytest.mark.parametrize("text", ["", "CREATE TABLE t (a int, b int)", "-- CREATE TABLE t (a int, PRIMARY KEY (a))"])
def test_a_file_without_a_table_is_refused(text: str) -> None:
    with pytest.raises(CqlFileUnclear, match=r"lines\.cql"):
        rewritten_table(text, SHAPE, file="lines.cql")


HISTORY = TableShape(
    "log",
    {"country": "text", "id": "uuid", "version": "bigint", "row_version": "bigint"},
    ("country", "id", "version"),
    ("country", "id"),
)


def test_the_entries_of_a_history_lie_together_newest_first(tmp_path: Path) -> None:
    file = tmp_path / "log.cql"
    file.write_text(new_table(HISTORY, view_file="v.py"))
    assert "PRIMARY KEY ((country, id), version)\n) WITH CLUSTERING ORDER BY (version DESC) AND" in file.read_text()
    assert list(differences(read_shape(file), HISTORY)) == []


def test_another_partition_key_of_a_history_is_reported_and_mended(tmp_path: Path) -> None:
    file = tmp_path / "log.cql"
    file.write_text(new_table(HISTORY, view_file="v.py").replace("((country, id), version)", "(country, id, version)"))
    assert [each.what for each in differences(read_shape(file), HISTORY)] == [
        "has the primary key ((country), id, version); a history's is ((country, id), version)"
    ]
    assert "((country, id), version)" in rewritten_table(file.read_text(), HISTORY, file="log.cql")
