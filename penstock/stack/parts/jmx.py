"""The agent that shows a JVM's MBeans to Prometheus: off unless the part has a `metrics_port`, and on loopback only."""

from __future__ import annotations

from pathlib import Path

from penstock.instances import host_of
from penstock.layout import SERVERS

AGENT = SERVERS / "kafka/agent/jmx_prometheus_javaagent.jar"
HOST = "127.0.0.1"
"""It asks for no password, so it is never reached from another machine."""


def jmx_agent(port: int | None, rules: Path, number: int = 1) -> tuple[str, ...]:
    """Return the options of a JVM whose MBeans Prometheus reads; none without a port.

    :param rules: which MBeans, and under what names.
    :param number: of the instance.
    """
    return (f"-javaagent:{AGENT}={host_of(HOST, number)}:{port}:{rules}",) if port else ()


def jmx_port(section: str, port: int | None) -> dict[str, int]:
    """Return the port by its configuration key; nothing without one."""
    return {f"{section}.metrics_port": port} if port else {}
