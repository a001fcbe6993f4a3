"""A real Prometheus scrapes the whole stack: every leg of every view is timed, every query answers, alerts fire."""

from __future__ import annotations

import os
import signal
import uuid
from collections.abc import Iterator
from contextlib import contextmanager

import pytest

from penstock.layout import Layout
from penstock.trouble import read_trouble
from penstock.wait import wait_until
from tests.e2e.oracle import wait_until_exact
from tests.patience import PATIENCE_S
from tests.prometheus import QUERIES, Prometheus, prometheus
from tests.stack import INSERT, Stack, all_the_while

COUNTRY = "Metrics"
VIEWS = ("users_by_id", "users_by_country", "user_history")
AGGREGATE = "user_stats_by_country"


pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def watching(stack: Stack, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Prometheus]:
    if not (stack.config.kafka.metrics_port and stack.config.connect.metrics_port):
        pytest.skip("kafka.metrics_port and connect.metrics_port are not set: metrics are NOT tested")
    with prometheus(stack.config, tmp_path_factory.mktemp("prometheus")) as watching:
        yield watching
    stack.sql("DELETE FROM public.users WHERE country = %s", COUNTRY)
    wait_until_exact(stack)


@contextmanager
def written_to(stack: Stack) -> Iterator[None]:
    """Insert some users a second all the while: the console follows a few."""
    with all_the_while(lambda: stack.sql(INSERT, str(uuid.uuid4()), COUNTRY), pause_s=0.2):
        yield


def wait_until_timed(watching: Prometheus, leg: str, view: str = "") -> None:
    asked = f'penstock_lag_seconds_count{{leg="{leg}", table="public.users", view="{view}"}} > 0'
    watching.wait_until_answers(asked)


def test_every_leg_of_every_view_is_timed(stack: Stack, watching: Prometheus) -> None:
    with written_to(stack):
        wait_until_timed(watching, "source")
        for view in VIEWS:
            for leg in ("spark", "sink", "whole"):
                wait_until_timed(watching, leg, view)
        wait_until_timed(watching, "sink", AGGREGATE)


def test_every_query_of_the_dashboard_answers(stack: Stack, watching: Prometheus) -> None:
    with written_to(stack):
        for query in QUERIES:
            watching.wait_until_answers(query)
    wait_until_exact(stack)


def test_nothing_fires_while_all_is_well(watching: Prometheus) -> None:
    watching.wait_until_over(*watching.rules())
    assert set(watching.rules().values()) == {"ok"}


def kill_views(stack: Stack) -> None:
    before = stack.health("views").pid
    os.kill(before, signal.SIGKILL)
    again = "the job begins again"
    wait_until(lambda: stack.health("views").pid not in {0, before}, timeout_s=PATIENCE_S, what=again)


def test_a_frozen_cassandra_is_reported_and_its_end_too(stack: Stack, watching: Prometheus) -> None:
    pid = stack.health("cassandra").pid
    os.kill(pid, signal.SIGSTOP)
    try:
        with written_to(stack):
            for alert in ("PenstockSystemDown", "PenstockSinkWaits", "PenstockNoProgress"):
                watching.wait_until_fires(alert)
    finally:
        os.kill(pid, signal.SIGCONT)
    wait_until_exact(stack)
    watching.wait_until_over("PenstockSystemDown", "PenstockSinkWaits", "PenstockNoProgress")
    watching.wait_until_fires("PenstockLagHigh")


def test_a_job_that_dies_again_and_again_is_reported_and_its_end_too(stack: Stack, watching: Prometheus) -> None:
    book = Layout.of(stack.config).trouble_file("views")
    # One that is killed before it has written down that it lives is not counted.
    while read_trouble(book).times < 2:
        kill_views(stack)
    watching.wait_until_fires("PenstockJobTrouble")
    watching.wait_until_over("PenstockJobTrouble")
    wait_until_exact(stack)
