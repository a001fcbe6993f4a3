"""Reads which modules of ours there are, and which of them each one imports."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path

from penstock.clone import ROOT

SOURCES = {"penstock": ROOT / "penstock", "penstock_views": ROOT / "spark" / "penstock_views"}


def _modules() -> dict[str, Path]:
    found = {}
    for name, folder in SOURCES.items():
        for file in folder.rglob("*.py"):
            parts = [name, *file.relative_to(folder).with_suffix("").parts]
            found[".".join(parts[:-1] if parts[-1] == "__init__" else parts)] = file
    del found["penstock"]  # it is empty
    return found


MODULES = _modules()
"""Every module of both packages, and its file."""


def imports_of(file: Path) -> Iterator[str]:
    """Yield the modules of ours that a file imports, also inside functions."""
    for node in ast.walk(ast.parse(file.read_text(encoding="utf-8"))):
        names = []
        if isinstance(node, ast.Import):
            names = [alias.name for alias in node.names]
        elif isinstance(node, ast.ImportFrom) and node.module:
            names = [f"{node.module}.{alias.name}" for alias in node.names]
        for name in names:
            yield from [known for known in (name, name.rpartition(".")[0]) if known in MODULES][:1]
