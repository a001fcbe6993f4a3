"""Generated tables are ones that Postgres takes, and `views new` makes views of them, or says by name why not."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import suppress
from random import Random

import psycopg2
import pytest

from penstock.config import Config, load_config
from penstock.project.folders import Project
from penstock.project.workspace import Workspace
from penstock.setup import actions as setup
from penstock.views.check import check
from penstock.views.make import Fate, new_views
from tests.generated.kinds import NO_TYPES, TYPES
from tests.generated.schemas import SCHEMAS, Life, columns_of_view, make_tables
from tests.integration.servers import started, written
from tests.project import copy_project

SEEDS = range(3)


@pytest.fixture(scope="module")
def config(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Config]:
    folder = tmp_path_factory.mktemp("generated")
    # Nobody listens at Cassandra's port: only what Postgres says is looked at.
    more = f'project = "{copy_project(folder / "project")}"'
    config = load_config(written(folder, "postgres", "cassandra", more=more))
    with started(config, "postgres"):
        setup.create_tables(Workspace(config))
        yield config


@pytest.mark.parametrize("seed", SEEDS)
def test_postgres_takes_them_and_every_table_is_made_or_refused_by_name(config: Config, seed: int) -> None:
    print(f"seed {seed}")
    rng = Random(seed)  # noqa: S311 - the same each time
    tables = make_tables(rng, 6)
    connection = psycopg2.connect(config.postgres.dsn)
    connection.autocommit = True
    try:
        with connection.cursor() as cursor:
            cursor.execute(TYPES + "".join(f"CREATE SCHEMA {schema};" for schema in SCHEMAS))
            for table in tables:
                cursor.execute(table.ddl)
            life = Life(rng, tables)
            for statement, values in (*life.inserts(5), *life.changes(200)):
                execute(cursor, statement, values)
            found = new_views(Workspace(config), [f"{schema}.*" for schema in SCHEMAS])
            by_name = {outcome.table: outcome for outcome in found.outcomes}
            for table in tables:
                outcome = by_name[table.full_name]
                assert outcome.fate is Fate.MADE or outcome.reason
                if outcome.fate is Fate.MADE:
                    text = (Project.of(config).views / f"{outcome.view}.py").read_text()
                    assert set(columns_of_view(text).values()) | set(outcome.left_out) >= {
                        c.name for c in table.written
                    }
            assert check(Workspace(config)).wrong == ()
    finally:
        copy_project(Project.of(config).root)
        with connection.cursor() as cursor:
            cursor.execute("".join(f"DROP SCHEMA {schema} CASCADE;" for schema in SCHEMAS))
            cursor.execute(NO_TYPES)
        connection.close()


def execute(cursor: psycopg2.extensions.cursor, statement: str, values: tuple[object, ...]) -> None:
    """Run a statement; a row may move to a key that another one has."""
    with suppress(psycopg2.errors.UniqueViolation):
        cursor.execute(statement, values)
