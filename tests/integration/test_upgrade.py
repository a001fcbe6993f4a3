"""What an earlier version has set up in Postgres becomes what the present one sets up, whichever version it was."""

from __future__ import annotations

import subprocess
from collections.abc import Iterator
from contextlib import closing, contextmanager

import psycopg2
import pytest
from psycopg2 import sql

from penstock.clone import ROOT
from penstock.config import Config
from penstock.postgres.own import Connection
from penstock.postgres.silent import sees_ddl
from penstock.setup.actions import run_files
from tests.integration.statements import run
from tests.names import OURS_IN_POSTGRES

pytestmark = pytest.mark.slow

FOLDER = "schemas/postgres"
TABLES = """
    SELECT c.relname, a.attname, format_type(a.atttypid, a.atttypmod), a.attnotnull, pg_get_expr(d.adbin, d.adrelid)
    FROM pg_class c JOIN pg_attribute a ON a.attrelid = c.oid AND a.attnum > 0 AND NOT a.attisdropped
    LEFT JOIN pg_attrdef d ON d.adrelid = c.oid AND d.adnum = a.attnum
    WHERE c.relnamespace IN ('penstock'::regnamespace, 'loader'::regnamespace) AND c.relkind IN ('r', 'v')
    ORDER BY 1, 2
"""
FUNCTIONS = """
    SELECT p.proname, pg_get_function_identity_arguments(p.oid), md5(p.prosrc) FROM pg_proc p
    WHERE p.pronamespace = 'penstock'::regnamespace ORDER BY 1, 2
"""


def git(*arguments: str) -> str:
    return subprocess.run(["git", "-C", str(ROOT), *arguments], capture_output=True, text=True, check=True).stdout


def versions() -> list[str]:
    """Name a commit for each form that the files have had."""
    if git("rev-parse", "--is-shallow-repository").strip() != "false":
        pytest.skip("the clone has no history")
    trees = {
        git("rev-parse", f"{commit}:{FOLDER}"): commit for commit in git("log", "--format=%h", "--", FOLDER).split()
    }
    return list(trees.values())


def files_of(commit: str) -> list[str]:
    """Return what the files say, in their order."""
    names = git("ls-tree", "--name-only", f"{commit}:{FOLDER}").split()
    return [git("show", f"{commit}:{FOLDER}/{name}") for name in sorted(names) if name.endswith(".sql")]


@contextmanager
def database(config: Config, name: str) -> Iterator[Connection]:
    dsn = psycopg2.extensions.make_dsn(config.postgres.dsn, dbname=name)
    with closing(psycopg2.connect(config.postgres.dsn)) as server:
        server.autocommit = True
        server.cursor().execute(sql.SQL("CREATE DATABASE {}").format(sql.Identifier(name)))
        with closing(psycopg2.connect(dsn, connection_factory=OURS_IN_POSTGRES)) as connection:
            yield connection
        server.cursor().execute(sql.SQL("DROP DATABASE {}").format(sql.Identifier(name)))


def test_every_earlier_form_becomes_the_present_one(config: Config) -> None:
    present = sorted((ROOT / FOLDER).glob("*.sql"))
    with database(config, "present") as connection:
        run_files(connection, present)
        wanted = run(connection, TABLES)
        functions = set(run(connection, FUNCTIONS))
        assert sees_ddl(connection)
    former = versions()
    assert len(former) > 20
    for number, commit in enumerate(former):
        with database(config, f"former_{number}") as connection:
            for file in files_of(commit):
                run(connection, file)
            run_files(connection, present)
            found = run(connection, TABLES)
            assert set(wanted) <= set(found), commit
            # What is left over of it takes rows of now.
            assert [row for row in set(found) - set(wanted) if row[3] and row[4] is None] == [], commit
            assert functions <= set(run(connection, FUNCTIONS)), commit
            assert sees_ddl(connection), commit
