"""A start of what runs already, on a real supervisord with parts that only sleep."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from penstock.config import Config
from penstock.layout import Layout
from penstock.project.workspace import Workspace
from penstock.setup import lifecycle
from penstock.stack import stack
from penstock.stack.part import Part
from penstock.stack.processes import command_of
from penstock.stack.start import Event, Progress, start_all
from penstock.stack.supervisor import Supervisor
from penstock.wait import wait_until
from tests.patience import PATIENCE_S


@pytest.fixture
def parts(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> list[Part]:
    """Let a stack be a server that others need, one of them indirectly, and a part that needs nobody."""

    def sleeper(name: str) -> Part:
        code = tmp_path / f"{name}.py"
        code.write_text("1")
        return Part(name=name, command=("sleep", "600"), is_ready=lambda: True, runs=(code,))

    made = [
        sleeper("server"),
        replace(sleeper("client"), needs=("server",)),
        replace(sleeper("user"), stops_before=("client",)),
        sleeper("other"),
    ]
    monkeypatch.setattr(stack, "parts", lambda _: made)
    monkeypatch.setattr(stack, "step_needs", lambda _: {})
    monkeypatch.setattr(lifecycle, "nodes", lambda _: made)
    return made


@pytest.fixture
def config(parts: list[Part], tmp_path_factory: pytest.TempPathFactory) -> Iterator[Config]:
    """Start them."""
    config = Config(state=tmp_path_factory.mktemp("s"))  # a short path: a socket's name has 108 bytes
    layout, supervisor = Layout.of(config), Supervisor(Layout.of(config))
    supervisor.start(parts)
    start_all(parts, layout=layout, supervisor=supervisor, on_event=lambda _: None)
    sleeping(supervisor, parts)
    yield config
    supervisor.shutdown()


def sleeping(supervisor: Supervisor, parts: list[Part]) -> dict[str, int]:
    """Wait until the launcher of each has become what it starts; return their pids."""
    wait_until(
        lambda: all(command_of(supervisor.state(part.name).pid)[:1] == ["sleep"] for part in parts),
        timeout_s=PATIENCE_S,
        what="they sleep",
    )
    return {name: state.pid for name, state in supervisor.states().items()}


def test_a_start_restarts_what_runs_other_code_and_what_needs_it(config: Config, parts: list[Part]) -> None:
    supervisor, events = Supervisor(Layout.of(config)), list[Event]()
    before = sleeping(supervisor, parts)
    lifecycle.start(Workspace(config), on_event=events.append)
    assert sleeping(supervisor, parts) == before, "nothing has changed"
    assert Progress.STOPPED not in {event.progress for event in events}

    (code,) = parts[0].runs
    code.write_text("2")
    events.clear()
    lifecycle.start(Workspace(config), on_event=events.append)
    after = sleeping(supervisor, parts)
    assert [name for name in after if after[name] == before[name]] == ["other"]
    assert [(event.name, event.detail) for event in events if event.progress is Progress.STOPPED] == [
        ("user", "stopped: it needs one that is restarted"),
        ("client", "stopped: it needs one that is restarted"),
        ("server", "stopped: it ran other code than the clone has now"),
    ]
    lifecycle.start(Workspace(config), on_event=lambda _: None)
    assert sleeping(supervisor, parts) == after, "it is of the code of now"
