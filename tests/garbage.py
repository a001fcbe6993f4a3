"""Sends garbage to every route of an API, as its own description lists them, for each of its parameters in turn."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any
from urllib.parse import quote

import requests

TEXTS = (
    "",
    "²",
    "-1",
    str(10**30),
    "nan",
    "{",
    '{"a":',
    "a/b",
    "a,b",
    "%00",
    "\0",
    "'; --",
    "../..",
    "\ud800",
    "x" * 5000,
)
BODIES: tuple[Any, ...] = (None, 3, [], {}, "x", {"ids": ["x"]}, {"ids": ["dead-letters.sink/x/y"], "dry_run": True})
_AT_ONCE = 12
RAW = (b"", b"{", b"\xff\xfe", b'{"users": NaN}', b'{"ids": ["\\ud800"]}', b'{"view": "\\ud800"}', b"[" * 5000)


@dataclass(frozen=True)
class Asked:
    """A request and what became of it."""

    request: str
    status: int
    kind: str
    text: str

    @property
    def problem(self) -> str | None:
        """Say what is wrong with the answer: it is a 4xx with a reason in JSON, or what was asked for after all."""
        if self.status >= 500 and self.status != 503:
            return f"{self.request}: {self.status} {self.text[:200]}"
        if self.status == 200 and self.kind.startswith("text/event-stream"):
            return None
        if not self.kind.startswith("application/json"):
            return f"{self.request}: {self.status} {self.kind}"
        answer = json.loads(self.text) if self.status >= 400 else {"message": "good"}
        return (
            None if answer.get("message") or answer.get("detail") else f"{self.request}: {self.status} without a reason"
        )


def send_all(
    url: str, *, valid: Mapping[str, str], headers: Mapping[str, str] | None = None, without: str = "nothing"
) -> Iterator[Asked]:
    """Send it all.

    :param without: the end of a path that is left out.
    :param valid: of `part of the path:parameter`, or of a parameter, a value that is right, for the others' turn.
    """
    described = requests.get(f"{url}/openapi.json", timeout=30).json()["paths"]
    wanted = [
        (method, address, body)
        for path, operations in described.items()
        if path.startswith("/api/") and not path.endswith(without)
        for method, operation in operations.items()
        for address, body in _requests(path, operation, valid)
    ]
    with ThreadPoolExecutor(_AT_ONCE) as pool:
        yield from pool.map(lambda each: _send(url, each[0], each[1], each[2], headers or {}), wanted)


def _requests(path: str, operation: dict[str, Any], valid: Mapping[str, str]) -> Iterator[tuple[str, bytes | None]]:
    parameters = [each for each in operation.get("parameters", ()) if each["in"] in {"path", "query"}]
    has_body = "requestBody" in operation
    bodies = [*(json.dumps(each).encode() for each in BODIES), *RAW] if has_body else [None]
    right = {each["name"]: _right(path, each, valid) for each in parameters}
    for body in bodies:
        yield _address(path, parameters, right), body
    for parameter in parameters:
        for text in TEXTS:
            yield _address(path, parameters, {**right, parameter["name"]: text}), bodies[0]


def _right(path: str, parameter: dict[str, Any], valid: Mapping[str, str]) -> str | None:
    part = path.split("/")[3] if path.count("/") > 2 else path
    name = parameter["name"]
    return valid.get(f"{part}:{name}", valid.get(name, "nothing" if parameter["required"] else None))


def _address(path: str, parameters: list[dict[str, Any]], values: Mapping[str, str | None]) -> str:
    asked = []
    for parameter in parameters:
        name, value = parameter["name"], values[parameter["name"]]
        if value is None:
            continue
        written = quote(value.encode("utf-8", "surrogatepass"), safe="")
        if parameter["in"] == "path":
            path = path.replace(f"{{{name}}}", written).replace(f"{{{name}:path}}", written)
        else:
            asked.append(f"{name}={written}")
    return path + (f"?{'&'.join(asked)}" if asked else "")


def _send(url: str, method: str, address: str, body: bytes | None, headers: Mapping[str, str]) -> Asked:
    more = {**headers, "Content-Type": "application/json"} if body is not None else headers
    with requests.request(method, url + address, data=body, headers=more, timeout=60, stream=True) as answer:
        kind = answer.headers.get("content-type", "")
        text = "" if kind.startswith("text/event-stream") else answer.text
        shown = f"{method.upper()} {address[:200]} {(body or b'')[:60]!r}"
        return Asked(shown, answer.status_code, kind, text)
