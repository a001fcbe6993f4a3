"""Instances of one kind of part on one machine: each has a number, and from it a name and an address.

All listen on the same ports. The first has the host of its section, and each other the next address of loopback.
"""

from __future__ import annotations

from collections.abc import Sequence
from ipaddress import IPv4Address, IPv4Network

SECTIONS = {"kafka": "kafka", "connect": "connect", "spark-worker": "spark", "cassandra": "cassandra"}
"""The parts that a stack can have several of, and the section that says how many."""

_LOOPBACK = IPv4Network("127.0.0.0/8")


def name_of(kind: str, number: int) -> str:
    """Name the instance of this number; the first is called as the only one would be."""
    return kind if number == 1 else f"{kind}-{number}"


def host_of(first: str, number: int) -> str:
    """Return the address of the instance of this number.

    :param first: that of the first one.
    """
    return first if number == 1 else str(IPv4Address(first) + number - 1)


def can_have_more(first: str) -> bool:
    """Tell whether there are addresses for more instances than one."""
    try:
        return IPv4Address(first) in _LOOPBACK
    except ValueError:
        return False


def at_hosts(kind: str, hosts: Sequence[str]) -> dict[str, str]:
    """Return the name of the instance at each address.

    :param hosts: of all instances, the first first.
    """
    return {host: name_of(kind, number) for number, host in enumerate(hosts, start=1)}
