"""A small real HTTP server in the place of Airflow, for answers that the real one gives only when it is ill."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest

from penstock.loads.airflow_api import AirflowApi

Answers = dict[str, tuple[int, bytes]]


@pytest.fixture
def answers() -> Answers:
    """Path → (status, body); a test fills it. `Bearer TOKEN PATH` is for who shows this token."""
    return {}


@pytest.fixture
def posted() -> list[tuple[str, str]]:
    """Path and body of every POST."""
    return []


@pytest.fixture
def api(answers: Answers, posted: list[tuple[str, str]]) -> Iterator[AirflowApi]:
    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            known = answers.get(f"{self.headers.get('Authorization')} {self.path}") or answers.get(self.path)
            status, body = known or (404, b'{"detail": "not found"}')
            self.send_response(status)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def do_POST(self) -> None:
            posted.append((self.path, self.rfile.read(int(self.headers["Content-Length"])).decode()))
            self.do_GET()

        def log_message(self, format: str, *args: object) -> None:
            """Say nothing."""

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        thread = threading.Thread(target=server.serve_forever, args=(0.02,))
        thread.start()
        with AirflowApi(f"http://127.0.0.1:{server.server_address[1]}") as client:
            yield client
        server.shutdown()
        thread.join()
