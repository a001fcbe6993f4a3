"""`penstock doctor` on a stack that runs: nothing stops it, and of a part that is away it says so and no more."""

from __future__ import annotations

import json

from penstock.doctor.finding import Weight
from tests.stack import Stack


def found(stack: Stack, *, code: int = 0) -> dict[str, list[dict[str, str]]]:
    done = stack.run(".venv/bin/penstock doctor --json", check=False)
    assert done.returncode == code, done.stdout + done.stderr
    return {server["name"]: server["findings"] for server in json.loads(done.stdout)["servers"]}


def test_a_stack_that_runs_has_nothing_that_stops_it(stack: Stack) -> None:
    servers = found(stack)
    assert list(servers) == ["machine", "postgres", "kafka", "registry", "connect", "spark", "cassandra", "airflow"]
    said = {finding["what"] for findings in servers.values() for finding in findings}
    assert "table public.users can be followed" in said
    assert {"connector users-postgres-source runs", "connector cassandra-views-sink runs"} <= said


def test_a_connector_that_is_paused_is_named_with_its_cure(stack: Stack) -> None:
    stack.run(".venv/bin/penstock connectors pause cassandra-views-sink")
    try:
        (finding,) = (finding for finding in found(stack)["connect"] if finding["weight"] == Weight.WARNING)
        assert finding["cure"] == "`penstock connectors resume cassandra-views-sink`"
    finally:
        stack.run(".venv/bin/penstock connectors resume cassandra-views-sink")


def test_it_changes_nothing(stack: Stack) -> None:
    asked = "SELECT count(*), max(oid::bigint) FROM pg_class"
    before = stack.sql(asked)
    stack.run(".venv/bin/penstock doctor")
    assert stack.sql(asked) == before
