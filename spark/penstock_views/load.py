"""Loads the view files of a folder, by path: `spark/views` is no package, so it can lie anywhere."""

from __future__ import annotations

import importlib.util
import traceback
from pathlib import Path
from types import ModuleType

from penstock.errors import TerminalError
from penstock_views.declare import View, ViewInvalid


class ViewFileBroken(TerminalError):
    """A view file cannot be read or run."""

    def __init__(self, where: str, problem: str) -> None:
        super().__init__(
            f"{where}: {problem}; correct the file (`penstock_views` exports view, row, truncate_to_millis)"
        )


def load_views(folder: Path) -> tuple[View, ...]:
    """Load every view below a folder, ordered by name.

    :param folder: its `*.py` files each declare views with `@view`.
    :raises ViewFileBroken: with file and line, when one cannot be imported, or when there is none at all.
    :raises ViewInvalid: when a view is impossible or two share a name.
    """
    files = sorted(folder.glob("*.py"))
    views = [value for file in files for value in vars(_import_file(file)).values() if isinstance(value, View)]
    if not views:
        raise ViewFileBroken(str(folder), "no view in any *.py file here")
    _refuse_doubles(views)
    return tuple(sorted(views, key=lambda view: view.name))


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
    except Exception as exc:  # a user's file may raise anything; it is told with its line
        raise ViewFileBroken(line_in(file, exc), f"{type(exc).__name__}: {exc}") from exc
    return module


def _refuse_doubles(views: list[View]) -> None:
    seen: dict[str, View] = {}
    for view in views:
        first = seen.setdefault(view.name, view)
        if first is not view:
            raise ViewInvalid(view.origin, f"the name is taken by {first.file}:{first.line}")
