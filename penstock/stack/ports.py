"""Refuses a start when a port is taken, and says who holds it and how to move."""

from __future__ import annotations

import errno
import socket
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import psutil

from penstock.errors import TerminalError


@dataclass(frozen=True)
class Door:
    """A port to listen on, and the configuration key that moves it."""

    key: str
    port: int
    host: str = "127.0.0.1"


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


class NoSuchAddress(TerminalError):
    """The machine does not have an address that a part is to listen on."""

    def __init__(self, host: str) -> None:
        super().__init__(
            f"nothing was started: {host} is no address of this machine.\n"
            f"  What to do: on macOS, sudo ifconfig lo0 alias {host} up; or fewer instances in penstock.toml"
        )


def refuse_taken(doors: Iterable[Door]) -> None:
    """Make sure that every port can be listened on.

    :raises PortsTaken: naming all that cannot.
    :raises NoSuchAddress: the machine does not have one of the addresses.
    """
    taken = [TakenPort(door, _holder(door)) for door in doors if not _is_free(door)]
    if taken:
        raise PortsTaken(taken)


def _is_free(door: Door) -> bool:
    with socket.socket() as probe:
        # Servers set this too: a port in TIME_WAIT is free for them.
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((door.host, door.port))
        except OSError as exc:
            if exc.errno == errno.EADDRNOTAVAIL:
                raise NoSuchAddress(door.host) from exc
            return False
    return True


def _holder(door: Door) -> str:
    try:
        listeners = [
            c
            for c in psutil.net_connections("tcp")
            # Who listens on every address holds it too.
            if c.status == psutil.CONN_LISTEN and c.laddr and c.laddr.port == door.port
            if c.laddr.ip in {door.host, "0.0.0.0", "::"}  # noqa: S104 - compared, not bound
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
