"""Reads from the text of a view's function which column of its table each column of the view holds.

For who has no Spark, as the control center. What the text does not say is unknown: a name alone says nothing.
"""

from __future__ import annotations

import ast
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from penstock.names import postgres_name

_SAME = {"truncate_each_to_millis", "truncate_to_millis", "unix_micros"}
"""Functions of a column whose value stands for the column's, in a form that every comparison knows."""


@dataclass(frozen=True)
class Held:
    """What the columns of a view hold.

    :param columns: of each column that is spelled, that of the table; None where another value stands there.
    :param others_by_name: whether every other column is the one of its name, as in `whole(u)`.
    """

    columns: tuple[tuple[str, str | None], ...] = ()
    others_by_name: bool = False

    def by(self, column: str) -> str | None:
        """Name the column of the table that a column of the view holds; None where nobody knows."""
        spelled = dict(self.columns)
        if column in spelled:
            return spelled[column]
        return postgres_name(column) if self.others_by_name else None


def read_held(file: Path, line: int) -> Held:
    """Read the function whose first line, with its decorators, is that one."""
    try:
        tree = ast.parse(file.read_bytes())
    except (OSError, SyntaxError, ValueError):
        return Held()
    for node in ast.walk(tree):
        if isinstance(node, ast.FunctionDef) and line in (node.lineno, *(each.lineno for each in node.decorator_list)):
            return _Function(node).held()
    return Held()


class _Function:
    """A view's function: `u` is its image, and a variable that is set once stands for what it is set to."""

    def __init__(self, node: ast.FunctionDef) -> None:
        self._image = node.args.args[0].arg if node.args.args else ""
        self._returns = [each.value for each in ast.walk(node) if isinstance(each, ast.Return)]
        names = [each.id for each in ast.walk(node) if isinstance(each, ast.Name) and isinstance(each.ctx, ast.Store)]
        self._is_clear = len(self._returns) == 1 and self._image not in names
        self._set = {
            each.targets[0].id: each.value
            for each in node.body
            if isinstance(each, ast.Assign) and isinstance(each.targets[0], ast.Name)
            if names.count(each.targets[0].id) == 1
        }

    def held(self) -> Held:
        made = self._value(self._returns[0]) if self._is_clear else None
        while isinstance(made, ast.Call) and _called(made) == "where" and isinstance(made.func, ast.Attribute):
            made = self._value(made.func.value)
        if not isinstance(made, ast.Call) or _called(made) not in {"row", "totals", "whole"}:
            return Held()
        if _called(made) == "whole":
            return Held(others_by_name=True)
        columns = [(each.arg, self._column(each.value)) for each in made.keywords if each.arg]
        rest = [self._value(each.value) for each in made.keywords if not each.arg]
        spelled = [each for each in rest if isinstance(each, ast.Dict)]
        columns += [pair for each in spelled for pair in self._pairs(each)]
        others = [each for each in rest if each not in spelled]
        return Held(tuple(columns), others_by_name=bool(others) and all(map(self._is_by_name, others)))

    def _pairs(self, node: ast.Dict) -> Iterator[tuple[str, str | None]]:
        """Read a word of Python's, which cannot stand as a keyword: `**{"class": u["class"]}`."""
        for key, value in zip(node.keys, node.values, strict=True):
            if isinstance(key, ast.Constant):
                yield str(key.value), self._column(value)

    def _value(self, node: ast.expr | None) -> ast.expr | None:
        return self._set.get(node.id, node) if isinstance(node, ast.Name) else node

    def _column(self, node: ast.expr | None) -> str | None:
        match self._value(node):
            case ast.Attribute(ast.Name(self._image), name):
                return postgres_name(name)
            case ast.Subscript(ast.Name(self._image), ast.Constant(str(name))):
                return name
            case ast.Call(ast.Attribute(value, "alias")):
                return self._column(value)
            case ast.Call(ast.Attribute(value, "cast"), [ast.Constant("string")]):
                return self._column(value)
            case ast.Call(args=[value]) as call if _called(call) in _SAME:
                return self._column(value)
        return None

    def _is_by_name(self, node: ast.expr | None) -> bool:
        """Return whether this is `{name: u[name] for name in …}`."""
        match node:
            case ast.DictComp(ast.Name(key), ast.Subscript(ast.Name(self._image), ast.Name(name))):
                return key == name
        return False


def _called(call: ast.Call) -> str:
    match call.func:
        case ast.Name(name) | ast.Attribute(_, name):
            return name
    return ""
