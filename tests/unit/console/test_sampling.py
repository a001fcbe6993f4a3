"""Samplers, rates, and the ends of topics."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from penstock.config import Config
from penstock.console.look import postgres
from penstock.console.look.ends import End
from penstock.console.look.postgres import PostgresState, SourcesCollector, SourceTable
from penstock.console.look.reading import NotSeen, Reading
from penstock.console.look.sampler import Sampler
from penstock.console.look.spark import read_queries
from penstock.console.moment.rates import Rates
from penstock.layout import Layout
from penstock.topics.admin import KafkaUnreachable
from penstock.wait import wait_until


def test_a_look_that_fails_keeps_the_last_value_and_says_why_and_since_when() -> None:
    answers: Iterator[int | RuntimeError] = iter((1, RuntimeError("it is away"), RuntimeError("still away"), 2))

    def collect() -> int:
        answer = next(answers)
        if isinstance(answer, RuntimeError):
            raise answer
        return answer

    sampler = Sampler("system", collect, interval_s=1)
    sampler.look()
    assert sampler.reading.now == 1
    sampler.look()
    since = sampler.reading.since
    sampler.look()
    assert sampler.reading.value == 1
    assert not sampler.reading.now
    assert (sampler.reading.trouble, sampler.reading.since) == ("still away", since)
    sampler.look()
    assert (sampler.reading.now, sampler.reading.trouble) == (2, None)


def test_a_server_that_is_away_is_shown_without_the_advice_of_the_command_line() -> None:
    def collect() -> int:
        raise KafkaUnreachable("there:9092", "silent")

    sampler = Sampler("kafka", collect, interval_s=1)
    sampler.look()
    assert sampler.reading.trouble == "Kafka does not answer at there:9092 (silent)"
    assert "penstock status" in str(KafkaUnreachable("there:9092", "silent"))


def test_a_look_that_hangs_makes_the_reading_old_and_blocks_nobody() -> None:
    hang = threading.Event()
    answers = iter([1])
    sampler = Sampler("system", lambda: next(answers, None) or hang.wait(60), interval_s=0.1, stale_after_s=0.3)
    sampler.start()
    try:
        wait_until(lambda: sampler.reading.value == 1, timeout_s=10, what="the first look")
        wait_until(lambda: sampler.reading.trouble is not None, timeout_s=10, what="the reading is old")
        assert "no answer for" in (sampler.reading.trouble or "")
    finally:
        sampler.stop()
        hang.set()


def test_a_source_that_is_silent_holds_up_no_other(monkeypatch: pytest.MonkeyPatch) -> None:
    answer = threading.Event()

    class FakeCollector:
        def __init__(self, config: Config) -> None:
            self.source = config.source

        def collect(self) -> PostgresState:
            assert not self.source or answer.wait(60)
            return PostgresState("18", "0/1", 1, (), (SourceTable(f"public.t{self.source}", 0, 0, 0),))

    sources = [Config(), Config().of_source("billing")]
    monkeypatch.setattr(postgres, "PostgresCollector", FakeCollector)
    monkeypatch.setattr(postgres, "sources_of", lambda _: sources)
    collector = SourcesCollector(Config())
    assert collector.collect().away == {"billing": "not looked at yet"}
    answer.set()
    wait_until(lambda: not collector.collect().away, timeout_s=10, what="the other source is seen")
    assert [table.name for table in collector.collect().tables] == ["public.t", "billing:public.tbilling"]
    sources.pop()
    assert [table.name for table in collector.collect().tables] == ["public.t"]


def test_what_was_never_seen_says_so() -> None:
    reading: Reading[int] = Reading("Kafka", 3)
    with pytest.raises(NotSeen, match="Kafka: not looked at yet"):
        _ = reading.seen


def test_a_rate_needs_two_looks_and_is_per_second() -> None:
    rates = Rates()
    rates.see("rows", 100, at=10.0)
    assert rates.of("rows") is None
    rates.see("rows", 150, at=12.0)
    assert rates.of("rows") == 25.0


def test_a_rate_forgets_what_is_older_than_its_window() -> None:
    rates = Rates()
    for second in range(20):
        rates.see("rows", 1000 if second >= 5 else second * 200, at=float(second))
    assert rates.of("rows") == 0.0


def test_a_counter_that_goes_back_begins_again() -> None:
    rates = Rates()
    rates.see("rows", 100, at=1.0)
    rates.see("rows", 5, at=2.0)
    assert rates.of("rows") is None


@pytest.mark.parametrize(
    ("position", "behind"),
    [
        (0, (16, 100.0)),  # before all that is known: offsets stand for records
        (10, (3, 100.0)),
        (11, (2, 101.0)),  # between two records lies a marker
        (12, (2, 101.0)),
        (14, (1, 104.0)),
        (15, (0, None)),  # at the newest record's end; what follows is a marker
        (16, (0, None)),
    ],
)
def test_how_far_behind_counts_records_not_markers(position: int, behind: tuple[int, float | None]) -> None:
    end = End(3, None, ((10, 100.0), (12, 101.0), (14, 104.0)))
    assert end.behind(position, 16) == behind


@pytest.mark.parametrize(("position", "since"), [(0, 100.0), (3, 20.0), (6, 20.0), (8, 80.0), (9, 80.0), (10, 100.0)])
def test_before_the_newest_records_the_time_is_that_of_the_last_mark(position: int, since: float) -> None:
    end = End(3, None, ((10, 100.0), (12, 101.0)), ((3, 20.0), (8, 80.0)))
    assert end.behind(position, 13)[1] == since


def test_sparks_offset_log_is_read_up_to_the_last_commit(tmp_path: Path) -> None:
    checkpoint = start(Layout(tmp_path).row_views / "app.public.users" / "1")
    orders = start(Layout(tmp_path).row_views / "app.public.orders" / "1")
    new = Layout(tmp_path).aggregates / "stats" / "life-0002" / "checkpoint"
    old = Layout(tmp_path).aggregates / "stats" / "life-0001" / "checkpoint"
    write_log(checkpoint, batch=9, line='{"app.public.users":{"0":120,"1":7}}')
    write_log(checkpoint, batch=10, line='{"app.public.users":{"0":999}}', is_committed=False)
    write_log(orders, batch=4, line='{"app.public.orders":{"0":3}}')
    write_log(old, batch=50, line='{"app.public.users":{"0":1}}')
    write_log(new, batch=3, line='{"logOffset":0}\n{"app.public.users":{"0":118}}')
    views, stats = read_queries(Config(state=tmp_path), ("penstock-views",))
    assert (views.runs, views.commits_every_s, stats.commits_every_s) == (True, 300, 0)
    assert views.committed == {"app.public.users": {0: 120, 1: 7}, "app.public.orders": {0: 3}}
    assert (stats.name, stats.batch, stats.runs) == ("stats", 3, False)
    assert stats.committed == {"app.public.users": {0: 118}}


def test_the_present_checkpoint_is_the_one_with_the_highest_number_that_has_started(tmp_path: Path) -> None:
    root = Layout(tmp_path).row_views / "app.public.users"
    write_log(start(root / "9"), batch=4, line='{"app.public.users":{"0":120}}')
    (root / "11").mkdir()
    start(root / "10", '{"app.public.users":{"0":130,"1":-2}}')
    (views,) = read_queries(Config(state=tmp_path), ())
    assert views.batch == -1
    assert views.committed == {"app.public.users": {0: 130, 1: 0}}


def start(checkpoint: Path, starting: str = "{}") -> Path:
    checkpoint.mkdir(parents=True)
    (checkpoint / "penstock.json").write_text(starting)
    return checkpoint


def write_log(checkpoint: Path, *, batch: int, line: str, is_committed: bool = True) -> None:
    for kind in ("offsets", "commits"):
        (checkpoint / kind).mkdir(parents=True, exist_ok=True)
    (checkpoint / "offsets" / str(batch)).write_text(f'v1\n{{"batchTimestampMs":1}}\n{line}')
    if is_committed:
        (checkpoint / "commits" / str(batch)).write_text("v1\n{}")
        (checkpoint / "commits" / f".{batch}.crc").write_text("")
