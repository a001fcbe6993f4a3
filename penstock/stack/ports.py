"""Refuses a start when a port is taken, and says who holds it and how to move."""

from __future__ import annotations

import errno
import socket
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from itertools import combinations
from typing import Any

import psutil

from penstock.config import Config
from penstock.errors import TerminalError
from penstock.sections.part import PartSection

_EVERY = {"0.0.0.0", "::"}  # noqa: S104 - compared, not bound
"""Who listens on these has the port at every address."""


@dataclass(frozen=True)
class Door:
    """A port to listen on, and the configuration key that moves it."""

    key: str
    port: int
    host: str = "127.0.0.1"

    @property
    def cure_of_host(self) -> str:
        """Say what to do where this machine cannot listen at that host."""
        section = self.key.partition(".")[0]
        cure = f"correct 'host' under [{section}] in penstock.toml"
        if isinstance(Config.model_fields[section].default, PartSection):
            return f"{cure}, or for a server of others write managed = false there (docs/your-servers.md)"
        return cure


@dataclass(frozen=True)
class TakenPort:
    """A port that another process listens on."""

    door: Door
    holder: str


class PortsTaken(TerminalError):
    """Some ports of the stack are held by other processes."""

    def __init__(self, taken: Sequence[TakenPort]) -> None:
        lines = [f"port {t.door.port} ({t.door.key}) is taken by {t.holder}" for t in taken]
        section = taken[0].door.key.split(".")[0]
        cure = f"stop it, or move ours in penstock.toml: a line like 'port = …' under [{section}]"
        super().__init__("nothing was started:\n  " + "\n  ".join(lines) + f"\n  What to do: {cure}")


class PortShared(TerminalError):
    """Two parts of the stack are to listen on one port."""

    def __init__(self, first: Door, second: Door) -> None:
        super().__init__(
            f"nothing was started: {first.key} and {second.key} are both port {first.port} of {first.host}\n"
            "  What to do: give one of them another port in penstock.toml"
        )


class PortForbidden(TerminalError):
    """The system lets only root listen on a port."""

    def __init__(self, door: Door) -> None:
        super().__init__(
            f"nothing was started: this user may not listen on port {door.port} ({door.key})\n"
            "  What to do: a port above 1023 in penstock.toml"
        )


class NoSuchAddress(TerminalError):
    """The machine does not have an address that a part is to listen on."""

    def __init__(self, door: Door) -> None:
        host, cure = door.host, door.cure_of_host
        if host.startswith("127."):
            cure = f"on macOS, sudo ifconfig lo0 alias {host} up; or fewer instances in penstock.toml"
        super().__init__(
            f"nothing was started: {host} ({door.key}) is no address of this machine.\n  What to do: {cure}"
        )


class HostUnknown(TerminalError):
    """The name of a host leads to no address."""

    def __init__(self, door: Door, cause: str) -> None:
        super().__init__(
            f"nothing was started: the host of {door.key}, {door.host}, is not found ({cause})\n"
            f"  What to do: {door.cure_of_host}"
        )


def refuse_taken(doors: Iterable[Door]) -> None:
    """Make sure that every port can be listened on.

    :raises PortsTaken: naming all that cannot.
    :raises PortShared: two parts have the same one.
    :raises NoSuchAddress, HostUnknown: the machine does not have one of the addresses.
    :raises PortForbidden: the system forbids one.
    """
    doors = list(doors)
    _refuse_shared(doors)
    taken = [TakenPort(door, _holder(door)) for door in doors if not _is_free(door)]
    if taken:
        raise PortsTaken(taken)


def _refuse_shared(doors: Iterable[Door]) -> None:
    for first, second in combinations(doors, 2):
        hosts = {first.host, second.host}
        if first.port == second.port and (len(hosts) == 1 or hosts & _EVERY):
            raise PortShared(first, second)


def _is_free(door: Door) -> bool:
    family, address = _address_of(door)
    with socket.socket(family) as probe:
        # Servers set this too: a port in TIME_WAIT is free for them.
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(address)
        except OSError as exc:
            if exc.errno == errno.EADDRINUSE:
                return False
            raise PortForbidden(door) if exc.errno == errno.EACCES else NoSuchAddress(door) from exc
    return True


def _address_of(door: Door) -> tuple[socket.AddressFamily, Any]:
    """Look up a host; of several addresses servers take that of IPv4."""
    try:
        found = socket.getaddrinfo(door.host, door.port, type=socket.SOCK_STREAM)
    except socket.gaierror as exc:
        raise HostUnknown(door, exc.strerror or str(exc)) from exc
    family, *_, address = min(found, key=lambda each: each[0] != socket.AF_INET)
    return family, address


def _holder(door: Door) -> str:
    _, address = _address_of(door)
    try:
        listeners = [
            c
            for c in psutil.net_connections("tcp")
            # Who listens on every address holds it too.
            if c.status == psutil.CONN_LISTEN and c.laddr and c.laddr.port == door.port
            if c.laddr.ip in {address[0], *_EVERY}
        ]
    except psutil.AccessDenied:
        listeners = []
    pid = next((c.pid for c in listeners if c.pid), None)
    if pid is None:
        return "a process of another user"
    try:
        return f"pid {pid} ({psutil.Process(pid).name()})"
    except psutil.NoSuchProcess:
        return f"pid {pid} (just ended)"
