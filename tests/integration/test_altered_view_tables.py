"""Tables of views that differ from their views: a real Cassandra takes each cure as `views check` gives it."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from cassandra.cluster import Session

from penstock.cassandra.session import open_session
from penstock.config import Config, load_config
from penstock.contract import OFFSETS_PER_GENERATION
from penstock.pipeline.fills import mark_filled
from penstock.pipeline.identities import identities_of
from penstock.project.views import pick_view
from penstock.project.workspace import Workspace
from penstock.views.check import check
from penstock.views.write import write_derived
from tests.integration.servers import started_with_tables, written
from tests.project import copy_project

VIEW = "users_by_id"
IN_CQLSH = ", in cqlsh"


@pytest.fixture(scope="module")
def config(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Config]:
    folder = tmp_path_factory.mktemp("altered")
    more = f'project = "{copy_project(folder / "project")}"\n'
    config = load_config(written(folder, "postgres", "cassandra", "kafka", "connect", more=more))
    with started_with_tables(config):
        yield config


@pytest.fixture
def session(config: Config) -> Iterator[Session]:
    with open_session(config) as session:
        yield session


def cures_of(config: Config, what: str) -> list[str]:
    problems = [each for each in check(Workspace(config)).wrong if each.where == f"Cassandra table {VIEW}"]
    return [each.cure.removesuffix(IN_CQLSH) for each in problems if what in each.what]


def test_a_table_can_be_read_after_a_column_was_dropped(config: Config, session: Session) -> None:
    workspace = Workspace(config)
    mark_filled(config, [pick_view(workspace.views, VIEW)], epoch=1, identities=identities_of(workspace))
    session.execute(f"ALTER TABLE penstock.{VIEW} ADD nickname text")
    session.execute(
        f"INSERT INTO penstock.{VIEW} (id, nickname, email) VALUES (uuid(), 'old', 'kept') USING TIMESTAMP %s",
        [OFFSETS_PER_GENERATION + 7],
    )
    raise_revision(config)
    (cure,) = cures_of(config, "has column nickname text, which the view does not have")
    session.execute(cure)
    assert [row["email"] for row in session.execute(f"SELECT * FROM penstock.{VIEW}")] == ["kept"]
    assert not cures_of(config, "nickname")


def raise_revision(config: Config) -> None:
    file: Path = Workspace(config).project.views / "users.py"
    text = file.read_text()
    assert 'key=["id"])\ndef users_by_id' in text
    file.write_text(text.replace('key=["id"])\ndef users_by_id', 'key=["id"], revision=2)\ndef users_by_id'))
    write_derived(Workspace(config))


def test_an_option_is_mended(config: Config, session: Session) -> None:
    session.execute(f"ALTER TABLE penstock.{VIEW} WITH default_time_to_live = 60")
    (cure,) = cures_of(config, "default_time_to_live")
    session.execute(cure)
    assert not cures_of(config, "default_time_to_live")
