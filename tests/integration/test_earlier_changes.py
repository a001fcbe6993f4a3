"""A change that was made before its table was altered, and is read after it: it holds what the row was."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from penstock.config import Config
from penstock.postgres.connection import connect
from penstock.postgres.publication import publish
from penstock.postgres.slot import read_reader
from penstock.wait import wait_until
from tests.integration.source_alone import SourceAlone
from tests.patience import PATIENCE_S

WHOLE = {"changes.whole": "yes"}
COLUMNS = {
    "status": ("text", "'new'", "TYPE integer USING CASE status WHEN 'new' THEN 0 ELSE 1 END"),
    "due": ("date", "'2026-02-01'", "TYPE timestamp"),
    "seen": ("timestamptz", "'2026-02-01 10:00+02'", "TYPE timestamp"),
    "begun": ("timestamp", "'2026-02-01 10:00'", "TYPE date"),
    "done": ("boolean", "true", "TYPE integer USING done::integer"),
    "epoch": ("integer", "1767225600", "TYPE timestamptz USING to_timestamp(epoch)"),
    "tag": ("text", "'red'", "TYPE text[] USING ARRAY[tag]"),
    "price": ("money", "12.5", "TYPE numeric"),
    "agreed": ("text", "'yes'", "TYPE boolean USING agreed = 'yes'"),
    "active": ("integer", "1", "TYPE boolean USING active = 1"),
    "code": ("uuid", "'00000000-0000-0000-0000-000000000001'", "TYPE text"),
    "size": ("numeric(10, 2)", "10.5", "TYPE double precision"),
    "mood": ("public.mood", "'glad'", "TYPE text"),
}
"""Each with its type, a value, and what it is altered to in the same transaction."""


@pytest.fixture
def tables(config: Config) -> Config:
    """Two tables of the same columns: only one is altered."""
    columns = ", ".join(f"{name} {kind}" for name, (kind, _, _) in COLUMNS.items())
    made = f"(id text PRIMARY KEY, {columns}, note text, points integer)"
    with connect(config) as connection, connection, connection.cursor() as cursor:
        cursor.execute("CREATE TYPE public.mood AS ENUM ('glad', 'sad')")
        for table in ("still", "altered"):
            cursor.execute(f"CREATE TABLE public.{table} {made}; ALTER TABLE public.{table} REPLICA IDENTITY FULL")
            cursor.execute(f"INSERT INTO public.{table} (id) VALUES ('old')")
    return config


def test_a_change_is_read_as_what_its_row_was(tables: Config, tmp_path: Path) -> None:
    with connect(tables) as connection:
        publish(connection, ["public.still", "public.altered"])
    source = SourceAlone(
        tables, tmp_path, table="public.still,public.altered", more=WHOLE | {"slot.drop.on.stop": "false"}
    )
    with connect(tables) as connection:
        wait_until(lambda: read_reader(connection) is not None, timeout_s=PATIENCE_S, what="the source reads the WAL")
    names, values = ", ".join(COLUMNS), ", ".join(value for _, value, _ in COLUMNS.values())
    with connect(tables) as connection, connection.cursor() as cursor:
        connection.autocommit = True
        # Another task begins here: Postgres describes a table to it with the first change that it sends.
        cursor.execute("INSERT INTO public.still (id) VALUES ('restart')")
        connection.autocommit = False
        for table in ("still", "altered"):
            cursor.execute(f"INSERT INTO public.{table} (id, {names}) VALUES ('new', {values})")
            cursor.execute(f"UPDATE public.{table} SET note = 'none', points = 7 WHERE id = 'old'")
            cursor.execute(f"DELETE FROM public.{table} WHERE id = 'new'")
        altered = [f"ALTER {name} {to}" for name, (_, _, to) in COLUMNS.items()]
        altered += ["ALTER note SET DEFAULT 'a note'", "ALTER points SET DEFAULT 5"]
        cursor.execute(f"ALTER TABLE public.altered {', '.join(altered)}")
        cursor.execute("UPDATE public.altered SET note = '', points = 0 WHERE note IS NULL")
        cursor.execute("ALTER TABLE public.altered ALTER note SET NOT NULL, ALTER points SET NOT NULL")
        connection.commit()
        cursor.execute("INSERT INTO public.still (id) VALUES ('end')")
        connection.commit()
    records = source.records()
    expected = _images(records, "still")
    assert set(expected) >= {("c", "new"), ("u", "old"), ("d", "new")}
    assert "status=new" in expected["c", "new"] and "note=null" not in expected["u", "old"].split("after=")[1]
    assert {key: _images(records, "altered")[key] for key in expected if key[1] in ("old", "new")} == {
        key: images for key, images in expected.items() if key[1] in ("old", "new")
    }


def _images(records: list[str], table: str) -> dict[tuple[str, str], str]:
    """Return the images of each change of a table, by its operation and key."""
    found = {}
    for record in records:
        if match := re.search(
            rf"app\.public\.{table}'?,.*?key=Struct\{{id=(\w+)\}}.*?value=Struct\{{(.*?),source=.*?,op=(\w)", record
        ):
            key, images, operation = match.groups()
            found[operation, key] = images
    return found
