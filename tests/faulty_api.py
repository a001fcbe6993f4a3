"""A small real HTTP server that speaks like the users API and errs where a test asks it to."""

from __future__ import annotations

import json
import threading
from collections import defaultdict, deque
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qs, urlsplit

from penstock.randomuser.person import Wish, make_person

Users = list[Any]


@dataclass(frozen=True)
class Answer:
    """What the server sends instead of a page; `None` as body cuts the connection."""

    status: int = 200
    body: bytes | None = b""
    headers: dict[str, str] = field(default_factory=dict)


@dataclass
class FaultyApi:
    """The behaviour of one server: answers queued per page come first, then healthy pages, changed by `spoil`."""

    url: str
    queued: defaultdict[int, deque[Answer]] = field(default_factory=lambda: defaultdict(deque))
    always: dict[int, Answer] = field(default_factory=dict)
    posted: Answer = Answer()
    """What whoever posts something gets."""
    spoil: Callable[[int, Users], Users] = lambda _page, users: users
    asked: list[int] = field(default_factory=list)
    questions: list[dict[str, list[str]]] = field(default_factory=list)

    def answer(self, query: dict[str, list[str]]) -> Answer:
        """Answer one request."""
        page, results = int(query["page"][0]), int(query["results"][0])
        self.asked.append(page)
        self.questions.append(query)
        if self.queued[page]:
            return self.queued[page].popleft()
        return self.always.get(page) or self._healthy(query["seed"][0], page, results)

    def _healthy(self, seed: str, page: int, results: int) -> Answer:
        users = self.spoil(page, [make_person(Wish(seed, page), position) for position in range(results)])
        body = json.dumps({"results": users, "info": {"page": page}})
        # A number that is JSON and no float; Python itself would write the word Infinity.
        return Answer(body=body.replace('"1e999"', "1e999").encode())


@contextmanager
def serve_faulty_api(port: int = 0) -> Iterator[FaultyApi]:
    """Run a server on loopback; port 0 takes a free one."""
    behaviour: list[FaultyApi] = []

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self._send(behaviour[0].answer(parse_qs(urlsplit(self.path).query)))

        def do_POST(self) -> None:
            self.rfile.read(int(self.headers["Content-Length"]))
            self._send(behaviour[0].posted)

        def _send(self, answer: Answer) -> None:
            if answer.body is None:
                self.connection.close()
                return
            self.send_response(answer.status)
            for name, value in {**answer.headers, "Content-Length": str(len(answer.body))}.items():
                self.send_header(name, value)
            self.end_headers()
            self.wfile.write(answer.body)

        def log_message(self, format: str, *args: object) -> None:
            """Say nothing: pytest shows what matters."""

    server = ThreadingHTTPServer(("127.0.0.1", port), Handler)
    behaviour.append(FaultyApi(f"http://127.0.0.1:{server.server_address[1]}/api/"))
    thread = threading.Thread(target=server.serve_forever, args=(0.02,), daemon=True)
    thread.start()
    try:
        yield behaviour[0]
    finally:
        server.shutdown()
        server.server_close()
        thread.join()
