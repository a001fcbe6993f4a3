"""Finds what Python code takes from the clock or by chance: to Spark it is a constant, and tomorrow another one.

It looks at the functions of the user's files and at the constants of these files, not into packages that are installed.
"""

from __future__ import annotations

import ast
import dis
import os
import random
import secrets
import sys
import sysconfig
import time
import uuid
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from types import CodeType, FunctionType, MethodType, ModuleType
from typing import Any

_NAMES = {"now", "today", "utcnow"}
"""What the present is called, in whatever package."""

_CLOCKS = (
    *(time.time, time.time_ns, time.monotonic, time.monotonic_ns, time.perf_counter, time.perf_counter_ns),
    *(uuid.uuid1, uuid.uuid4, os.urandom, secrets.choice, secrets.randbelow, secrets.token_bytes, secrets.token_hex),
)
_OF_ARGUMENT = {time.ctime: 0, time.gmtime: 0, time.localtime: 0, time.strftime: 1}
"""Functions that take a moment, and how many arguments they have where they take the present one."""

_INSTALLED = tuple({sysconfig.get_path(name) + os.sep for name in ("stdlib", "platstdlib", "purelib", "platlib")})
_NO_CODE = {"CACHE", "PUSH_NULL", "NOP", "EXTENDED_ARG", "PRECALL"}


def clock_in(function: Callable[..., Any]) -> str | None:
    """Name what a function takes from the clock or by chance, itself or in what it uses; None where that is nothing."""
    return next(_Look().of_value(function), None)


class _Look:
    """One look: nothing is looked at twice."""

    def __init__(self) -> None:
        self._seen: set[object] = set()

    def of_value(self, value: Any) -> Iterator[str]:
        function = value.__func__ if isinstance(value, MethodType) else value
        if isinstance(function, FunctionType) and _is_ours(function.__code__.co_filename):
            if self._is_new(function.__code__):
                cells = zip(function.__code__.co_freevars, function.__closure__ or (), strict=True)
                known = {name: cell.cell_contents for name, cell in cells if _is_filled(cell)}
                yield from self._of_code(function.__code__, function.__globals__, known)
        elif _is_clock(value):
            yield _named(value)

    def _is_new(self, what: object) -> bool:
        is_new = what not in self._seen
        self._seen.add(what)
        return is_new

    def _of_code(self, code: CodeType, names: Mapping[str, Any], known: Mapping[str, Any]) -> Iterator[str]:
        local = dict(known)
        for value, arguments in _used(code, names, local):
            if isinstance(value, _Constant):
                yield from self._of_constant(value)
            elif _takes_present(value, arguments):
                yield _named(value)
            else:
                yield from self.of_value(value)
        for inner in code.co_consts:
            if isinstance(inner, CodeType):
                yield from self._of_code(inner, names, local)

    def _of_constant(self, constant: _Constant) -> Iterator[str]:
        """Look at how a file of the user computes a constant of its own, or where it takes it from."""
        names, name = constant.names, constant.name
        file = str(names.get("__file__") or "")
        if not _is_ours(file) or not self._is_new((file, name)):
            return
        for statement in ast.parse(Path(file).read_bytes()).body:
            if isinstance(statement, ast.Assign | ast.AnnAssign | ast.AugAssign) and name in _targets(statement):
                if statement.value is not None:
                    code = compile(ast.Expression(statement.value), file, "eval")
                    yield from (f"{found} in {name}" for found in self._of_code(code, names, {}))
            elif isinstance(statement, ast.ImportFrom) and statement.module:
                module = _module(statement.module)
                for each in statement.names:
                    if (each.asname or each.name) == name and module is not None:
                        yield from self._of_constant(_Constant(vars(module), each.name))


class _Constant:
    """A name of a module that holds a plain value."""

    def __init__(self, names: Mapping[str, Any], name: str) -> None:
        self.names, self.name = names, name


def _used(code: CodeType, names: Mapping[str, Any], local: dict[str, Any]) -> Iterator[tuple[Any, int | None]]:
    """Return what code names, each with the number of arguments where it is called with constants.

    :param local: the variables whose values are known; those that are imported are added.
    """
    steps = [step for step in dis.get_instructions(code) if step.opname not in _NO_CODE]
    value: Any = None
    imported: Any = None
    for at, step in enumerate(steps):
        match step.opname:
            case "LOAD_GLOBAL" | "LOAD_NAME" | "LOAD_DEREF" | "LOAD_FAST":
                value = _value(step, names, local)
            case "LOAD_ATTR" | "LOAD_METHOD":
                value = _attribute(value, step.argval)
            case "IMPORT_NAME":
                value = imported = _module(step.argval)
            case "IMPORT_FROM":
                value = _attribute(imported, step.argval)
            case "STORE_FAST" | "STORE_DEREF":
                local[step.argval], value = value, None
            case _:
                value = None
        if value is not None:
            yield value, _arguments(steps[at + 1 : at + 4])


def _value(step: dis.Instruction, names: Mapping[str, Any], local: Mapping[str, Any]) -> Any:
    if step.argval in local:
        return local[step.argval]
    if step.opname not in {"LOAD_GLOBAL", "LOAD_NAME"} or step.argval not in names:
        return None
    found = names[step.argval]
    return found if _has_name(found) else _Constant(names, step.argval)


def _attribute(value: Any, name: str) -> Any:
    # Of anything else an attribute may be computed, as those of an image and a column are.
    if not isinstance(value, ModuleType | type):
        return None
    found = getattr(value, name, None)
    return found if _has_name(found) or not isinstance(value, ModuleType) else _Constant(vars(value), name)


def _has_name(value: Any) -> bool:
    return callable(value) or isinstance(value, ModuleType)


def _arguments(steps: list[dis.Instruction]) -> int | None:
    """Return with how many arguments a call is made that has constants only; None for anything else."""
    for number, step in enumerate(steps):
        if step.opname == "CALL":
            return number
        if step.opname != "LOAD_CONST":
            break
    return None


def _takes_present(value: Any, arguments: int | None) -> bool:
    try:
        return arguments is not None and _OF_ARGUMENT.get(value) == arguments
    except TypeError:  # nothing that can be a key
        return False


def _is_clock(value: Any) -> bool:
    if any(value is clock for clock in _CLOCKS) or isinstance(getattr(value, "__self__", None), random.Random):
        return True
    module = str(getattr(value, "__module__", ""))
    is_called_so = getattr(value, "__name__", None) in _NAMES
    return callable(value) and is_called_so and not module.startswith("pyspark.")


def _named(value: Any) -> str:
    owner = getattr(value, "__self__", None)
    before = owner.__name__ if isinstance(owner, type | ModuleType) else getattr(value, "__module__", None)
    return f"{before}.{value.__name__}" if before else str(value.__name__)


def _targets(statement: ast.Assign | ast.AnnAssign | ast.AugAssign) -> set[str]:
    targets = statement.targets if isinstance(statement, ast.Assign) else [statement.target]
    return {node.id for target in targets for node in ast.walk(target) if isinstance(node, ast.Name)}


def _module(name: str) -> ModuleType | None:
    return sys.modules.get(name)


def _is_filled(cell: Any) -> bool:
    try:
        return cell.cell_contents is not None
    except ValueError:  # a function that refers to itself, not yet complete
        return False


def is_installed(file: str) -> bool:
    """Return whether a file is of Python or of an installed package."""
    return file.startswith(_INSTALLED)


def _is_ours(file: str) -> bool:
    return not is_installed(file) and Path(file).is_file()
