"""A value at which Debezium fails: it alone is left out, and SQL refuses the same values."""

from __future__ import annotations

from pathlib import Path

import pytest
from penstock_views.snapshot.images import read_images
from penstock_views.snapshot.postgres import Postgres
from penstock_views.stream.session import local_session
from penstock_views.types.encodings import REFUSED

from penstock.config import Config
from penstock.postgres.connection import connect
from penstock.postgres.publication import publish
from tests.integration.source_alone import SourceAlone, catch_up

MOST_HOURS = 2**31 - 1
TABLE = """
CREATE TYPE public.mood AS ENUM ('glad', 'sad');
CREATE TABLE public.odd (
    id text PRIMARY KEY, span interval, numbers numeric[], amounts numeric(10, 2)[], moods public.mood[], kept integer
)
"""
ROWS = {
    "hours": ("span", f"make_interval(hours => {MOST_HOURS}) + interval '1 hour'"),
    "hours back": ("span", f"make_interval(hours => -{MOST_HOURS}) - interval '1 hour'"),
    "nan": ("numbers", "'{1,NaN}'"),
    "no amount": ("amounts", "'{NaN}'"),
    "no mood": ("moods", "'{glad,NULL}'"),
}
"""Its id, and the column that has the value."""
HELD = {
    "most": ("span", f"make_interval(hours => {MOST_HOURS}, mins => 59, secs => 59.999999)"),
    "most back": ("span", f"-make_interval(hours => {MOST_HOURS}, mins => 59, secs => 59.999999)"),
    "longest": ("span", "'178000000 years 2147483647 days'::interval"),
    "none": ("moods", "'{}'"),
    "numbers": ("numbers", "'{1,-2.50}'"),
    "sad": ("moods", "'{sad}'"),
}


@pytest.fixture(scope="module")
def odd(config: Config) -> Config:
    with connect(config) as connection, connection, connection.cursor() as cursor:
        cursor.execute(f"{TABLE}; ALTER TABLE public.odd REPLICA IDENTITY FULL")
        for key, (column, value) in (ROWS | HELD).items():
            cursor.execute(f"INSERT INTO public.odd (id, kept, {column}) VALUES ('there {key}', 1, {value})")
    with connect(config) as connection:
        publish(connection, ["public.odd"])
    return config


def test_it_is_left_out_and_no_other_value(odd: Config, tmp_path: Path) -> None:
    source = SourceAlone(odd, tmp_path, table="public.odd")
    with connect(odd) as connection, connection.cursor() as cursor:
        connection.autocommit = True
        catch_up(cursor, "INSERT INTO public.odd (id) VALUES ('step')")
        for key, (column, value) in (ROWS | HELD).items():
            cursor.execute(f"INSERT INTO public.odd (id, kept, {column}) VALUES ('{key}', 1, {value})")
            cursor.execute(f"UPDATE public.odd SET kept = 2 WHERE id = '{key}'")
            cursor.execute(f"UPDATE public.odd SET {column} = NULL WHERE id = '{key}'")
        cursor.execute("INSERT INTO public.odd (id) VALUES ('end')")
    left_out: dict[str, list[list[str]]] = {}
    for key, op, before, after in source.changes():
        left_out.setdefault(key, []).append([op, before, after])
    for key, (column, _) in (ROWS | HELD).items():
        said = f"{column}=a value that Debezium cannot read" if key in ROWS else ""
        assert left_out[f"there {key}"] == [["r", "", said]], key
        assert left_out[key] == [["c", "", said], ["u", said, said], ["u", said, ""]], key


def test_sql_refuses_the_same_values(odd: Config) -> None:
    part = odd.postgres
    images = read_images(local_session(), "public.odd", Postgres(part.host, part.port, part.database, part.user))
    refused = {row["id"]: row[REFUSED.name] for row in images.collect()}
    assert {key: set(refused[f"there {key}"]) for key in ROWS} == {key: {column} for key, (column, _) in ROWS.items()}
    assert [refused[f"there {key}"] for key in HELD] == [None] * len(HELD)
