"""Counts the words of the documents' sentences, and looks for unusual words there and in the code.

It counts paragraphs, list items, headings and the cells of tables, where a semicolon ends a fragment. It skips code,
images and the addresses of links. It skips the changelog, which lists the past, and the sink's documents, which are
released with the sink alone.
"""

from __future__ import annotations

import re
import tokenize
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import pytest

from penstock.clone import ROOT

MOST_WORDS = 25
DOCUMENTS = sorted(
    [*(ROOT / "docs").rglob("*.md"), *(ROOT / ".github").rglob("*.md")]
    + [ROOT / name for name in ("README.md", "CONTRIBUTING.md", "SECURITY.md")]
    + [ROOT / "connect" / name / "README.md" for name in ("avro-converter", "postgres-source")]
)
UNUSUAL = {
    "CDC topic": "change topic",
    "CDC record": "change record",
    "anew": "again",
    "so far": "previously",
    "begun": "started",
    "whoever": "everybody who",
    "tells?": "reports",
    "told": "reported",
    "ill": "unhealthy",
    "stands? still": "is stopped, or has stalled",
}
"""Words of ours that hide a usual one, and the usual one. The glossary may name them, as the code's."""
CODE = sorted(file for folder in ("airflow", "penstock", "release", "spark") for file in (ROOT / folder).rglob("*.py"))
IN_CODE = ("anew", "so far", "begun", "whoever", "told", "stands? still")
"""Those of them that no comment, docstring or message has: the others are names in the code, too."""
_TEXTS = {tokenize.COMMENT, tokenize.STRING}
_FENCE = re.compile(r"\s*```")
_BLOCK_BEGINS = re.compile(r"^\s*(?:[-*] |\d+\. |#+ )")
_NO_PROSE = re.compile(r"\s*(?:\||!\[|<!--|    |---$)")
_LABEL = re.compile(r"^(\*\*[^*]+\*\*[^.:]{0,80}:) ")
_CELL_ENDS = re.compile(r"(?<!\\)\|")
_SENTENCE_ENDS = re.compile(r"(?<=[.?!])[\"*)]*\s+")


@dataclass(frozen=True)
class Sentence:
    """A sentence, and where its block begins."""

    line: int
    text: str

    @property
    def plain(self) -> str:
        """The text without addresses of links; each piece of code is one word."""
        text = re.sub(r"`[^`]+`", "code", self.text)
        return re.sub(r"\[([^]]*)\]\([^)]*\)|<https?:[^>]*>", r"\1", text)

    @property
    def words(self) -> int:
        """Count the words."""
        return sum(bool(re.search(r"\w", word)) for word in self.plain.split())


def sentences_of(text: str) -> list[Sentence]:
    """Cut a document into sentences."""
    return [Sentence(line, sentence) for line, block in _blocks(text.splitlines()) for sentence in _cut(block)]


def _blocks(lines: Sequence[str]) -> Iterator[tuple[int, str]]:
    """Yield paragraphs, list items, headings and cells, each with the number of its first line."""
    begins, block, is_code = 0, list[str](), False
    for number, line in enumerate([*lines, ""], start=1):
        is_fence = bool(_FENCE.match(line))
        is_code ^= is_fence
        is_prose = bool(line.strip()) and not (is_code or is_fence or _is_no_prose(line, block))
        if block and (not is_prose or _BLOCK_BEGINS.match(line)):
            yield begins, " ".join(block)
            block = []
        if line.startswith("|") and not is_code:
            yield from ((number, cell.replace("; ", ". ")) for cell in _CELL_ENDS.split(line))
        if is_prose:
            begins = begins if block else number
            block.append(_BLOCK_BEGINS.sub("", line, count=1).strip())


def _is_no_prose(line: str, block: Sequence[str]) -> bool:
    """Return whether a line is a table's, an image, a comment or, outside of a list item, indented code."""
    return bool(_NO_PROSE.match(line)) and not (line.startswith("    ") and block)


def _cut(block: str) -> list[str]:
    held = re.sub(r"`[^`]*`", lambda code: re.sub(r"\s", "\0", code[0]), _LABEL.sub(r"\1. ", block, count=1))
    return [each.replace("\0", " ").strip() for each in _SENTENCE_ENDS.split(held) if each.strip()]


@pytest.mark.parametrize("document", DOCUMENTS, ids=lambda path: str(path.relative_to(ROOT)))
def test_no_sentence_is_longer_than_25_words(document: Path) -> None:
    long = [each for each in sentences_of(document.read_text()) if each.words > MOST_WORDS]
    name = document.relative_to(ROOT)
    assert not long, "\n" + "\n".join(f"{name}:{each.line}: {each.words} words: {each.text}" for each in long)


@pytest.mark.parametrize("document", DOCUMENTS, ids=lambda path: str(path.relative_to(ROOT)))
def test_the_usual_word_is_used(document: Path) -> None:
    if document.name == "glossary.md":
        pytest.skip("it names the words of the code")
    name = document.relative_to(ROOT)
    found = [
        f"{name}:{each.line}: say {usual}: {each.text}"
        for each in sentences_of(document.read_text())
        for word, usual in UNUSUAL.items()
        if re.search(rf"\b{word}\b", each.plain, re.IGNORECASE)
    ]
    assert not found, "\n" + "\n".join(found)


@pytest.mark.parametrize("file", CODE, ids=lambda path: str(path.relative_to(ROOT)))
def test_the_usual_word_is_used_in_the_code(file: Path) -> None:
    with tokenize.open(file) as opened:
        texts = [each for each in tokenize.generate_tokens(opened.readline) if each.type in _TEXTS]
    found = [
        f"{file.relative_to(ROOT)}:{each.start[0]}: say {UNUSUAL[word]}: {each.string}"
        for each in texts
        for word in IN_CODE
        if re.search(rf"\b{word}\b", each.string, re.IGNORECASE)
    ]
    assert not found, "\n" + "\n".join(found)


def test_sentences_are_cut_where_a_reader_stops() -> None:
    text = """# A title

A first one ends. A second `has a. code`
on two lines (see [the page](a/b.md)).

```sh
nothing here. At all
```

| a | table of; two fragments |

- **A label**: what it labels
  goes on.
- Another
"""
    found = [(each.line, each.words) for each in sentences_of(text)]
    cells = [(10, 1), (10, 2), (10, 2)]
    assert found == [(1, 2), (3, 4), (3, 9), *cells, (12, 2), (12, 5), (14, 1)]
