"""Every module says what it is, first of all by a noun or a verb, in short sentences; each error has its own name."""

from __future__ import annotations

import ast
import re
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import pytest

from penstock.clone import ROOT
from tests.contract.test_words import MOST_WORDS, sentences_of

FILES = sorted(file for folder in ("airflow", "penstock", "release", "spark") for file in (ROOT / folder).rglob("*.py"))
_QUESTION = re.compile(r"(?:How|What|When|Where|Whether|Which|Whoever|Everything)\b")


@pytest.mark.parametrize("file", FILES, ids=lambda file: str(file.relative_to(ROOT)))
def test_a_module_begins_with_a_noun_or_a_verb(file: Path) -> None:
    text = file.read_text(encoding="utf-8")
    if text:
        first = ast.get_docstring(ast.parse(text)) or ""
        assert first and not _QUESTION.match(first)


def docstrings_in(file: Path) -> Iterator[str]:
    """Yield the paragraphs of all docstrings of a file, but for tables."""
    for node in ast.walk(ast.parse(file.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Module | ast.ClassDef | ast.FunctionDef):
            yield from re.split(r"\n\s*\n|\n(?=:)", ast.get_docstring(node) or "")


@pytest.mark.parametrize("file", FILES, ids=lambda file: str(file.relative_to(ROOT)))
def test_no_sentence_of_a_docstring_is_longer_than_25_words(file: Path) -> None:
    sentences = [each for text in docstrings_in(file) if "|" not in text for each in sentences_of(text)]
    assert [f"{each.words} words: {each.text}" for each in sentences if each.words > MOST_WORDS] == []


def errors_in(file: Path) -> Iterator[str]:
    """Name the errors that a file defines: what derives from a class of `penstock.errors`, or from one that does."""
    for node in ast.parse(file.read_text(encoding="utf-8")).body:
        bases = [base.id for base in node.bases if isinstance(base, ast.Name)] if isinstance(node, ast.ClassDef) else []
        if isinstance(node, ast.ClassDef) and any(base.endswith(("Error", "Unreachable")) for base in bases):
            yield node.name


def test_no_two_errors_have_one_name() -> None:
    # The loader has an environment of its own.
    files = [file for file in FILES if not file.is_relative_to(ROOT / "airflow")]
    found = Counter(name for file in files for name in errors_in(file))
    assert len(found) > 100
    assert [name for name, times in found.items() if times > 1] == []
