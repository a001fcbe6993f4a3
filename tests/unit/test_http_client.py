"""What our HTTP clients share: who was refused is said by the error itself, whatever its text says."""

from __future__ import annotations

import socket
from collections.abc import Iterator
from contextlib import contextmanager
from threading import Thread

import pytest
import requests

from penstock.console.look.http import HttpUnreachable, get
from penstock.http_client import was_refused


@contextmanager
def closed() -> Iterator[str]:
    """Name an address where nobody listens."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port = listener.getsockname()[1]
    yield f"http://127.0.0.1:{port}/"


@contextmanager
def hangs_up() -> Iterator[str]:
    """Name an address that takes a connection and ends it without an answer."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        thread = Thread(target=lambda: listener.accept()[0].close())
        thread.start()
        yield f"http://127.0.0.1:{listener.getsockname()[1]}/refused"
        thread.join()


def test_only_a_port_that_nobody_listens_on_refuses() -> None:
    with closed() as url, pytest.raises(requests.ConnectionError) as error:
        requests.get(url, timeout=5)
    assert was_refused(error.value)
    with hangs_up() as url, pytest.raises(requests.ConnectionError) as error:
        requests.get(url, timeout=5)
    assert not was_refused(error.value)


def test_the_console_says_which_it_was() -> None:
    with closed() as url, pytest.raises(HttpUnreachable, match="connection refused"):
        get(url)
    with hangs_up() as url, pytest.raises(HttpUnreachable, match="no connection"):
        get(url)
