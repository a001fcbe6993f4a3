"""The installation's record, on a real Postgres: what it says goes before what the files say."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from penstock.config import Config
from penstock.connect.files import read_connector
from penstock.errors import TransientError
from penstock.pipeline.followed import ViewPaused, paused_views
from penstock.postgres.connection import connect
from penstock.postgres.own import Connection
from penstock.postgres.record import (
    FORM,
    FormLater,
    Record,
    RecordMissing,
    begin_record,
    forget_views,
    note_paused,
    raise_epoch,
    raise_form,
    read_epoch,
    read_paused,
    read_record,
)
from penstock.postgres.silent import silent_changes
from penstock.project.connector_lists import (
    EPOCH,
    FORMER_PAUSED,
    PARTITIONS,
    epoch_in,
    read_lists,
    with_epoch,
    with_views,
)
from penstock.project.folders import Project
from penstock.project.generation import epoch_of
from penstock.project.workspace import Workspace
from penstock.setup.actions import create_tables, look_at_form, note_earlier_epoch, take_over_paused
from penstock.setup.connectors import correct_epoch, wanted_connectors
from penstock.stack.alone import alone
from penstock.views.pause import pause
from penstock.views.repair import repair
from penstock.whole_file import write_changed
from tests.names import SINK, SOURCE
from tests.project import copy_project


@pytest.fixture
def files(config: Config, tmp_path: Path) -> Config:
    """Give a project of its own, whose files may be changed."""
    copy_project(tmp_path)
    return config.model_copy(update={"project": tmp_path})


@pytest.fixture
def connection(config: Config) -> Iterator[Connection]:
    """Open a connection; the record is as after a first start again at its end."""
    with connect(config) as connection:
        yield connection
        forget_record(connection)
        begin_record(connection, epoch=1, partitions=2)
        note_paused(connection, read_paused(connection), paused=False)


def forget_record(connection: Connection) -> None:
    with connection, connection.cursor() as cursor:
        cursor.execute("DELETE FROM penstock.installation")


def write_epoch(config: Config, epoch: int) -> None:
    write_changed(with_epoch(Project.of(config), epoch))


def applied_epoch(config: Config) -> str:
    """Return the epoch with which the source is PUT."""
    (source,) = wanted_connectors(Workspace(config), names=[SOURCE])
    return source.config[EPOCH]


def test_an_installation_without_a_record_goes_on_with_the_epoch_of_its_file(
    files: Config, connection: Connection
) -> None:
    forget_record(connection)
    write_epoch(files, 4)
    assert (read_epoch(connection), epoch_of(files), applied_epoch(files)) == (None, 4, "4")
    create_tables(Workspace(files))
    assert (read_epoch(connection), epoch_of(files)) == (4, 4)


@pytest.mark.parametrize("written", [2, 9])
def test_the_record_goes_before_the_file_which_is_corrected(
    files: Config, connection: Connection, written: int
) -> None:
    raise_epoch(connection, 5, partitions=3)
    write_epoch(files, written)
    create_tables(Workspace(files))
    assert (epoch_of(files), applied_epoch(files)) == (5, "5")
    assert correct_epoch(files, 5) == f"{SOURCE}.json said epoch {written}, and says 5 now"
    assert epoch_in(Project.of(files)) == 5
    assert correct_epoch(files, 5) is None
    assert read_connector(Project.of(files).connectors / f"{SOURCE}.json").config[EPOCH] == applied_epoch(files)


def test_the_files_of_an_image_stay_as_they_are(files: Config, connection: Connection) -> None:
    raise_epoch(connection, 5, partitions=3)
    contained = files.model_copy(update={"supervised": False})
    assert correct_epoch(contained, 5) is None
    assert (epoch_in(Project.of(contained)), applied_epoch(contained)) == (1, "5")


@pytest.mark.parametrize(("live", "noted"), [(0, []), (5, []), (4, ["public.users"])])
def test_what_came_in_an_earlier_epoch_is_read_again(
    config: Config, connection: Connection, live: int, noted: list[str]
) -> None:
    note_earlier_epoch(Workspace(config), live, 5)
    assert [change.table for change in silent_changes(connection, ["public.users"])] == noted


def test_an_epoch_never_falls_and_a_record_is_started_once(config: Config, connection: Connection) -> None:
    with connect(config) as other:
        raise_epoch(connection, 3, partitions=3)
        raise_epoch(other, 2, partitions=3)
        begin_record(other, epoch=7, partitions=1)
        assert read_epoch(connection) == read_epoch(other) == 3
        assert read_record(connection).partitions == 3


def test_the_source_chooses_among_the_partitions_of_its_epoch(files: Config, connection: Connection) -> None:
    more = files.model_copy(update={"kafka": files.kafka.model_copy(update={"partitions": 4})})
    create_tables(Workspace(more))
    (source,) = wanted_connectors(Workspace(more), names=[SOURCE])
    assert source.config[PARTITIONS] == "2"
    with connection, connection.cursor() as cursor:
        cursor.execute("ALTER TABLE penstock.installation DROP COLUMN partitions")
    (source,) = wanted_connectors(Workspace(more), names=[SOURCE])
    assert PARTITIONS not in source.config
    create_tables(Workspace(more))
    (source,) = wanted_connectors(Workspace(more), names=[SOURCE])
    assert source.config[PARTITIONS] == "4"


def note_form(connection: Connection, form: int | None) -> None:
    with connection, connection.cursor() as cursor:
        cursor.execute("UPDATE penstock.installation SET form = %s", (form,))


def noted_form(connection: Connection) -> int:
    with connection, connection.cursor() as cursor:
        cursor.execute("SELECT form FROM penstock.installation")
        ((form,),) = cursor.fetchall()
        return int(form)


CHANGING: dict[str, Callable[[Workspace], object]] = {
    "the first step of all": look_at_form,
    "the files": create_tables,
    "the connectors": wanted_connectors,
}


@pytest.mark.parametrize("change", CHANGING.values(), ids=CHANGING.keys())
def test_where_a_later_version_was_nothing_is_changed(
    config: Config, connection: Connection, change: Callable[[Workspace], object]
) -> None:
    create_tables(Workspace(config))
    note_form(connection, FORM + 1)
    before = tables_of(connection)
    said = rf"nothing was changed: .* in form {FORM + 1}, this clone in form {FORM}.*\n.*a clone of that version"
    with pytest.raises(FormLater, match=said):
        change(Workspace(config))
    assert (noted_form(connection), tables_of(connection)) == (FORM + 1, before)


def tables_of(connection: Connection) -> list[tuple[object, ...]]:
    """Return what stands in the catalogue, with the transaction that wrote each entry last."""
    with connection, connection.cursor() as cursor:
        cursor.execute(
            "SELECT oid, xmin::text FROM pg_class WHERE relnamespace = 'penstock'::regnamespace"
            " UNION ALL SELECT oid, xmin::text FROM pg_proc WHERE pronamespace = 'penstock'::regnamespace ORDER BY 1"
        )
        return list(cursor.fetchall())


def test_no_command_that_changes_the_installation_begins_where_a_later_version_was(
    config: Config, connection: Connection
) -> None:
    note_form(connection, FORM + 1)
    for command in ("penstock up", "penstock views apply", "penstock views drop users_by_id"):
        with pytest.raises(FormLater, match="a later version"), alone(config, command):
            pytest.fail("it began")
    note_form(connection, FORM)
    with alone(config, "penstock views apply"):
        pass


@pytest.mark.parametrize("earlier", [None, FORM - 1])
def test_an_earlier_form_is_raised_by_the_set_up_and_never_falls(
    config: Config, connection: Connection, earlier: int | None
) -> None:
    note_form(connection, earlier)
    look_at_form(Workspace(config))
    create_tables(Workspace(config))
    assert noted_form(connection) == FORM
    with connection, connection.cursor() as cursor:
        cursor.execute("ALTER TABLE penstock.installation DROP COLUMN form")
    create_tables(Workspace(config))
    assert noted_form(connection) == FORM


def test_an_earlier_form_is_raised_before_the_files_are_applied(connection: Connection) -> None:
    note_form(connection, FORM - 1)
    raise_form(connection)
    assert noted_form(connection) == FORM


def test_a_database_that_the_first_start_makes_has_no_form_yet(config: Config) -> None:
    fresh = config.model_copy(update={"postgres": config.postgres.model_copy(update={"database": "fresh"})})
    look_at_form(Workspace(fresh))
    with connect(config, database="postgres") as connection:
        raise_form(connection)


def test_before_the_first_set_up_there_is_no_record(config: Config) -> None:
    with connect(config, database="postgres") as connection:
        assert read_record(connection) == Record()
        with pytest.raises(RecordMissing, match="penstock up"):
            note_paused(connection, ["users_by_id"])


def test_a_paused_view_is_left_to_nobody_until_it_flows_again(config: Config, connection: Connection) -> None:
    with connect(config) as other:
        note_paused(connection, ["users_by_id"])
        note_paused(other, ["users_by_id", "user_history"])
        assert read_paused(connection) == {"users_by_id", "user_history"}
    (sink,) = wanted_connectors(Workspace(config), names=[SINK])
    assert set(sink.config["topics"].split(",")) == {"views.users_by_country", "views.user_stats_by_country"}
    for repaired in ("users_by_id", "user_stats_by_country"):
        note_paused(connection, [repaired])
        with pytest.raises(ViewPaused, match=f"views resume {repaired}"):
            repair(Workspace(config), repaired, (), on_progress=lambda _: None)
    note_paused(connection, ["users_by_country"])
    assert [file.name for file in wanted_connectors(Workspace(config))] == [SOURCE], "Connect takes no sink of no topic"
    assert wanted_connectors(Workspace(config), names=[SINK]) == ()
    note_paused(connection, ["users_by_country"], paused=False)
    forget_views(connection, ["user_stats_by_country"])
    note_paused(connection, ["users_by_id", "user_history"], paused=False)
    assert paused_views(config) == frozenset()


def test_views_that_a_file_of_an_earlier_version_names_are_taken_over_once(
    files: Config, connection: Connection
) -> None:
    project = Project.of(files)
    write_changed(with_views(project, Workspace(files).views, dropped=["user_history"]))
    (project.connectors / FORMER_PAUSED).write_text("# who is paused\nuser_history\nlong_gone\n")
    assert take_over_paused(Workspace(files.model_copy(update={"supervised": False})), connection) == []
    assert take_over_paused(Workspace(files), connection) == [f"{FORMER_PAUSED} removed, paused: user_history"]
    assert "user_history" in read_lists(project).flowing
    assert read_paused(connection) == {"user_history"}
    assert take_over_paused(Workspace(files), connection) == []


@pytest.mark.slow
def test_a_pause_that_the_worker_does_not_take_is_not_noted(files: Config, connection: Connection) -> None:
    nobody = files.model_copy(
        update={
            "connect": files.connect.model_copy(update={"port": 1}),
            "kafka": files.kafka.model_copy(update={"port": 1}),
        }
    )
    with pytest.raises(TransientError):
        pause(Workspace(nobody), "user_history")
    assert read_paused(connection) == frozenset()
