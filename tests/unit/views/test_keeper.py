"""Aggregates side by side: one whose query fails is begun again, and the others go on in the very same query."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from threading import Event, Thread
from types import SimpleNamespace
from typing import Any

import pytest
from penstock_views import keeper
from penstock_views.derive import AggregateOutput, Plan
from penstock_views.runner import QueryFailed, Stopped
from pyspark.sql import SparkSession
from pyspark.sql import functions as F
from pyspark.sql.streaming.query import StreamingQuery

from penstock.stack.wait import wait_until
from penstock.trouble import TroubleBook, read_trouble
from tests.patience import PATIENCE_S


class Bench:
    """Two aggregates whose queries are Spark's own, but of no Kafka: each counts seconds, or fails at the first."""

    def __init__(self, spark: SparkSession, plan: Plan, folder: Path) -> None:
        (output,) = plan.aggregates
        self.spark, self.folder = spark, folder
        self.plan = replace(plan, outputs=tuple(_named(output, name) for name in ("good", "bad")))
        self.failing = {"bad"}
        self.queries: dict[str, list[StreamingQuery]] = {"good": [], "bad": []}
        self.ended: list[BaseException] = []
        config: Any = SimpleNamespace()
        self.job = keeper._Job(spark, config, [], {}, Event(), TroubleBook(folder / "trouble.json"))

    def life(self, _: Any, output: AggregateOutput) -> Any:
        """Stand for a life that goes on."""
        return SimpleNamespace(checkpoint=self.folder / output.view.name, first_version=1)

    def start(self, _: Any, __: Plan, output: AggregateOutput, life: Any) -> StreamingQuery:
        """Start a query of the aggregate's name."""
        ticks = self.spark.readStream.format("rate").load()
        if output.view.name in self.failing:
            ticks = ticks.select(F.raise_error(F.lit("the sum overflows")))
        query = ticks.writeStream.format("noop").option("checkpointLocation", str(life.checkpoint)).start()
        self.queries[output.view.name].append(query)
        return query

    def run(self) -> None:
        """Run the aggregates until they are stopped or all fail."""
        try:
            keeper._run_queries(self.job, self.plan)
        except (Stopped, QueryFailed) as exc:
            self.ended.append(exc)


def _named(output: AggregateOutput, name: str) -> AggregateOutput:
    return replace(output, view=replace(output.view, name=name))


@pytest.fixture
def bench(spark: SparkSession, kinds: Plan, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Bench]:
    bench = Bench(spark, kinds, tmp_path)
    monkeypatch.setattr(keeper, "_life", bench.life)
    monkeypatch.setattr(keeper, "_lives", bench.life)
    monkeypatch.setattr(keeper, "_start", bench.start)
    thread = Thread(target=bench.run)
    thread.start()
    yield bench
    bench.job.stop.set()
    thread.join(PATIENCE_S)


def times(bench: Bench, name: str) -> int:
    told = read_trouble(bench.folder / "trouble.json").failing.get(name)
    return told.times if told else 0


def test_one_that_fails_is_begun_again_and_the_other_goes_on(bench: Bench) -> None:
    wait_until(lambda: times(bench, "bad") >= 2, timeout_s=PATIENCE_S, what="it fails twice")
    told = read_trouble(bench.folder / "trouble.json")
    assert "the sum overflows" in (told.of_view("bad") or "")
    assert told.of_view("good") is None
    assert [query.isActive for query in bench.queries["good"]] == [True]
    bench.failing.clear()
    wait_until(lambda: times(bench, "bad") == 0, timeout_s=PATIENCE_S, what="it does its work again")
    assert [query.isActive for query in bench.queries["good"]] == [True]
    assert not bench.ended


def test_when_all_fail_the_job_ends_with_their_reasons(bench: Bench) -> None:
    wait_until(lambda: bool(bench.queries["good"]), timeout_s=PATIENCE_S, what="both are begun")
    bench.failing.add("good")
    bench.queries["good"][0].stop()
    wait_until(lambda: bool(bench.ended), timeout_s=PATIENCE_S, what="the job ends")
    assert isinstance(bench.ended[0], QueryFailed)
    assert "good: " in str(bench.ended[0])
    assert "the sum overflows" in str(bench.ended[0])
