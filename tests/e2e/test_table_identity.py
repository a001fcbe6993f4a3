"""Tables that go and come back, renamed enum values, a lost place in the log: said, and mended by one `views apply`."""

from __future__ import annotations

import json
import time
from collections.abc import Iterator
from typing import Any
from uuid import UUID

import pytest

from penstock.connect.api import ConnectApi, State
from penstock.project.folders import Project
from penstock.wait import wait_until
from tests.e2e import oracle as users
from tests.names import SOURCE
from tests.patience import PATIENCE_S
from tests.stack import Stack

pytestmark = pytest.mark.slow

TABLES = """
CREATE TABLE again (id int PRIMARY KEY, n int);
INSERT INTO again SELECT g, g FROM generate_series(1, 100) g;
CREATE TABLE away (id int PRIMARY KEY, n int);
INSERT INTO away SELECT g, g FROM generate_series(1, 100) g;
CREATE TABLE unwanted (id int PRIMARY KEY);
CREATE TYPE mood AS ENUM ('sad', 'ok');
CREATE TABLE moody (id int PRIMARY KEY, m mood);
INSERT INTO moody VALUES (1, 'ok'), (2, 'ok'), (3, 'sad')
"""
VIEWS = '''"""Views of tables that go and come back."""

from penstock_views import Image, Row, Totals, aggregate, count, history, row, totals, view, whole


@view("public.again", key=["id"])
def again_by_id(r: Image) -> Row:
    """Hold one row per row."""
    return row(id=r.id, n=r.n)


@aggregate("public.again", key=["last_digit"])
def again_by_digit(r: Image) -> Totals:
    """Count by the last digit."""
    return totals(last_digit=(r.n % 10).cast("int"), total=count())


@history("public.away", key=["id"])
def away_history(r: Image) -> Row:
    """Keep every change."""
    return whole(r)


@view("public.moody", key=["m", "id"])
def moody_by_mood(r: Image) -> Row:
    """List who is in a mood."""
    return row(m=r.m, id=r.id)


@aggregate("public.moody", key=["m"])
def moods(r: Image) -> Totals:
    """Count who is in a mood."""
    return totals(m=r.m, total=count())
'''
UNWANTED = '''"""A view that is not wanted after all."""

from penstock_views import Image, Row, row, view


@view("public.unwanted", key=["id"])
def unwanted(r: Image) -> Row:
    """Hold one row per row."""
    return row(id=r.id)
'''
NAMES = ("again_by_id", "again_by_digit", "away_history", "moody_by_mood", "moods")
PAIRS = {
    "again_by_id": ("SELECT id, n FROM again", "id, n"),
    "again_by_digit": ("SELECT n % 10, count(*) FROM again GROUP BY 1", "last_digit, total"),
    "moody_by_mood": ("SELECT m::text, id FROM moody", "m, id"),
    "moods": ("SELECT m::text, count(*) FROM moody GROUP BY 1", "m, total"),
}
# Each a transaction of its own.
GOES_AND_COMES = (
    "DROP TABLE again; CREATE TABLE again (id int PRIMARY KEY, n int);"
    "INSERT INTO again SELECT g, g + 1000 FROM generate_series(51, 150) g WHERE g % 10 <> 4",
    "ALTER TABLE away RENAME TO gone",
    "UPDATE gone SET n = 0 WHERE id = 60; DELETE FROM gone WHERE id = 61; INSERT INTO gone VALUES (999, 9)",
    "ALTER TABLE gone RENAME TO away",
    "ALTER TYPE mood RENAME VALUE 'ok' TO 'fine'",
    "UPDATE moody SET m = 'sad' WHERE id = 1",
    "INSERT INTO moody VALUES (4, 'fine')",
)
WHY = {
    "table public.again": "it was dropped",
    "table public.away": "it was renamed to public.gone",
    "table public.moody": "value 'ok' of public.mood was renamed to 'fine'",
}


@pytest.fixture(scope="module")
def views(stack: Stack, project: Project) -> Iterator[None]:
    """Make the views live; remove them again."""
    stack.sql(TABLES)
    file, unwanted = project.views / "identity.py", project.views / "unwanted.py"
    file.write_text(VIEWS)
    unwanted.write_text(UNWANTED)
    stack.penstock("views write")
    # One of the new views goes before any of them is live.
    unwanted.unlink()
    refused = stack.penstock("views apply", check=False)
    assert "`penstock views drop unwanted`" in refused.stderr
    stack.penstock("views drop unwanted --yes", "views apply")
    yield
    file.unlink()
    stack.drop(*NAMES)
    stack.sql("DROP TABLE IF EXISTS again, away, gone, moody, unwanted; DROP TYPE mood")


def differences(stack: Stack) -> list[str]:
    """Return what the views hold too much and too little."""
    found = differences_of(stack, *PAIRS)
    newest = stack.cql("SELECT id, op, after FROM penstock.away_history PER PARTITION LIMIT 1")
    there = {(row["id"], json.loads(row["after"])["n"]) for row in newest if row["op"] != "d"}
    return found + _compare("away_history", set(stack.sql("SELECT id, n FROM away")), there)


def differences_of(stack: Stack, *views: str) -> list[str]:
    """Return the same of views that are no history."""
    found = []
    for view in views:
        query, columns = PAIRS[view]
        rows = stack.cql(f"SELECT {columns} FROM penstock.{view}")
        actual = {tuple(row[name] for name in columns.split(", ")) for row in rows}
        found += _compare(view, set(stack.sql(query)), actual)
    return found


def _compare(view: str, expected: set[tuple[Any, ...]], actual: set[tuple[Any, ...]]) -> list[str]:
    lacks = [f"{view} lacks {row}" for row in expected - actual]
    return lacks + [f"{view} has {row}" for row in actual - expected]


def wait_until_exact(stack: Stack) -> None:
    deadline = time.monotonic() + PATIENCE_S
    while found := differences(stack):
        assert time.monotonic() < deadline, "\n".join(found[:20])
        time.sleep(0.5)


def status(stack: Stack) -> dict[str, str]:
    """Return what `status` says of the flow, by the name of what it looked at."""
    said = stack.run(".venv/bin/penstock status --json", check=False).stdout
    return {each["name"]: each["seen"] for each in json.loads(said)["flow"]}


def change_all(stack: Stack, n: int) -> None:
    stack.sql(f"UPDATE again SET n = {n} WHERE id % 10 = 5")
    stack.sql(f"DELETE FROM away WHERE id % 10 = {n}")
    stack.sql(f"INSERT INTO moody VALUES ({100 + n}, 'fine')")


@pytest.mark.usefixtures("views")
def test_what_went_and_came_back_is_said_and_one_apply_makes_it_exact(stack: Stack) -> None:
    wait_until_exact(stack)
    for statement in GOES_AND_COMES:
        stack.sql(statement)
    assert differences(stack)
    said = status(stack)
    assert {table: why for table, why in WHY.items() if why not in said.get(table, "")} == {}
    checked = " ".join(stack.penstock("views check", check=False).stdout.split())
    assert "public.away is another table than it was filled from, or was away meanwhile: it was renamed" in checked
    stack.sql("DROP PUBLICATION penstock")
    change_all(stack, 1)
    assert "it left the publication" in status(stack)["table public.users"]
    stack.penstock("views apply")
    wait_until_exact(stack)
    change_all(stack, 2)
    wait_until_exact(stack)
    users.wait_until_exact(stack)
    stack.penstock("verify " + " ".join(NAMES))
    assert [name for name in status(stack) if name.startswith("table ")] == []
    # As an earlier version left it: what is there now is taken over, and nothing is read again.
    ((table_id, generation),) = stack.sql(
        "DELETE FROM penstock.view_fills WHERE view = 'again_by_id' RETURNING table_id::text, generation"
    )
    stack.cql("CREATE TABLE penstock.view_fills (name text PRIMARY KEY, table_id uuid, generation bigint)")
    insert = "INSERT INTO penstock.view_fills (name, table_id, generation) VALUES ('again_by_id', %s, %s)"
    stack.cql(insert, UUID(table_id), generation)
    assert "every view was filled" in stack.penstock("views apply").stdout
    ((source,),) = stack.sql("SELECT source FROM penstock.view_fills WHERE view = 'again_by_id'")
    assert source is not None
    of_keyspace = "SELECT table_name FROM system_schema.tables WHERE keyspace_name = 'penstock'"
    assert "view_fills" not in {row["table_name"] for row in stack.cql(of_keyspace)}


@pytest.mark.usefixtures("views")
def test_offsets_of_the_source_that_were_deleted(stack: Stack) -> None:
    wait_until_exact(stack)
    with ConnectApi(stack.config.connect.url) as api:
        api.stop(SOURCE)
        wait_until(lambda: api.status(SOURCE).connector.state == State.STOPPED, timeout_s=PATIENCE_S, what="it stops")
        change_all(stack, 3)
        api.delete_offsets(SOURCE)
        api.resume(SOURCE)
    lost = "the source lost its place and took another snapshot"
    wait_until(lambda: lost in status(stack).get("table public.away", ""), timeout_s=PATIENCE_S, what="it is said")
    stack.penstock("views apply")
    wait_until_exact(stack)
    change_all(stack, 4)
    wait_until_exact(stack)
    users.wait_until_exact(stack)


@pytest.mark.usefixtures("views")
def test_a_table_that_is_gone_and_a_view_that_stands_still_hold_up_no_other(stack: Stack) -> None:
    stack.sql("DROP TABLE away; ALTER TABLE moody RENAME COLUMN m TO feeling")
    stack.sql("INSERT INTO moody VALUES (200, 'fine')")
    stack.sql("ALTER TABLE again DROP COLUMN n, ADD COLUMN n int DEFAULT 8")
    applied = stack.penstock("views apply", check=False)
    assert applied.returncode == 1
    assert "left out, all others were applied" in applied.stderr
    for view, why in {
        "away_history": "none of that name",
        "moody_by_mood": "column `m`",
        "moods": "column `m`",
    }.items():
        assert f"view {view}: " in applied.stderr
        assert why in applied.stderr
    followed = ("again_by_id", "again_by_digit")
    wait_until(lambda: not differences_of(stack, *followed), timeout_s=PATIENCE_S, what=f"{followed} are exact")
    brought_up = stack.penstock("up", check=False)
    assert brought_up.returncode == 1
    shown = {line.split()[0]: line.split()[-1] for line in brought_up.stdout.splitlines() if line.split()}
    assert [shown[view] for view in NAMES] == ["equal", "equal", "STOPPED", "STOPPED", "STOPPED"]
    stack.sql("ALTER TABLE moody RENAME COLUMN feeling TO m; CREATE TABLE away (id int PRIMARY KEY, n int)")
    stack.sql("INSERT INTO away VALUES (1, 1)")
    stack.penstock("views apply", "verify")
    wait_until_exact(stack)
