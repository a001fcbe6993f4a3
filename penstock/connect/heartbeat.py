"""Heartbeat of the source connector: it is sent every few seconds, so silence means that the connector writes nothing.

A task that hangs is RUNNING, and its replication slot is active; only what it no longer writes shows it.
"""

from __future__ import annotations

HEARTBEAT_S = 5.0
"""`heartbeat.interval.ms` of the source connector."""
_SILENT_S = 6 * HEARTBEAT_S


def is_silent(age_s: float) -> bool:
    """Return whether the source's newest record is so old that it has stalled.

    :param age_s: of the newest record in the heartbeat topic and the change topics: a snapshot sends no heartbeats.
    """
    return age_s > _SILENT_S
