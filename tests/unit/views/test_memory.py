"""Settings of memory that are too small for the number of tables are found before anything starts."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import pytest
from penstock_views.declaration.totals import Aggregate, count, totals
from penstock_views.declaration.views import View, row

from penstock.sections.spark import Spark
from penstock.views.memory import check_memory


def views_of(tables: int) -> list[View]:
    return [
        View(f"v{number}", f"public.t{number}", ("id",), 1, lambda image: row(id=image.id), Path("v.py"), 1)
        for number in range(tables)
    ]


def said(section: Spark, views: Sequence[View]) -> list[str]:
    return [problem.what for problem in check_memory(section, views)]


@pytest.mark.parametrize("tables", [0, 1, 100])
def test_what_is_given_by_default_holds_a_hundred_tables(tables: int) -> None:
    assert said(Spark(), views_of(tables)) == []


def test_a_driver_that_is_too_small_is_named_with_what_it_needs() -> None:
    (problem,) = check_memory(Spark(driver_memory_mb=512), views_of(100))
    assert problem.what == "spark.driver_memory_mb = 512 holds fewer than the 100 tables of the views"
    assert problem.cure.startswith("spark.driver_memory_mb = 624 or more")
    assert not problem.is_pending
    assert said(Spark(driver_memory_mb=624), views_of(100)) == []


def test_so_is_an_executor() -> None:
    assert said(Spark(executor_memory_mb=512), views_of(400)) == [
        "spark.executor_memory_mb = 512 holds fewer than the 400 tables of the views"
    ]


def test_views_of_one_table_and_aggregates_take_none_of_it() -> None:
    section = Spark(driver_memory_mb=512)
    counted = [
        Aggregate(**vars(view), totals_of=lambda image: totals(id=image.id, n=count())) for view in views_of(100)
    ]
    assert said(section, [*views_of(1) * 100, *counted]) == []
