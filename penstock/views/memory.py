"""Checks that the job of row views can hold the queries of all tables: said before it is asked to, and stops there."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence

from penstock_views.declaration.totals import Aggregate
from penstock_views.declaration.views import View

from penstock.project.in_step import Problem
from penstock.sections.spark import Spark

# As measured with up to 100 tables of eight columns and a view each. Wider ones take more: the job looks for itself
# (running/heap.py), and this finds what cannot be in any case.
_DRIVER_MB, _DRIVER_TABLE_MB = 300, 2.3
_EXECUTOR_MB, _EXECUTOR_TABLE_MB = 60, 1.4
_FULL_AT = 0.85
"""Beyond that the job starts no further query."""


def check_memory(section: Spark, views: Sequence[View]) -> Iterator[Problem]:
    """Find the memory settings that are too small for so many tables."""
    tables = len({view.source_table for view in views if not isinstance(view, Aggregate)})
    for setting, given, fixed, each in (
        ("driver_memory_mb", section.driver_memory_mb, _DRIVER_MB, _DRIVER_TABLE_MB),
        ("executor_memory_mb", section.executor_memory_mb, _EXECUTOR_MB, _EXECUTOR_TABLE_MB),
    ):
        wanted = math.ceil((fixed + tables * each) / _FULL_AT)
        if tables and given < wanted:
            yield Problem(
                "penstock.toml",
                f"spark.{setting} = {given} holds fewer than the {tables:,} tables of the views",
                f"spark.{setting} = {wanted} or more, then `penstock down` and `penstock up`",
            )
