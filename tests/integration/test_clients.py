"""`penstock psql` shows what Postgres says, also where Python has no such value."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from penstock.clone import ROOT
from penstock.config import Config

STATEMENT = """
SELECT time '24:00' AS t, interval '1 mon 2 days' AS i, '\\xab12'::bytea AS b, date '12345-01-01' AS d,
       date '0044-03-15 BC' AS bc, timestamptz 'infinity' AS inf, ARRAY[time '24:00', NULL] AS a,
       '{"a":  1}'::json AS j, true AS yes, NULL::int AS n, 1.50 AS num, 'NaN'::float8 AS nan, int4range(1, 5) AS r
"""
SHOWN = [
    "24:00:00",
    "1 mon 2 days",
    "\\xab12",
    "12345-01-01",
    "0044-03-15 BC",
    "infinity",
    "{24:00:00,NULL}",
    '{"a":  1}',
    "t",
    "NULL",
    "1.50",
    "NaN",
    "[1,5)",
]


@pytest.fixture
def environment(config: Config, tmp_path: Path) -> dict[str, str]:
    file = tmp_path / "penstock.toml"
    file.write_text(f'state = "{config.state}"\n[postgres]\nport = {config.postgres.port}\n')
    return {**os.environ, "PENSTOCK_CONFIG": str(file)}


def psql(environment: dict[str, str], *arguments: str, piped: str | None = None) -> str:
    command = [str(Path(sys.executable).with_name("penstock")), "psql", *arguments]
    stdin = subprocess.DEVNULL if piped is None else None
    return subprocess.run(
        command, env=environment, cwd=ROOT, capture_output=True, text=True, check=True, stdin=stdin, input=piped
    ).stdout


def test_a_statement_shows_the_text_of_postgres(environment: dict[str, str]) -> None:
    assert psql(environment, "-t", "-c", STATEMENT).rstrip("\n").split("\t") == SHOWN


def test_a_statement_without_a_result_says_what_was_done(environment: dict[str, str]) -> None:
    assert psql(environment, "-c", "CREATE TABLE public.made (id int)", "-c", "DROP TABLE public.made").split() == [
        "CREATE",
        "TABLE",
        "DROP",
        "TABLE",
    ]


def test_the_shell_shows_the_text_of_postgres_too(environment: dict[str, str], tmp_path: Path) -> None:
    file = tmp_path / "statement.sql"
    file.write_text(STATEMENT)
    (row,) = [line for line in psql(environment, "--", "-f", str(file)).splitlines() if "24:00" in line]
    assert [cell.strip() for cell in row.strip("|").split("|")] == [
        text.replace("NULL", "<null>") if text == "NULL" else text for text in SHOWN
    ]


PIPED = """
-- A comment; with a semicolon
CREATE TABLE public.piped (id int, note text DEFAULT 'a; b');
INSERT INTO public.piped VALUES (1), (2);
CREATE FUNCTION public.piped_rows() RETURNS bigint LANGUAGE plpgsql AS
    $$ BEGIN RETURN (SELECT count(*) FROM piped); END $$;
SELECT piped_rows(), '24:00'::time AS late;
"""


def test_statements_that_are_piped_in_are_run_and_each_tells_what_it_did(environment: dict[str, str]) -> None:
    said = psql(environment, piped=PIPED).splitlines()
    assert said == ["CREATE TABLE", "INSERT 0 2", "CREATE FUNCTION", *said[3:]]
    assert [line.split() for line in said[3:]] == [
        ["piped_rows", "late"],
        ["-" * 10, "-" * 8],
        ["2", "24:00:00"],
        ["SELECT", "1"],
    ]


def test_of_statements_that_are_piped_in_all_are_done_or_none(environment: dict[str, str]) -> None:
    with pytest.raises(subprocess.CalledProcessError) as refused:
        psql(environment, piped="CREATE TABLE public.half (id int); SELECT 1 / 0")
    assert refused.value.stderr.startswith("penstock: Postgres refuses the statement: division by zero")
    assert psql(environment, "-t", "-c", "SELECT to_regclass('public.half')").strip() == "NULL"


DUMP = r"""
--
-- PostgreSQL database dump
--
\restrict kX2
SET client_encoding = 'UTF8';
SELECT pg_catalog.set_config('search_path', '', false);
CREATE TABLE public.dumped (id integer NOT NULL, note text);
CREATE TABLE public.dumped_too (id integer);

COPY public.dumped (id, note) FROM stdin;
1	tab\tand line\n
2	\N
3	BEGIN; SELECT größe
\.


COPY public.dumped_too (id) FROM stdin;
\.

ALTER TABLE ONLY public.dumped ADD CONSTRAINT dumped_key PRIMARY KEY (id);
\unrestrict kX2
"""


@pytest.mark.parametrize("is_piped", [pytest.param(True, marks=pytest.mark.slow), False])
def test_a_dump_is_loaded_with_its_rows(environment: dict[str, str], tmp_path: Path, is_piped: bool) -> None:
    file = tmp_path / "dump.sql"
    file.write_text("\ufeff" + DUMP)
    said = psql(environment, piped=DUMP) if is_piped else psql(environment, "-f", str(file))
    assert [line for line in said.splitlines() if line.startswith("COPY")] == ["COPY 3", "COPY 0"]
    shown = psql(environment, "-t", "-c", "SELECT id, to_json(note) FROM public.dumped ORDER BY id")
    assert shown.splitlines() == [r'1	"tab\tand line\n"', "2	NULL", '3	"BEGIN; SELECT größe"']
    psql(environment, "-c", "DROP TABLE public.dumped, public.dumped_too")


def test_of_a_dump_with_a_row_that_does_not_fit_nothing_is_left(environment: dict[str, str]) -> None:
    with pytest.raises(subprocess.CalledProcessError) as refused:
        psql(environment, piped=DUMP.replace("2	", "1	"))
    assert 'could not create unique index "dumped_key"' in refused.value.stderr
    assert psql(environment, "-t", "-c", "SELECT to_regclass('public.dumped')").strip() == "NULL"
