"""The comparison is exact, and moving data ends as equal when it is: plain rows, and random ones by Hypothesis."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any
from uuid import UUID

import pytest
from cassandra.util import Date, Duration, Time
from hypothesis import given
from hypothesis import strategies as st

from penstock.cassandra.table import ViewTableMissing
from penstock.cassandra.values import Instant
from penstock.config import Config
from penstock.project.shapes import ViewShape
from penstock.verify import check
from penstock.verify.canonical import ValueUnknown, canonical_key, canonical_value, key_values
from penstock.verify.check import Sides, verify_views
from penstock.verify.last import forget_results, keep_results, read_last
from penstock.verify.model import Absence, ColumnDifference, Kind, OnAbsence, Row, ViewResult, ignore_absence

VIEW = ViewShape("users_by_country", ("country", "id"), ("country", "id", "name"))
VERSION = 4503599627370497


def row(country: str, number: int, name: str | None = "Ada") -> dict[str, Any]:
    return {"country": country, "id": number, "name": name, "row_version": VERSION}


@dataclass
class Rows:
    """A side held in a list; `then` are the states it takes, one a look, after the first."""

    rows: list[dict[str, Any]]
    then: list[list[dict[str, Any]]] = field(default_factory=list)
    picked: list[list[Row]] = field(default_factory=list)
    scans: int = 0
    absences: tuple[Absence, ...] = ()
    failure: Exception | None = None

    def scan(self, view: ViewShape, on_absence: OnAbsence = ignore_absence) -> Iterator[Row]:
        """Return all rows."""
        assert view.columns == VIEW.columns
        self.scans += 1
        if self.failure is not None:
            raise self.failure
        for absence in self.absences:
            on_absence(absence)
        return iter(self.rows)

    def pick(self, view: ViewShape, keys: Sequence[Row]) -> Iterator[Row]:
        """Return rows by key; like the real expected side, also others with the same source key (id)."""
        assert view.columns == VIEW.columns
        if self.then:
            self.rows = self.then.pop(0)
        self.picked.append(list(keys))
        ids = {key["id"] for key in keys}
        return iter([found for found in self.rows if found["id"] in ids])


class Exact(Rows):
    """Like Cassandra: only the keys asked for."""

    def pick(self, view: ViewShape, keys: Sequence[Row]) -> Iterator[Row]:
        """Return the rows of exactly these keys."""
        asked = {canonical_key(key, view.key) for key in keys}
        return iter([found for found in super().pick(view, keys) if canonical_key(found, view.key) in asked])


@dataclass
class Pipeline:
    """What the verification waits for; stalls after some fences."""

    fences: int = 9
    asked: list[int] = field(default_factory=list)

    def catch_up(self, suspects: Mapping[str, int]) -> bool:
        """Let everything come through, as long as it moves."""
        self.asked.append(sum(suspects.values()))
        return len(self.asked) <= self.fences


def verify(
    expected: Rows, actual: Rows, *, looks: int = 2, pipeline: Pipeline | None = None, ceiling: int = 2 * VERSION
) -> ViewResult:
    (result,) = verify_all([Sides(VIEW, expected, actual, lambda: ceiling)], looks=looks, pipeline=pipeline)
    return result


def verify_all(views: list[Sides], *, looks: int = 2, pipeline: Pipeline | None = None) -> list[ViewResult]:
    catch_up = (pipeline or Pipeline()).catch_up
    return verify_views(views, catch_up=catch_up, quick_looks=looks, pause=lambda: None)


def test_equal_contents_need_one_look_only() -> None:
    rows = [row("PT", 1), row("PT", 2, None)]
    actual = Exact(list(reversed(rows)))
    result = verify(Rows(rows), actual)
    assert result.is_equal
    assert (result.expected_rows, result.actual_rows, result.rounds) == (2, 2, 1)
    assert actual.picked == []


@pytest.mark.parametrize(
    ("expected", "actual", "kind"),
    [
        ([row("PT", 1)], [], Kind.MISSING),
        ([], [row("PT", 1)], Kind.EXTRA),
        ([row("PT", 1)], [row("PT", 1, "Bea")], Kind.DIFFERENT),
        ([row("PT", 1, None)], [row("PT", 1, "")], Kind.DIFFERENT),
        ([row("PT", 1)], [{**row("PT", 1), "row_version": None}], Kind.DIFFERENT),
    ],
)
def test_each_kind_of_difference_is_found(expected: list[Any], actual: list[Any], kind: Kind) -> None:
    result = verify(Rows(expected), Exact(actual))
    assert not result.is_equal
    assert result.counts == {**dict.fromkeys(Kind, 0), kind: 1}
    (difference,) = result.differences
    assert (difference.kind, difference.key) == (kind, {"country": "PT", "id": "1"})


def test_a_different_row_names_its_columns_with_both_values() -> None:
    result = verify(Rows([row("PT", 1, None)]), Exact([{**row("PT", 1, "Bea"), "row_version": None}]))
    assert result.differences[0].columns == (
        ColumnDifference("name", None, "Bea"),
        ColumnDifference("row_version", "never null", None),
    )


def test_a_row_that_leaves_its_old_partition_behind_is_extra() -> None:
    result = verify(Rows([row("ES", 1)]), Exact([row("ES", 1), row("PT", 1)]))
    assert result.counts[Kind.EXTRA] == 1


def test_a_change_on_its_way_is_no_difference() -> None:
    actual = Exact([row("PT", 1, "old")], then=[[row("PT", 1, "old")], [row("PT", 1, "new")]])
    result = verify(Rows([row("PT", 1, "new")]), actual)
    assert result.is_equal
    assert result.rounds == 3


def test_a_user_who_moves_twice_while_verifying_is_followed_to_the_newest_key() -> None:
    expected = Rows([row("ES", 1)], then=[[row("FR", 1)]])
    actual = Exact([row("PT", 1)], then=[[row("FR", 1)]])
    assert verify(expected, actual).is_equal
    assert {key["country"] for key in actual.picked[0]} == {"PT", "ES", "FR"}


def test_a_change_that_takes_longer_than_the_quick_looks_is_no_difference() -> None:
    old, new = row("PT", 1, "old"), row("PT", 1, "new")
    pipeline = Pipeline()
    actual = Exact([old], then=[[old], [old], [new]])
    assert verify(Rows([new]), actual, pipeline=pipeline).is_equal
    assert pipeline.asked == [1]


def test_what_stays_the_same_while_everything_comes_through_is_a_difference() -> None:
    pipeline = Pipeline()
    result = verify(Rows([row("PT", 1, "new")]), Exact([row("PT", 1, "old")]), pipeline=pipeline)
    assert (result.counts[Kind.DIFFERENT], pipeline.asked) == (1, [1])


@pytest.mark.parametrize("versions", [(VERSION, VERSION + 1), (VERSION, VERSION)], ids=["version", "value"])
def test_what_changed_meanwhile_is_waited_for_once_more(versions: tuple[int, int]) -> None:
    first, second = ({**row("PT", 1, "old"), "row_version": version} for version in versions)
    if versions[0] == versions[1]:
        second["name"] = "older"
    pipeline = Pipeline()
    actual = Exact([first], then=[[first], [second], [row("PT", 1, "new")]])
    assert verify(Rows([row("PT", 1, "new")]), actual, looks=1, pipeline=pipeline).is_equal
    assert pipeline.asked == [1, 1]


def test_a_row_that_changes_all_the_time_ends_the_verification_too() -> None:
    moving = [[{**row("PT", 1, "old"), "row_version": VERSION + number}] for number in range(9)]
    pipeline = Pipeline()
    result = verify(Rows([row("PT", 1, "new")]), Exact(moving[0], then=moving[1:]), pipeline=pipeline)
    assert (result.is_equal, pipeline.asked) == (False, [1, 1, 1])


def test_a_pipeline_that_stands_still_is_waited_for_once() -> None:
    pipeline = Pipeline(fences=0)
    assert not verify(Rows([row("PT", 1)]), Exact([]), pipeline=pipeline).is_equal
    assert pipeline.asked == [1]


def test_equal_contents_wait_for_nothing() -> None:
    pipeline = Pipeline()
    verify(Rows([row("PT", 1)]), Exact([row("PT", 1)]), pipeline=pipeline)
    assert pipeline.asked == []


def test_only_suspects_are_read_again() -> None:
    rows = [row("PT", number) for number in range(50)]
    actual = Exact(rows[1:])
    verify(Rows(rows), actual, looks=1)
    assert [key["id"] for key in actual.picked[0]] == [0]
    assert actual.scans == 1


def test_too_many_suspects_are_read_as_a_whole(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(check, "_KEYS_AT_MOST", 10)
    actual = Exact([])
    result = verify(Rows([row("PT", number) for number in range(30)]), actual, looks=1)
    assert (actual.scans, result.counts[Kind.MISSING], len(result.differences)) == (3, 30, 20)


def test_rows_without_a_row_are_counted_by_their_reasons() -> None:
    found = (Absence("is NULL", 1, "id=7"), Absence("has microseconds", 2, "id=8"), Absence("is NULL", 4, "id=9"))
    result = verify(Rows([row("PT", 1)], absences=found), Exact([row("PT", 1)]))
    assert result.absences == (Absence("is NULL", 5, "id=7"), Absence("has microseconds", 2, "id=8"))
    assert (result.is_equal, result.no_row) == (True, 7)


def test_two_rows_with_one_key_are_a_difference_and_both_are_counted() -> None:
    twins = [row("PT", 1), row("PT", 1)]
    result = verify(Rows(twins), Exact(twins[:1]))
    assert (result.expected_rows, result.actual_rows, result.counts[Kind.DIFFERENT]) == (2, 1, 1)
    assert result.differences[0].columns == (ColumnDifference("rows with this key", "2", "1"),)


def test_a_version_that_the_stream_cannot_have_is_a_difference() -> None:
    rows = [row("PT", 1)]
    assert verify(Rows(rows), Exact(rows), ceiling=VERSION).is_equal
    result = verify(Rows(rows), Exact(rows), ceiling=VERSION - 1)
    (difference,) = result.differences
    assert difference.columns == (ColumnDifference("row_version", f"at most {VERSION - 1} by now", str(VERSION)),)


def test_a_version_of_what_came_after_the_comparison_began_is_right() -> None:
    ceilings = [VERSION - 1, VERSION]
    rows = [row("PT", 1)]
    pipeline = Pipeline()
    sides = Sides(VIEW, Rows(rows), Exact(rows), lambda: ceilings.pop(0))
    (result,) = verify_all([sides], pipeline=pipeline)
    assert (result.is_equal, result.rounds, pipeline.asked) == (True, 1, [])


def test_a_view_that_cannot_be_read_stops_no_other() -> None:
    broken = replace(VIEW, name="broken")
    good, bad = Rows([row("PT", 1)]), Rows([], failure=ViewTableMissing("penstock", "broken"))
    views = [Sides(broken, bad, Exact([]), lambda: VERSION), Sides(VIEW, good, Exact(good.rows), lambda: VERSION)]
    stopped, equal = verify_all(views)
    assert (stopped.is_equal, stopped.stopped) == (False, str(bad.failure))
    assert (equal.is_equal, equal.stopped) == (True, None)


def test_views_that_differ_wait_together() -> None:
    other = replace(VIEW, name="other")
    pipeline = Pipeline(fences=0)
    views = [Sides(view, Rows([row("PT", 1)]), Exact([]), lambda: VERSION) for view in (VIEW, other)]
    results = verify_all(views, pipeline=pipeline)
    assert [result.counts[Kind.MISSING] for result in results] == [1, 1]
    assert pipeline.asked == [2]


# --- values ---

TIMES = st.integers(-(2**63), 2**63 - 1).map(Instant)
DAYS = st.integers(-(2**31), 2**31 - 1).map(Date)
VALUES = st.one_of(
    st.none(),
    st.text(),
    st.booleans(),
    st.integers(-(2**63), 2**63 - 1),
    st.floats(allow_nan=False),
    st.decimals(allow_nan=False, allow_infinity=False),
    DAYS,
    TIMES,
    st.integers(0, 24 * 3600 * 10**9 - 1).map(Time),
    st.ip_addresses(),
    st.binary(),
)


@given(st.tuples(VALUES, VALUES))
def test_a_key_comes_back_from_its_canonical_bytes(values: tuple[Any, Any]) -> None:
    key = dict(zip(("a", "b"), values, strict=True))
    again = key_values(canonical_key(key, ("a", "b")), ("a", "b"))
    assert again == key
    assert [type(value) for value in again.values()] == [type(value) for value in key.values()]


@given(VALUES, VALUES)
def test_two_values_are_alike_only_when_type_and_content_are(left: Any, right: Any) -> None:
    def exact(value: Any) -> tuple[type, Any]:
        return type(value), value.as_tuple() if isinstance(value, Decimal) else repr(value)

    assert (repr(canonical_value(left)) == repr(canonical_value(right))) == (exact(left) == exact(right))


@given(st.lists(st.tuples(st.sampled_from("PEF"), st.integers(0, 5), st.sampled_from([None, "", "Ada", "Ada "]))))
def test_counts_are_those_of_a_plain_comparison(rows: list[tuple[str, int, str | None]]) -> None:
    half = len(rows) // 2
    expected, actual = ({r[:2]: row(*r) for r in part} for part in (rows[:half], rows[half:]))
    counts = verify(Rows(list(expected.values())), Exact(list(actual.values()))).counts
    assert counts == {
        Kind.MISSING: len(expected.keys() - actual.keys()),
        Kind.EXTRA: len(actual.keys() - expected.keys()),
        Kind.DIFFERENT: sum(expected[key] != actual[key] for key in expected.keys() & actual.keys()),
    }


@pytest.mark.parametrize(
    ("postgres", "cassandra"),
    [
        ("3f2504e0-4f89-11d3-9a0c-0305e82c3301", UUID("3f2504e0-4f89-11d3-9a0c-0305e82c3301")),
        (date(1969, 7, 20), Date(date(1969, 7, 20))),
        (datetime(2020, 1, 1, 12, 0, 0, 123000, tzinfo=UTC), datetime(2020, 1, 1, 12, 0, 0, 123000)),
        (Decimal("1.50"), Decimal("1.50")),
        (Instant(-1000), datetime(1969, 12, 31, 23, 59, 59, 999000)),
        (["3f2504e0-4f89-11d3-9a0c-0305e82c3301"], [UUID("3f2504e0-4f89-11d3-9a0c-0305e82c3301")]),
        (bytearray(b"\0"), b"\0"),
    ],
)
def test_the_same_content_is_equal_from_either_database(postgres: Any, cassandra: Any) -> None:
    assert canonical_value(postgres) == canonical_value(cassandra)


@pytest.mark.parametrize(
    ("left", "right"),
    [
        (Decimal("1.5"), Decimal("1.50")),
        (datetime(2020, 1, 1, tzinfo=UTC), datetime(2020, 1, 1, tzinfo=UTC) + timedelta(microseconds=1)),
        ('{"a": 1}', '{"a":1}'),
        (1, "1"),
        (0.0, -0.0),
        (Duration(12, 0, 0), Duration(0, 365, 0)),
        (Time(1), 1),
        ([], None),
        (["a"], ["a", "a"]),
    ],
)
def test_almost_the_same_content_is_not_equal(left: Any, right: Any) -> None:
    assert canonical_value(left) != canonical_value(right)


def test_a_value_outside_the_contract_is_refused_with_its_column() -> None:
    with pytest.raises(ValueUnknown, match="column tags holds a set"):
        canonical_value({"a"}, column="tags")


def test_what_was_found_of_a_view_is_forgotten_with_it(tmp_path: Path) -> None:
    config = Config(state=tmp_path)
    keep_results(config, [ViewResult("dropped"), ViewResult("stays")])
    forget_results(config, ["dropped", "never_compared"])
    assert list(read_last(config)) == ["stays"]
