"""Keys of every odd kind, and tables that cannot be followed, on the real stack: exact, or refused by name."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import closing
from decimal import Decimal
from typing import Any

import pytest
from cassandra import InvalidRequest
from confluent_kafka import Consumer, TopicPartition

from penstock.clone import ROOT
from penstock.project.folders import Project
from tests.patience import PATIENCE_S
from tests.stack import Stack

pytestmark = pytest.mark.slow

TABLES = """
CREATE TABLE k_sums (id int PRIMARY KEY, customer text, amount numeric, note text);
INSERT INTO k_sums SELECT n, 'c' || n % 3, n, 'n' FROM generate_series(1, 30) n;
CREATE TABLE k_numbers (amount numeric PRIMARY KEY, note text);
CREATE TABLE k_texts (id int PRIMARY KEY, a text NOT NULL, b text NOT NULL);
INSERT INTO k_texts SELECT n, 'a' || n % 3, 'b' FROM generate_series(1, 30) n;
CREATE TABLE k_moments (device text, ts timestamptz, v int, PRIMARY KEY (device, ts));
CREATE TABLE k_lines (id int PRIMARY KEY, qty int, total int GENERATED ALWAYS AS (qty * 2) STORED, note text);
CREATE TABLE k_lines_virtual (id int PRIMARY KEY, qty int, total int GENERATED ALWAYS AS (qty * 2) VIRTUAL, note text);
CREATE UNLOGGED TABLE k_unlogged (id int PRIMARY KEY, n int);
INSERT INTO k_unlogged VALUES (1, 1), (2, 2);
CREATE TABLE k_vehicles (id int PRIMARY KEY, n int);
CREATE TABLE k_cars (PRIMARY KEY (id)) INHERITS (k_vehicles);
"""
VIEWS = '''"""Views with odd keys."""

from penstock_views import Image, Row, Totals, aggregate, count, row, totals, unix_micros, view


@view("public.k_sums", key=["customer", "amount", "id"])
def k_sums_by_amount(s: Image) -> Row:
    """Hold a numeric in the clustering columns."""
    return row(customer=s.customer, amount=s.amount, id=s.id, note=s.note)


@aggregate("public.k_sums", key=["amount"])
def k_sums_of_amount(s: Image) -> Totals:
    """Hold a group for each number."""
    return totals(amount=s.amount, rows=count())


@view("public.k_numbers", key=["amount"])
def k_numbers_by_amount(n: Image) -> Row:
    """Hold a numeric as the partition key."""
    return row(amount=n.amount, note=n.note)


@view("public.k_texts", key=["a", "id"])
def k_texts_by_a(t: Image) -> Row:
    """Hold a text alone in the partition key."""
    return row(a=t.a, id=t.id, b=t.b)


@view("public.k_texts", key=["a", "b", "id"])
def k_texts_by_both(t: Image) -> Row:
    """Hold two texts in the partition key."""
    return row(a=t.a, b=t.b, id=t.id)


@aggregate("public.k_texts", key=["a"])
def k_texts_of_a(t: Image) -> Totals:
    """Hold a group for each text."""
    return totals(a=t.a, rows=count())


@view("public.k_lines", key=["total", "id"])
def k_lines_by_total(t: Image) -> Row:
    """Hold a generated column in the key."""
    return row(total=t.total, id=t.id, qty=t.qty)


@view("public.k_moments", key=["device", "ts"])
def k_moments_by_device(m: Image) -> Row:
    """Keep every microsecond."""
    return row(device=m.device, ts=unix_micros(m.ts), v=m.v)
'''
UNFIT = {
    "k_lines_virtual": "virtual generated columns, total",
    "k_unlogged": "This operation is not supported for unlogged tables",
    "k_vehicles": "tables that inherit from it, whose rows come under their own names: k_cars",
}
UNFIT_VIEWS = '"""Views of tables that cannot be followed."""\n\nfrom penstock_views import row, view\n' + "".join(
    f'\n\n@view("public.{table}", key=["id"])\ndef {table}_by_id(t):\n    return row(id=t.id)\n' for table in UNFIT
)
NAMES = [line.split("(")[0].removeprefix("def ") for line in (VIEWS + UNFIT_VIEWS).splitlines() if line[:4] == "def "]
LONG = "\u00e9" * 40_000
Rows = set[tuple[Any, ...]]


@pytest.fixture(scope="module")
def live(stack: Stack) -> Iterator[str]:
    """Make the views live beside those of tables that cannot be followed; give what `apply` said."""
    project = Project.of(stack.config)
    if project.root == ROOT:
        pytest.skip("the running stack works on the clone's own files: set `project` in its configuration")
    stack.sql(TABLES)
    files = {"k_keys": VIEWS, "k_unfit": UNFIT_VIEWS}
    for name, text in files.items():
        (project.views / f"{name}.py").write_text(text)
    stack.penstock("views write")
    both = project.cassandra / "k_texts_by_both.cql"
    both.write_text(both.read_text().replace("((a), b, id)", "((a, b), id)"))
    checked = stack.penstock("views check", check=False)
    assert checked.returncode == 1
    for table, why in UNFIT.items():
        assert f"view {table}_by_id: " in checked.stdout
        assert why in checked.stdout
    applied = stack.penstock("views apply", check=False)
    assert applied.returncode == 1
    yield applied.stdout + applied.stderr
    for name in files:
        (project.views / f"{name}.py").unlink()
    stack.drop(*NAMES)
    stack.sql(
        "DROP TABLE k_sums, k_numbers, k_texts, k_moments, k_lines, k_lines_virtual, k_unlogged, k_cars, k_vehicles"
    )


def wait_until_equal(expected: Callable[[], Rows], actual: Callable[[], Rows]) -> None:
    deadline = time.monotonic() + PATIENCE_S
    while (wanted := expected()) != (found := actual()):
        shown = [str(sorted(rows, key=str)[:5])[:500] for rows in (wanted - found, found - wanted)]
        assert time.monotonic() < deadline, f"missing {shown[0]}, extra {shown[1]}"
        time.sleep(0.3)


def cql(stack: Stack, table: str, *columns: str) -> Rows:
    rows = stack.cql(f"SELECT {', '.join(columns)} FROM penstock.{table}")
    found = [tuple(row[column] for column in columns) for row in rows]
    assert len(set(found)) == len(found)
    return set(found)


def wait_for_reasons(stack: Stack, *reasons: str) -> None:
    """Wait for dead letters of the views' job with these reasons."""
    wanted = set(reasons)
    consumer = Consumer({"bootstrap.servers": stack.config.kafka.bootstrap, "group.id": "tests"})
    consumer.assign([TopicPartition("dead-letters.views", 0, 0)])
    deadline = time.monotonic() + PATIENCE_S
    with closing(consumer):
        while wanted:
            assert time.monotonic() < deadline, f"no dead letter says: {wanted}"
            message: Any = consumer.poll(1)
            if message is not None and not message.error():
                said = dict(message.headers() or [])["__connect.errors.exception.message"].decode()
                wanted = {reason for reason in wanted if reason not in said}


def test_what_can_live_lives_and_the_others_are_named(live: str) -> None:
    assert "left out, all others were applied" in live
    for table, why in UNFIT.items():
        assert f"view {table}_by_id: " in live
        assert why in live
    assert "k_texts_by_a" in live.split(" filled")[0]


@pytest.mark.usefixtures("live")
def test_the_statements_of_the_application_work_after_apply(stack: Stack) -> None:
    for table, column in {"k_lines": "qty", "k_lines_virtual": "qty", "k_unlogged": "n", "k_vehicles": "n"}.items():
        stack.sql(f"INSERT INTO {table} (id, {column}) VALUES (11, 1), (12, 2), (13, 3)")
        stack.sql(f"UPDATE {table} SET {column} = 9 WHERE id = 11")
        stack.sql(
            f"MERGE INTO {table} USING (VALUES (12)) AS s (id) ON {table}.id = s.id "
            f"WHEN MATCHED THEN UPDATE SET {column} = 8"
        )
        stack.sql(f"DELETE FROM {table} WHERE id = 13")
        assert stack.sql(f"SELECT id, {column} FROM {table} WHERE id > 10 ORDER BY id") == [(11, 9), (12, 8)]
        stack.sql(f"TRUNCATE {table}")


@pytest.mark.usefixtures("live")
def test_one_number_is_one_key_however_it_is_written(stack: Stack) -> None:
    stack.sql("UPDATE k_sums SET amount = (amount::text || '.0')::numeric WHERE id % 2 = 0")
    stack.sql("UPDATE k_sums SET amount = 10.00 WHERE id IN (1, 2, 3)")
    stack.sql("UPDATE k_sums SET amount = (id || '.50')::numeric WHERE id IN (4, 5)")
    stack.sql("UPDATE k_sums SET note = 'later', amount = amount::text::numeric(20, 3) WHERE id > 20")
    stack.sql("INSERT INTO k_numbers VALUES (10, 'a'), (0, 'b'), (1.50, 'c'), (1e20, 'd'), (-3.0, 'e')")
    stack.sql("UPDATE k_numbers SET amount = 10.0 WHERE amount = 10")
    stack.sql("UPDATE k_numbers SET amount = 0.00, note = 'zero' WHERE amount = 0")
    stack.sql("DELETE FROM k_numbers WHERE amount = -3")
    columns = ("customer", "amount", "id", "note")
    wait_until_equal(
        lambda: set(stack.sql(f"SELECT {', '.join(columns)} FROM k_sums")),
        lambda: cql(stack, "k_sums_by_amount", *columns),
    )
    wait_until_equal(
        lambda: set(stack.sql("SELECT amount, note FROM k_numbers")),
        lambda: cql(stack, "k_numbers_by_amount", "amount", "note"),
    )
    wait_until_equal(
        lambda: set(stack.sql("SELECT amount, count(*) FROM k_sums GROUP BY amount")),
        lambda: cql(stack, "k_sums_of_amount", "amount", "rows"),
    )
    # Found by the number as a person writes it.
    assert stack.cql("SELECT note FROM penstock.k_numbers_by_amount WHERE amount = 10")[0]["note"] == "a"
    stack.penstock("verify k_sums_by_amount k_sums_of_amount k_numbers_by_amount")


@pytest.mark.usefixtures("live")
def test_a_key_that_cassandra_does_not_allow_is_a_dead_letter_and_its_row_leaves(stack: Stack) -> None:
    stack.sql("UPDATE k_texts SET a = '' WHERE id IN (1, 2)")
    stack.sql("UPDATE k_texts SET b = '' WHERE id IN (2, 3)")
    stack.sql("UPDATE k_texts SET a = %s WHERE id = 4", LONG)
    stack.sql("UPDATE k_texts SET a = %s, b = %s WHERE id = 5", LONG[:20_000], LONG[:20_000])
    wait_until_equal(
        lambda: set(stack.sql("SELECT a, id, b FROM k_texts WHERE octet_length(a) BETWEEN 1 AND 65535")),
        lambda: cql(stack, "k_texts_by_a", "a", "id", "b"),
    )
    wait_until_equal(
        lambda: set(stack.sql("SELECT a, b, id FROM k_texts WHERE octet_length(a) + octet_length(b) + 6 <= 65535")),
        lambda: cql(stack, "k_texts_by_both", "a", "b", "id"),
    )
    wait_until_equal(
        lambda: set(stack.sql("SELECT a, count(*) FROM k_texts WHERE octet_length(a) BETWEEN 1 AND 65535 GROUP BY a")),
        lambda: cql(stack, "k_texts_of_a", "a", "rows"),
    )
    wait_for_reasons(
        stack,
        "view k_texts_by_a: key column a is empty, which Cassandra allows in no partition key of one column",
        "view k_texts_of_a: key column a is empty",
        f"view k_texts_by_a: key column a = {'é' * 40}… has 80000 bytes",
        f"view k_texts_by_both: key column a = {'é' * 40}… has 80000 bytes",
        f"view k_texts_by_both: key column a = {'é' * 40}… has 40000 bytes",
    )
    stack.sql("UPDATE k_texts SET a = 'back', b = 'back' WHERE id < 6")
    stack.penstock("verify k_texts_by_a k_texts_by_both k_texts_of_a")


@pytest.mark.usefixtures("live")
def test_rows_of_one_millisecond_stay_apart(stack: Stack) -> None:
    stack.sql(
        "INSERT INTO k_moments SELECT 'd', '2026-01-01 00:00:00+00'::timestamptz + n * interval '1 microsecond', n "
        "FROM generate_series(1, 5) n"
    )
    stack.sql("DELETE FROM k_moments WHERE v = 2")
    stack.sql("UPDATE k_moments SET v = 40 WHERE v = 4")
    wait_until_equal(
        lambda: set(stack.sql("SELECT device, (extract(epoch FROM ts) * 1000000)::bigint, v FROM k_moments")),
        lambda: cql(stack, "k_moments_by_device", "device", "ts", "v"),
    )
    stack.penstock("verify k_moments_by_device")


@pytest.mark.usefixtures("live")
def test_a_generated_column_follows_what_it_is_made_of_and_how(stack: Stack) -> None:
    def wait_until_lines_are_equal() -> None:
        columns = ("total", "id", "qty")
        wait_until_equal(
            lambda: set(stack.sql(f"SELECT {', '.join(columns)} FROM k_lines")),
            lambda: cql(stack, "k_lines_by_total", *columns),
        )

    stack.sql("INSERT INTO k_lines (id, qty) SELECT n, n FROM generate_series(1, 30) n")
    stack.sql("UPDATE k_lines SET qty = 100 + id WHERE id < 10; DELETE FROM k_lines WHERE id > 25")
    wait_until_lines_are_equal()
    stack.penstock("views repair k_lines_by_total")
    stack.sql("ALTER TABLE k_lines ALTER COLUMN total SET EXPRESSION AS (qty * 3)")
    assert "public.k_lines" in stack.run(".venv/bin/penstock status", check=False).stdout
    stack.sql("UPDATE k_lines SET qty = 7 WHERE id = 20")
    stack.penstock("views apply", check=False)
    wait_until_lines_are_equal()
    stack.penstock("verify k_lines_by_total")


@pytest.mark.usefixtures("live")
def test_a_table_that_was_mended_goes_live(stack: Stack) -> None:
    stack.sql("ALTER TABLE k_unlogged SET LOGGED")
    stack.sql("INSERT INTO k_unlogged VALUES (1, 1), (2, 2)")
    applied = stack.penstock("views apply", check=False)
    assert applied.returncode == 1
    assert "k_unlogged" not in applied.stderr
    stack.sql("DELETE FROM k_unlogged WHERE id = 2")
    wait_until_equal(lambda: set(stack.sql("SELECT id FROM k_unlogged")), lambda: cql(stack, "k_unlogged_by_id", "id"))


@pytest.fixture
def scratch(stack: Stack) -> Iterator[str]:
    yield "penstock.k_scratch"
    stack.cql("DROP TABLE IF EXISTS penstock.k_scratch")


@pytest.mark.parametrize(
    ("columns", "key", "values", "rows"),
    [
        ("p int, c decimal", "p, c", [(1, Decimal("10")), (1, Decimal("10.00"))], 1),
        ("p decimal", "p", [(Decimal("10"),), (Decimal("10.00"),)], 2),
        ("p int, c double", "p, c", [(1, 0.0), (1, -0.0)], 2),
        ("p int, c text", "p, c", [(1, ""), (1, " ")], 2),
        ("p text, q text", "(p, q)", [("", "")], 1),
        ("p text", "p", [("",)], None),
        ("p text", "p", [("x" * 65_535,)], 1),
        ("p text", "p", [("x" * 65_536,)], None),
        ("p text, q text", "(p, q)", [("x" * 40_000, "y" * 25_529)], 1),
        ("p text, q text", "(p, q)", [("x" * 40_000, "y" * 25_530)], None),
        ("p int, c text", "p, c", [(1, "x" * 65_535)], 1),
        ("p int, c text", "p, c", [(1, "x" * 65_536)], None),
        ("p int, c text, d text", "p, c, d", [(1, "x" * 40_000, "y" * 25_535)], 1),
        ("p int, c text, d text", "p, c, d", [(1, "x" * 40_000, "y" * 25_536)], None),
    ],
)
def test_cassandra_itself_allows_and_compares_what_the_engine_believes(
    stack: Stack, scratch: str, columns: str, key: str, values: list[Any], rows: int | None
) -> None:
    """Without a row number it refuses the values."""
    names = [column.split()[0] for column in columns.split(", ")]
    stack.cql(f"CREATE TABLE {scratch} ({columns}, PRIMARY KEY ({key}))")
    insert = f"INSERT INTO {scratch} ({', '.join(names)}) VALUES ({', '.join(['?'] * len(names))})"
    prepared = stack.cassandra.prepare(insert)
    if rows is None:
        with pytest.raises(InvalidRequest):
            stack.cassandra.execute(prepared, values[0])
        return
    for each in values:
        stack.cassandra.execute(prepared, each)
    assert len(stack.cql(f"SELECT * FROM {scratch}")) == rows
