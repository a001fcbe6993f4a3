"""A view is filled from a snapshot of its table while the table changes; nothing but that view hears of it."""

from __future__ import annotations

import json
import random
import signal
import subprocess
from collections.abc import Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass
from itertools import count, pairwise
from typing import Any

import psycopg2
import pytest

from penstock.clone import ROOT
from penstock.project.folders import Project
from penstock.topics.admin import TopicAdmin
from tests.e2e.test_dead_letters import wait_for_dead_letter
from tests.stack import Stack, all_the_while

pytestmark = pytest.mark.slow

ROWS = 50_000
FILE = '''"""Views that are filled while their tables change."""

from penstock_views import Image, Row, history, row, view, whole


@history("public.filled", key=["id"])
def filled_before(r: Image) -> Row:
    """Keep every change from before the others were made."""
    return whole(r)
'''
MORE = '''

@view("public.filled", key=["id"])
def filled_by_id(r: Image) -> Row:
    """Hold one row per row; a divisor of 0 fails."""
    return row(id=r.id, a=r.a, share=100 / r.divisor)


@history("public.filled", key=["id"])
def filled_history(r: Image) -> Row:
    """Keep every change from now on."""
    return whole(r)
'''
PARTED = '''

@view("public.parted", key=["id"], revision={revision})
def parted_by_id(r: Image) -> Row:
    """Hold one row per row of a table in partitions."""
    return row(id=r.id, a=r.a)
'''
TABLES = """
CREATE TABLE public.filled (id int PRIMARY KEY, a text, divisor int NOT NULL DEFAULT 4);
CREATE TABLE public.parted (id int, a text, PRIMARY KEY (id)) PARTITION BY RANGE (id);
CREATE TABLE public.parted_low PARTITION OF public.parted FOR VALUES FROM (0) TO (10000);
CREATE TABLE public.parted_high PARTITION OF public.parted FOR VALUES FROM (10000) TO (1000000);
CREATE TABLE public.long (id int PRIMARY KEY, a text);
INSERT INTO public.filled SELECT n, 'row ' || n FROM generate_series(1, 200) n;
"""

LONG = '''

@view("public.long", key=["id"], revision={revision})
def long_by_id(r: Image) -> Row:
    """Hold one row per row of a table that takes long."""
    return row(id=r.id, a=r.a)
'''
CUT_OFF_HISTORY = '''

@history("public.{name}", key=["id"], revision={revision})
def {name}_history(r: Image) -> Row:
    """Keep every change of a table whose fill is cut off."""
    return whole(r)
'''
LONG_ROWS = 200_000
MEANWHILE = (
    "DELETE FROM public.long WHERE id % 100 = 1",
    "VACUUM public.long",  # rows from the end come to pages that were read
    "UPDATE public.long SET a = a || ' later' WHERE id % 100 = 2",
    "UPDATE public.long SET id = id + 1000000 WHERE id % 100 = 3",
    "INSERT INTO public.long SELECT max(id) + n, 'new' FROM public.long, generate_series(1, 1000) n GROUP BY n",
)


@pytest.fixture(scope="module")
def table(stack: Stack) -> Iterator[Stack]:
    stack.sql(TABLES)
    write_views(stack, FILE)
    stack.penstock("views write", "views apply")
    yield stack
    (Project.of(stack.config).views / "filled.py").unlink()
    stack.drop("filled_before", "filled_by_id", "filled_history", *names_of(stack, "parted"), *names_of(stack, "long"))
    stack.sql("DROP TABLE public.filled, public.parted, public.long")


def write_views(stack: Stack, text: str) -> None:
    (Project.of(stack.config).views / "filled.py").write_text(text)


@contextmanager
def changed_all_the_while(stack: Stack, name: str) -> Iterator[None]:
    """Update, delete and insert rows of a table without a pause."""
    chance, numbers = random.Random(29), count(ROWS + 1)  # noqa: S311 - no secret

    def change() -> None:
        number, some = next(numbers), chance.sample(range(1, ROWS), 3)
        stack.sql(f"UPDATE public.{name} SET a = a || %s WHERE id = %s", f" {number}", some[0])
        stack.sql(f"DELETE FROM public.{name} WHERE id = %s", some[1])
        stack.sql(f"UPDATE public.{name} SET id = id + 100000 WHERE id = %s", some[2])
        stack.sql(f"INSERT INTO public.{name} (id, a) VALUES (%s, 'new') ON CONFLICT DO NOTHING", number)

    with all_the_while(change):
        yield


def rows(stack: Stack, view: str, columns: str) -> set[tuple[Any, ...]]:
    return {tuple(row.values()) for row in stack.cql(f"SELECT {columns} FROM penstock.{view}")}


def newest(stack: Stack, view: str) -> set[tuple[int, str]]:
    """Read what each row's newest entry of a history says that it is."""
    found = stack.cql(f"SELECT id, op, after FROM penstock.{view} PER PARTITION LIMIT 1")
    return {(row["id"], json.loads(row["after"])["a"]) for row in found if row["op"] != "d"}


def reads(stack: Stack, view: str) -> list[int]:
    """Read of which rows a history has entries that say that they were read."""
    found = stack.cql(f"SELECT id, op FROM penstock.{view}")
    return sorted(row["id"] for row in found if row["op"] == "r")


def names_of(stack: Stack, table: str) -> list[str]:
    """Name the views of a table whose fill is cut off; with several partitions a history needs the change stream."""
    return [f"{table}_by_id", *([f"{table}_history"] if stack.config.kafka.partitions == 1 else [])]


def views_of(stack: Stack, table: str, text: str, revision: int) -> str:
    """Write these views."""
    text += CUT_OFF_HISTORY if f"{table}_history" in names_of(stack, table) else ""
    return text.format(name=table, revision=revision)


@dataclass(frozen=True)
class Timelines:
    """The entries of a history, read by plain CQL: of each row, oldest first."""

    of_rows: dict[int, list[dict[str, Any]]]

    @classmethod
    def read(cls, stack: Stack, view: str) -> Timelines:
        """Read them all, the row images as what they are."""
        found: dict[int, list[dict[str, Any]]] = {}
        for entry in stack.cql(f"SELECT id, version, op, before, after FROM penstock.{view}"):
            images = {side: json.loads(entry[side] or "null") for side in ("before", "after")}
            found.setdefault(entry["id"], []).insert(0, entry | images)
        return cls(found)

    @property
    def oldest(self) -> dict[int, str | None]:
        """What the first entry of each row says that it was; None for one that was not there."""
        return {number: (was(entries[0]) or {}).get("a") for number, entries in self.of_rows.items()}

    @property
    def reads(self) -> list[tuple[int, int]]:
        """The rows that have an entry which says that they were read, and its version."""
        all_entries = [entry for entries in self.of_rows.values() for entry in entries]
        return [(entry["id"], entry["version"]) for entry in all_entries if entry["op"] == "r"]

    @property
    def broken(self) -> list[dict[str, Any]]:
        """The entries that do not go on where the one before them ended."""
        pairs = [pair for entries in self.of_rows.values() for pair in pairwise(entries)]
        return [later for earlier, later in pairs if was(later) != earlier["after"]]


def was(entry: dict[str, Any]) -> dict[str, Any] | None:
    """Say what a row was before a change; what was read had been so before."""
    image: dict[str, Any] | None = entry["after" if entry["op"] == "r" else "before"]
    return image


def test_a_fill_while_all_changes_is_exact_and_no_other_view_hears_of_it(table: Stack) -> None:
    table.sql(f"INSERT INTO public.filled SELECT n, 'row ' || n FROM generate_series(201, {ROWS}) n")
    table.sql("INSERT INTO public.filled VALUES (-1, 'fails', 0)")
    table.penstock("verify filled_before")
    of_before = reads(table, "filled_before")
    write_views(table, FILE + MORE)
    table.penstock("views write")
    with changed_all_the_while(table, "filled"):
        said = table.penstock("views apply").stdout
    several = table.config.kafka.partitions > 1
    assert ("chunk" in said) == several, said  # several partitions: a history needs the change stream
    table.penstock("verify filled_before filled_by_id filled_history")
    there = set(table.sql("SELECT id, a FROM public.filled"))
    assert rows(table, "filled_by_id", "id, a") == {row for row in there if row[0] != -1}
    assert newest(table, "filled_history") == newest(table, "filled_before") == there
    if several:
        return
    assert reads(table, "filled_before") == of_before
    read = reads(table, "filled_history")
    assert len(read) == len(set(read)) > ROWS // 2
    letter = wait_for_dead_letter(table, "dead-letters.views", ("app.public.filled", at_of_reads(table)))
    reason = dict(letter.headers())["__connect.errors.exception.message"].decode()
    assert reason == "view filled_by_id cannot compute: share; the row: id=-1"


def at_of_reads(stack: Stack) -> int:
    """Return the offset whose version the entries of the fill have."""
    entries = stack.cql("SELECT op, version FROM penstock.filled_history")
    (version,) = {row["version"] for row in entries if row["op"] == "r"}
    return int(version) % 2**52


def test_a_fill_of_a_table_in_partitions_is_cut_off_and_run_again(table: Stack) -> None:
    table.sql(f"INSERT INTO public.parted SELECT n, 'row ' || n FROM generate_series(1, {ROWS}) n")
    names = names_of(table, "parted")
    for revision in (1, 2):
        write_views(table, FILE + MORE + views_of(table, "parted", PARTED, revision))
        table.penstock("views write")
        with changed_all_the_while(table, "parted"):
            cut_off(table, ".venv/bin/penstock views apply --rate 5000", after=": [")
            assert "goes on at page" in table.penstock("views apply").stdout
        table.penstock(f"verify {' '.join(names)}")
        there = set(table.sql("SELECT id, a FROM public.parted"))
        assert rows(table, "parted_by_id", "id, a") == there
        if "parted_history" in names:
            assert newest(table, "parted_history") == there
            found = Timelines.read(table, "parted_history")
            assert found.broken == []
            assert len(found.reads) == len(set(found.reads)) > revision * ROWS // 2
            assert len({version for _, version in found.reads}) == revision  # a fill that goes on keeps its version


def test_a_fill_that_was_cut_off_goes_on_where_it_was_unless_the_table_was_written_anew(table: Stack) -> None:
    table.sql(f"INSERT INTO public.long SELECT n, 'row ' || n FROM generate_series(1, {LONG_ROWS}) n")
    names = names_of(table, "long")
    for revision, again in ((1, False), (2, True)):
        write_views(table, FILE + MORE + views_of(table, "parted", PARTED, 2) + views_of(table, "long", LONG, revision))
        table.penstock("views write")
        cut_off(table, ".venv/bin/penstock views apply --rate 10000", after=": [##########")
        change_meanwhile(table, *MEANWHILE, *(["VACUUM FULL public.long"] if again else []))
        before = records(table, "views.long_by_id")
        said = table.penstock("views apply").stdout
        read = records(table, "views.long_by_id") - before
        assert ("goes on at page" in said, read > LONG_ROWS * 3 / 4) == (again is False, again), (read, said)
        table.penstock(f"verify {' '.join(names)}")
        there = set(table.sql("SELECT id, a FROM public.long"))
        assert rows(table, "long_by_id", "id, a") == there
        if "long_history" in names:
            assert newest(table, "long_history") == there
            found = Timelines.read(table, "long_history")
            assert found.broken == []
            assert found.oldest == {n: f"row {n}" if n <= LONG_ROWS else None for n in found.of_rows}
            if not again:
                check_reads(sorted(number for number, _ in found.reads))


def check_reads(reads: list[int]) -> None:
    """Refuse a row that has not changed and was not read once, and a new one that was.

    Of those that changed the first snapshot has read some, and the second none.
    """
    there = set(range(1, LONG_ROWS + 1))
    changed = {n for n in there if n % 100 in {1, 2, 3}}
    assert reads == sorted(set(reads))
    assert set(reads) - changed == there - changed
    assert 0 < len(changed.intersection(reads)) < len(changed)


def change_meanwhile(stack: Stack, *statements: str) -> None:
    with closing(psycopg2.connect(stack.config.postgres.dsn)) as connection:
        connection.autocommit = True  # for VACUUM
        for statement in statements:
            connection.cursor().execute(statement)


def records(stack: Stack, topic: str) -> int:
    admin = TopicAdmin(stack.config.kafka.bootstrap)
    return admin.records({topic: admin.topics()[topic][0]})[topic]


def cut_off(stack: Stack, command: str, *, after: str) -> None:
    """Kill a command (-9) as soon as it says something."""
    with subprocess.Popen(
        command.split(), cwd=ROOT, env=stack.environment, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True
    ) as process:
        assert process.stdout is not None
        said = next((line for line in process.stdout if after in line), None)
        assert said is not None, f"{command} ended without a word of {after}"
        process.send_signal(signal.SIGKILL)


def test_a_repair_removes_what_nobody_has_in_postgres_however_often(table: Stack) -> None:
    """The second one finds no change since the first, whose version its rows would have; the third one finds reads."""
    if table.config.kafka.partitions > 1:
        pytest.skip("with several partitions each repair goes through the change stream")
    for number in (1, 2, 3):
        ghost = "INSERT INTO penstock.filled_by_id (id, a, row_version) VALUES (%s, 'ghost', 1) USING TIMESTAMP 1"
        table.cql(ghost, -1 - number)
        said = table.penstock("views repair filled_by_id").stdout
        assert ("chunk" in said) == (number == 2), said
        assert "1 stale rows removed" in said
    table.penstock("verify filled_by_id filled_history filled_before")
