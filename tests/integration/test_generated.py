"""Postgres takes the tables and changes that are made by chance (`tests/generated.py`)."""

from __future__ import annotations

from contextlib import closing
from random import Random

import psycopg2
import pytest

from penstock.config import Config
from tests import generated

STATEMENTS = 40


@pytest.mark.parametrize("seed", range(20))
def test_postgres_takes_each_statement(config: Config, seed: int) -> None:
    random = Random(seed)  # noqa: S311 - no secret
    with closing(psycopg2.connect(config.postgres.dsn)) as connection, connection.cursor() as cursor:
        # Rolled back at the end, as nothing commits.
        cursor.execute(generated.TYPES)
        table = generated.table(random, seed)
        cursor.execute(table.ddl)
        for _ in range(STATEMENTS):
            cursor.execute("SAVEPOINT one")
            try:
                cursor.execute(table.insert(random))
                cursor.execute(table.change(random))
            except psycopg2.errors.UniqueViolation:
                cursor.execute("ROLLBACK TO one")
        for view in table.views:
            cursor.execute(table.expected(view))
            cursor.fetchall()
