"""Tables made by chance, with views of them, equal Postgres after changes made by chance.

The seed of each round is in the test's name: `pytest -k seed-7` does the same again. What fails becomes a case of its
own in another file.
"""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import closing
from random import Random

import psycopg2
import pytest

from penstock.project import Project
from tests import generated
from tests.patience import PATIENCE_S
from tests.stack import Stack

TABLES = 5
CHANGES = 150
FIRST_ROWS = 20
SEEDS = [pytest.param(1, id="seed-1"), *(pytest.param(n, id=f"seed-{n}", marks=pytest.mark.slow) for n in range(2, 9))]
HEAD = '"""Views of tables made by chance."""\n\nfrom penstock_views import Image, Row, row, view\n\n\n'


@pytest.fixture(params=SEEDS)
def random(request: pytest.FixtureRequest) -> Random:
    """Return the chance of a round."""
    return Random(request.param)  # noqa: S311 - no secret


@pytest.fixture
def tables(stack: Stack, random: Random) -> Iterator[list[generated.Table]]:
    """Make tables with rows and put their views live; take everything away again."""
    made = [generated.table(random, number) for number in range(TABLES)]
    stack.sql(generated.TYPES)
    for table in made:
        print(table.ddl)
        stack.sql(table.ddl)
        for _ in range(FIRST_ROWS):
            change(stack, table.insert(random))
    file = Project.of(stack.config).views / "generated.py"
    file.write_text(HEAD + "\n\n".join(table.functions for table in made))
    stack.run(".venv/bin/penstock views write && .venv/bin/penstock views apply")
    yield made
    file.unlink()
    names = [name for table in made for name in table.views]
    stack.run(" && ".join(f".venv/bin/penstock views drop {name} --yes" for name in names))
    for table in made:
        stack.sql(f"DROP TABLE {table.quoted}")
    stack.sql(generated.TYPES_GONE)


def test_views_of_tables_made_by_chance_are_exact(stack: Stack, tables: list[generated.Table], random: Random) -> None:
    wait_until_exact(stack, tables)
    for _ in range(CHANGES):
        change(stack, *(table.change(random) for table in random.choices(tables, k=random.choice([1, 1, 1, 3]))))
    wait_until_exact(stack, tables)
    for table in tables:
        for view in table.views:
            stack.run(f".venv/bin/penstock verify {view}")


def change(stack: Stack, *statements: str) -> None:
    """Run statements in one transaction; one that meets a key that is there is left out."""
    with closing(psycopg2.connect(stack.config.postgres.dsn)) as connection, connection, connection.cursor() as cursor:
        for statement in statements:
            cursor.execute("SAVEPOINT one")
            try:
                cursor.execute(statement)
            except psycopg2.errors.UniqueViolation:
                cursor.execute("ROLLBACK TO one")


def differences(stack: Stack, tables: Sequence[generated.Table]) -> list[str]:
    found = []
    for table in tables:
        for view in table.views:
            expected = Counter(tuple(map(generated.shown, row)) for row in stack.sql(table.expected(view)))
            rows = stack.cql(table.actual(view))
            actual = Counter(tuple(generated.shown(row[f"c{at}"]) for at in range(len(table.columns))) for row in rows)
            found += [f"{view} lacks {row}" for row in expected - actual]
            found += [f"{view} has {row}" for row in actual - expected]
    return found


def wait_until_exact(stack: Stack, tables: Sequence[generated.Table]) -> None:
    deadline = time.monotonic() + PATIENCE_S
    while found := differences(stack, tables):
        assert time.monotonic() < deadline, f"{len(found)} differences:\n" + "\n".join(found[:10])
        time.sleep(0.5)
