"""Starting views of a table with every type of Postgres and of a whole schema, by the command; one Postgres runs."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from penstock.cassandra.table_file import read_shape
from penstock.config import Config, load_config
from penstock.postgres.connection import connect
from penstock.project.folders import Project
from penstock.project.workspace import Workspace
from penstock.setup import actions as setup
from penstock.views.check import check
from penstock.views.make import Fate, NameForMany, NewViews, Outcome, new_views
from tests.every_type import COLUMNS, TYPES, UNUSABLE
from tests.integration.servers import started, written
from tests.project import copy_project

NAMED = ", ".join(
    [
        *(f"{column.name} {column.sql}" for column in COLUMNS),
        *(f"{name} {sql}" for name, sql in UNUSABLE.items()),
    ]
)
MICROS = {"timestamp", "timestamptz", "public.moment"}


@pytest.fixture(scope="module")
def config(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Config]:
    folder = tmp_path_factory.mktemp("new")
    # Nobody listens at Cassandra's port: only what Postgres says is looked at.
    more = f'project = "{copy_project(folder / "project")}"'
    config = load_config(written(folder, "postgres", "cassandra", more=more))
    with started(config, "postgres"):
        setup.create_tables(Workspace(config))
        with connect(config) as connection, connection, connection.cursor() as cursor:
            cursor.execute(f"{TYPES}CREATE TABLE public.every_type (id text PRIMARY KEY, {NAMED})")
        yield config


@pytest.fixture(scope="module")
def made(config: Config) -> Outcome:
    (outcome,) = new_views(Workspace(config), ["every_type"]).outcomes
    return outcome


def test_every_usable_column_is_in_the_table_with_its_type(config: Config, made: Outcome) -> None:
    found = read_shape(Project.of(config).cassandra / "every_type.cql").columns
    assert {column.name: found.get(column.name) for column in COLUMNS} == {
        column.name: column.cql.replace(" ", "") for column in COLUMNS
    }
    assert set(made.left_out) == set(UNUSABLE)


@pytest.mark.usefixtures("made")
def test_what_holds_microseconds_is_cut_in_the_word_for_its_type(config: Config) -> None:
    """Of an array as of one value: else each row with a microsecond would be a dead letter."""
    written = (Project.of(config).views / "every_type.py").read_text()
    for column in COLUMNS:
        sql = column.sql.split(" DEFAULT")[0]
        word = f"truncate_{'each_' * sql.endswith('[]')}to_millis(r.{column.name})"
        assert (word in written) == (sql.removesuffix("[]") in MICROS), column.sql


ODD = """
CREATE TABLE "CaseAlbum" ("Id" int PRIMARY KEY, "Title" text, "OwnerId" int, "postal code" text, "class" text,
                          "2fa" bool, row_version int, row_version_ int, "a""\\b" text);
CREATE TABLE "order-items" ("Line No" int PRIMARY KEY);
CREATE TABLE "from" (id int PRIMARY KEY);
CREATE TABLE view (id int PRIMARY KEY);
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
        ("order-items", "order_items", ["Line_x0020_No"]),
        ("from", "from_", ["id"]),
        ("public.view", "view_", ["id"]),
    ],
)
def test_a_table_of_any_name_has_a_view_with_which_nothing_is_wrong(
    odd: Config, given: str, view: str, columns: list[str]
) -> None:
    (outcome,) = new_views(Workspace(odd), [given]).outcomes
    assert (outcome.fate, outcome.view) == (Fate.MADE, view)
    assert list(read_shape(Project.of(odd).cassandra / f"{view}.cql").columns) == [*columns, "row_version"]
    assert check(Workspace(odd)).wrong == ()


def test_columns_that_differ_in_case_only_are_refused_by_name(odd: Config) -> None:
    (outcome,) = new_views(Workspace(odd), ["twins"]).outcomes
    assert outcome.fate is Fate.REFUSED
    assert 'columns that differ in case only, which Debezium refuses: "OwnerId", "ownerId"' in outcome.reason


@pytest.mark.usefixtures("made")
def test_nothing_is_wrong_with_it_and_only_the_publication_is_to_do(config: Config) -> None:
    checked = check(Workspace(config))
    assert checked.wrong == ()
    assert "Postgres" in checked.looked_at
    assert {problem.what.split(": ", 1)[1] for problem in checked.problems if "every_type" in problem.what} == {
        "public.every_type is not in the publication yet",
        "REPLICA IDENTITY FULL is not there yet: public.every_type",
    }


SCHEMA = """
CREATE SCHEMA sales;
CREATE TABLE sales.orders (id bigint PRIMARY KEY, total numeric(10, 2) NOT NULL, price money);
CREATE TABLE sales.users (id int PRIMARY KEY);
CREATE TABLE sales."Class" (id uuid PRIMARY KEY);
CREATE TABLE sales.row (a int, b text, PRIMARY KEY (b, a));
CREATE TABLE sales.no_key (id int);
CREATE TABLE sales.array_key (id int[] PRIMARY KEY);
CREATE TABLE sales."a.b" (id int PRIMARY KEY);
CREATE TABLE sales.parts (id int, day date, PRIMARY KEY (id, day)) PARTITION BY RANGE (day);
CREATE TABLE sales.parts_2026 PARTITION OF sales.parts FOR VALUES FROM ('2026-01-01') TO ('2027-01-01');
CREATE FOREIGN DATA WRAPPER nothing;
CREATE SERVER nowhere FOREIGN DATA WRAPPER nothing;
CREATE FOREIGN TABLE sales.elsewhere (id int) SERVER nowhere;
CREATE VIEW sales.seen AS SELECT 1;
"""


@pytest.fixture(scope="module")
def whole(config: Config) -> NewViews:
    with connect(config) as connection, connection, connection.cursor() as cursor:
        cursor.execute(f"{SCHEMA}CREATE TABLE public.orders (id int PRIMARY KEY)")
    before = files(config)
    planned = new_views(Workspace(config), ["orders", "sales.*"], dry_run=True)
    assert (files(config), planned.files) == (before, ())
    found = new_views(Workspace(config), ["orders", "sales.*"])
    assert found.outcomes == planned.outcomes
    return found


def files(config: Config) -> dict[Path, str]:
    return {path: path.read_text() for path in sorted(Project.of(config).root.rglob("*.*")) if path.suffix != ".pyc"}


def test_a_whole_schema_is_made_and_what_cannot_be_is_refused_by_name(config: Config, whole: NewViews) -> None:
    fates = {outcome.table: (outcome.fate, outcome.view) for outcome in whole.outcomes}
    assert fates == {
        "public.orders": (Fate.MADE, "orders"),
        "sales.orders": (Fate.MADE, "sales_orders"),
        "sales.users": (Fate.MADE, "sales_users"),
        "sales.Class": (Fate.MADE, "class_"),
        "sales.row": (Fate.MADE, "row_"),
        "sales.parts": (Fate.MADE, "parts"),
        "sales.parts_2026": (Fate.PARTITION, ""),
        **dict.fromkeys(["sales.no_key", "sales.array_key", "sales.a.b", "sales.elsewhere"], (Fate.REFUSED, "")),
    }
    reasons = {outcome.table: outcome.reason for outcome in whole.refused}
    assert "no primary key" in reasons["sales.no_key"]
    assert "cannot be captured" in reasons["sales.a.b"]
    assert "foreign table" in reasons["sales.elsewhere"]
    assert reasons["sales.array_key"].startswith("key column"), reasons
    (orders,) = [outcome for outcome in whole.outcomes if outcome.table == "sales.orders"]
    assert (orders.columns, set(orders.left_out)) == (2, {"price"})
    assert check(Workspace(config)).wrong == ()


@pytest.mark.usefixtures("whole")
def test_a_second_time_changes_nothing_and_says_so(config: Config) -> None:
    before = files(config)
    again = new_views(Workspace(config), ["orders", "sales.*"])
    assert Fate.MADE not in {outcome.fate for outcome in again.outcomes}
    assert {outcome.view for outcome in again.outcomes if outcome.fate is Fate.THERE} >= {"orders", "sales_orders"}
    assert files(config) == before


@pytest.mark.usefixtures("whole")
@pytest.mark.parametrize(
    ("table", "name", "reason"),
    [
        ("orders", "class", "`class` cannot be a view's name: it is a word of Python. Name it with --name"),
        ("orders", "users_by_id", "view users_by_id is there already"),
        ("gone", None, "no such table"),
        ("nothing.*", None, "no such table"),
        ("sales.seen", None, "This operation is not supported for views"),
    ],
)
def test_one_that_cannot_be_made_says_why(config: Config, table: str, name: str | None, reason: str) -> None:
    before = files(config)
    (refused,) = new_views(Workspace(config), [table], name=name).refused
    assert reason in refused.reason
    assert files(config) == before


@pytest.mark.usefixtures("whole")
def test_a_table_gets_another_view_by_name(config: Config) -> None:
    (outcome,) = new_views(Workspace(config), ["orders"], name="orders_again").outcomes
    assert (outcome.fate, outcome.view) == (Fate.MADE, "orders_again")


def test_a_name_is_for_one_view(config: Config) -> None:
    with pytest.raises(NameForMany, match="leave it out"):
        new_views(Workspace(config), ["orders", "every_type"], name="x")
