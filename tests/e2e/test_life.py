"""The life of a stack: a second `up` changes nothing, `down` and `up` keep everything, bad input is one clear line."""

from __future__ import annotations

import json
import os
import socket
import subprocess
from pathlib import Path

import pytest

from penstock.clone import ROOT
from penstock.project.folders import Project
from penstock.sections.kafka import KafkaMode
from penstock.stack.mode import mode_of
from penstock.stack.processes import marked
from tests.e2e.oracle import wait_until_exact
from tests.stack import Stack


def pids(stack: Stack) -> dict[str, int]:
    # It exits with 1 when there are dead letters, and another test makes some.
    reported = json.loads(stack.run(".venv/bin/penstock status --json", check=False).stdout)
    return {part["name"]: part["pid"] for part in reported["parts"]}


def counts(stack: Stack) -> tuple[int, int]:
    """Return the number of users and the sum of the transactions that wrote them last: what a load would move."""
    ((users, writers),) = stack.sql("SELECT count(*), coalesce(sum(xmin::text::bigint), 0) FROM public.users")
    return users, writers


@pytest.mark.slow
def test_a_second_up_changes_nothing(stack: Stack) -> None:
    before, rows = pids(stack), counts(stack)
    done = stack.run("make up")
    assert "loaded before" in done.stdout
    assert pids(stack) == before
    assert counts(stack) == rows


@pytest.mark.slow
def test_down_and_up_keep_everything(stack: Stack) -> None:
    users, _ = counts(stack)
    stack.run("make down")
    assert marked(stack.config.state_dir) == []
    stack.run("make up")
    assert counts(stack)[0] == users
    wait_until_exact(stack)
    stack.sql(
        "UPDATE public.users SET city = 'After the night' WHERE id = (SELECT min(id::text)::uuid FROM public.users)"
    )
    wait_until_exact(stack)


@pytest.mark.slow
def test_an_upgrade_of_a_running_stack_restarts_what_runs_other_code(stack: Stack) -> None:
    """A file more in `penstock/` stands for the upgrade: each part that is Python of ours runs it."""
    ours = {"api", "connect-watcher", "views", "aggregates", "console"}
    before, rows, code = pids(stack), counts(stack), ROOT / "penstock" / "upgrade.txt"
    try:
        code.write_text("of a later version")
        said = stack.run("make up").stdout
    finally:
        code.unlink()
    after = pids(stack)
    assert {name for name in after if after[name] != before[name]} == ours
    assert "views " in said and "ran other code" in said
    assert counts(stack) == rows
    stack.sql("UPDATE public.users SET city = 'Upgraded' WHERE id = (SELECT min(id::text)::uuid FROM public.users)")
    wait_until_exact(stack)
    stack.run(".venv/bin/penstock views apply")  # the way back: it renews the jobs, and no other part
    back = pids(stack)
    assert {name for name in back if back[name] != after[name]} == {"views", "aggregates"}
    stack.run("make up")


@pytest.mark.slow
def test_a_state_that_was_moved_goes_on_where_it_lies(stack: Stack) -> None:
    here = stack.config.state_dir
    there = here.with_name(f"{here.name}-moved")
    users, _ = counts(stack)
    stack.run("make down")
    here.rename(there)
    try:
        # It ends by comparing every view with Postgres: aggregates too, whose progress holds paths.
        stack.run(f"PENSTOCK_STATE={there} make up")
    finally:
        stack.run(f"PENSTOCK_STATE={there} make down")
        there.rename(here)
        stack.run("make up")
    assert counts(stack)[0] == users
    wait_until_exact(stack)


def refused(arguments: str, environment: dict[str, str]) -> str:
    """Run `penstock`, which must fail with a message and no traceback; return the message."""
    done = subprocess.run(
        ["bash", "-c", f".venv/bin/penstock {arguments}"],
        cwd=ROOT,
        env={**os.environ, **environment},
        capture_output=True,
        text=True,
        check=False,
        timeout=120,
    )
    assert done.returncode == 1, done.stdout + done.stderr
    assert "Traceback" not in done.stdout + done.stderr
    return done.stderr


def test_the_other_mode_of_kafka_is_refused(stack: Stack) -> None:
    (other,) = set(KafkaMode) - {mode_of(stack.config)}
    before = pids(stack)
    said = refused("up", {**stack.environment, "PENSTOCK_KAFKA__MODE": other})
    assert f"the data in {stack.config.state_dir} began with Kafka in the mode {mode_of(stack.config)}" in said
    assert "penstock reset --yes" in said
    assert pids(stack) == before


@pytest.mark.slow
def test_a_stack_that_a_later_version_set_up_is_refused_running_or_not(stack: Stack) -> None:
    before, rows = pids(stack), counts(stack)
    stack.sql("UPDATE penstock.installation SET form = form + 1")
    try:
        for command in ("up", "views apply"):
            assert "nothing was changed: a later version of Penstock" in refused(command, stack.environment)
        assert pids(stack) == before
        stack.run("make down")
        assert "nothing was changed: a later version of Penstock" in refused("up", stack.environment)
        assert [name for name in ("connect", "views", "aggregates") if pids(stack)[name]] == []
    finally:
        stack.sql("UPDATE penstock.installation SET form = form - 1")  # Postgres runs, of whatever start
        stack.run("make up")
    assert counts(stack) == rows


def test_an_unknown_key_is_refused_by_name(tmp_path: Path) -> None:
    file = tmp_path / "penstock.toml"
    file.write_text("[kafka]\nprot = 9092\n")
    said = refused("up", {"PENSTOCK_CONFIG": str(file)})
    assert "kafka.prot: unknown key" in said


def test_a_taken_port_stops_the_start_before_anything_runs(tmp_path: Path) -> None:
    file = tmp_path / "penstock.toml"
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]
        file.write_text(f"state = '{tmp_path}/s'\n[cassandra]\nport = {port}\n")
        said = refused("up", {"PENSTOCK_CONFIG": str(file)})
    assert f"port {port} (cassandra.port) is taken by pid {os.getpid()}" in said
    assert marked(tmp_path / "s") == []


@pytest.mark.parametrize("command", ["connectors apply zz-broken", "up"])
def test_a_broken_connector_file_is_said_with_its_line(stack: Stack, command: str) -> None:
    file = Project.of(stack.config).connectors / "zz-broken.json"
    file.write_text('{\n  "connector.class": "x",\n  "tasks.max": 1,,\n}\n')
    try:
        said = refused(command, stack.environment)
    finally:
        file.unlink()
    assert "zz-broken.json" in said
    assert "line 3" in said
