"""`views new`: starting views of one table or of a whole schema, and what is derived from them; Spark starts once."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from enum import StrEnum
from pathlib import Path
from tempfile import TemporaryDirectory

from penstock_views.declaration.load import load_views
from penstock_views.declaration.views import View

from penstock.config import Config
from penstock.errors import PenstockError, TerminalError
from penstock.installation import VIEW_FILES, Names
from penstock.local_spark import local_spark
from penstock.names import NOT_CARRIED, is_table, of_source
from penstock.postgres.catalogue import TableMissing, read_live_table
from penstock.postgres.connection import connect
from penstock.postgres.own import Connection
from penstock.project.folders import Project
from penstock.project.workspace import Workspace
from penstock.views.asked import Asked, Relation, meant, read_asked, relations
from penstock.views.derived import Derived, derive, texts
from penstock.views.new import Drawn, NoView, draw, view_name
from penstock.whole_file import write_changed


class NameForMany(TerminalError):
    """One name was given for several views."""

    def __init__(self, name: str) -> None:
        super().__init__(
            f"--name {name} names one view, and several tables are asked for: leave it out, or ask for one"
        )


class ViewTaken(TerminalError):
    """There is a view or a file of that name."""

    def __init__(self, what: str, there: str) -> None:
        super().__init__(f"{what} is there already ({there}); name another with --name")


class Fate(StrEnum):
    """What becomes of a table that a view is asked of."""

    MADE = "made"
    THERE = "there already"
    PARTITION = "in another"
    REFUSED = "refused"


@dataclass(frozen=True)
class Outcome:
    """A table, and what became of it.

    :param left_out: the columns that the view does not have, each with the reason.
    :param reason: why no view was made.
    """

    table: str
    fate: Fate
    view: str = ""
    columns: int = 0
    left_out: Mapping[str, str] = field(default_factory=dict)
    reason: str = ""


@dataclass(frozen=True)
class NewViews:
    """What became of each table, and the files that were written: none in a dry run."""

    outcomes: tuple[Outcome, ...]
    files: tuple[Path, ...]

    @property
    def refused(self) -> tuple[Outcome, ...]:
        """The tables whose rows no view holds."""
        return tuple(outcome for outcome in self.outcomes if outcome.fate is Fate.REFUSED)


def new_views(
    workspace: Workspace, given: Sequence[str], *, name: str | None = None, dry_run: bool = False
) -> NewViews:
    """Write a starting view of each table; one that has a view is left alone, one that cannot have one is refused.

    :param given: tables as SQL writes them, or patterns such as `sales.*`; of a further source `billing:public.*`.
    :param name: of the one view; with it a table gets another view beside those that it has.
    :param dry_run: write nothing.
    :raises TableNameUnclear, NameForMany: before anything is looked at.
    :raises PostgresUnreachable: the tables come from the live catalogue.
    :raises ViewFileBroken, ViewInvalid: a view that is there already cannot be read.
    """
    config = workspace.config
    pairs = [config.source_table(each.strip()) for each in given]
    asked = {source: [read_asked(table) for of, table in pairs if of == source] for source, _ in pairs}
    project = workspace.project
    there = workspace.views if any(project.views.glob("*.py")) else ()
    tables = {source: _meant(config.of_source(source), each) for source, each in asked.items()}
    if name is not None and sum(map(len, tables.values())) != 1:
        raise NameForMany(name)
    taken = _Taken(project, there)
    drawn = [one for source, each in tables.items() for one in _draw_all(config.of_source(source), taken, each, name)]
    made, outcomes = _derive_all(config, [each for each in drawn if isinstance(each, Drawn)])
    outcomes |= {each.table: each for each in drawn if isinstance(each, Outcome)}
    files = _write(workspace.fresh(), made) if made and not dry_run else ()
    return NewViews(tuple(outcomes[each.table] for each in drawn), files)


def _meant(config: Config, asked: Sequence[Asked]) -> list[Relation]:
    with connect(config) as connection:
        return meant(asked, relations(connection))


class _Taken:
    """What new views must not write over, with those that this call makes."""

    def __init__(self, project: Project, views: Sequence[View]) -> None:
        self._project = project
        self._places = {view.name: f"{project.shown(view.file)}:{view.line}" for view in views}
        self._of_tables = {view.source_table: view for view in reversed(views)}

    def view_of(self, table: str) -> View | None:
        """Return the first view of a table, which is named with its source."""
        return self._of_tables.get(table)

    def choose(self, source: str, table: str) -> str:
        """Name a view as its table; where there is a view or a file of that name, by its source or schema too."""
        schema, own = table.split(".", 1)
        names = [view_name("_".join(parts)) for parts in ((own,), (source or schema, own), (source, schema, own))]
        return next((name for name in names if not self._there(name)), names[1])

    def take(self, name: str, table: str) -> None:
        """Note a name.

        :raises ViewTaken: rather than let anything be written over.
        """
        if there := self._there(name):
            raise ViewTaken(*there)
        self._places[name] = f"the view of {table}"

    def _there(self, name: str) -> tuple[str, str] | None:
        """Return what has that name, and where; None if nothing has."""
        if name in self._places:
            return f"view {name}", self._places[name]
        project = self._project
        files = (
            project.views / f"{name}.py",
            project.cassandra / f"{name}.cql",
            project.avro / f"{VIEW_FILES}{name}-value.avsc",
        )
        return next(((project.shown(path), f"of a view {name}") for path in files if path.exists()), None)


def _draw_all(config: Config, taken: _Taken, tables: Sequence[Relation], name: str | None) -> Iterator[Drawn | Outcome]:
    """Draw a view of each table of a source, or say why there is none."""
    with connect(config) as connection:
        for table in tables:
            shown = of_source(config.source, table.name)
            there = taken.view_of(shown)
            if table.root is not None:
                yield Outcome(shown, Fate.PARTITION, reason=f"a partition: its rows are in the view of {table.root}")
            elif there is not None and name is None:
                yield Outcome(shown, Fate.THERE, there.name, reason="--name makes another view of it")
            else:
                yield _draw(connection, taken, table.name, name)


def _draw(connection: Connection, taken: _Taken, table: str, name: str | None) -> Drawn | Outcome:
    source = connection.names.source
    shown = of_source(source, table)
    try:
        if not is_table(table):
            raise NoView(table, NOT_CARRIED)
        drawn = draw(read_live_table(connection, table), name or taken.choose(source, table), source)
        taken.take(drawn.name, shown)
    except NoView as exc:
        return Outcome(shown, Fate.REFUSED, reason=exc.reason)
    except TableMissing:
        return Outcome(shown, Fate.REFUSED, reason=f"database {connection.info.dbname} has no such table")
    except ViewTaken as exc:
        return Outcome(shown, Fate.REFUSED, reason=str(exc))
    return drawn


def _derive_all(config: Config, drawn: Sequence[Drawn]) -> tuple[dict[str, tuple[Drawn, Derived]], dict[str, Outcome]]:
    """Derive what follows from each view, from files that lie elsewhere: what fails has left nothing behind."""
    made: dict[str, tuple[Drawn, Derived]] = {}
    outcomes: dict[str, Outcome] = {}
    if not drawn:
        return made, outcomes
    with TemporaryDirectory() as folder, local_spark(config) as spark:
        for each in drawn:
            table = each.live.table
            try:
                derived = derive(spark, _declared(Path(folder), each), table)
            except PenstockError as exc:
                reason = str(exc).rpartition(f"view {each.name}: ")[2]
                outcomes[each.table] = Outcome(each.table, Fate.REFUSED, reason=reason)
                continue
            made[each.name] = (each, derived)
            outcomes[each.table] = Outcome(each.table, Fate.MADE, each.name, each.columns, each.left_out)
    return made, outcomes


def _declared(folder: Path, drawn: Drawn) -> View:
    """Declare a view by a file of its own."""
    place = folder / drawn.name
    place.mkdir()
    (place / f"{drawn.name}.py").write_text(drawn.text, encoding="utf-8")
    (view,) = load_views(place, Names())
    return view


def _write(workspace: Workspace, made: Mapping[str, tuple[Drawn, Derived]]) -> tuple[Path, ...]:
    """Write the views' files, then what was derived from them.

    :param workspace: whose views nobody has asked for yet.
    """
    project = workspace.project
    files = [project.views / f"{name}.py" for name in made]
    try:
        write_changed({file: drawn.text for file, (drawn, _) in zip(files, made.values(), strict=True)})
        views = workspace.views
        derived = [replace(made[view.name][1], view=view) for view in views if view.name in made]
        return (*files, *write_changed(texts(project, derived, views)))
    except BaseException:
        for file in files:
            file.unlink(missing_ok=True)  # all or nothing
        raise
