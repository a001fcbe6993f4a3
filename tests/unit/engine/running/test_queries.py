"""Queries side by side: one that fails waits and restarts alone, and the others go on in the very same query."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from threading import Event, Thread

import pytest
from penstock_views.running.queries import ManagedQuery, QueryFailed, QueryManager, Stopped
from penstock_views.stream.messages import reason_of
from pyspark.sql import SparkSession
from pyspark.sql import functions as F
from pyspark.sql.streaming.query import StreamingQuery

from penstock.errors import TransientError
from penstock.trouble import TroubleBook, read_trouble
from penstock.wait import wait_until
from tests.patience import PATIENCE_S


class Away(TransientError):
    """Something is not there yet."""


class Ticking(ManagedQuery):
    """A query of Spark's own, but of no Kafka: it counts seconds, or fails at the first."""

    def __init__(self, spark: SparkSession, folder: Path, name: str) -> None:
        self.name, self.views, self.identity = name, (f"{name}_view",), name
        self.is_away = self.fails = self.rests = self.is_asked = self.is_large = self.is_odd = False
        self.read, self.started = Event(), 0
        self.queries: list[StreamingQuery] = []
        self._spark, self._folder = spark, folder / name

    def start(self) -> StreamingQuery | None:
        self.is_asked = False
        self.started += 1
        if self.is_large:
            self.read.wait()
        if self.is_odd:
            raise ValueError("no row can be read")
        if self.is_away:
            raise Away(f"{self.name} is not there")
        if self.rests:
            return None
        ticks = self._spark.readStream.format("rate").load()
        if self.fails:
            ticks = ticks.select(F.raise_error(F.lit("the sum overflows")))
        self.queries.append(ticks.writeStream.format("noop").option("checkpointLocation", str(self._folder)).start())
        return self.queries[-1]

    @property
    def takes_long_to_start(self) -> bool:
        return self.is_large

    def cancel_start(self) -> None:
        self.is_away = True
        self.read.set()

    @property
    def checkpoint(self) -> Path:
        return self._folder

    @property
    def stopped(self) -> dict[str, str]:
        return dict.fromkeys(self.views, "somebody has to correct it") if self.rests else {}

    @property
    def has_to_restart(self) -> bool:
        return self.is_asked

    def restarts_at_once(self, failure: str | None) -> bool:
        return failure is not None and "a new epoch" in failure


class Bench:
    """Two queries that are managed."""

    def __init__(self, spark: SparkSession, folder: Path) -> None:
        self.good, self.other = Ticking(spark, folder, "good"), Ticking(spark, folder, "other")
        self.stop, self.folder = Event(), folder
        self.manager: QueryManager[Ticking] = QueryManager(self.stop, TroubleBook(folder / "trouble.json"))
        self.adopted: list[Ticking] = []
        self.ended: list[BaseException] = []
        self._thread = Thread(target=self._run)

    def start(self) -> None:
        """Run in the background until it is stopped or all fail."""
        self._thread.start()

    def end(self) -> None:
        """Stop it."""
        self.stop.set()
        self._thread.join(PATIENCE_S)

    def times(self) -> int:
        """How often the other has failed in a row."""
        found = read_trouble(self.folder / "trouble.json").failing.get("other_view")
        return found.times if found else 0

    def _run(self) -> None:
        try:
            for _ in self.manager.run([self.good, self.other]):
                if self.adopted:
                    self.manager.adopt(self.adopted)
                    self.adopted = []
        except (Stopped, QueryFailed) as exc:
            self.ended.append(exc)


@pytest.fixture
def bench(spark: SparkSession, tmp_path: Path) -> Iterator[Bench]:
    bench = Bench(spark, tmp_path)
    yield bench
    bench.end()


def is_undisturbed(bench: Bench) -> bool:
    return [query.isActive for query in bench.good.queries] == [True]


def test_one_that_fails_is_started_again_and_the_other_goes_on(bench: Bench) -> None:
    bench.other.fails = True
    bench.start()
    wait_until(lambda: bench.times() >= 2, timeout_s=PATIENCE_S, what="it fails twice")
    found = read_trouble(bench.folder / "trouble.json")
    assert "the sum overflows" in (found.of_view("other_view") or "")
    assert found.of_view("good_view") is None
    assert is_undisturbed(bench)
    bench.other.fails = False
    wait_until(lambda: bench.times() == 0, timeout_s=PATIENCE_S, what="it does its work again")
    assert is_undisturbed(bench)
    assert not bench.ended


def test_one_that_waits_holds_up_nobody(bench: Bench) -> None:
    bench.other.is_away = True
    bench.start()
    wait_until(lambda: bench.manager.is_settled, timeout_s=PATIENCE_S, what="both are looked after")
    assert is_undisturbed(bench)
    assert not bench.other.queries
    bench.other.is_away = False
    wait_until(lambda: len(bench.other.queries) == 1, timeout_s=PATIENCE_S, what="it starts when it can")
    assert is_undisturbed(bench)


def test_one_that_takes_long_to_start_holds_up_nobody(bench: Bench) -> None:
    bench.good.fails = bench.other.is_large = True
    bench.start()
    wait_until(
        lambda: bench.good.started >= 2, timeout_s=PATIENCE_S, what="one is started again while the other starts"
    )
    assert bench.other.started == 1
    assert not bench.other.queries
    bench.other.read.set()
    wait_until(lambda: len(bench.other.queries) == 1, timeout_s=PATIENCE_S, what="the other has started")
    assert bench.other.queries[0].isActive
    assert not bench.ended


def test_one_that_fails_while_it_takes_long_to_start_is_reported_and_started_again(bench: Bench) -> None:
    bench.other.is_large = bench.other.is_odd = True
    bench.other.read.set()
    bench.start()
    wait_until(lambda: bench.times() >= 2, timeout_s=PATIENCE_S, what="it fails twice")
    assert "no row can be read" in (read_trouble(bench.folder / "trouble.json").of_view("other_view") or "")
    assert is_undisturbed(bench)


def test_one_that_is_starting_goes_on_when_others_are_adopted(
    bench: Bench, spark: SparkSession, tmp_path: Path
) -> None:
    bench.other.is_large = True
    bench.start()
    wait_until(lambda: bool(bench.good.queries and bench.other.started), timeout_s=PATIENCE_S, what="the other starts")
    same, new = Ticking(spark, tmp_path, "other"), Ticking(spark, tmp_path, "new")
    bench.adopted = [bench.good, same, new]
    wait_until(lambda: bool(new.queries), timeout_s=PATIENCE_S, what="the new one starts")
    bench.other.read.set()
    wait_until(lambda: len(bench.other.queries) == 1, timeout_s=PATIENCE_S, what="the other has started")
    assert not same.started
    assert is_undisturbed(bench)


def test_one_that_is_starting_is_given_up_when_it_is_not_kept(bench: Bench) -> None:
    bench.other.is_large = True
    bench.start()
    wait_until(lambda: bool(bench.good.queries and bench.other.started), timeout_s=PATIENCE_S, what="the other starts")
    bench.adopted = [bench.good]
    wait_until(bench.other.read.is_set, timeout_s=PATIENCE_S, what="it is given up")
    wait_until(lambda: bench.manager.is_settled, timeout_s=PATIENCE_S, what="only the good one is left")
    assert is_undisturbed(bench)
    assert not bench.other.queries


def test_one_that_stands_still_is_reported_and_the_other_goes_on(bench: Bench) -> None:
    bench.other.rests = True
    bench.start()
    stopped = {"other_view": "somebody has to correct it"}
    wait_until(
        lambda: read_trouble(bench.folder / "trouble.json").stopped == stopped, timeout_s=PATIENCE_S, what="it is told"
    )
    wait_until(lambda: bench.manager.is_settled, timeout_s=PATIENCE_S, what="both are looked after")
    assert is_undisturbed(bench)


def test_when_all_that_can_run_fail_the_job_ends_with_their_reasons(bench: Bench) -> None:
    bench.good.fails = bench.other.rests = True
    bench.start()
    wait_until(lambda: bool(bench.ended), timeout_s=PATIENCE_S, what="the job ends")
    assert isinstance(bench.ended[0], QueryFailed)
    assert "good: " in str(bench.ended[0])
    assert "the sum overflows" in str(bench.ended[0])


def test_one_that_is_asked_to_starts_again_at_once(bench: Bench) -> None:
    bench.start()
    wait_until(lambda: bool(bench.good.queries and bench.other.queries), timeout_s=PATIENCE_S, what="both run")
    bench.other.is_asked = True
    wait_until(lambda: len(bench.other.queries) == 2, timeout_s=PATIENCE_S, what="the next starts")
    assert not bench.other.queries[0].isActive
    assert is_undisturbed(bench)
    assert bench.times() == 0


def test_what_is_the_same_goes_on_when_others_are_adopted(bench: Bench, spark: SparkSession, tmp_path: Path) -> None:
    bench.start()
    wait_until(lambda: bool(bench.good.queries and bench.other.queries), timeout_s=PATIENCE_S, what="both run")
    same, new = Ticking(spark, tmp_path, "good"), Ticking(spark, tmp_path, "new")
    bench.adopted = [same, new]
    wait_until(lambda: bool(new.queries), timeout_s=PATIENCE_S, what="the new one starts")
    assert is_undisturbed(bench)
    assert not same.queries
    assert not bench.other.queries[0].isActive


def test_what_does_not_do_well_starts_anew_when_it_is_adopted(
    bench: Bench, spark: SparkSession, tmp_path: Path
) -> None:
    bench.other.rests = True
    bench.start()
    wait_until(lambda: bench.manager.is_settled, timeout_s=PATIENCE_S, what="both are looked after")
    mended = Ticking(spark, tmp_path, "other")
    bench.adopted = [bench.good, mended]
    wait_until(lambda: bool(mended.queries), timeout_s=PATIENCE_S, what="it starts")
    assert is_undisturbed(bench)
    trouble = bench.folder / "trouble.json"
    wait_until(lambda: not read_trouble(trouble).stopped, timeout_s=PATIENCE_S, what="it is no longer told")


def test_who_is_stopped_ends_every_query(bench: Bench) -> None:
    bench.start()
    wait_until(lambda: bool(bench.good.queries and bench.other.queries), timeout_s=PATIENCE_S, what="both run")
    bench.end()
    assert isinstance(bench.ended[0], Stopped)
    assert not any(query.isActive for query in (*bench.good.queries, *bench.other.queries))


def test_a_failure_is_cut_to_its_reasons() -> None:
    failure = (
        "Job aborted\n\tat org.a.B.c(B.scala:1)\nCaused by: java.io.IOException: disk full\n\t... 3 more\n"
        "=== Streaming Query ===\nIdentifier: views\nLogical Plan:\nWriteToMicroBatchDataSource\n"
    )
    assert reason_of(failure) == "Job aborted | Caused by: java.io.IOException: disk full"
