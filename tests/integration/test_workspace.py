"""Commands that look at servers run the view files once, as far as Postgres alone takes them."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from penstock_views.declaration.views import ViewInvalid

from penstock.config import Config, load_config
from penstock.pipeline.state import read_flow
from penstock.postgres.connection import connect
from penstock.postgres.own import Connection
from penstock.postgres.record import forget_views
from penstock.project.workspace import Workspace
from penstock.sections.connect import Registry
from penstock.setup.actions import create_tables, refuse_broken_files
from penstock.views.apply import go_live
from penstock.views.check import check
from penstock.views.make import new_views
from penstock.views.write import FunctionsChanged, write_derived
from tests.integration.servers import started, written
from tests.project import copy_project
from tests.unit.engine.stand_in import RegistryStandIn

FILLED = ["users_by_id", "users_by_country", "user_history"]
OTHERS = ("kafka", "connect", "registry", "cassandra")


@pytest.fixture(scope="module")
def config(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Config]:
    folder = tmp_path_factory.mktemp("workspace")
    copy_project(folder)
    (folder / "spark/views/counted.py").write_text(
        f"with open({str(folder / 'ran')!r}, 'a') as log:\n    log.write('x')"
    )
    # Nobody listens at the ports of the others.
    config = load_config(written(folder, "postgres", *OTHERS, more=f'project = "{folder}"'))
    with started(config, "postgres"):
        create_tables(Workspace(config))
        with connect(config) as connection, connection, connection.cursor() as cursor:
            cursor.execute("CREATE TABLE public.extras (id int PRIMARY KEY)")
            cursor.execute("CREATE TABLE public.people (LIKE public.users INCLUDING ALL)")
        yield config


@pytest.fixture
def workspace(config: Config) -> Workspace:
    (Path(config.project) / "ran").unlink(missing_ok=True)
    return Workspace(config)


def runs(workspace: Workspace) -> int:
    """Count how often the view files ran."""
    return len((workspace.project.root / "ran").read_text())


def test_a_check_runs_them_once(workspace: Workspace) -> None:
    assert "Postgres" in check(workspace).looked_at
    assert runs(workspace) == 1


def test_one_broken_file_hides_nothing_of_the_others(workspace: Workspace) -> None:
    file = workspace.project.views / "broken.py"
    file.write_text("1 / 0\n")
    try:
        checked = check(workspace)
    finally:
        file.unlink()
    assert [problem.where for problem in checked.wrong] == ["spark/views/broken.py:1"]
    assert "Postgres" in checked.looked_at
    assert runs(workspace) == 1


def test_a_file_that_cannot_be_read_may_hold_the_views_whose_functions_are_missing(workspace: Workspace) -> None:
    file, contract = workspace.project.views / "broken.py", workspace.project.avro / "views.lost-value.avsc"
    contract.write_text("{}")
    try:
        assert "`penstock views drop lost`" in [problem.cure for problem in check(workspace).wrong]
        file.write_text("def lost(:\n")
        assert [problem.where for problem in check(workspace.fresh()).wrong] == ["spark/views/broken.py:1"]
    finally:
        file.unlink(missing_ok=True)
        contract.unlink()


def test_what_up_does_first_and_what_it_does_last_run_them_once(workspace: Workspace) -> None:
    refuse_broken_files(workspace)
    create_tables(workspace)
    with pytest.raises(Exception, match="Kafka"):
        go_live(workspace, on_step=lambda *_: None, on_progress=lambda _: None)
    assert runs(workspace) == 1


def test_a_look_at_the_flow_runs_them_once(workspace: Workspace) -> None:
    assert "source tables" not in [reading.name for reading in read_flow(workspace)]
    assert runs(workspace) == 1


@contextmanager
def edited(workspace: Workspace, old: str, new: str) -> Iterator[Workspace]:
    """Change the function of a filled view meanwhile; all files are as before at the end."""
    file = workspace.project.views / "users.py"
    folder, kinds = workspace.project.root, {".py", ".avsc", ".cql", ".json"}
    before = {each: each.read_text() for each in folder.rglob("*.*") if each.suffix in kinds}
    assert old in before[file]
    file.write_text(before[file].replace(old, new))
    with connect(workspace.config) as connection:
        try:
            mark_filled(connection, FILLED)
            yield workspace.fresh()
        finally:
            for each, text in before.items():
                each.write_text(text)
            forget_views(connection, FILLED)


def mark_filled(connection: Connection, views: list[str]) -> None:
    with connection, connection.cursor() as cursor:
        for view in views:
            cursor.execute(
                "INSERT INTO penstock.view_fills (view, table_id, generation) VALUES (%s, gen_random_uuid(), 1)",
                (view,),
            )


def test_every_changed_function_whose_rows_may_be_live_is_named_at_once(workspace: Workspace) -> None:
    with (
        edited(workspace, "country=u.country,", "country=u.state,") as changed,
        pytest.raises(FunctionsChanged) as refused,
    ):
        write_derived(changed)
    assert re.findall(r"users\.py:\d+: view (\w+): .*raise revision=", str(refused.value)) == [
        "users_by_country",
        "users_by_id",
    ]


def make_earlier(contract: Path) -> None:
    """Write a contract as version 0.1.0 did, which names no table."""
    written = json.loads(contract.read_text())
    del written["penstock.table"]
    contract.write_text(json.dumps(written))


@pytest.mark.parametrize("is_earlier", [False, True])
def test_the_same_rows_of_another_table_need_a_new_revision(workspace: Workspace, is_earlier: bool) -> None:
    line = '@view("public.{}", key=["id"])'
    with edited(workspace, line.format("users"), line.format("people")) as changed:
        if is_earlier:
            make_earlier(workspace.project.avro / "views.users_by_id-value.avsc")
        with pytest.raises(FunctionsChanged, match=r"view users_by_id: .*another table needs a new revision"):
            write_derived(changed, same_rows=True)


@pytest.mark.parametrize("is_earlier", [False, True])
@pytest.mark.parametrize(("table", "since"), [("users", 1), ("people", None)])
def test_a_history_starts_with_its_revision_in_another_table(
    workspace: Workspace, table: str, since: int | None, is_earlier: bool
) -> None:
    contract = workspace.project.avro / "views.user_history-value.avsc"
    line = '@history("public.{}", key=["id"]{})'
    with edited(workspace, line.format("users", ""), line.format(table, ", revision=2")) as changed:
        if is_earlier:
            make_earlier(contract)
        write_derived(changed)
        assert json.loads(contract.read_text()).get("penstock.since") == since


@pytest.mark.parametrize(
    ("old", "new", "view", "why"),
    [
        (
            '@view("public.users", key=["id"])',
            '@view("public.users", key=["id", "country"], revision=2)',
            "users_by_id",
            "country is new in the key",
        ),
        ("city=u.city", "city=u.city.cast('int')", "users_by_country", "city was null or string and is null or int"),
    ],
)
def test_what_no_reader_of_the_topic_could_take_is_refused_with_a_way_out(
    workspace: Workspace, old: str, new: str, view: str, why: str
) -> None:
    with edited(workspace, old, new) as changed:
        with pytest.raises(ViewInvalid, match=rf"users\.py:\d+: view {view}: {why}") as refused:
            write_derived(changed)
        (problem,) = [each for each in check(changed).wrong if view in each.where + each.what]
    cure = f"give the view another name, `penstock views write`, `penstock views drop {view}`, `penstock views apply`"
    assert (why in problem.what, problem.cure) == (True, cure)
    assert cure in str(refused.value)


def test_before_its_first_fill_a_view_may_become_anything(workspace: Workspace) -> None:
    with (
        edited(workspace, "city=u.city", "city=u.city.cast('int')") as changed,
        connect(workspace.config) as connection,
    ):
        forget_views(connection, ["users_by_country"])
        assert all("another name" not in problem.cure for problem in check(changed).wrong)


def test_a_revision_that_fell_is_refused_by_the_number_that_it_takes(workspace: Workspace) -> None:
    registry = RegistryStandIn({"views.users_by_id-value": ['{"penstock.revision": 1}', '{"penstock.revision": 2}']})
    port = int(registry.url.rsplit(":", 1)[1])
    try:
        checked = check(Workspace(workspace.config.model_copy(update={"registry": Registry(port=port)})))
    finally:
        registry.close()
    assert "Schema Registry" in checked.looked_at
    (problem,) = checked.wrong
    assert (problem.view, problem.where.partition(":")[0]) == ("users_by_id", "spark/views/users.py")
    assert problem.cure == "write revision=3, then `penstock views write` and `penstock views apply`"


def test_write_runs_them_once_and_new_once_more_with_what_it_wrote(workspace: Workspace) -> None:
    write_derived(workspace)
    assert runs(workspace) == 1
    (outcome,) = new_views(workspace, ["extras"]).outcomes
    assert (outcome.view, runs(workspace)) == ("extras", 2)
    assert "extras" in [view.name for view in workspace.fresh().views]
