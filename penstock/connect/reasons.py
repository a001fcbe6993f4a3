"""Reasons that a failed connector reports: which parts of it failed, and why, cut from Java's stack traces."""

from __future__ import annotations

from penstock.connect.api import ConnectorStatus, State

_CAUSED_BY = "Caused by: "


def failed_parts(status: ConnectorStatus) -> tuple[str, ...]:
    """Name what is FAILED: `connector`, `task 0`."""
    parts = (("connector", status.connector), *((f"task {task.id}", task) for task in status.tasks))
    return tuple(name for name, part in parts if part.state == State.FAILED)


def reasons(status: ConnectorStatus) -> tuple[str, ...]:
    """Return why a connector failed, each reason once: the lines of its traces that are no stack frames."""
    lines = (line for trace in status.traces for line in _message_lines(trace))
    return tuple(dict.fromkeys(lines))


def root_cause(status: ConnectorStatus) -> str:
    """Return one line: the deepest cause of what failed first; without a failure or a text, say so."""
    lines = next((lines for trace in status.traces if (lines := _message_lines(trace))), ["no reason given"])
    causes = [line for line in lines if line.startswith(_CAUSED_BY)]
    return (causes[-1] if causes else lines[0]).removeprefix(_CAUSED_BY)


def _message_lines(trace: str) -> list[str]:
    return [line.strip() for line in trace.splitlines() if line.strip() and not line.startswith(("\t", " "))]
