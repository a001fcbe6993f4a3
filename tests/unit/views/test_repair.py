"""What `views repair` cannot do is refused, with what does it, before anything happens."""

from __future__ import annotations

from pathlib import Path

import pytest

from penstock.config import Config
from penstock.errors import TerminalError
from penstock.project.workspace import Workspace
from penstock.views.repair import AggregateWhole, HistoryUnfit, repair
from tests.project import copy_project


@pytest.fixture
def config(tmp_path: Path) -> Config:
    copy_project(tmp_path)
    return Config(project=tmp_path, state=tmp_path / "state")


@pytest.mark.parametrize(
    ("name", "key", "error", "message"),
    [
        ("user_history", (), HistoryUnfit, "is a history.*raise its revision"),
        ("user_stats_by_country", ("Poland",), AggregateWhole, "as a whole: `penstock views repair user_stats"),
    ],
)
def test_what_cannot_be_repaired_is_refused(
    config: Config, name: str, key: tuple[str, ...], error: type[TerminalError], message: str
) -> None:
    with pytest.raises(error, match=message):
        repair(Workspace(config), name, key, on_progress=lambda _: None)
