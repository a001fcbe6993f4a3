"""A life whose files are cut short has ended: the next one begins by itself, from a snapshot."""

from __future__ import annotations

from pathlib import Path

import pytest
from penstock_views.aggregates.run import Life, begin, current_life, next_folder, prepare_next
from penstock_views.snapshot.seen import Snapshot


@pytest.fixture
def life(tmp_path: Path) -> Life:
    """Begin a life as the job does, with one committed batch."""
    prepare_next(tmp_path)
    ends = {("app.public.users", 0): 7}
    life = Life(next_folder(tmp_path, 21), 1, 1, Snapshot(9, (), 1), ends, ends, 21, "{}")
    begin(life)
    for log, text in (("offsets", 'v1\n{}\n{"a":{"0":7}}'), ("commits", "v1\n{}")):
        (life.checkpoint / log).mkdir(parents=True)
        (life.checkpoint / log / "0").write_text(text)
    (life.checkpoint / "metadata").write_text('{"id":"1"}')
    return life


def test_a_whole_life_goes_on(life: Life, tmp_path: Path) -> None:
    assert current_life(tmp_path) == life


@pytest.mark.parametrize("name", ["life.json", "checkpoint/metadata", "checkpoint/offsets/0", "checkpoint/commits/0"])
@pytest.mark.parametrize("left", ["", "v1\n", '{"folder"'])
def test_a_life_that_is_cut_short_has_ended(life: Life, tmp_path: Path, name: str, left: str) -> None:
    (life.folder / name).write_text(left)
    assert current_life(tmp_path) is None


def test_a_life_before_its_first_batch_goes_on(tmp_path: Path) -> None:
    prepare_next(tmp_path)
    life = Life(next_folder(tmp_path, 21), 1, 1, Snapshot(9, (), 1), {}, {}, 21, "{}")
    begin(life)
    assert current_life(tmp_path) == life
