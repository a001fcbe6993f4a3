"""Delete the rows of a view that should be gone: those that a complete re-read has not renewed and nothing expects.

The timestamp of a delete lies below the version of everything that came since the re-read began. So a newer write, also
one under way, is never touched. It lies above what a client wrote with its own clock.
"""

from __future__ import annotations

from pyspark.sql import SparkSession

from penstock.cassandra.table import Row, ViewTable
from penstock.project.shapes import ViewShape
from penstock.project.workspace import Workspace
from penstock.verify.canonical import canonical_key, key_values
from penstock.verify.postgres_rows import PostgresRows

_ASKED_FOR = 1000
"""So many rows are asked for by their keys; of more the whole table is read."""

Suspects = dict[bytes, Row]
"""Rows by their canonical keys."""


def old_rows(table: ViewTable, view: ViewShape, *, below: int) -> Suspects:
    """Return the rows that were not written since.

    :param below: the version at which the re-read began; a row at or above it was renewed.
    """
    return {canonical_key(row, view.key): row for row in table.older_than(below)}


def stale_rows(workspace: Workspace, spark: SparkSession, view: ViewShape, suspects: Suspects) -> Suspects:
    """Return those that Postgres does not have; it is read after Cassandra, so what came in between is expected."""
    source = PostgresRows(spark, workspace=workspace)
    few = len(suspects) <= _ASKED_FOR
    rows = source.pick(view, [key_values(key, view.key) for key in suspects]) if few else source.scan(view)
    expected = {canonical_key(row, view.key) for row in rows}
    return {key: row for key, row in suspects.items() if key not in expected}
