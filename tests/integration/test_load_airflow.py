"""`penstock load` on a real Airflow with its own Postgres, from an API that errs where the test says."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import ExitStack, closing, contextmanager
from pathlib import Path

import psycopg2
import pytest

from penstock.config import Config
from penstock.layout import Layout
from penstock.loads.airflow_api import AirflowApi, AirflowRefused, AirflowUnreachable
from penstock.loads.load import LoadResult, Progress, follow, trigger_load
from penstock.project.workspace import Workspace
from penstock.sections.airflow import Airflow
from penstock.sections.postgres import Postgres
from penstock.setup.actions import create_tables
from penstock.stack.parts.airflow_env import API_SERVER, DAG_PROCESSOR, MIGRATE, SCHEDULER, airflow_environment
from penstock.stack.parts.postgres import postgres
from penstock.wait import wait_until
from tests.faulty_api import Answer, FaultyApi, serve_faulty_api
from tests.integration.servers import free_ports
from tests.names import DAG_ID
from tests.patience import PATIENCE_S

pytestmark = pytest.mark.slow


@contextmanager
def running(
    command: tuple[str, ...], log: Path, *, environment: dict[str, str], end: signal.Signals = signal.SIGTERM
) -> Iterator[None]:
    """Run a server; end it with everything that it started."""
    with log.open("wb") as output:
        process = subprocess.Popen(
            command, env={**os.environ, **environment}, stdout=output, stderr=output, start_new_session=True
        )
    try:
        yield
    finally:
        process.send_signal(end)
        try:
            process.wait(60)
        except subprocess.TimeoutExpired:
            os.killpg(process.pid, signal.SIGKILL)
            process.wait(10)


@pytest.fixture(scope="module")
def users_api() -> Iterator[FaultyApi]:
    with serve_faulty_api() as server:
        yield server


@pytest.fixture(scope="module")
def config(tmp_path_factory: pytest.TempPathFactory, users_api: FaultyApi) -> Iterator[Config]:
    """Run Postgres and the three processes of Airflow, in the order and with the settings of the stack."""
    state = tmp_path_factory.mktemp("airflow")
    ports = free_ports(3)
    config = Config(state=state, postgres=Postgres(port=ports[0]), airflow=Airflow(port=ports[1]))
    environment = airflow_environment(config, api_url=users_api.url)
    database = postgres(config, Layout.of(config))
    database.prepare()
    with ExitStack() as stack:
        log = state / "postgres.log"
        stack.enter_context(running(database.command, log, environment={}, end=signal.SIGINT))
        wait_until(database.is_ready, timeout_s=PATIENCE_S, what="Postgres answers", log=log)
        create_tables(Workspace(config))
        subprocess.run(MIGRATE, env={**os.environ, **environment}, check=True, capture_output=True)
        api = stack.enter_context(AirflowApi(config.airflow.url))
        stack.enter_context(running(API_SERVER, state / "api-server.log", environment=environment))
        wait_until(lambda: _answers(api), timeout_s=PATIENCE_S, what="Airflow answers", log=state / "api-server.log")
        for command in (SCHEDULER, DAG_PROCESSOR):
            stack.enter_context(running(command, state / f"{command[1]}.log", environment=environment))
        wait_until(
            lambda: api.health().is_well, timeout_s=PATIENCE_S, what="Airflow is well", log=state / "scheduler.log"
        )
        wait_until(
            lambda: api.knows_dag(DAG_ID),
            timeout_s=PATIENCE_S,
            what="the DAG is there",
            log=state / "dag-processor.log",
        )
        yield config


def _answers(api: AirflowApi) -> bool:
    try:
        return api.health().is_database_well
    except AirflowUnreachable:
        return False


@pytest.fixture
def airflow(config: Config, users_api: FaultyApi) -> Iterator[AirflowApi]:
    """Return the client of an Airflow whose users API behaves."""
    users_api.always.clear()
    users_api.spoil = lambda _page, users: users
    with AirflowApi(config.airflow.url) as api:
        yield api


def count(config: Config, table: str, where: str = "true") -> int:
    with closing(psycopg2.connect(config.postgres.dsn)) as connection, connection.cursor() as cursor:
        cursor.execute(f"SELECT count(*) FROM {table} WHERE {where}")
        return int(cursor.fetchall()[0][0])


def penstock(config: Config, *arguments: str) -> subprocess.CompletedProcess[str]:
    """Run the command line against this Airflow, as a user would."""
    environment = {
        "PENSTOCK_STATE": str(config.state),
        "PENSTOCK_POSTGRES__PORT": str(config.postgres.port),
        "PENSTOCK_AIRFLOW__PORT": str(config.airflow.port),
    }
    return subprocess.run(
        [str(Path(sys.executable).with_name("penstock")), *arguments],
        env={**os.environ, **environment}, capture_output=True, text=True, check=False,
    )  # fmt: skip


def test_a_load_arrives_and_the_same_again_writes_nothing(config: Config, airflow: AirflowApi) -> None:
    progresses: list[Progress] = []
    first = follow(airflow, trigger_load(airflow, DAG_ID, users=1000, seed="twice"), on_progress=progresses.append)
    assert (first.fetched, first.written, first.unchanged, first.rejected) == (1000, 1000, 0, 0)
    assert progresses[-1] == Progress("success", 1, 1000, 1000, 0, 0)
    assert [p.fetched for p in progresses] == sorted(p.fetched for p in progresses)

    second = follow(airflow, trigger_load(airflow, DAG_ID, users=1000, seed="twice"))
    assert second == LoadResult(second.run_id, fetched=1000, written=0, unchanged=1000, rejected=0)
    assert count(config, "public.users") >= 1000


def test_the_command_prints_the_result(config: Config, airflow: AirflowApi) -> None:
    done = penstock(config, "load", "--users", "30", "--seed", "command", "--json")
    assert done.returncode == 0, done.stderr
    result = json.loads(done.stdout)
    assert (result["fetched"], result["written"]) == (30, 30)
    assert "API → Postgres (success): 30 of 30 users" in done.stderr

    again = penstock(config, "load", "--users", "30", "--seed", "command")
    assert again.stdout == "30 users fetched: 0 written, 30 unchanged, 0 rejected\n"
    assert airflow.health().is_well


def test_an_api_that_stays_broken_fails_the_command_with_the_reason_and_what_was_loaded_stays(
    config: Config, airflow: AirflowApi, users_api: FaultyApi
) -> None:
    users_api.always[2] = Answer(500, b'{"error": "Uh oh, something has gone wrong."}')
    done = penstock(config, "load", "--users", "600", "--seed", "broken")

    assert done.returncode == 1
    assert "page=2&seed=broken (asked 4 times): 500 Internal Server Error: Uh oh" in done.stderr.replace("\n", "")
    assert "Traceback" not in done.stderr
    assert "up for retry" in done.stderr
    users_api.always.clear()
    later = follow(airflow, trigger_load(airflow, DAG_ID, users=600, seed="broken"))
    assert (later.written, later.unchanged) == (100, 500)


def test_malformed_json_heals_on_a_later_try(airflow: AirflowApi, users_api: FaultyApi) -> None:
    users_api.queued[1].extend([Answer(body=b'{"results": [{"login": {"password": "hunter2"')] * 4)
    progresses: list[Progress] = []
    result = follow(airflow, trigger_load(airflow, DAG_ID, users=10, seed="heals"), on_progress=progresses.append)
    assert (result.fetched, result.written) == (10, 10)
    assert "up_for_retry" in {progress.state for progress in progresses}
    assert progresses[-1].try_number == 2


def test_a_malformed_user_is_kept_aside_and_the_others_load(
    config: Config, airflow: AirflowApi, users_api: FaultyApi
) -> None:
    def spoil(_page: int, users: list[dict[str, object]]) -> list[dict[str, object]]:
        users[3]["email"] = None
        return users

    users_api.spoil = spoil
    result = follow(airflow, trigger_load(airflow, DAG_ID, users=50, seed="aside"))
    assert (result.fetched, result.written, result.rejected) == (50, 49, 1)
    assert count(config, "loader.rejected_users", "seed = 'aside' AND reason = 'email: a value is required'") == 1


def test_parameters_out_of_bounds_are_refused_with_the_reason(airflow: AirflowApi) -> None:
    with pytest.raises(AirflowRefused, match=r"400 .*1000001 is greater than the maximum"):
        trigger_load(airflow, DAG_ID, users=1_000_001)


def test_airflow_that_is_away_is_said_in_one_line(config: Config) -> None:
    nowhere = config.model_copy(update={"airflow": Airflow(port=free_ports(1)[0])})
    done = penstock(nowhere, "load")
    assert done.returncode == 1
    assert "Airflow does not answer" in done.stderr
    assert "Traceback" not in done.stderr


def test_no_secret_is_in_any_log_of_airflow(config: Config) -> None:
    logs = list((config.state_dir / "airflow" / "logs").rglob("*.log"))
    assert len(logs) >= 5
    for log in logs:
        text = log.read_text(errors="replace")
        for secret in ("hunter2", "sha256", '"salt"', "'salt'"):
            assert secret not in text, log


def test_the_keys_are_readable_by_their_owner_only(config: Config) -> None:
    home = config.state_dir / "airflow"
    assert home.stat().st_mode & 0o077 == 0
    assert {file.stat().st_mode & 0o777 for file in home.glob("*.key")} == {0o600}
