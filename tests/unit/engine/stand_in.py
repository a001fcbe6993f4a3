"""A server that stands in for the Schema Registry: a small part of Confluent's API, on a port of its own."""

from __future__ import annotations

import json
from collections.abc import Sequence
from functools import cache
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread
from typing import Any

from penstock_views.change.envelope import Writer

Subjects = dict[str, list[str]]


class RegistryStandIn:
    """Schemas by their ids, and subjects with the texts of their versions, oldest first; ids begin with 5.

    :param schemas: those that are in no subject.
    """

    def __init__(self, subjects: Subjects | None = None, schemas: dict[int, str] | None = None) -> None:
        self.subjects: Subjects = {} if subjects is None else subjects
        self.schemas: dict[int, str] = {} if schemas is None else schemas
        self.is_away = False
        self.asked: list[str] = []
        self._server = ThreadingHTTPServer(("127.0.0.1", 0), self._handler())
        Thread(target=self._server.serve_forever, daemon=True).start()

    @property
    def url(self) -> str:
        """Where it listens."""
        return f"http://127.0.0.1:{self._server.server_port}"

    def close(self) -> None:
        """Listen no longer."""
        self._server.shutdown()
        self._server.server_close()

    def _answer(self, path: str) -> Any:
        ids = {text: 5 + place for place, text in enumerate(text for each in self.subjects.values() for text in each)}
        parts = path.removeprefix("/apis/ccompat/v7").strip("/").split("/")
        if parts[0] == "schemas":
            text = {number: text for text, number in ids.items()} | self.schemas
            found = text.get(int(parts[2]))
            return None if found is None else {"schema": found}
        texts = self.subjects.get(parts[1], [])
        if len(parts) == 4:
            return {"id": ids[texts[int(parts[3]) - 1]], "schema": texts[int(parts[3]) - 1]}
        return list(range(1, len(texts) + 1)) or None

    def _handler(self) -> type[BaseHTTPRequestHandler]:
        registry = self

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                registry.asked.append(self.path)
                answer = None if registry.is_away else registry._answer(self.path)
                body = json.dumps(answer).encode()
                self.send_response(503 if registry.is_away else 404 if answer is None else 200)
                self.send_header("Content-Length", str(len(body)))
                self.end_headers()
                self.wfile.write(body)

            def log_message(self, *_: Any) -> None:
                """Say nothing."""

        return Handler


@cache
def registry_url(writers: tuple[Writer, ...]) -> str:
    """Serve writer schemas by their ids until the tests end: decoders keep them by the registry's URL."""
    return RegistryStandIn(schemas=ids_of(writers)).url


def ids_of(writers: Sequence[Writer]) -> dict[int, str]:
    """Map the ids of writers to their schemas."""
    return {writer.schema_id: writer.schema for writer in writers}
