"""Asking the small HTTP servers: every request has a short limit, every failure is one error."""

from __future__ import annotations

import threading
from typing import Any
from urllib.parse import urlsplit

import requests

from penstock.errors import Unreachable
from penstock.http_client import direct_session, was_refused

TIMEOUT_S = 2.0
"""Shorter than three seconds: so soon must a page say that a part is away."""


class HttpUnreachable(Unreachable):
    """A server does not answer, or not what it should."""

    def __init__(self, url: str, cause: str) -> None:
        super().__init__(f"{urlsplit(url).netloc} does not answer ({cause})", advice="")


def get(url: str, *, timeout_s: float = TIMEOUT_S) -> Any:
    """Return the JSON at a URL.

    :raises HttpUnreachable: for whatever reason there is none.
    """
    try:
        reply = _session(url).get(url, timeout=timeout_s)
        reply.raise_for_status()
        return reply.json()
    except requests.ConnectionError as exc:
        raise HttpUnreachable(url, "connection refused" if was_refused(exc) else "no connection") from exc
    except requests.Timeout as exc:
        raise HttpUnreachable(url, f"silent for {timeout_s:.0f} s") from exc
    except (requests.RequestException, ValueError) as exc:
        raise HttpUnreachable(url, str(exc)) from exc


_OF_THREAD = threading.local()


def _session(url: str) -> requests.Session:
    """Return this thread's session for a server: a connection that is kept costs a third of a new one."""
    if not hasattr(_OF_THREAD, "sessions"):
        _OF_THREAD.sessions = {}
    sessions: dict[str, requests.Session] = _OF_THREAD.sessions
    server = urlsplit(url).netloc
    if server not in sessions:
        sessions[server] = direct_session(url)
    return sessions[server]
