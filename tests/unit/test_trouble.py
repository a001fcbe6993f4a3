"""What is wrong with a job outlives it: failures in a row, a death without a word, and the stopped views."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

from penstock.trouble import Failing, Trouble, TroubleBook, read_trouble


@pytest.fixture
def file(tmp_path: Path) -> Path:
    return tmp_path / "views.trouble.json"


def fail(file: Path, times: int, reason: str = "disk full") -> None:
    for _ in range(times):
        TroubleBook(file).fail(reason)


def test_failures_are_counted_over_the_runs_of_a_job(file: Path) -> None:
    fail(file, 3)
    found = read_trouble(file)
    assert (found.times, found.reason) == (3, "disk full")
    assert found.at_s > 0


def test_a_run_that_ended_without_a_word_is_a_failure(file: Path) -> None:
    TroubleBook(file)
    TroubleBook(file)
    found = read_trouble(file)
    assert (found.times, "killed" in found.reason) == (1, True)


def test_a_run_that_was_asked_to_end_leaves_nothing(file: Path) -> None:
    fail(file, 2)
    TroubleBook(file).end()
    assert read_trouble(file) == Trouble()
    TroubleBook(file)
    assert read_trouble(file) == Trouble()


def test_work_done_ends_the_row_of_failures(file: Path) -> None:
    fail(file, 2)
    TroubleBook(file).recover()
    assert read_trouble(file).times == 0


def test_another_command_line_is_counted_from_zero(file: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    fail(file, 2)
    monkeypatch.setattr(sys, "argv", [*sys.argv, "--driver-memory-mb", "2048"])
    TroubleBook(file)
    assert read_trouble(file) == Trouble()


def test_views_that_stand_still_are_those_of_this_run(file: Path) -> None:
    book = TroubleBook(file)
    book.report(stopped={"orders": "its column is gone"}, failing={"sums": Failing(1, "x"), "stats": Failing(2, "y")})
    found = read_trouble(file)
    assert found.of_view("orders") == "its column is gone"
    assert found.of_view("sums") is None  # it may go on by itself
    assert found.of_view("stats") == "view stats keeps failing: y; `penstock views apply` begins it again"
    assert found.of_view("users") is None
    TroubleBook(file)
    assert read_trouble(file).stopped == {}


@pytest.mark.parametrize("content", ["", "{", "[]", "{}", '{"trouble": 1}', '{"trouble": {"times": 1, "new": 2}}'])
def test_a_file_of_another_kind_tells_nothing(file: Path, content: str) -> None:
    file.write_text(content)
    assert read_trouble(file) == Trouble()
    fail(file, 1)
    assert read_trouble(file).times == 1


@pytest.mark.parametrize(
    ("reason", "cure"),
    [
        ("java.lang.OutOfMemoryError: Java heap space", "more memory"),
        ("ExecutorLostFailure: Command exited with code 52", "more memory"),
        ("ExecutorLostFailure: Command exited with code 52", "(repeat, lpad, sequence) needs an upper limit"),
        ("Some data may have been lost because they are not available in Kafka any more", "penstock views rebuild"),
        ("IllegalStateException: Cannot find earliest offset; set failOnDataLoss", "penstock views rebuild"),
    ],
)
def test_a_reason_that_is_known_names_its_cure(file: Path, reason: str, cure: str) -> None:
    fail(file, 1, reason)
    assert read_trouble(file).reason.startswith(reason)
    assert cure in read_trouble(file).reason


def test_without_a_file_nothing_is_written() -> None:
    book = TroubleBook(None)
    book.fail("x")
    book.end()
    assert book.now.times == 1


@pytest.mark.parametrize(
    ("reason", "cure"),
    [
        ("value out of range", "`penstock views apply` begins it again"),
        ("Some data may have been lost", "`penstock views rebuild` reads all again"),
        ("java.lang.OutOfMemoryError: heap", "give it more memory (section [spark] of penstock.toml)"),
    ],
)
def test_a_view_that_keeps_failing_names_what_cures_it(reason: str, cure: str) -> None:
    found = Trouble(failing={"sums": Failing(2, reason)}).of_view("sums")
    assert found is not None and found.startswith(f"view sums keeps failing: {reason}; ") and cure in found
