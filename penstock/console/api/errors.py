"""How an error of Penstock becomes an answer: a status, its name, and the message that says what to do."""

from __future__ import annotations

from fastapi import FastAPI, Request
from fastapi.responses import JSONResponse

from penstock.connect.api import ConnectorNotFound
from penstock.console.guard import ReadOnly, TokenWrong
from penstock.console.service.messages import TopicMissing
from penstock.console.service.schemas import SubjectMissing
from penstock.errors import PenstockError, TransientError

_STATUS: tuple[tuple[type[PenstockError], int], ...] = (
    (ReadOnly, 403),
    (TokenWrong, 401),
    (TopicMissing, 404),
    (SubjectMissing, 404),
    (ConnectorNotFound, 404),
    (TransientError, 503),
)


def register(web: FastAPI) -> None:
    """Answer errors of Penstock so, wherever they come from."""
    web.add_exception_handler(PenstockError, answer)


def answer(_: Request, exc: Exception) -> JSONResponse:
    """Make the answer."""
    status = next((status for kind, status in _STATUS if isinstance(exc, kind)), 422)
    return JSONResponse({"error": type(exc).__name__, "message": str(exc)}, status_code=status)
