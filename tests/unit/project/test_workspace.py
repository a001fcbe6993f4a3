"""A command makes one workspace: the view files run once, and it sees one version of them."""

from __future__ import annotations

from pathlib import Path

import pytest
from penstock_views.declaration.load import ViewFileBroken
from penstock_views.declaration.views import ViewInvalid
from typer.testing import CliRunner

from penstock.cli.main import app
from penstock.config import Config
from penstock.layout import Layout
from penstock.project.folders import Project
from penstock.project.workspace import Workspace
from penstock.sections.postgres import Source
from tests.project import copy_project

VIEWS = Path("spark/views")
BILLED = """from penstock_views import Image, Row, view, whole


@view("public.users", key=["id"], source="billing")
def billed(r: Image) -> Row:
    return whole(r)
"""


@pytest.fixture
def project(tmp_path: Path) -> Path:
    copy_project(tmp_path)
    (tmp_path / VIEWS / "counted.py").write_text(
        f"with open({str(tmp_path / 'ran')!r}, 'a') as log:\n    log.write('x')"
    )
    return tmp_path


def runs(project: Path) -> int:
    """Count how often the view files ran."""
    ran = project / "ran"
    return len(ran.read_text()) if ran.exists() else 0


def test_the_files_run_when_the_views_are_asked_for_and_not_again(project: Path) -> None:
    workspace = Workspace(Config(project=project))
    assert (workspace.project.root, runs(project)) == (project, 0)
    assert workspace.views is workspace.views
    assert runs(project) == 1


def test_only_a_fresh_one_sees_what_was_written_meanwhile(project: Path) -> None:
    workspace = Workspace(Config(project=project))
    before, file = workspace.views, project / VIEWS / "users.py"
    file.write_text(file.read_text().replace("def users_by_country(", "def users_by_land("))
    assert workspace.views is before
    assert {view.name for view in workspace.fresh().views} ^ {view.name for view in before} == {
        "users_by_country",
        "users_by_land",
    }


def test_a_broken_file_is_an_error_and_does_not_hide_the_others(project: Path) -> None:
    (project / VIEWS / "broken.py").write_text("1 / 0")
    workspace = Workspace(Config(project=project))
    with pytest.raises(ViewFileBroken, match=r"broken\.py:1: ZeroDivisionError"):
        _ = workspace.views
    assert "users_by_id" in [view.name for view in workspace.loaded[0]]
    assert runs(project) == 1


def looked(project: Path) -> Workspace:
    """Look at the views without a need for their functions."""
    workspace = Workspace(Config(project=project, state=project / "var"))
    assert "users_by_id" in [view.name for view in workspace.declared]
    return workspace


def test_what_the_files_declare_is_kept_until_one_changes(project: Path) -> None:
    Layout(project / "var").run.mkdir(parents=True)
    first, second = looked(project), looked(project)
    assert (first.declared, runs(project)) == (second.declared, 1)
    file = project / VIEWS / "users.py"
    file.write_text(file.read_text().replace("def users_by_country(", "def users_by_land("))
    assert {view.name for view in looked(project).declared} ^ {view.name for view in first.declared} == {
        "users_by_country",
        "users_by_land",
    }
    assert runs(project) == 2


def test_who_looks_at_what_runs_sees_the_views_of_before_while_a_file_is_broken(project: Path) -> None:
    Layout(project / "var").run.mkdir(parents=True)
    (project / VIEWS / "broken.py").write_text("1 / 0")
    with pytest.raises(ViewFileBroken):  # nobody has read them before
        Workspace(Config(project=project, state=project / "var")).as_declared_last()
    (project / VIEWS / "broken.py").unlink()
    before = looked(project)
    assert before.as_declared_last() == (before, "")
    (project / VIEWS / "broken.py").write_text("1 / 0")
    last, wrong = Workspace(before.config).as_declared_last()
    assert last.declared == before.declared
    assert [view for part in last.sources for view in part.declared] == list(before.declared)
    assert "broken.py:1: ZeroDivisionError" in wrong


def test_what_is_kept_says_what_the_views_say(project: Path) -> None:
    Layout(project / "var").run.mkdir(parents=True)
    looked(project)
    kept, views = looked(project).declared, Workspace(Config(project=project)).views
    assert [(each.name, each.table, each.key, each.primary_key, each.topic, each.source_topic) for each in kept] == [
        (each.name, each.table, each.key, each.primary_key, each.topic, each.source_topic) for each in views
    ]


def test_what_is_kept_says_which_source_a_view_reads_and_holds_for_these_sources_alone(project: Path) -> None:
    Layout(project / "var").run.mkdir(parents=True)
    config = Config(project=project, state=project / "var", sources={"billing": Source()})
    source_file = Project.of(config.of_source("billing")).source_file
    source_file.write_text(Project.of(config).source_file.read_text())
    (project / VIEWS / "billed.py").write_text(BILLED)
    for _ in range(2):
        first, billing = Workspace(config).sources
        assert [each.source_table for each in billing.declared] == ["billing:public.users"]
        assert {*first.declared, *billing.declared} == {*Workspace(config).declared}
    assert runs(project) == 1
    with pytest.raises(ViewInvalid, match=r"penstock\.toml has no source `billing`"):
        _ = Workspace(Config(project=project, state=project / "var")).declared


def test_nothing_is_kept_where_no_stack_is(project: Path) -> None:
    looked(project)
    assert not (project / "var").exists()


def test_a_command_that_has_loaded_the_views_describes_these(project: Path) -> None:
    workspace = Workspace(Config(project=project))
    before = [view.name for view in workspace.views]
    (project / VIEWS / "users.py").unlink()
    assert [view.name for view in workspace.declared] == before


@pytest.mark.parametrize(
    "command",
    [
        ["views", "list"],
        ["views", "ddl", "users_by_id"],
        ["views", "pause", "users_by_id"],
        ["views", "repair", "users_by_id"],
        ["views", "drop", "gone", "gone_too", "--yes"],
        ["doctor", "--sql"],
    ],
    ids=" ".join,
)
def test_a_command_runs_the_files_once(project: Path, monkeypatch: pytest.MonkeyPatch, command: list[str]) -> None:
    for name in ("gone", "gone_too"):
        (project / "schemas" / "cassandra" / f"{name}.cql").touch()
    # Nobody listens at port 1, so each command gets as far as it can without servers.
    addresses = "".join(
        f"[{name}]\nport = 1\n" for name in ("postgres", "kafka", "connect", "registry", "cassandra", "airflow")
    )
    file = project / "penstock.toml"
    file.write_text(f'state = "{project / "var"}"\nproject = "{project}"\n{addresses}')
    monkeypatch.setenv("PENSTOCK_CONFIG", str(file))
    CliRunner().invoke(app, command)
    assert runs(project) == 1
