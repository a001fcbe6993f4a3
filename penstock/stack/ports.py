"""Refuses a start when a port is taken, and says who holds it and how to move."""

from __future__ import annotations

import socket
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import psutil

from penstock.errors import TerminalError


@dataclass(frozen=True)
class TakenPort:
    """A port that another process listens on, and the configuration key that moves ours."""

    key: str
    port: int
    holder: str


class PortsTaken(TerminalError):
    """Some ports of the stack are held by other processes."""

    def __init__(self, taken: Sequence[TakenPort]) -> None:
        lines = [f"port {t.port} ({t.key}) is taken by {t.holder}" for t in taken]
        section = taken[0].key.split(".")[0]
        cure = f"stop it, or move ours in penstock.toml: a line like 'port = …' under [{section}]"
        super().__init__("nothing was started:\n  " + "\n  ".join(lines) + f"\n  What to do: {cure}")


def refuse_taken(ports: Mapping[str, int], *, host: str = "127.0.0.1") -> None:
    """Raise PortsTaken naming every port in `ports` (configuration key → port) that cannot be bound."""
    taken = [TakenPort(key, port, _holder(port)) for key, port in ports.items() if not _is_free(host, port)]
    if taken:
        raise PortsTaken(taken)


def _is_free(host: str, port: int) -> bool:
    with socket.socket() as probe:
        # Servers set this too: a port in TIME_WAIT is free for them.
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((host, port))
        except OSError:
            return False
    return True


def _holder(port: int) -> str:
    try:
        listeners = [
            c
            for c in psutil.net_connections("tcp")
            if c.status == psutil.CONN_LISTEN and c.laddr and c.laddr.port == port
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
