"""The expected side of `verify` on a real Postgres: what must be there, what has no row and why, and what is broken."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from contextlib import closing
from pathlib import Path

import psycopg2
import pytest
from penstock_views.declaration.views import ViewInvalid
from penstock_views.stream.session import local_session
from pyspark.sql import SparkSession

from penstock.config import Config
from penstock.postgres.connection import connect
from penstock.project.shapes import ViewShape
from penstock.project.workspace import Workspace
from penstock.verify.canonical import canonical_key
from penstock.verify.check import Sides, verify_views
from penstock.verify.history import NEWEST, history_shape
from penstock.verify.model import Absence, Kind, OnAbsence, Row, ignore_absence
from penstock.verify.postgres_rows import PostgresRows, ViewUncomputed
from penstock.views.stale_rows import stale_rows

TABLE = """
DROP TABLE IF EXISTS public.readings;
CREATE TABLE public.readings (code text PRIMARY KEY, city text, at timestamptz, amount numeric, weight bigint);
INSERT INTO public.readings VALUES
    ('a', 'Oslo', '2026-01-01 12:00', 1, 1),
    ('A', NULL, '2026-01-01 12:00:00.123456', 'NaN', 1),
    ('b', NULL, '2026-01-01 12:00:00.123457', 'Infinity', 0),
    ('c', 'Oslo', '2026-01-01 12:00', 2, 9223372036854775807),
    ('left out', NULL, '2026-01-01 12:00:00.1234', 'NaN', 0);
DROP TABLE IF EXISTS public.friends;
CREATE TABLE public.friends (member text, friend text, since int, PRIMARY KEY (member, friend));
INSERT INTO public.friends VALUES ('ann', 'bob', 1), ('bob', 'ann', 2), ('bob', 'cy', 3);
DROP TABLE IF EXISTS public.rates, public.shapes;
DROP TYPE IF EXISTS public."Money" CASCADE;
CREATE TYPE public."Money" AS ENUM ('EURO', 'NOK');
CREATE DOMAIN public.domestic AS public."Money";
CREATE TABLE public.rates (
    currency public."Money", domestic public.domestic, rate int, PRIMARY KEY (currency, domestic)
);
INSERT INTO public.rates VALUES ('EURO', 'NOK', 11), ('NOK', 'EURO', 12);
CREATE TABLE public.shapes (shape jsonb PRIMARY KEY);
INSERT INTO public.shapes VALUES ('{"b": 1, "a": [2]}');
DROP TABLE IF EXISTS public.nets;
CREATE TABLE public.nets (net cidr, mac macaddr, PRIMARY KEY (net, mac));
INSERT INTO public.nets VALUES ('10.0.0.0/8', '08:00:2b:01:02:03'), ('::/0', '08:00:2b:01:02:04')
"""
VIEWS = """
from penstock_views import aggregate, history, row, sum, totals, view
from pyspark.sql import functions as F

@view("public.readings", key=["city", "code"])
def by_city(r):
    return row(city=r.city, code=r.code).where(r.code != "left out")

@view("public.readings", key=["code"])
def by_code(r):
    return row(code=r.code, at=r.at, amount=r.amount).where(r.code != "left out")

@view("public.readings", key=["code"])
def lowered(r):
    return row(code=F.lower(r.code))

@history("public.readings", key=["city"])
def city_history(r):
    return row(city=r.city, code=r.code).where(r.code != "left out")

@history("public.readings", key=["code"])
def weights(r):
    return row(code=r.code, weight=r.weight, text=r.weight.cast("string"))

@aggregate("public.readings", key=["city"])
def city_totals(r):
    return totals(city=r.city, share=sum((F.lit(6) / r.weight).cast("int"))).where(r.code != "left out")

@view("public.readings", key=["code"])
def stopped(r):
    return row(code=r.code, gone=r.gone)

@view("public.readings", key=["code"])
def failing(r):
    return row(code=r.code, other=F.col("nowhere"))

@view("public.friends", key=["member", "friend"])
def befriended(f):
    return row(member=f.friend, friend=f.member, since=f.since)

@view("public.friends", key=["since", "one", "friend"])
def by_since(f):
    return row(since=f.since, one=f.member, friend=f.friend)

@view("public.rates", key=["currency", "domestic"])
def rates(r):
    return row(currency=r.currency, domestic=r.domestic, rate=r.rate)

@view("public.shapes", key=["shape"])
def shapes(r):
    return row(shape=r.shape)

@view("public.nets", key=["net", "mac"])
def nets(r):
    return row(net=r.net, mac=r.mac)
"""


@pytest.fixture(scope="module")
def spark() -> SparkSession:
    return local_session()


@pytest.fixture
def rows(spark: SparkSession, config: Config, tmp_path: Path) -> Iterator[PostgresRows]:
    (tmp_path / "spark/views").mkdir(parents=True)
    (tmp_path / "spark/views/readings.py").write_text(VIEWS)
    with closing(psycopg2.connect(config.postgres.dsn)) as connection:
        connection.autocommit = True
        connection.cursor().execute(TABLE)
        yield PostgresRows(spark, workspace=Workspace(config.model_copy(update={"project": str(tmp_path)})))


def scanned(rows: PostgresRows, view: ViewShape) -> tuple[list[Row], set[Absence]]:
    absences: list[Absence] = []
    found = list(rows.scan(view, absences.append))
    return found, set(absences)


class Held:
    """Rows as Cassandra has them."""

    def __init__(self, rows: Sequence[Row]) -> None:
        self.rows = rows

    def scan(self, view: ViewShape, on_absence: OnAbsence = ignore_absence) -> Iterator[Row]:  # noqa: ARG002
        return iter(self.rows)

    def pick(self, view: ViewShape, keys: Sequence[Row]) -> Iterator[Row]:
        wanted = [canonical_key(key, view.key) for key in keys]
        return (row for row in self.rows if canonical_key(row, view.key) in wanted)


def shape(name: str, *key: str) -> ViewShape:
    return ViewShape(name, key, key)


def test_a_row_with_null_in_its_key_is_reported(rows: PostgresRows) -> None:
    found, absences = scanned(rows, shape("by_city", "city", "code"))
    assert {row["code"] for row in found} == {"a", "c"}
    reason = "view by_city: key column city is NULL"
    assert absences == {Absence(reason, 1, "code=A"), Absence(reason, 1, "code=b")}


def test_values_that_no_view_can_hold_have_one_reason_whatever_they_are(rows: PostgresRows) -> None:
    found, absences = scanned(rows, shape("by_code", "code"))
    assert {row["code"] for row in found} == {"a", "c"}
    (reason,) = {absence.reason for absence in absences}
    assert reason.startswith("view by_code cannot compute: amount")
    assert {absence.example for absence in absences} == {"code=A", "code=b"}


def test_a_history_tells_what_it_has_no_entry_of(rows: PostgresRows) -> None:
    found, absences = scanned(rows, history_shape("city_history", ("city",)))
    assert [row["city"] for row in found] == ["Oslo", "Oslo"]
    assert sum(absence.rows for absence in absences) == 2


def test_a_history_says_a_number_alike_whatever_the_limits_of_its_type(rows: PostgresRows, config: Config) -> None:
    view = history_shape("weights", ("code",))
    found = []
    for kind in ("numeric(30,2)", "numeric", "numeric(50,2)"):
        with connect(config) as connection, connection, connection.cursor() as cursor:
            cursor.execute(f"ALTER TABLE readings ALTER weight TYPE {kind}")
        found.append({row["code"]: row[NEWEST] for row in rows.scan(view)})
        names, numbers = rows.columns(view)
        assert (set(names), set(numbers)) == ({"code", "weight", "text"}, {"weight"})
    assert found[0] == found[1] == found[2]
    assert json.loads(found[0]["c"])["weight"] == str(2**63 - 1)


def test_an_aggregate_tells_which_rows_are_in_no_group(rows: PostgresRows) -> None:
    found, absences = scanned(rows, shape("city_totals", "city"))
    assert [row["city"] for row in found] == ["Oslo"]
    reasons = {(absence.reason.split(";")[0], absence.rows, absence.example) for absence in absences}
    assert reasons == {
        ("view city_totals: key column city is NULL", 1, "code=A"),
        ("view city_totals cannot compute: share", 1, "code=b"),
    }


def test_two_rows_with_one_key_are_both_found_again(rows: PostgresRows) -> None:
    view = shape("lowered", "code")
    assert sorted(row["code"] for row in rows.scan(view)) == ["a", "a", "b", "c", "left out"]
    assert [row["code"] for row in rows.pick(view, [{"code": "a"}])] == ["a", "a"]


def test_rows_are_found_by_what_a_column_holds_and_not_by_its_name(rows: PostgresRows) -> None:
    view = shape("befriended", "member", "friend")
    (found,) = rows.pick(view, [{"member": "cy", "friend": "bob"}])
    assert found == {"member": "cy", "friend": "bob", "since": 3}
    assert [row["since"] for row in rows.pick(view, [{"member": "ann", "friend": "bob"}])] == [2]
    assert list(rows.pick(view, [{"member": "bob", "friend": "cy"}])) == []


def test_a_row_is_found_under_the_key_that_it_has_now_also_where_its_primary_key_has_other_names(
    rows: PostgresRows,
) -> None:
    view = shape("by_since", "since", "one", "friend")
    picked = rows.pick(view, [{"since": 99, "one": "bob", "friend": "cy"}])
    assert list(picked) == [{"since": 3, "one": "bob", "friend": "cy"}]


def test_a_difference_in_such_a_view_stays_one(rows: PostgresRows) -> None:
    view = ViewShape("befriended", ("member", "friend"), ("member", "friend", "since"))
    there = [{"member": "ann", "friend": "bob", "since": 2}, {"member": "bob", "friend": "ann", "since": 1}]
    sides = Sides(view, rows, Held([{**row, "row_version": 5} for row in there]), lambda: 9)
    (result,) = verify_views([sides], catch_up=lambda _: True, pause=lambda: None)
    assert (result.is_equal, result.counts[Kind.MISSING]) == (False, 1)


def test_a_good_row_of_such_a_view_is_not_swept(rows: PostgresRows, spark: SparkSession) -> None:
    view = shape("befriended", "member", "friend")
    old: list[Row] = [{"member": "ann", "friend": "bob"}, {"member": "cy", "friend": "ann"}]
    suspects = {canonical_key(row, view.key): dict(row) for row in old}
    stale = stale_rows(rows._workspace, spark, view, suspects)
    assert list(stale.values()) == [{"member": "cy", "friend": "ann"}]


def test_a_row_under_a_label_that_an_enum_has_no_more_is_asked_for(rows: PostgresRows, config: Config) -> None:
    view = shape("rates", "currency", "domestic")
    old = {"currency": "EURO", "domestic": "NOK"}
    assert list(rows.pick(view, [old])) == [{**old, "rate": 11}]
    with connect(config) as connection, connection, connection.cursor() as cursor:
        cursor.execute("""ALTER TYPE "Money" RENAME VALUE 'EURO' TO 'EUR'""")
    assert list(rows.pick(view, [old])) == []
    assert [row["rate"] for row in rows.pick(view, [{"currency": "EUR", "domestic": "NOK"}])] == [11]
    assert {row["domestic"] for row in rows.scan(view)} == {"EUR", "NOK"}


def test_a_row_under_a_text_that_the_type_of_its_key_does_not_take_is_asked_for(rows: PostgresRows) -> None:
    view = shape("shapes", "shape")
    (found,) = rows.scan(view)
    assert list(rows.pick(view, [found])) == [found] == [{"shape": '{"a": [2], "b": 1}'}]
    assert list(rows.pick(view, [{"shape": "no JSON"}])) == []
    view = shape("nets", "net", "mac")
    one, other = sorted(rows.scan(view), key=str)
    assert list(rows.pick(view, [one, {"net": "no net", "mac": one["mac"]}])) == [one]
    assert (one["net"], other["net"]) == ("10.0.0.0/8", "::/0")


def test_a_view_whose_column_is_gone_says_so(rows: PostgresRows) -> None:
    with pytest.raises(ViewInvalid, match="no column `gone`"):
        list(rows.scan(shape("stopped", "code")))


def test_what_spark_cannot_compute_is_one_clear_line(rows: PostgresRows) -> None:
    with pytest.raises(ViewUncomputed, match="nowhere") as raised:
        list(rows.scan(shape("failing", "code")))
    assert "\n" not in str(raised.value)
