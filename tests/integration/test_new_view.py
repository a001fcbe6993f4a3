"""A starting view of a table with every type of Postgres, written by the command's function; one Postgres runs."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest

from penstock.config import Config, load_config
from penstock.project import Project
from penstock.stack import setup
from penstock.views.catalogue import connect
from penstock.views.check import check
from penstock.views.cql import read_shape
from penstock.views.new import Made, NoView, ViewNameUnfit, new_view
from tests.every_type import COLUMNS, TYPES, UNUSABLE
from tests.integration.servers import started

NAMED = ", ".join(
    [
        *(f"{column.name} {column.sql}" for column in COLUMNS),
        *(f"{name} {sql}" for name, sql in UNUSABLE.items()),
    ]
)


@pytest.fixture(scope="module")
def config(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Config]:
    folder = tmp_path_factory.mktemp("new")
    for name in ("spark/views", "schemas", "connect/connectors"):
        shutil.copytree(Project.of(Config()).root / name, folder / "project" / name)
    file: Path = folder / "penstock.toml"
    # Nobody listens at Cassandra's port: only what Postgres says is looked at.
    file.write_text(
        f'state = "{folder / "var"}"\nproject = "{folder / "project"}"\npostgres.port = 27161\ncassandra.port = 27162\n'
    )
    config = load_config(file)
    with started(config, "postgres"):
        setup.create_tables(config)
        with connect(config) as connection, connection, connection.cursor() as cursor:
            cursor.execute(f"{TYPES}CREATE TABLE public.every_type (id text PRIMARY KEY, {NAMED})")
        yield config


@pytest.fixture(scope="module")
def made(config: Config) -> Made:
    return new_view(config, "every_type")


def test_every_usable_column_is_in_the_table_with_its_type(config: Config, made: Made) -> None:
    found = read_shape(Project.of(config).cassandra / "every_type.cql").columns
    assert {column.name: found.get(column.name) for column in COLUMNS} == {
        column.name: column.cql.replace(" ", "") for column in COLUMNS
    }
    assert set(made.left_out) == set(UNUSABLE)


ODD = """
CREATE TABLE "CaseAlbum" ("Id" int PRIMARY KEY, "Title" text, "OwnerId" int, "postal code" text, "class" text,
                          "2fa" bool, row_version int, row_version_ int, "a""\\b" text);
CREATE TABLE "order items" ("Line No" int PRIMARY KEY);
CREATE TABLE class (id int PRIMARY KEY);
CREATE TABLE row (id int PRIMARY KEY);
CREATE TABLE twins (id int PRIMARY KEY, "ownerId" int, "OwnerId" int)
"""


@pytest.fixture(scope="module")
def odd(config: Config) -> Config:
    with connect(config) as connection, connection, connection.cursor() as cursor:
        cursor.execute(ODD)
    return config


@pytest.mark.parametrize(
    ("given", "view", "columns"),
    [
        (
            '"CaseAlbum"',
            "casealbum",
            [
                *("Id", "Title", "OwnerId", "postal_x0020_code", "class", "_x0032_fa"),
                *("row_version_", "row_version__", "a_x0022__x005C_b"),
            ],
        ),
        ("order items", "order_items", ["Line_x0020_No"]),
        ("class", "class_", ["id"]),
        ("public.row", "row_", ["id"]),
    ],
)
def test_a_table_of_any_name_has_a_view_with_which_nothing_is_wrong(
    odd: Config, given: str, view: str, columns: list[str]
) -> None:
    assert new_view(odd, given).view == view
    assert list(read_shape(Project.of(odd).cassandra / f"{view}.cql").columns) == [*columns, "row_version"]
    assert check(odd).wrong == ()


def test_columns_that_differ_in_case_only_are_refused_by_name(odd: Config) -> None:
    with pytest.raises(NoView, match="OwnerId, ownerId differ in case only"):
        new_view(odd, "twins")


@pytest.mark.parametrize("name", ["class", "row", "Orders", "1a", "a" * 49])
def test_a_name_that_no_function_can_have_is_refused(odd: Config, name: str) -> None:
    with pytest.raises(ViewNameUnfit, match="--name"):
        new_view(odd, "class", name=name)


@pytest.mark.usefixtures("made")
def test_nothing_is_wrong_with_it_and_only_the_publication_is_to_do(config: Config) -> None:
    checked = check(config)
    assert checked.wrong == ()
    assert "Postgres" in checked.looked_at
    assert {problem.what.split(": ", 1)[1] for problem in checked.problems if "every_type" in problem.what} == {
        "public.every_type is not in the publication yet",
        "public.every_type does not have REPLICA IDENTITY FULL",
    }
