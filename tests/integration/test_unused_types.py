"""A column of a type that no view can use: it is not sent, and no value of it stops the source."""

from __future__ import annotations

from contextlib import closing
from pathlib import Path

import psycopg2
import pytest

from penstock.config import Config
from penstock.postgres.connection import connect
from penstock.postgres.publication import publish
from tests.integration.source_alone import SourceAlone, catch_up

MADE = """
CREATE EXTENSION citext; CREATE EXTENSION hstore; CREATE EXTENSION ltree;
CREATE TYPE public.pair AS (a integer, b text);
CREATE TYPE public.span AS RANGE (subtype = float8);
CREATE DOMAIN public.price AS money;
CREATE DOMAIN public.email AS citext CHECK (value LIKE '%@%');
CREATE DOMAIN public.counted AS integer;
CREATE TABLE public.other (id text PRIMARY KEY, n integer);
"""
pytestmark = pytest.mark.slow

VALUES = {
    "bit(3)": "101",
    "bit(3)[]": "{101,NULL}",
    "bit varying(1)": "",
    "bit varying[]": '{"",1}',
    "money": "12.5",
    "money[]": "{1,2}",
    "public.price": "1",
    "time with time zone": "24:00:00+02",
    "time with time zone[]": "{24:00:00+02}",
    "time[]": "{24:00:00}",
    "interval[]": '{"1 mon -1 day",NULL}',
    "citext": "A@b",
    "public.email": "A@b",
    "citext[]": "{A,NULL}",
    "hstore": "a=>NULL",
    "hstore[]": '{"a=>1",NULL}',
    "ltree": "a.b",
    "ltree[]": "{a.b,NULL}",
    "tsvector": "'a':1",
    "tsquery": "'a' & 'b'",
    "xml": "<a/>",
    "xml[]": "{<a/>,NULL}",
    "int4range": "[1,)",
    "int4range[]": '{"[1,)",empty}',
    "numrange": "(,)",
    "tstzrange": "[-infinity,infinity]",
    "int4multirange": "{[1,2)}",
    "public.span": "[1,Infinity]",
    "point": "(1,2)",
    "point[]": '{"(1,NaN)"}',
    "polygon": "((0,0),(1,1))",
    "path": "[(0,0),(1,1)]",
    "circle": "<(0,0),1>",
    "line": "{1,2,3}",
    '"char"': "é",
    "name": "Ada",
    "oid": "4294967295",
    "oid[]": "{4294967295}",
    "xid": "1",
    "pg_lsn": "0/1",
    "regclass": "pg_class",
    "jsonpath": "$.a",
    "public.pair": "(1,a)",
    "public.pair[]": '{"(1,a)",NULL}',
    "public.other": "(x,1)",
    "public.counted[]": "{1,NULL}",
}


@pytest.fixture
def unused(config: Config) -> Config:
    columns = ", ".join(f"c{number} {kind}" for number, kind in enumerate(VALUES))
    with connect(config) as connection, connection, connection.cursor() as cursor:
        cursor.execute(f"{MADE} CREATE TABLE public.unused (id text PRIMARY KEY, {columns}, kept integer)")
        cursor.execute("CREATE TABLE public.keyed (id text, k citext, l ltree, n integer, PRIMARY KEY (id, k, l))")
        for table in ("unused", "keyed"):
            cursor.execute(f"ALTER TABLE public.{table} REPLICA IDENTITY FULL")
        cursor.execute("INSERT INTO public.keyed VALUES ('there', 'A', 'a.b', 1)")
        cursor.execute(f"ALTER DATABASE {config.postgres.database} SET log_statement = 'all'")
    return config


def test_no_value_of_it_stops_the_source(unused: Config, tmp_path: Path) -> None:
    with connect(unused) as connection:
        publish(connection, ["public.unused", "public.keyed"])
    more = {"changes.whole": "yes"}
    source = SourceAlone(unused, tmp_path, table="public.unused,public.keyed", more=more)
    with closing(psycopg2.connect(unused.postgres.dsn)) as writer, writer.cursor() as cursor:
        writer.autocommit = True
        catch_up(cursor, "INSERT INTO public.unused (id) VALUES ('step')")
        casts = ", ".join(f"%s::{kind}" for kind in VALUES)
        cursor.execute(f"INSERT INTO public.unused VALUES ('new', {casts}, 7)", list(VALUES.values()))
        cursor.execute("UPDATE public.unused SET kept = 8")
        cursor.execute("UPDATE public.keyed SET n = 2, k = 'B'")
        cursor.execute("INSERT INTO public.unused (id, c0) SELECT 'row ' || n, '101' FROM generate_series(1, 2000) n")
        cursor.execute("INSERT INTO public.unused (id) VALUES ('end')")
    records = [record for record in source.records() if "public.unused" in record and "Struct{id=new}" in record]
    assert ["after=Struct{id=new,kept=7}" in records[0], "after=Struct{id=new,kept=8}" in records[1]] == [True, True]
    asked = (unused.state / "postgres.log").read_text().count("AND t.oid = $1")
    assert 0 < asked < 20 * len(VALUES), "it asks for a type with each row"
