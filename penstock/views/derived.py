"""Derives from the views their contracts, their tables and the connectors' lists, as texts of files."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from penstock_views.declaration.load import ViewFileBroken
from penstock_views.declaration.views import View, ViewInvalid
from penstock_views.output import successor
from penstock_views.output.contracts import Contract, contracts_on
from penstock_views.types.tables import Table
from pyspark.sql import SparkSession

from penstock.cassandra.table_file import TableShape, new_table, rewritten_table
from penstock.config import Config
from penstock.errors import PenstockError
from penstock.postgres.catalogue import TableMissing
from penstock.project.connector_lists import with_views
from penstock.project.folders import Project
from penstock.project.in_step import Problem, problem_of
from penstock.project.tables import shape_of
from penstock.views.sources import Live, TableUndefined, table_of

OTHER_NAME = "give the view another name, `penstock views write`, `penstock views drop {}`, `penstock views apply`"
"""What is left to do where a contract cannot change so."""


@dataclass(frozen=True)
class Derived:
    """A view and what follows from its function and its table."""

    view: View
    key: Contract
    value: Contract

    @property
    def shape(self) -> TableShape:
        """The view's table in Cassandra."""
        return shape_of(self.view, self.value.schema, self.key.schema)


def derive(spark: SparkSession, view: View, table: Table) -> Derived:
    """Find out what follows from a view.

    :raises ViewInvalid: with file and line, when the view cannot be kept on that table.
    """
    return Derived(view, *contracts_on(spark, view, table))


def derive_all(
    spark: SparkSession, config: Config, views: Sequence[View], live: Mapping[str, Live | None]
) -> tuple[list[Derived], list[Problem]]:
    """Find out what follows from each view; of those that cannot be kept, what is wrong with them."""
    project, derived, problems = Project.of(config), [], []
    for view in views:
        try:
            derived.append(derive(spark, view, table_of(config, live, view)))
        except ViewInvalid as exc:
            problems.append(problem_at(project, exc, "correct the function or its @view line", view=view.name))
        except TableMissing as exc:
            cure = "create the table, or correct the @view line; or delete the function and `penstock views drop` it"
            problems.append(problem_of(project, view, str(exc), cure, is_of_table=True))
        except TableUndefined as exc:
            # Of a source that is away nothing can be said, and the views of the others go live without its.
            cure = "let Postgres answer, then do it again"
            problems.append(problem_of(project, view, str(exc), cure, is_of_table=bool(view.source)))
        except PenstockError as exc:
            problems.append(problem_of(project, view, str(exc), "correct the function or its @view line"))
    return derived, problems


def problem_at(project: Project, error: ViewInvalid | ViewFileBroken, cure: str, *, view: str = "") -> Problem:
    """Make a problem of an error that says where it is.

    :param view: as in the problem.
    """
    where, what = (text.replace(f"{project.root}/", "") for text in (error.place, error.problem))
    return Problem(where, what, cure, view=view)


def unreadable(
    project: Project, derived: Iterable[Derived], may_have_rows: Callable[[View], bool]
) -> Iterator[tuple[View, str]]:
    """Name the views whose contracts the registry would refuse, and why.

    :param may_have_rows: whether a view may: before its first fill the registry has no contract of it.
    """
    for each in derived:
        if (why := _why_unreadable(project, each)) and may_have_rows(each.view):
            yield each.view, why


def _why_unreadable(project: Project, derived: Derived) -> str | None:
    """Say why readers of the view's topic, who know the contracts in the files, could not take the new ones."""
    for contract in (derived.key, derived.value):
        file = project.avro / contract.file_name
        if file.exists() and (why := successor.why_unreadable(json.loads(file.read_text()), contract.schema)):
            return f"{why}, which no reader of its topic could take"
    return None


def contract_texts(project: Project, derived: Derived) -> dict[Path, str]:
    """Return the contracts of a view as their files should be."""
    return {project.avro / contract.file_name: contract.text for contract in (derived.key, derived.value)}


def table_text(project: Project, derived: Derived) -> str:
    """Return the view's table as its file should be; what is the user's in it stays.

    :raises CqlFileUnclear: when the file holds no table.
    """
    file = project.table_file(derived.view.name)
    if not file.exists():
        return new_table(derived.shape, view_file=project.shown(derived.view.file))
    return rewritten_table(file.read_text(encoding="utf-8"), derived.shape, file=project.shown(file))


def texts(project: Project, derived: Iterable[Derived], views: Sequence[View]) -> dict[Path, str]:
    """Return every derived file as it should be.

    :param views: all views of the project; the connectors list these.
    """
    found: dict[Path, str] = with_views(project, views)
    for each in derived:
        found |= contract_texts(project, each)
        found[project.table_file(each.view.name)] = table_text(project, each)
    return found
