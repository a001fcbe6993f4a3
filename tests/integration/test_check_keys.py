"""What `views check` and `views new` say of keys and tables that cannot be: file, line and cure; one Postgres runs."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from penstock.config import Config, load_config
from penstock.postgres.connection import connect
from penstock.project.folders import Project
from penstock.project.in_step import Problem
from penstock.project.workspace import Workspace
from penstock.setup import actions as setup
from penstock.stack.parts.postgres import major_version
from penstock.views.check import check
from penstock.views.make import Fate, new_views
from tests.integration.servers import started, written
from tests.project import copy_project

KIND, NAMED, CURE = (
    ("VIRTUAL", "virtual generated columns", "make them STORED")
    if major_version() >= 18
    else ("STORED", "generated columns", "compute them in the view")
)
TABLES = f"""
CREATE TABLE readings (device text, ts timestamptz, seen timestamptz, v int, PRIMARY KEY (device, ts));
CREATE TABLE exact (ts timestamptz(3) PRIMARY KEY, v int);
CREATE TABLE codes (code text PRIMARY KEY, v int);
CREATE TABLE amounts (amount numeric PRIMARY KEY, v int);
CREATE TABLE lines (id int PRIMARY KEY, qty int, total int GENERATED ALWAYS AS (qty * 2) {KIND});
CREATE UNLOGGED TABLE fleeting (id int PRIMARY KEY);
"""
WRONG = """
from penstock_views import row, truncate_to_millis, view
from pyspark.sql.functions import lit, lower


@view("public.codes", key=["code"])
def lower_code(c):
    return row(code=lower(c.code), v=c.v)


@view("public.readings", key=["device", "ts"])
def merged(r):
    return row(device=r.device, ts=truncate_to_millis(r.ts), v=r.v)


@view("public.lines", key=["id"])
def lines_by_id(r):
    return row(id=r.id)


@view("public.fleeting", key=["id"])
def fleeting_by_id(r):
    return row(id=r.id)
"""


@pytest.fixture(scope="module")
def config(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Config]:
    folder = tmp_path_factory.mktemp("keys")
    # Nobody listens at Cassandra's port: only what Postgres says is looked at.
    more = f'project = "{copy_project(folder / "project")}"\nkafka.partitions = 3\n'
    config = load_config(written(folder, "postgres", "cassandra", more=more))
    with started(config, "postgres"):
        setup.create_tables(Workspace(config))
        with connect(config) as connection, connection, connection.cursor() as cursor:
            cursor.execute(TABLES)
        yield config


@pytest.fixture(scope="module")
def found(config: Config) -> dict[str, Problem]:
    """Check a project with right and wrong views at once; give what is wrong, by where it is."""
    project = Project.of(config)
    new_views(Workspace(config), ["readings", "exact", "amounts"])
    file = project.cassandra / "users_by_id.cql"
    file.write_text(file.read_text().replace("gc_grace_seconds", "default_time_to_live = 60 AND gc_grace_seconds"))
    (project.views / "wrong.py").write_text(WRONG)
    wrong = check(Workspace(config)).wrong
    (project.views / "wrong.py").unlink()
    # Not everything was written: the files of the wrong views, and their lines in the connectors' lists.
    return {f"{each.where} {each.what}": each for each in wrong if "has no" not in each.what}


def one(found: dict[str, Problem], text: str) -> Problem:
    (problem,) = [problem for shown, problem in found.items() if text in shown]
    return problem


def test_a_computed_primary_key_is_named_with_its_line(found: dict[str, Problem]) -> None:
    code = one(found, "the key lacks code of public.codes's primary key: code is computed there")
    assert code.where == "spark/views/wrong.py:6"
    assert "give r.code itself, under this name or another, or cast to string or wider" in code.what
    assert "or unix_micros(r.ts), a bigint that keeps its microseconds" in one(found, "the key lacks ts").what


def test_tables_that_cannot_be_followed_are_named_and_keep_only_their_views(found: dict[str, Problem]) -> None:
    lines = one(found, f"view lines_by_id: public.lines has {NAMED}, total")
    assert lines.where == "spark/views/wrong.py:16"
    assert CURE in lines.cure
    fleeting = one(found, "public.fleeting (This operation is not supported for unlogged tables)")
    assert "SET LOGGED" in fleeting.cure
    assert [problem for problem in found.values() if problem.is_of_table] == [fleeting, lines]


def test_a_key_that_would_lie_in_several_partitions_is_named(found: dict[str, Problem]) -> None:
    assert "3 partitions" in one(found, "public.amounts's primary key has amount, a numeric without limits").what


def test_a_table_whose_rows_would_vanish_is_named(found: dict[str, Problem]) -> None:
    problem = one(found, "has default_time_to_live = 60: rows vanish that Postgres has")
    assert problem.where.startswith("schemas/cassandra/users_by_id.cql:")
    assert problem.cure == "write default_time_to_live = 0 there, or nothing of it"


def test_nothing_else_is_wrong(found: dict[str, Problem]) -> None:
    assert not [shown for shown in found if "readings" in shown and "the key lacks ts" not in shown]


def test_a_new_view_keeps_every_microsecond_of_a_key(config: Config, found: dict[str, Problem]) -> None:
    assert found
    project = Project.of(config)
    text = (project.views / "readings.py").read_text()
    assert "import Image, Row, row, truncate_to_millis, unix_micros, view\n" in text
    assert "        ts=unix_micros(r.ts),\n        seen=truncate_to_millis(r.seen),\n" in text
    assert "        ts=r.ts,\n" in (project.views / "exact.py").read_text()


@pytest.mark.parametrize(
    ("table", "why"),
    [("lines", f"has {NAMED}, total"), ("fleeting", "not supported for unlogged tables")],
)
def test_no_view_is_made_of_a_table_that_cannot_be_followed(config: Config, table: str, why: str) -> None:
    (outcome,) = new_views(Workspace(config), [table]).outcomes
    assert outcome.fate is Fate.REFUSED
    assert why in outcome.reason
    assert not (Project.of(config).views / f"{table}.py").exists()
