"""What our HTTP clients share: one kept connection, straight to the server. Requests and errors are their own."""

from __future__ import annotations

from types import TracebackType
from typing import Self

import requests


def direct_session() -> requests.Session:
    """Open a session that keeps its connection; the caller closes it."""
    session = requests.Session()
    # The servers are ours to reach directly; a proxy from the environment must not see what they are told.
    session.trust_env = False
    return session


class HttpClient:
    """A client of one server; it closes its connection at the end of a `with` block.

    :param timeout_s: of one request.
    """

    def __init__(self, url: str, *, timeout_s: float) -> None:
        self._url = url.rstrip("/")
        self._timeout_s = timeout_s
        self._http = direct_session()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._http.close()
