"""Each set of topics has a checkpoint of its own, and the next begins where the last one ended."""

from __future__ import annotations

import json
from pathlib import Path

from penstock_views.checkpoint import EARLIEST, begin_checkpoint, committed, last_batch, open_checkpoint


def commit(folder: Path, batch: int, offsets: dict[str, dict[str, int]], *, is_committed: bool = True) -> None:
    for name in ("offsets", "commits")[: 1 + is_committed]:
        (folder / name).mkdir(exist_ok=True)
        (folder / name / str(batch)).write_text("v1\n{}\n" + json.dumps(offsets))
        (folder / name / f".{batch}.crc").write_text("")


def test_the_first_begins_at_the_earliest_offsets(tmp_path: Path) -> None:
    opened = open_checkpoint(tmp_path, {"a": 2})
    assert opened.starting == {"a": {"0": EARLIEST, "1": EARLIEST}}
    assert opened.folder == tmp_path / "1"
    assert committed(tmp_path) == {}


def test_the_same_topics_go_on_in_the_same_folder(tmp_path: Path) -> None:
    first = open_checkpoint(tmp_path, {"a": 1, "b": 1})
    commit(first.folder, 9, {"a": {"0": 5}, "b": {"0": 6}})
    assert open_checkpoint(tmp_path, {"b": 1, "a": 1}) == first


def test_a_new_topic_is_read_from_its_beginning_and_the_others_go_on(tmp_path: Path) -> None:
    first = open_checkpoint(tmp_path, {"a": 1})
    commit(first.folder, 9, {"a": {"0": 5}})
    commit(first.folder, 10, {"a": {"0": 7}})
    commit(first.folder, 11, {"a": {"0": 9}}, is_committed=False)
    second = open_checkpoint(tmp_path, {"a": 1, "b": 1})
    assert second.starting == {"a": {"0": 7}, "b": {"0": EARLIEST}}
    assert second.folder == tmp_path / "2"
    assert committed(tmp_path) == {("a", 0): 7}


def test_a_topic_that_left_is_forgotten_and_one_that_comes_back_is_replayed(tmp_path: Path) -> None:
    first = open_checkpoint(tmp_path, {"a": 1, "b": 1})
    commit(first.folder, 1, {"a": {"0": 5}, "b": {"0": 6}})
    commit(open_checkpoint(tmp_path, {"a": 1}).folder, 1, {"a": {"0": 8}})
    assert open_checkpoint(tmp_path, {"a": 1, "b": 1}).starting == {"a": {"0": 8}, "b": {"0": EARLIEST}}


def test_a_crash_before_the_first_commit_keeps_the_place(tmp_path: Path) -> None:
    commit(open_checkpoint(tmp_path, {"a": 1}).folder, 1, {"a": {"0": 5}})
    open_checkpoint(tmp_path, {"a": 1, "b": 1})
    assert open_checkpoint(tmp_path, {"a": 1, "c": 1}).starting == {"a": {"0": 5}, "c": {"0": EARLIEST}}


def test_a_checkpoint_of_before_is_gone_on_from(tmp_path: Path) -> None:
    commit(tmp_path, 3, {"a": {"0": 5}})
    assert committed(tmp_path) == {("a", 0): 5}
    assert open_checkpoint(tmp_path, {"a": 1}).starting == {"a": {"0": 5}}


def test_one_that_points_outside_of_kafka_can_be_left_behind(tmp_path: Path) -> None:
    first = open_checkpoint(tmp_path, {"a": 1, "b": 1})
    commit(first.folder, 9, {"a": {"0": 5}, "b": {"0": 6}})
    assert last_batch(tmp_path) == 9
    begun = begin_checkpoint(tmp_path, {"a": {"0": 70}, "b": {"0": 80}})
    assert begun.folder == tmp_path / "2"
    assert open_checkpoint(tmp_path, {"a": 1, "b": 1}) == begun
    assert (committed(tmp_path), last_batch(tmp_path)) == ({("a", 0): 70, ("b", 0): 80}, -1)
