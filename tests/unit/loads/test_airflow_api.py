"""The REST client: how Airflow's unpleasant answers become errors. The real Airflow is in integration/."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from penstock.address import Address, LetIn
from penstock.loads.airflow_api import AirflowApi, AirflowRefused, AirflowUnreachable, Health, TaskInstance

RUN = "/api/v2/dags/d/dagRuns/manual__2026-11-23T11%3A54%3A01%2B00%3A00"
NOT_LOGGED_IN = (401, b'{"detail": "Not authenticated"}')
RUN_ID = "manual__2026-11-23T11:54:01+00:00"
Answers = dict[str, tuple[int, bytes]]


def ok(content: Any) -> tuple[int, bytes]:
    return 200, json.dumps(content).encode()


def test_nobody_there_is_away() -> None:
    with (
        AirflowApi("http://127.0.0.1:1") as api,
        pytest.raises(AirflowUnreachable, match="What to do: penstock status"),
    ):
        api.health()


@pytest.mark.parametrize(
    "answer", [(500, b'{"detail": "oh"}'), (503, b"<html>"), (200, b"<html>"), (200, b""), (200, b"[]"), (200, b"null")]
)
def test_a_broken_answer_is_away(api: AirflowApi, answers: Answers, answer: tuple[int, bytes]) -> None:
    answers["/api/v2/monitor/health"] = answer
    with pytest.raises(AirflowUnreachable):
        api.health()


@pytest.mark.parametrize("status", [401, 403])
def test_a_page_that_asks_for_a_login_is_a_refusal(api: AirflowApi, answers: Answers, status: int) -> None:
    answers["/api/v2/monitor/health"] = (status, b"<html>Who are you?</html>")
    with pytest.raises(AirflowRefused, match=f"{status} with no JSON, as a proxy or another server answers"):
        api.health()


def test_a_page_that_was_not_found_is_no_dag_that_is_not_there(api: AirflowApi, answers: Answers) -> None:
    answers["/api/v2/dags/d"] = (404, b"<html>Not found</html>")
    with pytest.raises(AirflowUnreachable, match=r"404 to GET http://\S+/api/v2/dags/d with no JSON"):
        api.knows_dag("d")


def test_it_logs_in_where_a_page_says_that_nobody_is(guarded: AirflowApi, answers: Answers) -> None:
    answers["/api/v2/dags/d"] = (401, b"<html>")
    answers["/auth/token"] = (201, b'{"access_token": "t"}')
    answers["Bearer t /api/v2/dags/d"] = ok({})
    assert guarded.knows_dag("d")


def test_health_is_read_from_the_body(api: AirflowApi, answers: Answers) -> None:
    answers["/api/v2/monitor/health"] = ok(
        {"metadatabase": {"status": "healthy"}, "scheduler": {"status": "unhealthy"}, "triggerer": {"status": None}}
    )
    health = api.health()
    assert health == Health(is_database_well=True, is_scheduler_well=False, is_dag_processor_well=False)
    assert not health.is_well


def test_a_refusal_carries_the_reason(api: AirflowApi, answers: Answers) -> None:
    answers["/api/v2/dags/d/dagRuns"] = (400, b'{"detail": "Invalid input for param users: 0 is less than 1"}')
    with pytest.raises(AirflowRefused, match="400 Invalid input for param users: 0 is less than 1") as caught:
        api.trigger("d", {"users": 0})
    assert caught.value.status == 400


@pytest.fixture
def guarded(api: AirflowApi, tmp_path: Path) -> Iterator[AirflowApi]:
    """Return the client of an Airflow that has given us a user."""
    (tmp_path / "password").write_text("s3cret\n")
    with AirflowApi(Address(api.url, LetIn("me", tmp_path / "password"))) as client:
        yield client


def test_it_logs_in_when_it_is_asked_to_and_again_when_a_token_is_over(
    guarded: AirflowApi, answers: Answers, posted: list[tuple[str, str]]
) -> None:
    answers["/api/v2/dags/d"] = NOT_LOGGED_IN
    for token in ("first", "second"):
        answers["/auth/token"] = (201, json.dumps({"access_token": token}).encode())
        answers[f"Bearer {token} /api/v2/dags/d"] = ok({})
        assert guarded.knows_dag("d")
        assert guarded.knows_dag("d")
        del answers[f"Bearer {token} /api/v2/dags/d"]
    login = json.dumps({"username": "me", "password": "s3cret"})
    assert posted == [("/auth/token", login)] * 2


def test_a_wrong_password_is_refused_and_not_shown(guarded: AirflowApi, answers: Answers) -> None:
    answers["/api/v2/dags/d"] = NOT_LOGGED_IN
    answers["/auth/token"] = (401, b'{"detail": "Invalid credentials"}')
    with pytest.raises(AirflowRefused, match="/auth/token: 401 Invalid credentials") as caught:
        guarded.knows_dag("d")
    assert "s3cret" not in str(caught.value)


def test_without_a_user_it_does_not_log_in(api: AirflowApi, answers: Answers, posted: list[tuple[str, str]]) -> None:
    answers["/api/v2/dags/d"] = NOT_LOGGED_IN
    with pytest.raises(AirflowRefused, match="401 Not authenticated"):
        api.knows_dag("d")
    assert posted == []


def test_what_does_not_exist_yet_is_nothing(api: AirflowApi) -> None:
    assert not api.knows_dag("d")
    assert api.xcom("d", RUN_ID, "load", key="progress") is None
    assert api.task_instance("d", RUN_ID, "load") == TaskInstance(state="", try_number=0)


def test_a_task_that_is_not_scheduled_has_no_state(api: AirflowApi, answers: Answers) -> None:
    answers[f"{RUN}/taskInstances/load"] = ok({"state": None, "try_number": 0})
    assert api.task_instance("d", RUN_ID, "load") == TaskInstance(state="", try_number=0)


def test_of_a_log_only_what_the_task_said_is_shown(api: AirflowApi, answers: Answers) -> None:
    answers[f"{RUN}/taskInstances/load/logs/2"] = ok(
        {
            "content": [
                {"event": "::group::Pre Execute", "level": "info", "logger": "task"},
                {"event": "GET … asking again in 0.5 s", "level": "info", "logger": "task.stdout"},
                {
                    "event": "Task failed with exception",
                    "level": "error",
                    "logger": "task",
                    "error_detail": [{"exc_type": "ApiFailed", "exc_value": "GET … 500", "frames": []}],
                },
                "a bare line",
            ]
        }
    )
    said = ["GET … asking again in 0.5 s", "Task failed with exception", "ApiFailed: GET … 500"]
    assert api.task_log("d", RUN_ID, "load", try_number=2) == said
