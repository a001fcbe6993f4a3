"""Listeners of a broker, and the addresses by which its clients know it: the same in both modes of Kafka."""

from __future__ import annotations

from penstock.config import Config
from penstock.instances import host_of

_OUTSIDE = "127.0.0.1"


def doors(config: Config, number: int = 1) -> dict[str, str]:
    """Name the listeners: the broker's own, and with `host_port` one for clients that know it on loopback.

    :param number: of the broker.
    """
    section = config.kafka
    host = section.own_hosts[number - 1]
    plain = f"PLAINTEXT://{host}:{section.port}"
    if section.host_port is None:
        return {"listeners": plain, "advertised": plain}
    return {
        "listeners": f"{plain},HOST://{host}:{section.host_port}",
        "advertised": f"{plain},HOST://{host_of(_OUTSIDE, number)}:{section.host_port}",
    }
