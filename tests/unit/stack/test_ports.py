"""A taken port is refused by name, with its holder and the way to move."""

import os
import socket
from collections.abc import Iterator

import pytest

from penstock.stack.ports import Door, NoSuchAddress, PortsTaken, refuse_taken


@pytest.fixture
def listener() -> Iterator[int]:
    with socket.create_server(("127.0.0.1", 0)) as server:
        yield server.getsockname()[1]


def test_a_taken_port_is_said_with_its_holder(listener: int) -> None:
    with pytest.raises(PortsTaken) as refused:
        refuse_taken([Door("kafka.port", listener)])
    message = str(refused.value)
    assert f"port {listener} (kafka.port) is taken by pid {os.getpid()}" in message
    assert "under [kafka]" in message


def test_free_ports_pass() -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        free = server.getsockname()[1]
    refuse_taken([Door("kafka.port", free)])


def test_the_same_port_of_another_address_is_free(listener: int) -> None:
    refuse_taken([Door("kafka.port", listener, "127.0.0.2")])


def test_an_address_that_the_machine_has_not_is_said() -> None:
    with pytest.raises(NoSuchAddress, match=r"192\.0\.2\.1 is no address of this machine"):
        refuse_taken([Door("kafka.port", 9092, "192.0.2.1")])
