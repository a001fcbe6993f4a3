"""The log of Postgres: whether changes can be read from it. Apart, so that `penstock status` loads nothing more."""

from __future__ import annotations

from penstock.doctor.finding import Finding, ok, stops


def judge_wal_level(level: str) -> Finding:
    """Say whether changes can be read from the log."""
    if level == "logical":
        return ok("wal_level is logical")
    return stops(f"its wal_level is {level}, not logical", "ALTER SYSTEM SET wal_level = logical; and restart it")
