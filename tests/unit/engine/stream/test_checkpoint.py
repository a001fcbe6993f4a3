"""Each topic has checkpoints of its own, and the next begins where the last one ended or where it is asked to."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import pytest
from penstock_views.stream.checkpoint import (
    EARLIEST,
    Checkpoint,
    ask_commit,
    broken_files,
    committed,
    followed_since,
    is_asked,
    last_batch_in,
    last_commit_s,
    note_followed,
    open_checkpoint,
    progress_in,
    remove_others,
    start_checkpoint,
    take_ask,
)


def commit(folder: Path, batch: int, offsets: dict[str, dict[str, int]], *, is_committed: bool = True) -> None:
    for name in ("offsets", "commits")[: 1 + is_committed]:
        (folder / name).mkdir(parents=True, exist_ok=True)
        (folder / name / str(batch)).write_text("v1\n{}\n" + json.dumps(offsets))
        (folder / name / f".{batch}.crc").write_text("")


def opened(root: Path, topic: str, partitions: int = 1) -> Checkpoint:
    """Open the checkpoint of a topic of which Kafka holds everything."""
    return open_checkpoint(root, topic, dict.fromkeys(range(partitions), (0, 1000)))


def test_the_first_begins_at_the_earliest_offsets(tmp_path: Path) -> None:
    first = opened(tmp_path, "a", 2)
    assert first.starting == {"a": {"0": EARLIEST, "1": EARLIEST}}
    assert first.folder == tmp_path / "a" / "1"
    assert committed(tmp_path, ["a"]) == {}


def test_it_goes_on_in_the_same_folder_at_the_last_commit(tmp_path: Path) -> None:
    first = opened(tmp_path, "a", 1)
    commit(first.folder, 9, {"a": {"0": 5}})
    commit(first.folder, 10, {"a": {"0": 7}})
    commit(first.folder, 11, {"a": {"0": 9}}, is_committed=False)
    assert opened(tmp_path, "a", 1) == first
    assert committed(tmp_path, ["a"]) == progress_in(first.folder) == {("a", 0): 7}
    assert last_batch_in(first.folder) == 10


def test_topics_are_apart(tmp_path: Path) -> None:
    commit(opened(tmp_path, "a", 1).folder, 9, {"a": {"0": 5}})
    assert opened(tmp_path, "b", 1).starting == {"b": {"0": EARLIEST}}
    assert committed(tmp_path, ["a", "b"]) == {("a", 0): 5}


def test_a_topic_that_nobody_reads_is_forgotten_and_replayed_when_it_comes_back(tmp_path: Path) -> None:
    for topic in ("a", "b"):
        commit(opened(tmp_path, topic, 1).folder, 1, {topic: {"0": 5}})
    remove_others(tmp_path, ["a"])
    assert opened(tmp_path, "b", 1).starting == {"b": {"0": EARLIEST}}
    assert committed(tmp_path, ["a", "b"]) == {("a", 0): 5}


def test_a_version_that_had_one_checkpoint_for_all_topics_is_gone_on_from(tmp_path: Path) -> None:
    joint = tmp_path / "3"
    commit(joint, 9, {"a": {"0": 5}, "b": {"0": 6}})
    (joint / "penstock.json").write_text("{}")
    remove_others(tmp_path, ["a", "b", "c"])
    assert committed(tmp_path, ["a", "b", "c"]) == {("a", 0): 5, ("b", 0): 6}
    assert opened(tmp_path, "a", 1).starting == {"a": {"0": 5}}
    assert opened(tmp_path, "c", 1).starting == {"c": {"0": EARLIEST}}


def test_one_that_points_outside_of_kafka_can_be_left_behind(tmp_path: Path) -> None:
    first = opened(tmp_path, "a", 1)
    commit(first.folder, 9, {"a": {"0": 5}})
    started = start_checkpoint(tmp_path, "a", {"0": 70})
    assert started.folder == tmp_path / "a" / "2"
    assert opened(tmp_path, "a", 1) == started
    assert (committed(tmp_path, ["a"]), last_batch_in(started.folder)) == ({("a", 0): 70}, -1)


def test_nothing_is_committed_before_the_query_begins(tmp_path: Path) -> None:
    assert progress_in(tmp_path) == {}


def test_before_the_first_commit_it_stands_where_its_first_batch_begins(tmp_path: Path) -> None:
    started = opened(tmp_path, "a")
    assert committed(tmp_path, ["a"]) == {}
    first = started.folder / "sources" / "0" / "0"
    first.parent.mkdir(parents=True)
    first.write_text('\0v1\n{"a":{"0":30}}')
    commit(started.folder, 0, {"a": {"0": 50}}, is_committed=False)
    assert committed(tmp_path, ["a"]) == {("a", 0): 30}
    baseline = started.folder / "sources" / "1" / "0"
    baseline.parent.mkdir()
    baseline.write_text('v1\n{"path":"file:///baseline/part-0.parquet","timestamp":1,"batchId":0}')
    assert committed(tmp_path, ["a"]) == {("a", 0): 30}
    shutil.rmtree(first.parent)
    assert committed(tmp_path, ["a"]) == {}
    commit(started.folder, 0, {"a": {"0": 50}})
    assert committed(tmp_path, ["a"]) == {("a", 0): 50}


def test_a_commit_is_asked_for_and_the_ask_taken_once(tmp_path: Path) -> None:
    ask_commit(tmp_path, "unread")
    assert not is_asked(tmp_path, "unread")
    opened(tmp_path, "a", 1)
    ask_commit(tmp_path, "a")
    assert is_asked(tmp_path, "a")
    assert take_ask(tmp_path, "a")
    assert not take_ask(tmp_path, "a")


def test_a_view_has_every_record_since_it_came_to_the_query_without_a_break(tmp_path: Path) -> None:
    begins = {0: 3, 1: 0}
    assert followed_since(tmp_path, "a", "one", "f1") == {}  # the query will begin with it
    folder = opened(tmp_path, "a", 2).folder
    assert followed_since(tmp_path, "a", "one", "f1") is None
    note_followed(tmp_path, "a", {"one": "f1"}, begins)
    assert followed_since(tmp_path, "a", "one", "f1") == begins
    assert followed_since(tmp_path, "a", "one", "f2") is None
    commit(folder, 9, {"a": {"0": 50, "1": 60}})
    note_followed(tmp_path, "a", {"one": "f1", "two": "f1"}, begins)
    assert followed_since(tmp_path, "a", "one", "f1") == begins
    assert followed_since(tmp_path, "a", "two", "f1") == {0: 50, 1: 60}
    note_followed(tmp_path, "a", {"one": "f2"}, begins)
    assert followed_since(tmp_path, "a", "one", "f2") == {0: 50, 1: 60}
    commit(folder, 10, {"a": {"0": 51, "1": 60}})
    note_followed(tmp_path, "a", {"one": "f2", "two": "f1"}, begins)
    assert followed_since(tmp_path, "a", "two", "f1") == {0: 51, 1: 60}
    assert followed_since(tmp_path, "b", "one", "f2") == {}


def test_a_note_of_the_views_that_is_cut_short_counts_as_none(tmp_path: Path) -> None:
    opened(tmp_path, "a")
    note_followed(tmp_path, "a", {"one": "f1"}, {0: 0})
    (tmp_path / "a" / "followed.json").write_text('{"one":')
    assert followed_since(tmp_path, "a", "one", "f1") is None
    note_followed(tmp_path, "a", {"one": "f1"}, {0: 7})
    assert followed_since(tmp_path, "a", "one", "f1") == {0: 7}


def whole(root: Path) -> Path:
    """Begin a checkpoint as Spark leaves it after two batches."""
    folder = opened(root, "a").folder
    commit(folder, 9, {"a": {"0": 5}})
    commit(folder, 10, {"a": {"0": 7}})
    (folder / "metadata").write_text('{"id":"f77605ea"}')
    for batch in (9, 10):
        (folder / "commits" / str(batch)).write_text('v1\n{"nextBatchWatermarkMs":0}')
    return folder


@pytest.mark.parametrize("left", ["", "v1\n", "v1\n{}\n", 'v1\n{}\n{"a":{"0"'])
@pytest.mark.parametrize(("batch", "place"), [(10, 5), (11, 7)])
def test_offsets_that_are_cut_short_are_left_behind_for_those_before(
    tmp_path: Path, left: str, batch: int, place: int, capsys: pytest.CaptureFixture[str]
) -> None:
    file = whole(tmp_path) / "offsets" / str(batch)
    file.write_text(left)
    assert committed(tmp_path, ["a"]) == {("a", 0): place}
    next_one = opened(tmp_path, "a")
    assert (next_one.folder, next_one.starting) == (tmp_path / "a" / "2", {"a": {"0": place}})
    assert f"{file} is cut short" in capsys.readouterr().out
    assert opened(tmp_path, "a") == next_one


@pytest.mark.parametrize("name", ["metadata", "commits/10"])
@pytest.mark.parametrize("left", ["", "v1", '{"id":'])
def test_any_other_file_that_is_cut_short_costs_no_place(tmp_path: Path, name: str, left: str) -> None:
    file = whole(tmp_path) / name
    assert broken_files(file.parents[len(Path(name).parts) - 1]) == []
    file.write_text(left)
    assert broken_files(tmp_path / "a" / "1") == [file]
    assert opened(tmp_path, "a").starting == {"a": {"0": 7}}


def test_a_beginning_that_is_cut_short_is_made_anew(tmp_path: Path) -> None:
    (whole(tmp_path) / "penstock.json").write_text('{"a"')
    assert opened(tmp_path, "a").starting == {"a": {"0": 7}}


def test_the_last_commit_says_when_it_was(tmp_path: Path) -> None:
    assert last_commit_s(tmp_path, "a") is None
    file = whole(tmp_path) / "commits" / "10"
    assert last_commit_s(tmp_path, "a") == file.stat().st_mtime


def test_a_quiet_topic_whose_last_marker_has_expired_is_gone_on_from(tmp_path: Path) -> None:
    commit(opened(tmp_path, "a", 2).folder, 9, {"a": {"0": 5, "1": 6}})
    next_one = open_checkpoint(tmp_path, "a", {0: (6, 6), 1: (0, 7)})
    assert (next_one.folder, next_one.starting) == (tmp_path / "a" / "2", {"a": {"0": 6, "1": 6}})


@pytest.mark.parametrize("held", [(7, 7), (6, 8), (0, 6), (5, 5), (0, 2)])
def test_anything_else_that_expired_is_left_to_a_rebuild(tmp_path: Path, held: tuple[int, int]) -> None:
    first = opened(tmp_path, "a")
    commit(first.folder, 9, {"a": {"0": 5}})
    assert open_checkpoint(tmp_path, "a", {0: held}) == first
