"""What is left of a view whose function is gone: enough to ask for the drop again, wherever it was cut off."""

from __future__ import annotations

from pathlib import Path

import pytest

from penstock.config import Config
from penstock.project.workspace import Workspace
from penstock.views.drop import NothingLeft, ViewDeclared, left_of
from tests.project import copy_project


@pytest.fixture
def config(tmp_path: Path) -> Config:
    copy_project(tmp_path)
    return Config(project=tmp_path)


def test_a_drop_can_be_asked_for_until_its_last_file_is_gone(config: Config, tmp_path: Path) -> None:
    files = [
        tmp_path / "schemas/cassandra/gone.cql",
        tmp_path / "schemas/avro/views.gone-key.avsc",
        tmp_path / "schemas/avro/views.gone-value.avsc",
    ]
    for file in files:
        file.write_text("")
    assert left_of(Workspace(config), "gone") == files
    for file in files[1:]:
        file.unlink()
    assert left_of(Workspace(config), "gone") == files[:1]
    files[0].unlink()
    with pytest.raises(NothingLeft):
        left_of(Workspace(config), "gone")


def test_a_view_that_is_declared_is_not_dropped(config: Config) -> None:
    with pytest.raises(ViewDeclared, match="users_by_id is still declared"):
        left_of(Workspace(config), "users_by_id")
