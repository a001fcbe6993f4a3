"""A guard before a server that speaks HTTP: TLS, and a password or a token; as many put one before theirs."""

from __future__ import annotations

import ssl
import threading
from base64 import b64encode
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import requests

from tests.integration.certificates import Certificates

USER, PASSWORD, TOKEN = "penstock", "gu4rd: 5ecret", "tok3n.5ecret"


@contextmanager
def guarded(behind: str, folder: Path, certificates: Certificates) -> Iterator[dict[str, Any]]:
    """Guard a server; yields the section that Penstock has for it, with user and password.

    :param behind: its address, `http://host:port`.
    """
    (folder / "guard-password").write_text(PASSWORD + "\n")
    (folder / "guard-token").write_text(TOKEN + "\n")
    server = ThreadingHTTPServer(("127.0.0.1", 0), _guard_of(behind))
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    key, signed = certificates.sign(f"guard-{server.server_port}")
    context.load_cert_chain(signed, key)
    server.socket = context.wrap_socket(server.socket, server_side=True)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    try:
        yield {
            "managed": False,
            "base_url": f"https://127.0.0.1:{server.server_port}",
            "user": USER,
            "password_file": folder / "guard-password",
            "ca_file": certificates.ca,
        }
    finally:
        server.shutdown()
        server.server_close()


def _guard_of(behind: str) -> type[BaseHTTPRequestHandler]:
    basic = b64encode(f"{USER}:{PASSWORD}".encode()).decode()
    allowed = {f"Basic {basic}", f"Bearer {TOKEN}"}

    class Guard(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def _pass(self) -> None:
            body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
            if self.headers.get("Authorization") not in allowed:
                self._answer(401, "application/json", b'{"error_code": 401, "message": "who are you?"}')
                return
            own = {"host", "authorization", "content-length", "connection", "accept-encoding"}
            kept = {name: value for name, value in self.headers.items() if name.lower() not in own}
            reply = requests.request(self.command, behind + self.path, data=body, headers=kept, timeout=60)
            self._answer(reply.status_code, reply.headers.get("Content-Type", ""), reply.content)

        do_GET = do_POST = do_PUT = do_DELETE = do_HEAD = _pass  # noqa: N815 - names of the base class

        def _answer(self, status: int, kind: str, content: bytes) -> None:
            self.send_response(status)
            self.send_header("Content-Type", kind)
            self.send_header("Content-Length", str(len(content)))
            self.end_headers()
            self.wfile.write(content)

        def log_message(self, *_arguments: object) -> None:
            """Say nothing."""

    return Guard
