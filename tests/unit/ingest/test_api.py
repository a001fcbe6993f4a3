"""The API client against a real server that errs: what is tried again, for how long, and what is said at the end."""

from __future__ import annotations

import json
import socket
from collections.abc import Iterator
from dataclasses import dataclass, field

import pytest
from ingest.api import ApiFailed, Patience, UserApi
from ingest.store import Rejected, _aside
from ingest.user import UserInvalid, parse_user

from penstock.randomuser.person import Wish, make_person
from tests.faulty_api import Answer, FaultyApi, serve_faulty_api

BROKEN = Answer(500, b'{"error": "Uh oh, something has gone wrong."}')

DEEP = "[" * 900 + "]" * 900


@dataclass
class Client:
    """A client whose waits are written down instead of slept."""

    server: FaultyApi
    waits: list[float] = field(default_factory=list)
    said: list[str] = field(default_factory=list)
    login: str = ""

    def fetch(self) -> list[object]:
        """Fetch the first page, three users."""
        url = self.server.url
        if self.login:
            url = url.replace("://", f"://{self.login}") + "?token=s3cret"
        api = UserApi(url, Patience(), sleep=self.waits.append, log=self.said.append)
        with api.session:
            return api.fetch_page(seed="s", page=1, results=3)

    def failure(self) -> str:
        """Return the message with which the first page fails."""
        with pytest.raises(ApiFailed) as caught:
            self.fetch()
        return str(caught.value)


@pytest.fixture
def client() -> Iterator[Client]:
    with serve_faulty_api() as server:
        yield Client(server)


def test_a_page_comes_without_secrets(client: Client) -> None:
    users = client.fetch()
    assert len(users) == 3
    assert "sha256" not in json.dumps(users)
    assert client.waits == []


def test_one_user_who_is_out_of_all_bounds_is_one_of_the_page(client: Client) -> None:
    long, user = "9" * 5000, make_person(Wish("s", 1), 0)
    user["location"]["postcode"], user["deep"] = 12345678, "deep"
    text = json.dumps({"results": [1, user, 2]}).replace("12345678", long).replace('"deep": "deep"', f'"deep": {DEEP}')
    client.server.always[1] = Answer(body=text.encode())
    _, found, _ = client.fetch()
    with pytest.raises(UserInvalid, match=r"^location\.postcode: expected a text, got the number '9"):
        parse_user(found)
    (*_, content) = _aside(Rejected("s", 1, 1, "it is odd", found))
    assert json.loads(content)["location"]["postcode"] == long


def test_an_error_is_tried_again_with_longer_waits_until_it_is_over(client: Client) -> None:
    client.server.queued[1].extend([BROKEN, Answer(503, b"busy"), Answer(body=None)])
    assert len(client.fetch()) == 3
    assert client.waits == [0.5, 1.0, 2.0]
    assert "500 Internal Server Error: Uh oh, something has gone wrong.; asking again in 0.5 s" in client.said[0]


def test_no_word_holds_the_login_of_an_address(client: Client) -> None:
    client.server.always[1] = BROKEN
    client.login = "alice:s3cret@"
    said = f"{client.failure()} {client.said}"
    assert "s3cret" not in said
    assert "://•••@127.0.0.1" in said and "token=•••&results=3" in said


def test_an_error_that_stays_is_said_with_url_and_answer(client: Client) -> None:
    client.server.always[1] = BROKEN
    assert client.failure() == (
        f"GET {client.server.url}?results=3&page=1&seed=s (asked 4 times):"
        " 500 Internal Server Error: Uh oh, something has gone wrong."
    )
    assert client.server.asked == [1, 1, 1, 1]


def test_retry_after_of_an_error_is_honoured_within_bounds(client: Client) -> None:
    client.server.queued[1].extend([Answer(503, b"", {"Retry-After": "7"}), Answer(503, b"", {"Retry-After": "99999"})])
    client.fetch()
    assert client.waits == [7.0, 30.0]


def test_a_limit_is_waited_out_as_the_api_asks(client: Client) -> None:
    slow_down = Answer(429, b'{"error": "Whoa, ease up there cowboy."}', {"Retry-After": "55"})
    client.server.queued[1].extend([slow_down] * 6)
    assert len(client.fetch()) == 3
    assert client.waits == [55.0] * 6


def test_a_limit_without_a_time_is_waited_out_with_backoff_but_not_for_ever(client: Client) -> None:
    client.server.always[1] = Answer(429, b'{"error": "Whoa, ease up there cowboy."}')
    assert "429 Too Many Requests: Whoa, ease up there cowboy." in client.failure()
    assert 300 < sum(client.waits) <= 360
    assert max(client.waits) == 30


def test_a_refused_question_is_not_asked_again(client: Client) -> None:
    client.server.always[1] = Answer(404, b"nothing here")
    assert client.failure().endswith("(asked once): 404 Not Found: 'nothing here'")
    assert client.server.asked == [1]


@pytest.mark.parametrize(
    ("body", "problem"),
    [
        (b"<html>502 Bad Gateway</html>", "JSONDecodeError Expecting value: line 1 column 1"),
        (b"", "it starts with an empty answer"),
        (b'{"results": [{"login": {"password": "hunter2"', "JSONDecodeError"),
        (b'{"error": "Uh oh"}', "KeyError 'results'"),
        (b"[]", "TypeError"),
        (b'{"results": {}}', "`results` is no list"),
        (b'{"results": [1, 2]}', "2 users instead of 3"),
        (b'{"results": [NaN, 1, 2]}', "NaN is not JSON"),
        (b"\xff\xfe\xff", "UnicodeDecodeError"),
        (b"[" * 100_000, "RecursionError"),
    ],
)
def test_an_answer_that_is_no_page_fails_after_retries_and_leaks_nothing(
    client: Client, body: bytes, problem: str
) -> None:
    client.server.always[1] = Answer(body=body)
    failure = client.failure()
    assert problem in failure
    assert "(asked 4 times): 200, but no page of users" in failure
    assert "hunter2" not in failure + "".join(client.said)


def test_nobody_there() -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
    api = UserApi(f"http://127.0.0.1:{port}/api/", sleep=lambda _seconds: None, log=lambda _line: None)
    with api.session, pytest.raises(ApiFailed, match=r"no answer: .*Connection refused"):
        api.fetch_page(seed="s", page=1, results=1)


def test_a_url_that_is_none() -> None:
    with pytest.raises(ApiFailed, match="No scheme supplied"):
        UserApi("randomuser.me/api/").fetch_page(seed="s", page=1, results=1)


@pytest.mark.parametrize("more", ["?nat=gb", "?nat=gb&page=7", "?nat=gb#top", "?nat=gb&seed=other&results=1"])
def test_an_address_with_a_question_of_its_own_keeps_it(client: Client, more: str) -> None:
    api = UserApi(client.server.url + more)
    with api.session:
        assert len(api.fetch_page(seed="s", page=1, results=3)) == 3
    (asked,) = client.server.questions
    assert (asked["nat"], asked["page"], asked["results"], asked["seed"]) == (["gb"], ["1"], ["3"], ["s"])


def test_no_proxy_of_the_environment_is_asked(client: Client, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("HTTP_PROXY", "http_proxy", "ALL_PROXY", "all_proxy"):
        monkeypatch.setenv(name, "http://127.0.0.1:9")
    assert len(client.fetch()) == 3


def test_the_proxy_that_was_named_is_asked(client: Client) -> None:
    api = UserApi("http://randomuser.invalid/api/", proxy=client.server.url)
    with api.session:
        assert len(api.fetch_page(seed="s", page=1, results=3)) == 3
