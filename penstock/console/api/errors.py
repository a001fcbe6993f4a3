"""Turns an error into an answer: a status, its name, and the message that says what to do. Always JSON."""

from __future__ import annotations

import json
from typing import Any

from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse

from penstock.connect.api import ConnectorNotFound
from penstock.console.records.messages import TopicNotFound
from penstock.console.safety.guard import ReadOnly, TokenWrong
from penstock.console.service.follow import TableNotFollowed
from penstock.console.service.schemas import SubjectNotFound
from penstock.console.service.views import ViewMissing
from penstock.errors import PenstockError, TerminalError, TransientError


class RouteMissing(TerminalError):
    """The API has nothing there."""

    def __init__(self, method: str, path: str) -> None:
        super().__init__(f"the API has no {method} /api/v1/{path}; /docs lists what it has")


_STATUS: tuple[tuple[type[PenstockError], int], ...] = (
    (ReadOnly, 403),
    (TokenWrong, 401),
    (RouteMissing, 404),
    (TopicNotFound, 404),
    (SubjectNotFound, 404),
    (ConnectorNotFound, 404),
    (ViewMissing, 404),
    (TableNotFollowed, 404),
    (TransientError, 503),
)


def register(web: FastAPI) -> None:
    """Answer errors so, wherever they come from."""
    web.add_exception_handler(PenstockError, answer)
    web.add_exception_handler(RequestValidationError, _answer_invalid)
    web.add_exception_handler(UnicodeError, _answer_no_text)


def answer(_: Request, exc: Exception) -> JSONResponse:
    """Make the answer."""
    status = next((status for kind, status in _STATUS if isinstance(exc, kind)), 422)
    return _answer(status, type(exc).__name__, str(exc))


def _answer_invalid(_: Request, exc: Exception) -> JSONResponse:
    # What was sent is not repeated: it may be what no JSON can hold.
    problems = exc.errors() if isinstance(exc, RequestValidationError) else ()
    reasons = "; ".join(f"{'.'.join(map(str, each['loc']))}: {each['msg']}" for each in problems)
    return _answer(422, "RequestInvalid", reasons)


def _answer_no_text(_: Request, exc: Exception) -> JSONResponse:
    return _answer(422, "RequestInvalid", f"a text in it is no Unicode: {exc}")


def _answer(status: int, error: str, message: str) -> JSONResponse:
    return _Ascii({"error": error, "message": message}, status_code=status)


class _Ascii(JSONResponse):
    """JSON that no text can break: a request may hold half of a character."""

    def render(self, content: Any) -> bytes:
        return json.dumps(content).encode("ascii")
