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
    """Path → (status, body); a test fills it."""
    return {}


@pytest.fixture
def api(answers: Answers) -> Iterator[AirflowApi]:
    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            status, body = answers.get(self.path, (404, b'{"detail": "not found"}'))
            self.send_response(status)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        do_POST = do_GET  # noqa: N815 - the name that http.server calls

        def log_message(self, format: str, *args: object) -> None:
            """Say nothing."""

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        thread = threading.Thread(target=server.serve_forever, args=(0.02,))
        thread.start()
        with AirflowApi(f"http://127.0.0.1:{server.server_address[1]}") as client:
            yield client
        server.shutdown()
        thread.join()
