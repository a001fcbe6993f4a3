"""Tables and columns of any name live beside each other: what CQL holds is what SQL holds, and no two meet."""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Iterator
from decimal import Decimal
from typing import Any

import psycopg2
import pytest
import requests

from penstock.project.folders import Project
from tests.e2e.oracle import wait_until_exact
from tests.patience import PATIENCE_S
from tests.stack import Stack

pytestmark = pytest.mark.slow

# Postgres' name of a column, its type, and its name in Cassandra, both as SQL and CQL write them.
ODD = [
    ('"order id"', "int", "order_x0020_id"),
    ('"2nd"', "text", '"_x0032_nd"'),
    ('"AlbumId"', "int", '"AlbumId"'),
    ('"postal code"', "text", "postal_x0020_code"),
    ('"postal_x0020_code"', "text", '"postal_x005F_x0020_code"'),
    ('"größe"', "numeric(5, 2)", '"gr_x00F6__x00DF_e"'),
    ('"a-b"', "int", '"a_x002D_b"'),
    ('"a.b"', "int", '"a_x002E_b"'),
    ('"a""b"', "int", "a_x0022_b"),
    (r'"a\b"', "text", '"a_x005C_b"'),
    ('"a`b"', "text", "a_x0060_b"),
    ('"a,b"', "text", '"a_x002C_b"'),
    ('"a$b{c}"', "text", '"a_x0024_b_x007B_c_x007D_"'),
    ('"😀"', "text", '"_x01F600_"'),
    ('"' + "ä" * 31 + '"', "text", '"' + "_x00E4_" * 31 + '"'),
    ('"class"', "text", "class"),
    ('"None"', "text", '"None"'),
    ('"_table"', "text", '"_table"'),
    ('"select"', "text", '"select"'),
    ('"token"', "text", '"token"'),
    ('"penstock:refused"', "text", '"penstock_x003A_refused"'),
    ('"problem"', "text", "problem"),
    ('"version"', "int", "version"),
    ('"lsn"', "int", "lsn"),
    ('"op"', "text", "op"),
    ('"row_version"', "int", "row_version_"),
]
ROWS: dict[str, Callable[[int], Any]] = {
    "int": lambda n: n,
    "text": lambda n: f"text {n}" if n % 3 else None,
    "numeric(5, 2)": lambda n: Decimal(n) / 4 if n % 2 else None,
}
KEY = 2
CREATE = f"""
CREATE TABLE "Odd-Names" ({", ".join(f"{name} {kind}" for name, kind, _ in ODD)}, PRIMARY KEY ("order id", "2nd"));
CREATE TABLE "CaseAlbum" ("Id" int PRIMARY KEY, "Title" text NOT NULL, "OwnerId" int NOT NULL);
CREATE TABLE "case-order-items" (id int PRIMARY KEY, a text);
CREATE TABLE case_order_items (id int PRIMARY KEY, a text);
CREATE TABLE "Case_Order_Items" (id int PRIMARY KEY, a text);
CREATE TABLE class (id int PRIMARY KEY, "from" text);
CREATE TABLE row (id int PRIMARY KEY, a text);
CREATE SCHEMA "Sales-Dept";
CREATE TABLE "Sales-Dept"."2fa-log" (id int PRIMARY KEY, "User" text)
"""
DROP = """
DROP TABLE "Odd-Names", "CaseAlbum", "case-order-items", case_order_items, "Case_Order_Items", class, row;
DROP SCHEMA "Sales-Dept" CASCADE
"""
# The views that `views new` writes: what it is given, and the view's name.
NEW = {
    '"Odd-Names"': "odd_names",
    "CaseAlbum": "casealbum",
    "public.case-order-items": "case_order_items",
    "case_order_items --name order_items_by_id": "order_items_by_id",
    "class": "class_",
    "row": "row_",
    '"Sales-Dept"."2fa-log"': "t_2fa_log",
}
OWN = '''"""Views of odd names that are written by hand."""

from penstock_views import Image, Row, Totals, aggregate, count, history, row, sum, totals, view, whole


@history("public.Odd-Names", key=["order id", "2nd"])
def odd_history(r: Image) -> Row:
    """Keep every change."""
    return whole(r)


@aggregate("public.Odd-Names", key=["class"])
def odd_totals(r: Image) -> Totals:
    """Add up by a column whose name is a word of Python's, over one that only brackets can name."""
    return totals(**{"class": r["class"]}, rows=count(), total=sum(r["a.b"])).where(r["class"].isNotNull())


@view("public.CaseAlbum", key=["OwnerId", "Id"])
def albums_by_owner(r: Image) -> Row:
    """List the albums of an owner."""
    return row(OwnerId=r.OwnerId, Id=r.Id, Title=r.Title)
'''
WITH_ADDED = '''"""The view that takes up a column which came later."""

from penstock_views import Image, Row, row, view


@view("public.case_order_items", key=["id"], revision=2)
def order_items_by_id(r: Image) -> Row:
    """Hold one row per row."""
    return row(id=r.id, a=r.a, postal_x0020_code=r["postal code"], size=r.gr_x00F6__x00DF_e)
'''
SAME = {
    'SELECT "Id", "Title", "OwnerId" FROM casealbum': 'SELECT "Id", "Title", "OwnerId" FROM "CaseAlbum"',
    'SELECT "OwnerId", "Id", "Title" FROM albums_by_owner': 'SELECT "OwnerId", "Id", "Title" FROM "CaseAlbum"',
    "SELECT id, a FROM case_order_items": 'SELECT id, a FROM "case-order-items"',
    "SELECT id, a FROM order_items_by_id": "SELECT id, a FROM case_order_items",
    'SELECT id, "from" FROM class_': 'SELECT id, "from" FROM class',
    "SELECT id, a FROM row_": "SELECT id, a FROM row",
    'SELECT id, "User" FROM t_2fa_log': 'SELECT id, "User" FROM "Sales-Dept"."2fa-log"',
    f"SELECT {', '.join(name for _, _, name in ODD)} FROM odd_names": (
        f'SELECT {", ".join(name for name, _, _ in ODD)} FROM "Odd-Names"'
    ),
    "SELECT class, rows, total FROM odd_totals": (
        'SELECT "class", count(*), sum("a.b")::bigint FROM "Odd-Names" WHERE "class" IS NOT NULL GROUP BY "class"'
    ),
}


@pytest.fixture(scope="module")
def named(stack: Stack) -> Iterator[Stack]:
    """Make tables with rows, and a view or more of each, all in one apply; take them away again."""
    for statement in CREATE.split(";"):
        stack.sql(statement)
    for number in range(1, 4):
        insert_odd(stack, number)
    stack.sql("INSERT INTO \"CaseAlbum\" VALUES (1, 'A', 10), (2, 'B', 20)")
    stack.sql("INSERT INTO \"case-order-items\" VALUES (1, 'blank')")
    stack.sql("INSERT INTO case_order_items VALUES (2, 'line')")
    stack.sql("INSERT INTO \"Case_Order_Items\" VALUES (3, 'of no view')")
    stack.sql("INSERT INTO class VALUES (1, 'x')")
    stack.sql("INSERT INTO row VALUES (1, 'y')")
    stack.sql('INSERT INTO "Sales-Dept"."2fa-log" VALUES (1, \'Ada\')')
    views = Project.of(stack.config).views
    for given in NEW:
        table, _, option = given.partition(" --")
        stack.penstock(f"views new '{table}'" + (f" --{option}" if option else ""))
    (views / "odd.py").write_text(OWN, encoding="utf-8")
    stack.penstock("views write", "views check", "views apply")
    yield stack
    for name in ("odd", *NEW.values()):
        (views / f"{name}.py").unlink()
    names = [*NEW.values(), "odd_history", "odd_totals", "albums_by_owner"]
    stack.drop(*names)
    for statement in DROP.split(";"):
        stack.sql(statement)


def insert_odd(stack: Stack, number: int) -> None:
    values = [f"{number}" if name == '"2nd"' else ROWS[kind](number) for name, kind, _ in ODD]
    stack.sql(f'INSERT INTO "Odd-Names" VALUES ({", ".join(["%s"] * len(ODD))})', *values)


def wait_until(is_so: Callable[[], Any]) -> None:
    deadline = time.monotonic() + PATIENCE_S
    while found := is_so():
        assert time.monotonic() < deadline, found
        time.sleep(0.2)


def differences(stack: Stack) -> list[str]:
    found = []
    for cql, statement in SAME.items():
        expected = set(stack.sql(statement))
        actual = {tuple(row.values()) for row in stack.cql(cql.replace(" FROM ", " FROM penstock."))}
        found += [f"{cql}: {row}" for row in expected ^ actual]
    return found


@pytest.fixture(scope="module")
def changed(named: Stack) -> Stack:
    """Wait until the rows that were there are in the views, and change them."""
    wait_until(lambda: differences(named))
    insert_odd(named, 4)
    assignments = ", ".join(f"{name} = {name} + 1" for name, kind, _ in ODD[KEY:] if kind == "int")
    named.sql(f'UPDATE "Odd-Names" SET {assignments}, "postal code" = \'moved\', "class" = \'c\' WHERE "order id" = 1')
    named.sql('UPDATE "Odd-Names" SET "2nd" = \'another key\' WHERE "order id" = 2')
    named.sql('DELETE FROM "Odd-Names" WHERE "order id" = 3')
    named.sql('UPDATE "CaseAlbum" SET "OwnerId" = 30 WHERE "Id" = 1')
    named.sql('DELETE FROM "CaseAlbum" WHERE "Id" = 2')
    named.sql("INSERT INTO \"case-order-items\" VALUES (2, 'blank too')")
    named.sql("UPDATE case_order_items SET a = 'line too'")
    named.sql('INSERT INTO "Sales-Dept"."2fa-log" VALUES (2, \'Bob\')')
    return named


def test_tables_of_any_name_are_in_their_views_and_none_meet(changed: Stack) -> None:
    wait_until(lambda: differences(changed))
    changed.penstock("verify " + " ".join([*NEW.values(), "odd_history", "odd_totals"]))


def test_a_history_tells_the_names_of_postgres(changed: Stack) -> None:
    wait_until(lambda: differences(changed))
    ((text,),) = changed.sql('SELECT row_to_json(t)::text FROM "Odd-Names" t WHERE "order id" = 1')
    query = "SELECT after, changed FROM penstock.odd_history WHERE order_x0020_id = 1 AND \"_x0032_nd\" = '1'"
    wait_until(lambda: json.loads(changed.cql(query)[0]["after"]) != json.loads(text))
    newest = changed.cql(query)[0]
    assert {"postal code", "a.b", "class", "penstock:refused"} & set(json.loads(newest["changed"])) == {
        "postal code",
        "a.b",
        "class",
    }


def test_one_row_is_repaired_and_found_by_its_key(changed: Stack) -> None:
    changed.penstock("views repair odd_names 1 1")
    wait_until(lambda: differences(changed))
    answer = requests.get(f"{changed.config.console.url}/api/v1/rows/public.Odd-Names/1,1", timeout=40).json()
    values = {store["name"]: store["value"] for store in answer["stores"] if store["value"]}
    assert values["penstock.odd_names"]["postal code"] == "moved"
    assert [store["differs"] for store in answer["stores"] if store["name"] == "penstock.odd_names"] == [[]]


def test_columns_of_any_name_come_while_views_run(named: Stack) -> None:
    with pytest.raises(psycopg2.DatabaseError, match="case only"):
        named.sql('ALTER TABLE public.users ADD COLUMN "Email" text')
    for table in ("public.users", "case_order_items"):
        for column in ('"postal code" text', '"größe" int', '"2fa" boolean', '"a-b" int', '"e Mail" text'):
            named.sql(f"ALTER TABLE {table} ADD COLUMN {column}")
    named.sql("INSERT INTO case_order_items VALUES (5, 'later', '1010', 7, true, 8, 'x')")
    named.sql("UPDATE public.users SET \"postal code\" = '1010', \"a-b\" = 1, city = 'Wien'")
    wait_until(lambda: differences(named))
    wait_until_exact(named)
    file = Project.of(named.config).views / "order_items_by_id.py"
    file.write_text(WITH_ADDED, encoding="utf-8")
    named.penstock("views write", "views apply")
    query = "SELECT id, a, postal_x0020_code, size FROM penstock.order_items_by_id"
    expected = set(named.sql('SELECT id, a, "postal code", "größe" FROM case_order_items'))
    wait_until(lambda: expected ^ {tuple(row.values()) for row in named.cql(query)})
    for column in ('"postal code"', '"größe"', '"2fa"', '"a-b"', '"e Mail"'):
        named.sql(f"ALTER TABLE public.users DROP COLUMN {column}")
    wait_until_exact(named)
    named.penstock("verify user_history")
