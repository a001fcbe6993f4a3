"""Ten views of three tables in one job: exact, and how far behind (printed; how fast is not asserted).

`pytest -s --slow tests/e2e/test_many_views.py` shows the figures of docs/local-stack.md.
"""

from __future__ import annotations

import json
import random
import statistics
import time
import uuid
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest

from penstock.project.folders import Project
from tests.e2e import oracle as users
from tests.patience import PATIENCE_S
from tests.stack import INSERT, Stack

pytestmark = pytest.mark.slow

TABLES = """
CREATE TABLE public.orders (
    id bigint PRIMARY KEY, customer text NOT NULL, total numeric(10, 2) NOT NULL, placed timestamptz NOT NULL,
    paid boolean NOT NULL
);
CREATE TABLE public.items (
    order_id bigint, line int, sku text NOT NULL, quantity int NOT NULL, price numeric(8, 2) NOT NULL,
    PRIMARY KEY (order_id, line)
);
INSERT INTO public.orders
SELECT n, 'customer ' || n % 50, n * 1.25, '2024-02-29 12:00:00+00', n % 2 = 0 FROM generate_series(1, 2000) n;
INSERT INTO public.items
SELECT n, line, 'sku ' || (n + line) % 100, line, n * 0.1 FROM generate_series(1, 1000) n, generate_series(1, 3) line
"""
VIEWS = '''"""The views of orders and their items."""

from penstock_views import Image, Row, Totals, aggregate, count, history, row, sum, totals, view, whole
from penstock_views import truncate_to_millis


@view("public.orders", key=["id"])
def orders_by_id(o: Image) -> Row:
    """Hold one row per order."""
    return row(id=o.id, customer=o.customer, total=o.total, placed=truncate_to_millis(o.placed), paid=o.paid)


@view("public.orders", key=["customer", "id"])
def orders_by_customer(o: Image) -> Row:
    """List the paid orders of a customer."""
    return row(customer=o.customer, id=o.id, total=o.total).where(o.paid)


@history("public.orders", key=["id"])
def order_history(o: Image) -> Row:
    """Keep every change of an order."""
    return whole(o)


@view("public.items", key=["order_id", "line"])
def items_by_order(i: Image) -> Row:
    """List the items of an order."""
    return row(order_id=i.order_id, line=i.line, sku=i.sku, quantity=i.quantity, price=i.price)


@view("public.items", key=["sku", "order_id", "line"])
def items_by_sku(i: Image) -> Row:
    """List who ordered a thing."""
    return row(sku=i.sku, order_id=i.order_id, line=i.line, amount=(i.price * i.quantity).cast("decimal(18,2)"))


@aggregate("public.items", key=["sku"])
def sales_by_sku(i: Image) -> Totals:
    """Count what was sold of a thing."""
    return totals(sku=i.sku, lines=count(), quantity=sum(i.quantity))
'''
ORACLE = {
    "SELECT id, customer, total, paid FROM orders_by_id": "SELECT id, customer, total::text, paid FROM orders",
    "SELECT customer, id, total FROM orders_by_customer": "SELECT customer, id, total::text FROM orders WHERE paid",
    "SELECT order_id, line, sku, quantity, price FROM items_by_order": (
        "SELECT order_id, line, sku, quantity, price::text FROM items"
    ),
    "SELECT sku, order_id, line, amount FROM items_by_sku": (
        "SELECT sku, order_id, line, (price * quantity)::text FROM items"
    ),
    "SELECT sku, lines, quantity FROM sales_by_sku": "SELECT sku, count(*), sum(quantity) FROM items GROUP BY sku",
}
ROUNDS = 60


@pytest.fixture(scope="module")
def ten_views(stack: Stack) -> Iterator[Stack]:
    """Add two tables and six views, and take them away again."""
    file = Project.of(stack.config).views / "orders_and_items.py"
    for statement in TABLES.split(";"):
        stack.sql(statement)
    file.write_text(VIEWS)
    stack.penstock("views write", "views check", "views apply")
    yield stack
    file.unlink()
    names = ["orders_by_id", "orders_by_customer", "order_history", "items_by_order", "items_by_sku", "sales_by_sku"]
    stack.drop(*names)
    stack.sql("DROP TABLE public.orders, public.items")


def differences(stack: Stack) -> list[str]:
    found = []
    for cql, statement in ORACLE.items():
        expected = set(stack.sql(statement))
        rows = stack.cql(cql.replace("FROM ", "FROM penstock."))
        actual = {tuple(_plain(value) for value in row.values()) for row in rows}
        found += [f"{cql}: {row}" for row in expected ^ actual]
    return found


def _plain(value: Any) -> Any:
    return str(value) if type(value).__name__ == "Decimal" else value


def wait_until_exact(stack: Stack) -> None:
    deadline = time.monotonic() + PATIENCE_S
    while found := differences(stack):
        assert time.monotonic() < deadline, found[:5]
        time.sleep(0.5)


def test_every_view_is_exact_after_changes_of_all_tables(ten_views: Stack) -> None:
    ten_views.sql("UPDATE public.orders SET paid = NOT paid, total = total + 1 WHERE id % 3 = 0")
    ten_views.sql("UPDATE public.items SET line = line + 10, sku = 'moved' WHERE order_id % 7 = 0")
    ten_views.sql("DELETE FROM public.items WHERE order_id % 11 = 0")
    ten_views.sql("DELETE FROM public.orders WHERE id % 11 = 0")
    wait_until_exact(ten_views)
    users.wait_until_exact(ten_views)


def test_how_far_behind_they_are(ten_views: Stack) -> None:
    flow = ".venv/bin/penstock bench flow --rate 500 --seconds 60 --warm-up {warm_up} --json"
    # Each JVM compiles what it runs for some minutes: after two of them aggregates were 4 s behind, after ten 2.
    ten_views.run(flow.format(warm_up=540), timeout_s=2 * PATIENCE_S)
    print("aggregate, nothing else changes:", aggregate_waits(ten_views))
    with ThreadPoolExecutor(1) as pool:
        # For as long as the waits take, 2 to 3 s each; the last minute is timed.
        running = pool.submit(ten_views.run, flow.format(warm_up=120))
        print("aggregate, 500 changes/s:", aggregate_waits(ten_views))
        figures = json.loads(running.result().stdout)
    print(json.dumps(figures, indent=1))
    assert len(figures["legs"]) == 1 + 2 * 8
    assert all(leg["p50_ms"] is not None for leg in figures["legs"])
    wait_until_exact(ten_views)
    assert ten_views.penstock("verify").stdout.count("equal") == 10


def aggregate_waits(stack: Stack) -> dict[str, float]:
    """Time from a commit until a client reads the figures of its group: seconds."""
    waits, moments = [], random.Random(0)  # noqa: S311 - any moment between two micro-batches
    query = "SELECT users FROM penstock.user_stats_by_country WHERE country = %s"
    for _ in range(ROUNDS):
        country = f"Timed {uuid.uuid4()}"
        # Else each would begin right after a micro-batch, which ended the one before.
        time.sleep(moments.uniform(0, stack.config.spark.aggregates_interval_s))
        stack.sql(INSERT, str(uuid.uuid4()), country)
        at = time.monotonic()
        while not stack.cql(query, country):
            assert time.monotonic() - at < PATIENCE_S
            time.sleep(0.05)  # each look takes from the machine that is timed; it counts to the wait
        waits.append(time.monotonic() - at)
        stack.sql("DELETE FROM public.users WHERE country = %s", country)
    p90 = statistics.quantiles(waits, n=10, method="inclusive")[-1]
    return {"p50_s": round(statistics.median(waits), 2), "p90_s": round(p90, 2), "max_s": round(max(waits), 2)}
