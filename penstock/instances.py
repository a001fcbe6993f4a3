"""Instances of one kind of part on one machine: each has a number, and from it a name and an address.

All listen on the same ports. The first has the host of its section, and each other the next address of loopback. In
containers that host is a name, and each other is found at its own.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from ipaddress import IPv4Address, IPv4Network

SECTIONS = {"kafka": "kafka", "connect": "connect", "spark-worker": "spark", "cassandra": "cassandra"}
"""The parts that a stack can have several of, and the section that says how many."""

_LOOPBACK = IPv4Network("127.0.0.0/8")
_SERVICE = re.compile(r"(?!localhost$)[a-z][a-z0-9-]*")


def name_of(kind: str, number: int) -> str:
    """Name the instance of this number; the first is called as the only one would be."""
    return kind if number == 1 else f"{kind}-{number}"


def number_of(name: str) -> tuple[str, int]:
    """Return the kind and the number of the instance that is called so."""
    kind, _, number = name.rpartition("-")
    return (kind, int(number)) if number.isdecimal() else (name, 1)


def host_of(first: str, number: int) -> str:
    """Return the address of the instance of this number.

    :param first: that of the first one.
    """
    if number == 1 or is_service(first):
        return name_of(first, number)
    return str(IPv4Address(first) + number - 1)


def is_service(host: str) -> bool:
    """Return whether a host is named as a service of containers is."""
    return _SERVICE.fullmatch(host) is not None


def can_have_more(first: str) -> bool:
    """Return whether there are addresses for more instances than one."""
    try:
        return is_service(first) or IPv4Address(first) in _LOOPBACK
    except ValueError:
        return False


def at_hosts(kind: str, hosts: Sequence[str]) -> dict[str, str]:
    """Return the name of the instance at each address.

    :param hosts: of all instances, the first first.
    """
    return {host: name_of(kind, number) for number, host in enumerate(hosts, start=1)}
