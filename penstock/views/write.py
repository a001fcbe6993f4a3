"""`views write`: bring every derived file in step with the functions; a live view changes only with a new revision."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any

from penstock_views.declaration.views import History, View, ViewInvalid
from penstock_views.output.contracts import FINGERPRINT, SOURCE

from penstock.config import Config
from penstock.contract import REVISION, TABLE
from penstock.errors import TerminalError
from penstock.local_spark import local_spark
from penstock.pipeline.fills import filled_views, replaced
from penstock.pipeline.identities import read_identities
from penstock.postgres.connection import PostgresUnreachable, connect
from penstock.project.connector_lists import epoch_in, with_epoch
from penstock.project.folders import Project, sources_of
from penstock.project.generation import epoch_of
from penstock.project.in_step import ViewsWrong
from penstock.project.workspace import Workspace
from penstock.views.derived import OTHER_NAME, Derived, derive_all, texts, unreadable
from penstock.views.sources import live_tables
from penstock.whole_file import write_changed


class FunctionsChanged(TerminalError):
    """The functions of views changed, and rows of theirs may be live."""

    def __init__(self, views: Sequence[View]) -> None:
        cure = (
            "the function changed and its rows may be live: raise revision=, and `penstock views write` again "
            "(--same-rows when every row stays as it is, after a refactoring; another table needs a new revision)"
        )
        super().__init__("\n".join(f"{view.origin}: {cure}" for view in views))


def write_derived(workspace: Workspace, *, same_rows: bool = False) -> list[Path]:
    """Write the contracts, the tables and the connectors' lists; return the files that changed.

    :param same_rows: a changed function is said to give the same rows as before, so it needs no new revision.
    :raises ViewFileBroken, ViewsWrong, ViewInvalid, FunctionsChanged: with file and line; then nothing is written.
    """
    config = workspace.config
    project = workspace.project
    views = [_in_its_table(project, config, view) for view in workspace.views]
    live = live_tables(config, views)
    with local_spark(config) as spark:
        derived, wrong = derive_all(spark, config, views, live)
    if wrong:
        raise ViewsWrong(wrong, "written")
    for each in derived:
        _refuse_moved(project, each)
    for view, why in unreadable(project, derived, partial(_may_be_filled, config)):
        raise ViewInvalid(view.origin, f"{why}: {OTHER_NAME.format(view.name)}")
    changed = [each for each in derived if _is_changed(project, each)]
    # The offsets of another table start at 0, and with them the versions: of the same revision they would lose.
    _refuse_live(config, [each for each in changed if not same_rows or _is_of_other_table(project, config, each.view)])
    written = write_changed(texts(project, derived, views))
    return list(dict.fromkeys([*written, *(file for each in sources_of(config) for file in _write_epoch(each))]))


def _write_epoch(config: Config) -> list[Path]:
    """Raise the epoch of the source's file to the record's; only a caller that asked the worker too may lower it."""
    project = Project.of(config)
    try:
        epoch = epoch_of(config)
    except PostgresUnreachable:
        return []
    return write_changed(with_epoch(project, epoch)) if epoch > epoch_in(project) else []


def _is_changed(project: Project, derived: Derived) -> bool:
    """Return whether the function is another than the one of the same or a later revision that was written before."""
    written = _written(project, derived.view)
    if derived.view.revision > written.get(REVISION, 0) or FINGERPRINT not in written:
        return False
    return bool(written[FINGERPRINT] != derived.value.schema[FINGERPRINT] or derived.view.revision < written[REVISION])


def _in_its_table(project: Project, config: Config, view: View) -> View:
    """Let a history start with its raised revision, where a contract that names no table was of another one."""
    written = _written(project, view)
    if not isinstance(view, History) or TABLE in written or view.revision <= written.get(REVISION, view.revision):
        return view
    return replace(view, first_revision=None) if _is_of_other_table(project, config, view) else view


def _is_of_other_table(project: Project, config: Config, view: View) -> bool:
    """Return whether the contract is of another table; of one that does not say, whether the rows are."""
    if TABLE in (written := _written(project, view)):
        return bool(written[TABLE] != view.table)
    own = config.of_source(view.source)
    try:
        with connect(own) as connection:
            identities = read_identities(connection, {view.table})
    except PostgresUnreachable:
        return False
    return view.name in filled_views(own) and (
        view.table not in identities or bool(replaced(own, [view], identities=identities))
    )


def _written(project: Project, view: View) -> dict[str, Any]:
    """Return the contract that was written before; an empty one where there is none."""
    file = project.avro / view.contract_files[1]
    return dict(json.loads(file.read_text(encoding="utf-8"))) if file.exists() else {}


def _refuse_moved(project: Project, derived: Derived) -> None:
    """Refuse a view of another source than before: the versions of two sources do not follow each other."""
    view, written = derived.view, _written(project, derived.view)
    if written and written.get(SOURCE, "") != view.source:
        before = written.get(SOURCE) or "[postgres]"
        raise ViewInvalid(
            view.origin, f"it reads source {before}, and a view keeps its source: give this one another name"
        )


def _refuse_live(config: Config, changed: Sequence[Derived]) -> None:
    """Raise for changed views that have rows of the function before; Postgres away counts as having them."""
    live = [each.view for each in changed if _may_be_filled(config, each.view)]
    if live:
        raise FunctionsChanged(live)


def _may_be_filled(config: Config, view: View) -> bool:
    try:
        return view.name in filled_views(config.of_source(view.source))
    except PostgresUnreachable:
        return True
