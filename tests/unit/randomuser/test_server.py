"""The HTTP face: parameters, limits and errors as in the API, asked over a real socket."""

from __future__ import annotations

import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest
import requests
import uvicorn
from ingest.api import ApiFailed, UserApi

from penstock.randomuser.limiter import WINDOW_S, Limiter
from penstock.randomuser.question import FIELDS
from penstock.randomuser.server import make_app


@contextmanager
def serving(*, limit: int, login: tuple[str, str] | None = None) -> Iterator[str]:
    """Serve the stand-in on a free port of loopback."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        server = uvicorn.Server(uvicorn.Config(make_app(limit=limit, login=login), log_level="warning"))
        thread = threading.Thread(target=server.run, kwargs={"sockets": [listener]})
        thread.start()
        try:
            # The socket listens already: the first request waits in its backlog until the server accepts.
            yield f"http://127.0.0.1:{listener.getsockname()[1]}/api/"
        finally:
            server.should_exit = True
            thread.join()


@pytest.fixture(scope="module")
def url() -> Iterator[str]:
    with serving(limit=0) as url:
        yield url


def ask(url: str, **parameters: object) -> Any:
    answer = requests.get(url, params=parameters, timeout=60)  # type: ignore[arg-type]
    assert answer.status_code == requests.codes.ok, answer.text
    return answer.json()


def test_the_info_block(url: str) -> None:
    page = ask(url, results=3, page=2, seed="abc")
    assert page["info"] == {"seed": "abc", "results": 3, "page": 2, "version": "1.4"}
    assert len(page["results"]) == 3


def test_without_parameters_one_user_of_a_new_seed_that_can_be_asked_again(url: str) -> None:
    page = ask(url)
    assert len(page["results"]) == 1
    assert ask(url, seed=page["info"]["seed"])["results"] == page["results"]
    assert ask(url)["info"]["seed"] != page["info"]["seed"]


def test_a_shorter_page_is_the_start_of_the_longer(url: str) -> None:
    assert ask(url, seed="s", results=5)["results"] == ask(url, seed="s", results=9)["results"][:5]


def test_fields_can_be_chosen_and_the_people_stay_the_same(url: str) -> None:
    whole = ask(url, seed="s", results=20)["results"]
    included = ask(url, seed="s", results=20, inc="nat, Login,nonsense")["results"]
    excluded = ask(url, seed="s", results=20, exc="login")["results"]

    assert included == [{"login": user["login"], "nat": user["nat"]} for user in whole]
    assert excluded == [{field: user[field] for field in FIELDS if field != "login"} for user in whole]


def test_five_thousand_are_the_most_and_more_means_one(url: str) -> None:
    assert len(ask(url, results=5000, inc="nat")["results"]) == 5000
    for results in ("5001", "0", "-1", "many", "1.5", "²", "9" * 5000):
        assert len(ask(url, results=results)["results"]) == 1


def test_a_page_that_does_not_exist_is_the_first(url: str) -> None:
    for page in ("0", "-3", "10001", "x"):
        assert ask(url, seed="s", page=page)["info"]["page"] == 1


def test_nationalities_in_any_case_and_all_for_an_unknown_one(url: str) -> None:
    assert {user["nat"] for user in ask(url, results=100, nat="de,Fr")["results"]} == {"DE", "FR"}
    assert len({user["nat"] for user in ask(url, results=500, nat="de,xx")["results"]}) == 21


def test_gender_counts_only_without_a_seed(url: str) -> None:
    assert {user["gender"] for user in ask(url, results=100, gender="female")["results"]} == {"female"}
    assert {user["gender"] for user in ask(url, results=100, gender="female", seed="s")["results"]} == {
        "female",
        "male",
    }


def test_the_version_can_be_named_and_others_do_not_exist(url: str) -> None:
    assert ask(f"{url}1.4/", seed="s") == ask(url, seed="s")
    assert requests.get(f"{url}1.3/", timeout=60).status_code == requests.codes.not_found


def test_only_json_is_written(url: str) -> None:
    answer = requests.get(url, params={"format": "csv"}, timeout=60)
    assert answer.status_code == requests.codes.bad_request
    assert "'csv'" in answer.json()["error"]
    assert ask(url, format="JSON", seed="s") == ask(url, seed="s")


def test_who_hammers_is_asked_to_ease_up() -> None:
    with serving(limit=100) as url:
        ask(url, results=99)
        ask(url, results=50)  # the request that crosses the limit is still served
        answer = requests.get(url, timeout=60)
    assert answer.status_code == requests.codes.too_many_requests
    assert "You've requested 149 users" in answer.json()["error"]
    assert 1 <= int(answer.headers["Retry-After"]) <= WINDOW_S + 1


def test_with_a_password_it_answers_only_who_knows_it() -> None:
    with serving(limit=0, login=("penstock", "s3cret")) as url:
        assert requests.get(url.removesuffix("api/"), timeout=60).status_code == requests.codes.unauthorized
        with pytest.raises(ApiFailed, match="401 Unauthorized"):
            UserApi(url, login=("penstock", "wrong")).fetch_page(seed="s", page=1, results=3)
        assert len(UserApi(url, login=("penstock", "s3cret")).fetch_page(seed="s", page=1, results=3)) == 3


def test_clients_are_counted_apart_and_start_from_zero_in_the_next_window() -> None:
    now = [0.0]
    limiter = Limiter(10, clock=lambda: now[0])

    assert limiter.spend("a", 10) is None
    assert limiter.spend("a", 1) == 10
    assert limiter.spend("b", 1) is None
    now[0] = WINDOW_S
    assert limiter.spend("a", 1) is None


def test_no_limit() -> None:
    limiter = Limiter(0)
    assert all(limiter.spend("a", 5000) is None for _ in range(100))
