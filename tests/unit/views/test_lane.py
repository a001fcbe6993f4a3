"""What a fill waits for before it asks which views hold nothing yet, in which it removes nothing."""

from __future__ import annotations

from contextlib import nullcontext
from pathlib import Path

import pytest

from penstock.config import Config
from penstock.views import lane

_BEFORE = ("note_first_ids", "wait_until_captured", "wait_until_processed", "wait_until_written", "empty_tables")


@pytest.mark.parametrize("supervised", [True, False])
def test_what_the_topics_hold_is_in_a_view_before_it_counts_as_empty(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, supervised: bool
) -> None:
    asked = []

    def note(name: str) -> frozenset[str]:
        asked.append(name)
        return frozenset()

    for name in _BEFORE:
        monkeypatch.setattr(lane, name, lambda *_, name=name, **__: note(name))
    monkeypatch.setattr(lane, "local_spark", nullcontext)
    lane.fill(Config(state=tmp_path, supervised=supervised), [], {}, cut_off={}, on_progress=print)
    unseen = set() if supervised else {"wait_until_processed"}  # from the host of containers
    assert asked == [*(name for name in _BEFORE if name not in unseen), "wait_until_written"]
