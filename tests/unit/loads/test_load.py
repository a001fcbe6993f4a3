"""Following a run: what is said when it fails, and when nobody executes it."""

from __future__ import annotations

import json
from typing import Any

import pytest

from penstock.loads.airflow_api import AirflowApi
from penstock.loads.load import DagMissing, LoadFailed, LoadStalled, Progress, Run, follow, trigger_load
from tests.names import DAG_ID

Answers = dict[str, tuple[int, bytes]]
RUN = Run("r1", 1000, "http://airflow/dags/load_users/runs/r1", DAG_ID)
PATH = "/api/v2/dags/load_users/dagRuns/r1"
TASK = f"{PATH}/taskInstances/load"


def answer(answers: Answers, path: str, content: Any) -> None:
    answers[path] = (200, json.dumps(content).encode())


@pytest.fixture(autouse=True)
def _well(answers: Answers) -> None:
    well = {"status": "healthy"}
    answer(answers, "/api/v2/monitor/health", {"metadatabase": well, "scheduler": well, "dag_processor": well})


def test_a_failed_run_shows_the_end_of_the_log_of_its_last_try(api: AirflowApi, answers: Answers) -> None:
    answer(answers, PATH, {"state": "failed"})
    answer(answers, TASK, {"state": "failed", "try_number": 3})
    lines = [{"event": f"line {number}", "logger": "task.stdout", "level": "info"} for number in range(30)]
    answer(answers, f"{TASK}/logs/3", {"content": lines})
    seen: list[Progress] = []

    with pytest.raises(LoadFailed) as caught:
        follow(api, RUN, on_progress=seen.append)
    assert "    line 20\n" in str(caught.value)
    assert "    line 29\n" in str(caught.value)
    assert "line 19" not in str(caught.value)
    assert RUN.page in str(caught.value)
    assert seen == [Progress("failed", 3)]


def test_a_task_that_never_started_says_so(api: AirflowApi, answers: Answers) -> None:
    answer(answers, PATH, {"state": "failed"})
    with pytest.raises(LoadFailed, match="the task did not start"):
        follow(api, RUN)


def test_a_run_that_nobody_executes_is_given_up(api: AirflowApi, answers: Answers) -> None:
    answer(answers, PATH, {"state": "queued"})
    well = {"status": "healthy"}
    answer(answers, "/api/v2/monitor/health", {"metadatabase": well, "scheduler": {"status": "unhealthy"}})
    with pytest.raises(LoadStalled, match="scheduler has no heartbeat"):
        follow(api, RUN, away_max_s=0.1)


def test_airflow_that_stays_away_is_given_up() -> None:
    with AirflowApi("http://127.0.0.1:1") as api, pytest.raises(LoadStalled, match="Airflow does not answer"):
        follow(api, RUN, away_max_s=0.1)


def test_a_dag_that_does_not_import_is_shown_with_its_error(api: AirflowApi, answers: Answers) -> None:
    errors = [{"filename": "load_users.py", "stack_trace": "SyntaxError: oh"}]
    answer(answers, "/api/v2/importErrors", {"import_errors": errors})
    with pytest.raises(DagMissing, match=r"load_users\.py:\n    SyntaxError: oh"):
        trigger_load(api, DAG_ID, users=1)
