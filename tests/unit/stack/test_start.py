"""A start on a real supervisord: who dies once while it starts is restarted and waited for."""

from __future__ import annotations

from pathlib import Path

import pytest

from penstock.stack.layout import Layout
from penstock.stack.part import Part
from penstock.stack.start import Event, Progress, start_all
from penstock.stack.supervisor import Supervisor

# supervisord calls a process that lived this long RUNNING: it has no back-off but exits.
LIVES_S = 3


@pytest.fixture
def layout(tmp_path_factory: pytest.TempPathFactory) -> Layout:
    return Layout(tmp_path_factory.mktemp("s"))  # a short path: a socket's name has 108 bytes


def dies_once(folder: Path) -> Part:
    first, second = folder / "first", folder / "second"
    life = f"if mkdir {first}; then sleep {LIVES_S}; exit 1; fi; touch {second}; exec sleep 600"
    return Part(name="dies-once", command=("sh", "-c", life), is_ready=second.exists)


def test_a_part_that_dies_once_is_waited_for(layout: Layout) -> None:
    supervisor, part = Supervisor(layout), dies_once(layout.state)
    supervisor.start([part])
    events: list[Event] = []
    try:
        start_all([part], layout=layout, supervisor=supervisor, on_event=events.append)
    finally:
        supervisor.shutdown()
    assert [event.progress for event in events] == [Progress.STARTING, Progress.READY]
