"""Base of our HTTP clients: one kept connection, straight to the server. Requests and errors are their own."""

from __future__ import annotations

from types import TracebackType
from typing import TYPE_CHECKING, Any, Self

from penstock.address import prepare_session

if TYPE_CHECKING:
    import requests  # each function loads it: the parts of the stack are known without


def direct_session(url: str = "") -> requests.Session:
    """Open a session that keeps its connection; the caller closes it.

    :param url: of the server, where it may ask who comes (an `Address`).
    """
    import requests

    session = requests.Session()
    prepare_session(session, url)
    return session


def get_json(url: str) -> Any | None:
    """Return the JSON that a URL answers with status 200, or None while it does not."""
    import requests

    try:
        with direct_session(url) as session:
            answer = session.get(url, timeout=3)
        return answer.json() if answer.status_code == requests.codes.ok else None
    except (requests.RequestException, ValueError):
        return None


def answers(url: str) -> bool:
    """Return whether a URL answers JSON with status 200."""
    return get_json(url) is not None


def was_refused(error: BaseException | None) -> bool:
    """Return whether nobody listened: the error that the system gave is at the end of a chain of three libraries."""
    while error is not None and not isinstance(error, ConnectionRefusedError):
        error = error.__cause__ or error.__context__
    return error is not None


class HttpClient:
    """A client of one server; it closes its connection at the end of a `with` block.

    :param timeout_s: of one request.
    """

    def __init__(self, url: str, *, timeout_s: float) -> None:
        self._url = url.rstrip("/")
        self._timeout_s = timeout_s
        self._http = direct_session(url)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._http.close()
