"""The HTTP face of the stand-in: `/api/` and `/api/1.4/`, answers and errors in the API's own words."""

from __future__ import annotations

import json
from typing import Any

from fastapi import FastAPI, Request, Response

from penstock.login import Login
from penstock.randomuser.limiter import Limiter
from penstock.randomuser.person import make_person
from penstock.randomuser.question import FormatUnknown, Question, read_question

VERSION = "1.4"
DEFAULT_LIMIT = 20_000
"""Users a minute and client, as in the API."""


def make_app(*, limit: int = DEFAULT_LIMIT, login: tuple[str, str] | None = None) -> FastAPI:
    """Build the application.

    :param limit: users a minute and client before 429; 0 = no limit.
    :param login: user and password; without them everybody is answered.
    """
    app = FastAPI(title="randomuser.me stand-in", docs_url=None, redoc_url=None, openapi_url=None)
    limiter = Limiter(limit)

    # Not async: FastAPI then runs it on a thread, and 5,000 people do not hold up other requests.
    def answer(request: Request) -> Response:
        return _answer(request, limiter)

    for path in ("/api", "/api/", f"/api/{VERSION}", f"/api/{VERSION}/"):
        app.add_api_route(path, answer, methods=["GET"])
    if login is not None:
        user, password = login
        app.add_middleware(Login, user=user, password=password)
    return app


def _answer(request: Request, limiter: Limiter) -> Response:
    try:
        question = read_question(request.query_params)
    except FormatUnknown as exc:
        return _json({"error": str(exc)}, status=400)
    client = request.client.host if request.client else "unknown"
    had = limiter.spend(client, question.results)
    if had is not None:
        error = f"Whoa, ease up there cowboy. You've requested {had} users in the last minute."
        # The API sends no Retry-After; here it is the one addition, so that clients need not guess.
        return _json({"error": error}, status=429, headers={"Retry-After": str(limiter.wait_s)})
    return _json(_page(question))


def _page(question: Question) -> dict[str, Any]:
    people = (make_person(question.wish, position) for position in range(question.results))
    return {
        "results": [{field: person[field] for field in question.fields} for person in people],
        "info": {
            "seed": question.wish.seed,
            "results": question.results,
            "page": question.wish.page,
            "version": VERSION,
        },
    }


def _json(content: dict[str, Any], *, status: int = 200, headers: dict[str, str] | None = None) -> Response:
    body = json.dumps(content, ensure_ascii=False, separators=(",", ":")).encode()
    return Response(body, status, {"Cache-Control": "no-cache", **(headers or {})}, "application/json")
