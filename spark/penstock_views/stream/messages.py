"""Messages of a job for people: lines with their time, and a failure cut down to its reasons."""

from __future__ import annotations

import time


def reason_of(message: str) -> str:
    """Cut a query's failure down to its reasons: the lines that are no stack frame, each once, without the plan."""
    lines = [line.strip() for line in message.split("=== Streaming Query ===")[0].splitlines()]
    reasons = [line for line in lines if line and not line.startswith(("at ", "...", "Driver stacktrace"))]
    return " | ".join(dict.fromkeys(reasons))[:2000]


def say(message: str) -> None:
    """Print for people, at once."""
    print(f"{time.strftime('%Y-%m-%d %H:%M:%S')} {message}", flush=True)
