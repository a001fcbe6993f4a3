"""Tables, rows and changes from a seed, on the whole stack: every view that `views new` makes equals its table.

What cannot be a view is refused by name before anything starts. A seed that fails is a case: it fails again.
"""

from __future__ import annotations

import re
import time
from collections.abc import Iterator, Mapping
from random import Random
from typing import Any

import psycopg2
import pytest

from penstock.clone import ROOT
from penstock.project.folders import Project
from tests.generated.kinds import NO_TYPES, TYPES
from tests.generated.schemas import SCHEMAS, Life, Statement, Table, columns_of_view, make_tables, quoted
from tests.patience import PATIENCE_S
from tests.stack import Stack

FEW, MANY = range(1), range(1, 13)
_TABLES, _ROWS, _CHANGES = 8, 20, 400
_PATTERNS = " ".join(f"'{schema}.*'" for schema in SCHEMAS)
_MADE = re.compile(r"^ *(generated_\w\..*?) {2,}(\w+) +made ", re.MULTILINE)


@pytest.mark.parametrize("seed", [*FEW, *(pytest.param(seed, marks=pytest.mark.slow) for seed in MANY)])
def test_every_view_of_a_generated_schema_is_exact(stack: Stack, seed: int) -> None:
    project = Project.of(stack.config)
    if project.root == ROOT:
        pytest.skip("the running stack works on the clone's own files: set `project` in its configuration")
    print(f"seed {seed}")
    rng = Random(seed)  # noqa: S311 - the same each time
    tables = make_tables(rng, _TABLES)
    stack.sql(TYPES + "".join(f"CREATE SCHEMA {schema};" for schema in SCHEMAS))
    made: dict[str, str] = {}
    try:
        for table in tables:
            stack.sql(table.ddl)
        life = Life(rng, tables)
        run(stack, life.inserts(_ROWS))
        said = stack.penstock(f"views new {_PATTERNS}", check=False).stdout
        made = dict(_MADE.findall(said))
        assert made, said
        assert all(table.full_name in said for table in tables)
        stack.penstock("views apply")
        run(stack, life.changes(_CHANGES))
        views = {view: columns_of_view((project.views / f"{view}.py").read_text()) for view in made.values()}
        wait_until_equal(stack, [table for table in tables if table.full_name in made], made, views)
    finally:
        for view in made.values():
            (project.views / f"{view}.py").unlink()
        if made:
            stack.drop(*made.values())
        stack.sql("".join(f"DROP SCHEMA {schema} CASCADE;" for schema in SCHEMAS) + NO_TYPES)


def run(stack: Stack, statements: Iterator[Statement]) -> None:
    """Run statements, a few in a transaction, some inside a savepoint; a row may move to a key that another has."""
    connection = psycopg2.connect(stack.config.postgres.dsn)
    try:
        with connection.cursor() as cursor:
            for number, (statement, values) in enumerate(statements):
                cursor.execute("SAVEPOINT one")
                try:
                    cursor.execute(statement, values)
                except psycopg2.errors.UniqueViolation:
                    cursor.execute("ROLLBACK TO one")
                if number % 7 == 0:
                    connection.commit()
        connection.commit()
    finally:
        connection.close()


def wait_until_equal(
    stack: Stack, tables: list[Table], made: Mapping[str, str], views: Mapping[str, Mapping[str, str]]
) -> None:
    """Wait until each view holds what its table does; fail with the first differences at the deadline."""
    deadline = time.monotonic() + PATIENCE_S
    for table in tables:
        view = made[table.full_name]
        while found := differences(stack, table, view, views[view]):
            assert time.monotonic() < deadline, f"{table.ddl}\n" + "\n".join(found[:10])
            time.sleep(1)


def differences(stack: Stack, table: Table, view: str, columns: Mapping[str, str]) -> list[str]:
    """Return what a view holds too much and too little, as plain SQL and plain CQL say."""
    kinds = {column.name: column.kind for column in table.columns}
    asked = [kinds[source].asked.format(quoted(source)) for source in columns.values()]
    wanted = {repr(row) for row in stack.sql(f"SELECT {', '.join(asked)} FROM {table.sql_name}")}
    names = [f"{kinds[source].cql.format(quoted(name))} AS {quoted(name)}" for name, source in columns.items()]
    rows = stack.cql(f"SELECT {', '.join(names)} FROM {stack.config.names.keyspace}.{quoted(view)}")
    found = {repr(tuple(_read(kinds[source], row[name]) for name, source in columns.items())) for row in rows}
    return [f"{view} lacks {row}" for row in wanted - found] + [f"{view} has {row}" for row in found - wanted]


def _read(kind: Any, value: Any) -> Any:
    return None if value is None else kind.read(value)
