"""Pages of users over HTTP: asks again while that can help, then fails with which URL and what answer."""

from __future__ import annotations

import json
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Any, NoReturn
from urllib.parse import parse_qsl, urlencode, urlsplit, urlunsplit

import requests

from ingest.errors import IngestError
from ingest.secrets import without_login, without_secrets

TIMEOUT_S = 30.0
_TOO_MANY_REQUESTS = 429
_SERVER_ERROR = 500
_CLIENT_ERROR = 400
_LONGEST_INT = sys.int_info.default_max_str_digits


class ApiFailed(IngestError):
    """The API gave no usable page, and asking again did not help or cannot."""

    def __init__(self, url: str, problem: str, *, tries: int) -> None:
        asked = "asked once" if tries == 1 else f"asked {tries} times"
        super().__init__(without_login(f"GET {url} ({asked}): {problem}"))


class _AskAgain(Exception):
    """One try failed in a way that the next may not."""

    def __init__(self, problem: str, *, is_limit: bool = False, wait_s: float | None = None) -> None:
        super().__init__(problem)
        self.is_limit = is_limit
        self.wait_s = wait_s


class _NoPage(_AskAgain):
    """The API answered 200, but what came is no page of users."""

    def __init__(self, problem: str, answer: requests.Response) -> None:
        super().__init__(f"200, but no page of users: {problem}; it starts with {_start(answer)}")


@dataclass(frozen=True)
class Patience:
    """How long a page is tried.

    Errors are few and quick, so that a broken API is said soon. A limit (429) is waited out, since the API counts users
    in windows of up to five minutes.
    """

    tries: int = 4
    first_wait_s: float = 0.5
    longest_wait_s: float = 30.0
    limit_budget_s: float = 360.0


@dataclass
class UserApi:
    """The API at one base URL, for instance `https://randomuser.me/api/`.

    :param login: user and password, where it asks for them.
    :param ca_file: certificates (PEM) to trust, in place of the machine's.
    """

    url: str
    patience: Patience = Patience()
    sleep: Callable[[float], None] = time.sleep
    log: Callable[[str], None] = print
    proxy: str | None = None
    login: tuple[str, str] | None = None
    ca_file: str | None = None
    session: requests.Session = field(default_factory=requests.Session)

    def __post_init__(self) -> None:
        """Ask the API directly, or through the proxy that was named: no other of the environment's."""
        self.session.trust_env = False
        self.session.auth = self.login
        self.session.verify = self.ca_file or True
        if self.proxy:
            self.session.proxies = {"http": self.proxy, "https": self.proxy}

    def fetch_page(self, *, seed: str, page: int, results: int) -> list[Any]:
        """Return the users of one page as the API sent them, but without passwords, salts and hashes.

        :raises ApiFailed: after the last try, or at once when the API refuses the question (4xx).
        """
        url = _asking(self.url, {"results": str(results), "page": str(page), "seed": seed})
        waits = _Waits(self.patience)
        while True:
            try:
                return self._try_once(url, expected=results)
            except _AskAgain as exc:
                wait_s = waits.after(exc)
                if wait_s is None:
                    raise ApiFailed(url, str(exc), tries=waits.tries) from None
                self.log(without_login(f"GET {url}: {exc}; asking again in {wait_s:.1f} s"))
                self.sleep(wait_s)

    def _try_once(self, url: str, *, expected: int) -> list[Any]:
        try:
            answer = self.session.get(url, timeout=TIMEOUT_S)
        except (requests.ConnectionError, requests.Timeout, requests.exceptions.ChunkedEncodingError) as exc:
            raise _AskAgain(f"no answer: {_root_cause(exc)}") from None
        except requests.RequestException as exc:
            raise ApiFailed(url, f"no answer: {exc}", tries=1) from None
        if answer.status_code >= _CLIENT_ERROR:
            _refuse(answer)
        return _users_of(answer, expected=expected)


def _asking(url: str, question: dict[str, str]) -> str:
    """Put a question into a URL that may have one of its own, such as `?nat=gb`."""
    parts = urlsplit(url)
    asked = [(name, value) for name, value in parse_qsl(parts.query, keep_blank_values=True) if name not in question]
    return urlunsplit(parts._replace(query=urlencode([*asked, *question.items()]), fragment=""))


class _Waits:
    """Counts the tries of one page and says how long to wait before the next."""

    def __init__(self, patience: Patience) -> None:
        self._patience = patience
        self._waited_for_limit_s = 0.0
        self._errors = 0
        self.tries = 0

    def after(self, failure: _AskAgain) -> float | None:
        """Return the seconds to wait, or None when patience is at its end."""
        self.tries += 1
        if failure.is_limit:
            return self._after_limit(failure.wait_s)
        self._errors += 1
        if self._errors >= self._patience.tries:
            return None
        return max(self._doubled(self._errors), min(failure.wait_s or 0.0, self._patience.longest_wait_s))

    def _after_limit(self, asked_for_s: float | None) -> float | None:
        wait_s = max(self._doubled(self.tries) if asked_for_s is None else asked_for_s, self._patience.first_wait_s)
        self._waited_for_limit_s += wait_s
        return wait_s if self._waited_for_limit_s <= self._patience.limit_budget_s else None

    def _doubled(self, times: int) -> float:
        return min(self._patience.first_wait_s * 2.0 ** (times - 1), self._patience.longest_wait_s)


def _refuse(answer: requests.Response) -> NoReturn:
    problem = f"{answer.status_code} {answer.reason}: {_said(answer)}"
    if answer.status_code == _TOO_MANY_REQUESTS:
        raise _AskAgain(problem, is_limit=True, wait_s=_retry_after_s(answer))
    if answer.status_code >= _SERVER_ERROR:
        raise _AskAgain(problem, wait_s=_retry_after_s(answer))
    raise ApiFailed(answer.url, problem, tries=1)


def _users_of(answer: requests.Response, *, expected: int) -> list[Any]:
    try:
        content = json.loads(answer.content, parse_constant=_no_constant, parse_int=_whole)
        users = without_secrets(content["results"])
    except (ValueError, RecursionError, LookupError, TypeError) as exc:
        # The message only: a JSONDecodeError carries the whole answer, and an answer holds passwords.
        raise _NoPage(f"{type(exc).__name__} {exc}", answer) from None
    if not isinstance(users, list):
        raise _NoPage("`results` is no list", answer)
    if len(users) != expected:
        raise _NoPage(f"{len(users)} users instead of {expected}; does the API allow so many a request?", answer)
    return users


def _whole(digits: str) -> int | Decimal:
    """Read a whole number; Python makes no int of a very long one, which a row then refuses."""
    return int(digits) if len(digits) <= _LONGEST_INT else Decimal(digits)


def _no_constant(name: str) -> NoReturn:
    raise ValueError(f"{name} is not JSON")


def _said(answer: requests.Response) -> str:
    """Return what the API said about its refusal: its `error`, else the start of the text."""
    try:
        return str(json.loads(answer.content)["error"])[:300]
    except (ValueError, RecursionError, KeyError, TypeError):
        return _start(answer)


def _start(answer: requests.Response) -> str:
    """Return so little of an answer that no password can be in it."""
    return repr(answer.content[:40].decode("utf-8", "replace")) if answer.content else "an empty answer"


def _retry_after_s(answer: requests.Response) -> float | None:
    """Return the seconds of `Retry-After`; a date there is left to our own backoff."""
    written = answer.headers.get("Retry-After", "")
    return float(written) if written.isascii() and written.isdigit() and len(written) <= len("99999") else None


def _root_cause(exc: BaseException) -> str:
    """Return the innermost message: requests wraps `Connection refused` four times."""
    while (inner := exc.__cause__ or exc.__context__) is not None:
        exc = inner
    return str(exc) or type(exc).__name__
