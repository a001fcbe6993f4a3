"""The benchmarks run on the stack, measure something, and leave nothing behind. How fast is not asserted here."""

from __future__ import annotations

import json
import signal
import subprocess
import threading
import uuid
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest

from penstock.clone import ROOT
from penstock.connect.api import ConnectApi
from penstock.stack.health import part_healths
from penstock.topics.admin import TopicAdmin
from penstock.wait import wait_until
from tests.patience import PATIENCE_S
from tests.stack import INSERT, Stack


def bench(stack: Stack, command: str) -> dict[str, Any]:
    figures: dict[str, Any] = json.loads(stack.run(f".venv/bin/penstock bench {command} --json").stdout)
    return figures


def sink_reads(stack: Stack) -> bool:
    with ConnectApi(stack.config.connect.url) as api:
        found = api.connectors().get("bench-sink")
    return found is not None and bool(found.status.tasks)


@pytest.fixture(autouse=True)
def leaves_nothing(stack: Stack) -> Iterator[None]:
    yield
    assert "bench.rows" not in TopicAdmin(stack.config.kafka.bootstrap).topics()
    assert not stack.cql("SELECT table_name FROM system_schema.tables WHERE keyspace_name = 'penstock_bench'")
    with ConnectApi(stack.config.connect.url) as api:
        assert "bench-sink" not in api.connectors()


@pytest.mark.slow
def test_drain_compares_the_sink_with_the_bare_driver(stack: Stack) -> None:
    figures = bench(stack, "drain --rows 5000 --partitions 2")
    assert (figures["rows"], figures["partitions"]) == (5000, 2)
    assert figures["sink_rows_s"] > 0
    assert figures["ratio"] == pytest.approx(figures["sink_rows_s"] / figures["bare_rows_s"], abs=0.01)


@pytest.mark.slow
def test_latency_times_rows_until_they_can_be_read(stack: Stack) -> None:
    figures = bench(stack, "latency --rate 100 --seconds 3 --warm-up 1")
    assert figures["samples"] > 0
    assert 0 < figures["read_p50_ms"] <= figures["p50_ms"] <= figures["p99_ms"]


@pytest.mark.slow
def test_latency_of_a_moment_says_that_it_has_too_few_rows(stack: Stack) -> None:
    done = stack.run(".venv/bin/penstock bench latency --rate 1 --seconds 1 --warm-up 0", check=False)
    assert (done.returncode, done.stdout) == (1, "")
    assert "too few for figures" in done.stderr


@pytest.mark.slow
@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_an_ended_benchmark_takes_back_what_it_had_started(stack: Stack, number: signal.Signals) -> None:
    command = [".venv/bin/penstock", "bench", "latency", "--seconds", "3600"]
    with subprocess.Popen(command, cwd=ROOT, env=stack.environment) as measuring:
        wait_until(lambda: sink_reads(stack), timeout_s=PATIENCE_S, what="the benchmark's connector runs")
        measuring.send_signal(number)
        assert measuring.wait(PATIENCE_S) == 128 + number
    # `leaves_nothing` looks for what it had started.


@pytest.mark.slow
def test_a_peer_is_timed_in_the_same_way_and_leaves_nothing(stack: Stack) -> None:
    before = stack.sql("SELECT * FROM public.users ORDER BY id")
    figures = bench(stack, "peer --rate 20 --seconds 10 --warm-up 2")
    for which in ("penstock", "peer"):
        assert figures[which]["samples"] > 0
        assert 0 < figures[which]["p50_ms"] <= figures[which]["p99_ms"] <= figures[which]["max_ms"]
    assert figures["ratio"] > 0
    assert stack.sql("SELECT * FROM public.users ORDER BY id") == before
    assert not stack.cql("SELECT id FROM system_schema.tables WHERE table_name = 'penstock_bench_peer' ALLOW FILTERING")
    assert {each.name: each.answers for each in part_healths(stack.config)}["views"]


@pytest.mark.slow
def test_flow_times_changes_at_every_place_and_changes_no_row(stack: Stack) -> None:
    before = stack.sql("SELECT * FROM public.users ORDER BY id")
    # Rows are looked for one after the other: six seconds give each view some, where a look takes half a second too.
    figures = bench(stack, "flow --rate 50 --seconds 6 --warm-up 1")
    assert stack.sql("SELECT * FROM public.users ORDER BY id") == before
    assert figures["changes"] > 0
    assert 0 < figures["processors"]["busy"] <= 100
    places = {leg["place"]: leg for leg in figures["legs"]}
    views = ("user_history", "users_by_country", "users_by_id")
    assert set(places) == {"change topics", *(f"{name}: {at}" for name in views for at in ("topic", "Cassandra"))}
    assert all(0 < leg["p50_ms"] <= leg["p99_ms"] for leg in places.values())
    assert {places[f"{name}: topic"]["samples"] for name in views} == {figures["changes"]}


@pytest.mark.slow
def test_flow_ends_though_others_insert_and_delete_rows_meanwhile(stack: Stack) -> None:
    ended = threading.Event()

    def write() -> None:
        while not ended.wait(0.01):
            row = str(uuid.uuid4())
            # In Cassandra it never is: whoever looks for it until it comes looks for ever.
            stack.sql(f"{INSERT}; DELETE FROM public.users WHERE id = %s", row, "Atlantis", row)

    with ThreadPoolExecutor(1) as pool:
        writing = pool.submit(write)
        try:
            figures = bench(stack, "flow --rate 50 --seconds 3 --warm-up 1")
        finally:
            ended.set()
        writing.result()
    assert figures["changes"] > 0


@pytest.mark.slow
def test_alone_brings_everything_back_that_rested(stack: Stack) -> None:
    assert bench(stack, "latency --rate 100 --seconds 3 --warm-up 1 --alone")["samples"] > 0
    assert all(health.answers for health in part_healths(stack.config))
    with ConnectApi(stack.config.connect.url) as api:
        assert {name: each.status.connector.state for name, each in api.connectors().items()} == {
            "cassandra-views-sink": "RUNNING",
            "users-postgres-source": "RUNNING",
        }


@pytest.mark.slow
def test_memory_looks_at_the_heap(stack: Stack) -> None:
    ((rows, used_mb),) = bench(stack, "memory --rows 2000")["used_mb"]
    assert rows == 2000
    assert used_mb > 0
