"""A row is found by its key however a person writes it, for each type that a key can have; one Postgres runs."""

from __future__ import annotations

from collections.abc import Iterator

import psycopg2
import pytest

from penstock.config import Config
from penstock.console.look.postgres import PostgresCollector
from penstock.console.service.source_row import ValueUnfit, read_source_row
from penstock.keys.types import column_types
from penstock.keys.values import canonical
from penstock.postgres.connection import connect
from penstock.project.workspace import Workspace
from penstock.setup import actions as setup
from tests.integration.servers import started

UUID = "0b2f7f0e-6a7b-4a8e-9a54-8f5d8c1d2e3f"
CASES = {
    # type of the key: the value in the table, how it is written, ways to ask for it
    "boolean": ("true", "true", ["T", "yes", "true", "1"]),
    "date": ("2009-12-31", "2009-12-31", ["31 Dec 2009", "20091231"]),
    "uuid": (UUID, UUID, [UUID.upper(), "{" + UUID + "}"]),
    "text": ("a, b/c ", "a, b/c ", ["a, b/c "]),
    "character varying(3)": ("abc", "abc", ["abc"]),
    "character(5)": ("ab", "ab", ["ab", "ab   "]),
    "numeric": ("10.0", "10", ["10", "10.00", "1e1"]),
    "numeric(6,2)": ("10.50", "10.5", ["10.5"]),
    "integer": ("-1", "-1", ["-1", " -1 "]),
    "double precision": ("0.1", "0.1", ["0.1", "1e-1"]),
    "timestamp(3) with time zone": (
        "2010-05-06 07:08:09.123+00",
        "2010-05-06 07:08:09.123+00",
        ["2010-05-06T09:08:09.123+02"],
    ),
    "timestamp without time zone": ("2010-05-06 07:08:09.5", "2010-05-06 07:08:09.5", ["2010-05-06T07:08:09.500000"]),
    "time without time zone": ("01:02:03", "01:02:03", ["1:2:3"]),
    "bytea": ("\\x00ff", "\\x00ff", ["\\x00FF", "\\000\\377"]),
    "inet": ("10.0.0.1", "10.0.0.1", ["10.0.0.1"]),
    "mood": ("so so", "so so", ["so so"]),
    "short": ("ab", "ab", ["ab"]),
}
SETUP = """
CREATE TYPE mood AS ENUM ('so so', 'well');
CREATE DOMAIN shorter AS character varying(3) CHECK (value <> 'no');
CREATE DOMAIN short AS shorter;
"""


@pytest.fixture(scope="module")
def config(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Config]:
    folder = tmp_path_factory.mktemp("row")
    config = Config.model_validate({"state": folder / "var", "postgres": {"port": 27181}})
    with started(config, "postgres"):
        setup.create_tables(Workspace(config))
        with connect(config) as connection, connection, connection.cursor() as cursor:
            cursor.execute(SETUP)
            for number, (sql_type, (value, _, _)) in enumerate(CASES.items()):
                cursor.execute(f"CREATE TABLE t{number} (t int, k {sql_type}, n int, PRIMARY KEY (n, k) INCLUDE (t))")
                cursor.execute(f"INSERT INTO t{number} VALUES (7, %s, 1)", (value,))
            cursor.execute("CREATE PUBLICATION everything FOR TABLES IN SCHEMA public")
        yield config


@pytest.mark.parametrize(("number", "sql_type"), list(enumerate(CASES)))
def test_a_row_is_found_by_every_way_to_write_its_key(config: Config, number: int, sql_type: str) -> None:
    _, written, ways = CASES[sql_type]
    for way in ways:
        row = read_source_row(config.postgres.dsn, f"public.t{number}", {"n": "1", "k": way}, types={})
        assert row.problem is None
        assert row.value is not None and row.value["t"] == 7, way
        known = row.types["k"]
        assert canonical(known, row.key["k"]) == canonical(known, written) == canonical(known, row.value["k"])


def test_what_is_no_value_of_the_type_is_refused_with_the_word_of_postgres(config: Config) -> None:
    for number, sql_type in enumerate(CASES):
        if sql_type in {"uuid", "date", "boolean", "mood", "numeric", "bytea", "inet"}:
            bad = "\\x0" if sql_type == "bytea" else "nonsense"
            with pytest.raises(ValueUnfit, match="invalid"):
                read_source_row(config.postgres.dsn, f"public.t{number}", {"n": "1", "k": bad}, types={})


def test_a_longer_text_is_another_key_and_not_cut(config: Config) -> None:
    number = list(CASES).index("character varying(3)")
    assert read_source_row(config.postgres.dsn, f"public.t{number}", {"n": "1", "k": "abcd"}, types={}).value is None


def test_the_collector_tells_the_key_with_its_types_and_without_what_it_only_includes(config: Config) -> None:
    tables = {table.name: table for table in PostgresCollector(config).collect().tables}
    with psycopg2.connect(config.postgres.dsn) as connection, connection.cursor() as cursor:
        for number in range(len(CASES)):
            table, types = tables[f"public.t{number}"], column_types(cursor, f"public.t{number}")
            assert dict(zip(table.primary_key, table.key_types, strict=True)) == {"n": types["n"], "k": types["k"]}
        assert column_types(cursor, f"public.t{list(CASES).index('short')}")["k"] == "character varying(3)"
    connection.close()
