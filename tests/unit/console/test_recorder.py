"""A webhook that does not take an alert is said, without its path, which is its secret."""

from __future__ import annotations

import pytest

from penstock.console.moment.alerts import Change
from penstock.console.moment.recorder import _post
from tests.faulty_api import Answer, serve_faulty_api

CHANGE = Change(1.0, "Dead letters", True, 3.0, "dead-letters.views: 3")


@pytest.mark.parametrize(
    ("answer", "why"), [(Answer(404, b"no_service"), "404 Not Found"), (Answer(body=None), "ConnectionError")]
)
def test_an_alert_that_is_lost_is_said(answer: Answer, why: str, capsys: pytest.CaptureFixture[str]) -> None:
    with serve_faulty_api() as server:
        server.posted = answer
        _post(f"{server.url}services/s3cret", CHANGE)
    assert capsys.readouterr().out == f"the webhook at http://127.0.0.1 did not take an alert: {why}\n"
