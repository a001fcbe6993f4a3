"""What `views repair` cannot do is refused, with what does it, before anything happens."""

from __future__ import annotations

from pathlib import Path

import pytest

from penstock.config import Config
from penstock.errors import TerminalError
from penstock.project.workspace import Workspace
from penstock.views.repair import AggregateWhole, HistoryUnfit, _is_of_row, repair
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


@pytest.mark.parametrize(
    ("held", "row", "may_be"),
    [
        ({"id": "id"}, {"id": 1}, True),
        ({"id": "id"}, {"id": 2}, False),
        ({"parent": "id"}, {"parent": 1}, True),
        ({"parent": "id"}, {"parent": 2, "id": 1}, False),
        ({"id": "parent_id", "child": "id"}, {"id": 2, "child": 1}, True),
        ({"id": "parent_id", "child": "id"}, {"id": 1, "child": 2}, False),
        ({}, {"id": 2}, True),
    ],
)
def test_a_row_comes_from_the_source_row_by_what_its_columns_hold(
    held: dict[str, str], row: dict[str, int], may_be: bool
) -> None:
    assert _is_of_row({"id": "integer"}, {"id": 1}, held, row) == may_be
