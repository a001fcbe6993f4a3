"""A type of a user's that is named as a built-in one: no view can use its columns, and the others are as they were."""

from __future__ import annotations

import pytest
from penstock_views.snapshot.images import read_images
from penstock_views.stream.session import local_session
from penstock_views.types.canonical import UNUSABLE, is_usable

from penstock.config import Config
from penstock.postgres.catalogue import read_live_table
from penstock.postgres.connection import connect
from tests.integration.test_views_batch import source

TYPES = {
    "public.money": "DOMAIN public.money AS numeric(10, 2)",
    "public.xml": "TYPE public.xml AS ENUM ('a', 'b')",
    "public.point": "TYPE public.point AS (x int, y int)",
    "public.uuid": "DOMAIN public.uuid AS text",
    "public.isbn": "DOMAIN public.isbn AS text",
    "public.hstore": "DOMAIN public.hstore AS jsonb",
    "public.timestamptz": "DOMAIN public.timestamptz AS bigint",
    "public.oidvector": "DOMAIN public.oidvector AS text",
    # A writer schema says DATE of it too.
    'public."Date"': 'DOMAIN public."Date" AS timestamptz',
    "public.name": "DOMAIN public.name AS varchar(50)",
}
OTHERS = {
    "id": "bigint PRIMARY KEY",
    "price": "numeric(10, 2)",
    "share": "public.percent",
    "mood": "public.mood",
    "moods": "public.mood[]",
    "seen": "timestamptz",
    "label": 'public."Name"',
}
"""Their types are no namesakes, and mean what they say."""


@pytest.fixture(scope="module")
def named(config: Config) -> Config:
    columns = [f"c{number} {name}" for number, name in enumerate([*TYPES, "public.money[]"])]
    columns += [f"{name} {kind}" for name, kind in OTHERS.items()]
    own = "CREATE DOMAIN public.percent AS numeric(5, 2); CREATE TYPE public.mood AS ENUM ('glad', 'sad')"
    own += '; CREATE DOMAIN public."Name" AS varchar(50)'
    made = "; ".join(f"CREATE {each}" for each in TYPES.values())
    with connect(config) as connection, connection, connection.cursor() as cursor:
        cursor.execute(f"{own}; {made}; CREATE TABLE public.named ({', '.join(columns)})")
    return config


def test_the_catalogue_says_which_type_it_is_and_why_no_view_can_use_it(named: Config) -> None:
    with connect(named) as connection:
        fields = read_live_table(connection, "public.named").table.columns
    unusable = {field.name: field.metadata[UNUSABLE] for field in fields if not is_usable(field)}
    assert unusable.keys() == {f"c{number}" for number in range(len(TYPES) + 1)}
    for number, name in enumerate([*TYPES, "public.money[]"]):
        assert unusable[f"c{number}"].startswith("has type {}: ".format(name.replace('"', "").lower()))
    assert "Debezium takes it for another type of that name" in unusable["c0"]
    assert {field.name: field.dataType.simpleString() for field in fields if is_usable(field)} == {
        "id": "bigint",
        "price": "decimal(10,2)",
        "share": "string",
        "mood": "string",
        "moods": "array<string>",
        "seen": "timestamp",
        "label": "string",
    }


def test_the_other_columns_of_its_table_are_read(named: Config) -> None:
    with connect(named) as connection, connection, connection.cursor() as cursor:
        cursor.execute("INSERT INTO public.named (id, c0, price, share, mood) VALUES (1, 2.5, 3.50, 7.25, 'sad')")
    (row,) = read_images(local_session(), "public.named", source(named)).collect()
    assert (row["id"], str(row["price"]), row["share"], row["mood"], row["c0"]) == (1, "3.50", "7.25", "sad", None)
