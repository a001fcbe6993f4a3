"""Before a table's query starts it is noted which views are in it: what a fill that was cut off goes by."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from penstock_views.declaration.views import View
from penstock_views.running import row_views
from penstock_views.running.job import contract_of
from penstock_views.running.row_views import TableQuery
from penstock_views.stream.checkpoint import followed_since

TOPIC = "app.public.t"
PLACES = {(TOPIC, 0): (3, 9), (TOPIC, 1): (0, 4)}


def view(name: str) -> View:
    return View(name, "public.t", ("id",), 1, lambda _: None, Path("v.py"), 1)  # type: ignore[arg-type, return-value]


def plan_of(*names: str) -> Any:
    return SimpleNamespace(
        outputs=[SimpleNamespace(view=view(name)) for name in names], stopped=(), source=SimpleNamespace(topic=TOPIC)
    )


@pytest.fixture
def query(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> TableQuery:
    """Make the query of a table with three views, without Spark, Kafka and a registry."""
    for name in ("one", "two", "three"):
        for part in ("key", "value"):
            (tmp_path / f"views.{name}-{part}.avsc").write_text(f'"{name} {part}"')
    config = SimpleNamespace(
        avro_dir=tmp_path, checkpoint=tmp_path / "checkpoint", bootstrap="", group="", memory_setting=""
    )
    monkeypatch.setattr(row_views, "refuse_full", lambda *_: None)
    monkeypatch.setattr(row_views, "count_partitions", lambda *_: {TOPIC: 2})
    monkeypatch.setattr(row_views, "held_offsets", lambda *_, **__: PLACES)
    job: Any = SimpleNamespace(spark=None, config=config, subjects=SimpleNamespace(require=lambda _: None))
    return TableQuery(job, [view("one"), view("two"), view("three")])


def start(query: TableQuery, monkeypatch: pytest.MonkeyPatch, plan: Any, starts: Callable[..., Any]) -> None:
    monkeypatch.setattr(row_views, "read_plan", lambda *_: plan)
    monkeypatch.setattr(row_views, "start_query", starts)
    query.start()


def since(tmp_path: Path, name: str) -> dict[int, int] | None:
    return followed_since(tmp_path / "checkpoint", TOPIC, name, contract_of(view(name), tmp_path))


def test_the_views_of_the_plan_are_noted_before_the_query_starts(
    query: TableQuery, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    at_start: list[Any] = []
    start(query, monkeypatch, plan_of("one", "two"), lambda *_, **__: at_start.append(since(tmp_path, "one")))
    assert at_start == [{0: 3, 1: 0}]
    assert since(tmp_path, "two") == {0: 3, 1: 0}
    assert since(tmp_path, "three") is None  # it is stopped
    (tmp_path / "views.two-value.avsc").write_text('"another function"')
    assert since(tmp_path, "two") is None


def test_a_view_that_no_query_can_be_made_of_is_not_in_it(
    query: TableQuery, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def starts(*arguments: Any, **_: Any) -> None:
        if len(arguments[4].outputs) > 1:
            raise ValueError("Spark cannot plan it")

    monkeypatch.setattr(row_views, "without_broken", lambda *_: plan_of("two"))
    start(query, monkeypatch, plan_of("one", "two"), starts)
    assert (since(tmp_path, "one"), since(tmp_path, "two")) == (None, {0: 3, 1: 0})
