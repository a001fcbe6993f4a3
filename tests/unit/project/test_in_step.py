"""Tables whose topics Kafka does not let be together are refused by name, before anything is made."""

from __future__ import annotations

from pathlib import Path

import pytest
from penstock_views.declaration.views import View, row

from penstock.config import Config
from penstock.project.folders import Project
from penstock.project.in_step import ViewsWrong, refuse_out_of_step


def view(name: str, table: str) -> View:
    return View(name, table, ("id",), 1, lambda image: row(id=image.id), Path("v.py"), 1)


def problems(*views: View) -> str:
    with pytest.raises(ViewsWrong) as wrong:
        refuse_out_of_step(Project.of(Config()), views)
    return str(wrong.value)


def test_topics_that_differ_in_a_dot_only_are_refused_by_name() -> None:
    found = problems(view("a", "sales_eu.items"), view("b", "sales.eu_items"))
    assert (
        "view b: Kafka does not tell the topic of sales.eu_items from that of sales_eu.items, which view a has" in found
    )
    assert "rename one of the tables" in found


def test_tables_that_are_alike_otherwise_live_together() -> None:
    views = [view("a", "public.order-items"), view("b", "public.order_items"), view("c", "public.Order_Items")]
    assert "Kafka does not tell" not in problems(*views)
