"""Each alert that begins is told to end; a webhook that does not take one is said, without its path, its secret."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from penstock.console.look.reading import Reading
from penstock.console.look.snapshot import Snapshot
from penstock.console.moment.alerts import Change, Rule, Rules
from penstock.console.moment.recorder import Recorder, _post
from tests.faulty_api import Answer, serve_faulty_api
from tests.unit.console import made

CHANGE = Change(1.0, "Dead letters", True, 3.0, "dead-letters.views: 3")


@pytest.mark.parametrize(
    ("answer", "why"), [(Answer(404, b"no_service"), "404 Not Found"), (Answer(body=None), "ConnectionError")]
)
def test_an_alert_that_is_lost_is_said(answer: Answer, why: str, capsys: pytest.CaptureFixture[str]) -> None:
    with serve_faulty_api() as server:
        server.posted = answer
        _post(f"{server.url}services/s3cret", CHANGE)
    assert capsys.readouterr().out == f"the webhook at http://127.0.0.1 did not take an alert: {why}\n"


def recorded(file: Path, *snapshots: Snapshot) -> list[bool]:
    """Return which alerts began and ended to fire while a console saw these snapshots."""
    rules = Rules(rule=(Rule(name="late", what="freshness_s", above=1), Rule(name="away", what="part_down")))
    seen: Iterator[Snapshot] = iter([snapshots[0], *snapshots])
    recorder = Recorder(lambda: next(seen), rules=lambda: rules, firing=file)
    for _ in snapshots:
        recorder.record()
    return [change.firing for change in recorder.alert_history]


def test_an_alert_that_ends_while_nobody_looks_is_over_for_the_next_console(tmp_path: Path) -> None:
    file = tmp_path / "console" / "firing.json"
    late, well = made.snapshot(sink_at=0), made.snapshot()
    assert recorded(file, late) == [True]
    assert recorded(file, late) == []
    assert recorded(file, well) == [False]
    assert recorded(file, well) == []


def test_no_alert_is_over_before_everything_was_looked_at(tmp_path: Path) -> None:
    file = tmp_path / "firing.json"
    away, starting = made.without("cassandra"), made.snapshot(cassandra=Reading("Cassandra", 60))
    assert recorded(file, away) == [True]
    assert recorded(file, starting, starting, away) == []


def test_a_file_that_is_broken_is_none(tmp_path: Path) -> None:
    file = tmp_path / "firing.json"
    file.write_text("[")
    assert recorded(file, made.snapshot(sink_at=0)) == [True]
