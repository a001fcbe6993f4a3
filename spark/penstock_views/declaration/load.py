"""Loads the view files of a folder, by path: `spark/views` is no package, so it can lie anywhere."""

from __future__ import annotations

import ast
import importlib.util
import json
import sys
import traceback
from collections.abc import Collection, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from itertools import pairwise
from pathlib import Path
from types import ModuleType

from penstock.cassandra.table_file import CqlFileUnclear, read_shape
from penstock.contract import REVISION, SINCE, TABLE
from penstock.errors import TerminalError
from penstock.installation import Names
from penstock_views.declaration.clock import is_installed
from penstock_views.declaration.views import History, Origin, View, ViewInvalid, in_installation


class ViewFileBroken(TerminalError):
    """A view file cannot be read or run."""

    def __init__(self, place: str, problem: str) -> None:
        cure = "correct the file (penstock_views/__init__.py lists what a view file can use)"
        self.place, self.problem = place, f"{problem}; {cure}"
        super().__init__(f"{place}: {self.problem}")


def load_views(folder: Path, names: Names, sources: Collection[str] | None = None) -> tuple[View, ...]:
    """Load every view below a folder, ordered by name.

    :param folder: its `*.py` files each declare views with `@view`.
    :param names: of the installation that they are for.
    :param sources: the further source databases that there are; None where nobody asks.
    :raises ViewFileBroken: with file and line, when one cannot be imported, or when there is none at all.
    :raises ViewInvalid: when a view is impossible or two share a name.
    """
    views, problems = load_each(folder, names, sources)
    if problems:
        raise problems[0]
    return views


def load_each(
    folder: Path, names: Names, sources: Collection[str] | None = None
) -> tuple[tuple[View, ...], list[ViewFileBroken | ViewInvalid]]:
    """Load what can be loaded, ordered by name, and say everything that cannot.

    :param sources: the further source databases that there are; None where nobody asks.
    """
    views: list[View] = []
    problems: list[ViewFileBroken | ViewInvalid] = []
    with _helpers_of(folder.absolute().parents[1]):
        for file in sorted(folder.glob("*.py")):
            try:
                found = [value for value in vars(_import_file(file)).values() if isinstance(value, View)]
                views += [in_installation(view, names) for view in found]
                problems += _hidden(file, found)
            except (ViewFileBroken, ViewInvalid) as exc:
                problems.append(exc)
    if not views and not problems:
        problems.append(ViewFileBroken(str(folder), "no view in any *.py file here"))
    problems += _doubles(views)
    problems += _without_source(views, sources)
    schemas = folder.absolute().parents[1] / "schemas"
    written = [_as_written(schemas, view) for view in views]
    return tuple(sorted(written, key=lambda view: view.name)), problems


_helpers: set[str] = set()
"""The modules of the user that view files have imported in this process."""


@contextmanager
def _helpers_of(root: Path) -> Iterator[None]:
    """Let view files import the modules of their own clone, each as its file is now.

    Otherwise a job would go on with what such a module was at its start. It would find another fingerprint than the
    command that wrote the contract. A kept copy of the files would take the modules of the clone.
    """
    for name in _helpers:
        _forget(name)
    _helpers.clear()
    importlib.invalidate_caches()
    before = set(sys.modules)
    sys.path.insert(0, str(root))
    try:
        yield
    finally:
        sys.path.remove(str(root))
        _helpers.update(name for name in sys.modules.keys() - before if _is_helper(sys.modules[name]))


def _forget(name: str) -> None:
    sys.modules.pop(name, None)
    package, _, own = name.rpartition(".")
    if package in sys.modules:
        vars(sys.modules[package]).pop(own, None)


def _is_helper(module: ModuleType) -> bool:
    """Return whether a module is the user's: neither Penstock's nor of a package that is installed."""
    if module.__name__.partition(".")[0] in {"penstock", "penstock_views"}:
        return False
    file = getattr(module, "__file__", None)
    places = [file] if file else [*getattr(module, "__path__", ())]
    return bool(places) and not any(is_installed(place) for place in places)


def _as_written(schemas: Path, view: View) -> View:
    """Return a view with what its own files keep of it."""
    placed = replace(view, partition=_partition(schemas / "cassandra" / f"{view.name}.cql", view))
    if not isinstance(placed, History):
        return placed
    return replace(placed, first_revision=_first_revision(schemas / "avro" / view.contract_files[1], view))


def _first_revision(file: Path, view: View) -> int | None:
    """Read from a history's contract which revision its first entries had; of another table they were others.

    That one's offsets say nothing of where this one's changes belong.
    """
    try:
        written = json.loads(file.read_text(encoding="utf-8"))
    except (FileNotFoundError, ValueError):
        return None  # not written yet, or `penstock views check` says what is wrong with it
    found: int | None = written.get(SINCE, written.get(REVISION))
    return found if written.get(TABLE, view.table) == view.table else None


def _partition(file: Path, view: View) -> tuple[str, ...] | None:
    """Read which columns of the key are the partition's: the user's choice, in the table's file."""
    try:
        found = read_shape(file)
    except (FileNotFoundError, CqlFileUnclear):
        return None  # not written yet, or `penstock views check` says what is wrong with it
    return found.partition if found.key == view.primary_key else None


def line_in(file: Path, error: BaseException) -> str:
    """Say `file:line` of the innermost frame of an error that lies in the file."""
    lines = [frame.lineno for frame in traceback.extract_tb(error.__traceback__) if Path(frame.filename) == file]
    return f"{file}:{lines[-1]}" if lines else str(file)


def _import_file(file: Path) -> ModuleType:
    spec = importlib.util.spec_from_file_location(f"penstock_user_views.{file.stem}", file)
    if spec is None or spec.loader is None:
        raise ViewFileBroken(str(file), "not a Python file")
    module = importlib.util.module_from_spec(spec)
    try:
        spec.loader.exec_module(module)
    except ViewInvalid:
        raise
    except SyntaxError as exc:
        raise ViewFileBroken(f"{exc.filename}:{exc.lineno}", exc.msg) from exc
    except (Exception, SystemExit) as exc:  # a user's file may raise anything; it is reported with its line
        raise ViewFileBroken(line_in(file, exc), f"{type(exc).__name__}: {exc}") from exc
    return module


def _without_source(views: Sequence[View], sources: Collection[str] | None) -> Iterator[ViewInvalid]:
    for view in views:
        if sources is not None and view.source and view.source not in sources:
            yield ViewInvalid(
                view.origin, f"penstock.toml has no source `{view.source}`: write [sources.{view.source}]"
            )


def _hidden(file: Path, views: Sequence[View]) -> Iterator[ViewInvalid]:
    """Find the views whose name a later function of their file has: Python forgets the first."""
    lines: dict[str, list[int]] = {}
    for statement in ast.parse(file.read_bytes()).body:
        if isinstance(statement, ast.FunctionDef):
            lines.setdefault(statement.name, []).append(statement.lineno)
    for view in views:
        for first, later in pairwise(lines.get(view.name, [])):
            yield ViewInvalid(Origin(f"{file}:{first}", view.name), f"the function at line {later} takes its name")


def _doubles(views: Sequence[View]) -> Iterator[ViewInvalid]:
    seen: dict[str, View] = {}
    for view in views:
        first = seen.setdefault(view.name, view)
        if first is not view:
            yield ViewInvalid(view.origin, f"the name is taken by {first.file}:{first.line}")
