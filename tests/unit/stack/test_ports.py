"""A taken port is refused by name, with its holder and the way to move."""

import os
import socket
from collections.abc import Iterator

import pytest

from penstock.stack.ports import PortsTaken, refuse_taken


@pytest.fixture
def listener() -> Iterator[int]:
    with socket.create_server(("127.0.0.1", 0)) as server:
        yield server.getsockname()[1]


def test_a_taken_port_is_said_with_its_holder(listener: int) -> None:
    with pytest.raises(PortsTaken) as refused:
        refuse_taken({"kafka.port": listener})
    message = str(refused.value)
    assert f"port {listener} (kafka.port) is taken by pid {os.getpid()}" in message
    assert "under [kafka]" in message


def test_free_ports_pass() -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        free = server.getsockname()[1]
    refuse_taken({"kafka.port": free})
