"""Tables that go and come back, renamed enum values, a lost place in the log: said, and mended by one `views apply`."""

from __future__ import annotations

import time
from collections.abc import Iterator

import pytest

from penstock.config import ROOT
from penstock.connect.api import ConnectApi, State
from penstock.project import Project
from penstock.stack.wait import wait_until
from penstock.views.connector_lists import SOURCE
from tests.e2e import oracle as users
from tests.patience import PATIENCE_S
from tests.stack import Stack

TABLES = """
CREATE TABLE again (id int PRIMARY KEY, n int);
INSERT INTO again SELECT g, g FROM generate_series(1, 100) g;
CREATE TABLE away (id int PRIMARY KEY, n int);
INSERT INTO away SELECT g, g FROM generate_series(1, 100) g;
CREATE TABLE swap (id int PRIMARY KEY, n int);
INSERT INTO swap SELECT g, g FROM generate_series(1, 100) g;
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


@history("public.again", key=["id"])
def again_history(r: Image) -> Row:
    """Keep every change."""
    return whole(r)


@view("public.away", key=["id"])
def away_by_id(r: Image) -> Row:
    """Hold one row per row."""
    return row(id=r.id, n=r.n)


@aggregate("public.swap", key=["last_digit"])
def swap_by_digit(r: Image) -> Totals:
    """Count by the last digit."""
    return totals(last_digit=(r.n % 10).cast("int"), rows=count())


@view("public.moody", key=["m", "id"])
def moody_by_mood(r: Image) -> Row:
    """List who is in a mood."""
    return row(m=r.m, id=r.id)


@aggregate("public.moody", key=["m"])
def moods(r: Image) -> Totals:
    """Count who is in a mood."""
    return totals(m=r.m, rows=count())
'''
UNWANTED = '''"""A view that is not wanted after all."""

from penstock_views import Image, Row, row, view


@view("public.unwanted", key=["id"])
def unwanted(r: Image) -> Row:
    """Hold one row per row."""
    return row(id=r.id)
'''
NAMES = ("again_by_id", "again_history", "away_by_id", "swap_by_digit", "moody_by_mood", "moods")
PAIRS = {
    "again_by_id": ("SELECT id, n FROM again", "id, n"),
    "away_by_id": ("SELECT id, n FROM away", "id, n"),
    "swap_by_digit": ("SELECT n % 10, count(*) FROM swap GROUP BY 1", "last_digit, rows"),
    "moody_by_mood": ("SELECT m::text, id FROM moody", "m, id"),
    "moods": ("SELECT m::text, count(*) FROM moody GROUP BY 1", "m, rows"),
}
# Each a transaction of its own.
GOES_AND_COMES = (
    "DROP TABLE again; CREATE TABLE again (id int PRIMARY KEY, n int);"
    "INSERT INTO again SELECT g, -g FROM generate_series(51, 150) g",
    "ALTER TABLE away RENAME TO gone",
    "UPDATE gone SET n = 0 WHERE id = 60; DELETE FROM gone WHERE id = 61; INSERT INTO gone VALUES (999, 9)",
    "ALTER TABLE gone RENAME TO away",
    "CREATE TABLE swap_new (id int PRIMARY KEY, n int); INSERT INTO swap_new SELECT g, g FROM generate_series(1, 17) g;"
    "ALTER TABLE swap RENAME TO swap_old; ALTER TABLE swap_new RENAME TO swap",
    "ALTER TYPE mood RENAME VALUE 'ok' TO 'fine'",
    "UPDATE moody SET m = 'sad' WHERE id = 1",
    "INSERT INTO moody VALUES (4, 'fine')",
)


@pytest.fixture(scope="module")
def project(stack: Stack) -> Project:
    """Return the copy that the stack works on; the clone's own files must not change."""
    project = Project.of(stack.config)
    if project.root == ROOT:
        pytest.skip("the running stack works on the clone's own files: set `project` in its configuration")
    return project


@pytest.fixture(scope="module")
def views(stack: Stack, project: Project) -> Iterator[None]:
    """Make the views live; remove them again."""
    stack.sql(TABLES)
    file, unwanted = project.views / "identity.py", project.views / "unwanted.py"
    file.write_text(VIEWS)
    unwanted.write_text(UNWANTED)
    stack.run(".venv/bin/penstock views write")
    # One of the new views goes before any of them is live.
    unwanted.unlink()
    refused = stack.run(".venv/bin/penstock views apply", check=False)
    assert "`penstock views drop unwanted`" in refused.stderr
    stack.run(".venv/bin/penstock views drop unwanted --yes && .venv/bin/penstock views apply")
    yield
    file.unlink()
    stack.run(" && ".join(f".venv/bin/penstock views drop {name} --yes" for name in NAMES))
    stack.sql("DROP TABLE IF EXISTS again, away, gone, swap, swap_old, moody, unwanted; DROP TYPE mood")


def differences(stack: Stack) -> list[str]:
    """Return what the views hold too much and too little."""
    found = []
    for view, (query, columns) in PAIRS.items():
        expected = set(stack.sql(query))
        rows = stack.cql(f"SELECT {columns} FROM penstock.{view}")
        actual = {tuple(row[name] for name in columns.split(", ")) for row in rows}
        found += [f"{view} lacks {row}" for row in expected - actual]
        found += [f"{view} has {row}" for row in actual - expected]
    return found


def wait_until_exact(stack: Stack) -> None:
    deadline = time.monotonic() + PATIENCE_S
    while found := differences(stack):
        assert time.monotonic() < deadline, "\n".join(found[:20])
        time.sleep(0.5)


def in_one_line(text: str) -> str:
    """Undo the line breaks of a table."""
    return " ".join(text.replace("│", " ").split())


@pytest.mark.usefixtures("views")
def test_what_went_and_came_back_is_said_and_one_apply_makes_it_exact(stack: Stack) -> None:
    wait_until_exact(stack)
    for statement in GOES_AND_COMES:
        stack.sql(statement)
    assert differences(stack)
    status = stack.run(".venv/bin/penstock status", check=False)
    assert status.returncode == 1
    said = in_one_line(status.stdout)
    for table, why in (
        ("again", "it was dropped"),
        ("away", "it was renamed to public.gone"),
        ("swap", "it was renamed to public.swap_old"),
        ("moody", "value 'ok' of public.mood was renamed to 'fine'"),
    ):
        assert f"table public.{table}" in said
        assert why in said
    checked = in_one_line(stack.run(".venv/bin/penstock views check", check=False).stdout)
    assert "public.away is another table than it was filled from, or was away meanwhile: it was renamed" in checked
    applied = stack.run(".venv/bin/penstock views apply").stdout
    print(applied)
    wait_until_exact(stack)
    for table, change in (("again", "n = n + 1"), ("away", "n = n + 1"), ("swap", "n = n + 1"), ("moody", "m = 'sad'")):
        stack.sql(f"UPDATE {table} SET {change} WHERE id % 2 = 0")
        stack.sql(f"DELETE FROM {table} WHERE id % 7 = 3")
    wait_until_exact(stack)
    stack.run(".venv/bin/penstock verify " + " ".join(NAMES))
    said = in_one_line(stack.run(".venv/bin/penstock status", check=False).stdout)
    assert "`penstock views apply`" not in said
    assert "every view was filled" in stack.run(".venv/bin/penstock views apply").stdout


def change_all(stack: Stack, n: int) -> None:
    stack.sql(f"UPDATE again SET n = {n} WHERE id % 10 = 5")
    stack.sql(f"DELETE FROM away WHERE id % 10 = {n}")
    stack.sql(f"UPDATE swap SET n = n + {n} WHERE id < 9")
    stack.sql(f"INSERT INTO moody VALUES ({100 + n}, 'fine')")


@pytest.mark.usefixtures("views")
def test_a_publication_that_was_dropped(stack: Stack) -> None:
    wait_until_exact(stack)
    stack.sql("DROP PUBLICATION penstock")
    change_all(stack, 1)
    said = in_one_line(stack.run(".venv/bin/penstock status", check=False).stdout)
    assert said.count("it left the publication") == 5
    stack.run(".venv/bin/penstock views apply")
    wait_until_exact(stack)
    change_all(stack, 2)
    wait_until_exact(stack)
    users.wait_until_exact(stack)


@pytest.mark.usefixtures("views")
def test_offsets_of_the_source_that_were_deleted(stack: Stack) -> None:
    wait_until_exact(stack)
    with ConnectApi(stack.config.connect.url) as api:
        api.stop(SOURCE)
        wait_until(lambda: api.status(SOURCE).connector.state == State.STOPPED, timeout_s=PATIENCE_S, what="it stops")
        change_all(stack, 3)
        api.delete_offsets(SOURCE)
        api.resume(SOURCE)

    def is_said() -> bool:
        status = in_one_line(stack.run(".venv/bin/penstock status", check=False).stdout)
        return "table public.away the source lost its place and took another snapshot" in status

    wait_until(is_said, timeout_s=PATIENCE_S, what="the new snapshot is said")
    stack.run(".venv/bin/penstock views apply")
    wait_until_exact(stack)
    change_all(stack, 4)
    wait_until_exact(stack)
    users.wait_until_exact(stack)
