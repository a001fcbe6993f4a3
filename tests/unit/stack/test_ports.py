"""A taken port is refused by name, with its holder and the way to move."""

import errno
import os
import socket
from collections.abc import Iterator

import pytest

from penstock.stack.ports import Door, HostUnknown, NoSuchAddress, PortForbidden, PortShared, PortsTaken, refuse_taken


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


def test_a_port_of_a_name_is_that_of_ipv4(listener: int) -> None:
    with pytest.raises(PortsTaken, match=rf"is taken by pid {os.getpid()}"):
        refuse_taken([Door("kafka.port", listener, "localhost")])


def test_free_ports_pass() -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        free = server.getsockname()[1]
    refuse_taken([Door("kafka.port", free)])


def test_the_same_port_of_another_address_is_free(listener: int) -> None:
    refuse_taken([Door("kafka.port", listener, "127.0.0.2")])


def test_an_address_that_the_machine_has_not_is_said() -> None:
    of_others = (
        r"192\.0\.2\.1 \(kafka.port\) is no address of this machine.*\n.*\[kafka\].*server of others.*managed = false"
    )
    with pytest.raises(NoSuchAddress, match=of_others):
        refuse_taken([Door("kafka.port", 9092, "192.0.2.1")])
    with pytest.raises(NoSuchAddress, match=r"\n.* correct 'host' under \[console\] in penstock\.toml$"):
        refuse_taken([Door("console.port", 9021, "192.0.2.1")])


def test_a_host_that_is_not_found_is_said() -> None:
    with pytest.raises(
        HostUnknown, match=r"the host of postgres.port, no\.such\.invalid, is not found .*\n.*\[postgres\]"
    ):
        refuse_taken([Door("postgres.port", 5432, "no.such.invalid")])


def test_a_port_that_the_system_forbids_is_not_said_to_be_taken(monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_: object) -> None:
        raise PermissionError(errno.EACCES, "Permission denied")

    monkeypatch.setattr(socket.socket, "bind", refuse)
    with pytest.raises(PortForbidden, match=r"port 443 \(console.port\)\n.*above 1023"):
        refuse_taken([Door("console.port", 443)])


def test_two_parts_with_one_port_are_refused() -> None:
    with pytest.raises(PortShared, match=r"airflow.port and console.port are both port 8080 of 127\.0\.0\.1"):
        refuse_taken([Door("airflow.port", 8080), Door("console.port", 8080)])


def test_every_address_holds_that_of_the_others() -> None:
    with pytest.raises(PortShared, match=r"airflow.port and console.port"):
        refuse_taken([Door("airflow.port", 8080), Door("console.port", 8080, "0.0.0.0")])  # noqa: S104 - refused


def test_a_port_of_an_address_of_ipv6_can_be_free_or_taken() -> None:
    try:
        server = socket.create_server(("::1", 0), family=socket.AF_INET6)
    except OSError:
        pytest.skip("the machine has no IPv6")
    with server:
        with pytest.raises(PortsTaken, match=rf"is taken by pid {os.getpid()}"):
            refuse_taken([Door("postgres.port", server.getsockname()[1], "::1")])
        free = server.getsockname()[1]
    refuse_taken([Door("postgres.port", free, "::1")])
