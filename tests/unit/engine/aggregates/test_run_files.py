"""A run whose files are cut short has ended: the next one begins by itself, from a snapshot."""

from __future__ import annotations

from pathlib import Path

import pytest
from penstock_views.aggregates.run import Run, current_run, prepare_next_run, run_folder, start_run
from penstock_views.snapshot.seen import Snapshot


@pytest.fixture
def run(tmp_path: Path) -> Run:
    """Start a run as the job does, with one committed batch."""
    prepare_next_run(tmp_path)
    ends = {("app.public.users", 0): 7}
    run = Run(run_folder(tmp_path, 21), 1, 1, Snapshot(9, (), 1), ends, ends, 21, "{}")
    start_run(run)
    for log, text in (("offsets", 'v1\n{}\n{"a":{"0":7}}'), ("commits", "v1\n{}")):
        (run.checkpoint / log).mkdir(parents=True)
        (run.checkpoint / log / "0").write_text(text)
    (run.checkpoint / "metadata").write_text('{"id":"1"}')
    return run


def test_a_whole_run_goes_on(run: Run, tmp_path: Path) -> None:
    assert current_run(tmp_path) == run


@pytest.mark.parametrize("name", ["life.json", "checkpoint/metadata", "checkpoint/offsets/0", "checkpoint/commits/0"])
@pytest.mark.parametrize("left", ["", "v1\n", '{"folder"'])
def test_a_run_that_is_cut_short_has_ended(run: Run, tmp_path: Path, name: str, left: str) -> None:
    (run.folder / name).write_text(left)
    assert current_run(tmp_path) is None


def test_a_run_before_its_first_batch_goes_on(tmp_path: Path) -> None:
    prepare_next_run(tmp_path)
    run = Run(run_folder(tmp_path, 21), 1, 1, Snapshot(9, (), 1), {}, {}, 21, "{}")
    start_run(run)
    assert current_run(tmp_path) == run
