"""Where a broker listens, and by which addresses its clients know it: the same in both modes of Kafka."""

from __future__ import annotations

from penstock.config import Config


def doors(config: Config, host: str | None = None) -> dict[str, str]:
    """Name the listeners: the broker's own, and with `host_port` one for clients that know it as 127.0.0.1.

    :param host: of the broker, where it is not the first.
    """
    section = config.kafka
    host = host or section.host
    plain = f"PLAINTEXT://{host}:{section.port}"
    if section.host_port is None:
        return {"listeners": plain, "advertised": plain}
    return {
        "listeners": f"{plain},HOST://{host}:{section.host_port}",
        "advertised": f"{plain},HOST://127.0.0.1:{section.host_port}",
    }
