"""What a job reports is taken as it is meant, or not at all."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from penstock.running import Running, read_running, write_running


def test_what_a_job_reports_is_read_back(tmp_path: Path) -> None:
    running = Running("app-1", {"users.py": "1a"}, is_settled=True, settled=2)
    write_running(tmp_path / "views.json", running)
    assert read_running(tmp_path / "views.json") == running


@pytest.mark.parametrize("views", ["one digest of all files", None])
def test_the_report_of_a_job_of_another_version_is_none(tmp_path: Path, views: object) -> None:
    file = tmp_path / "views.json"
    file.write_text(json.dumps({"application": "app-1", "views": views, "is_settled": True, "settled": 2}))
    assert read_running(file) is None
    assert read_running(tmp_path / "missing.json") is None
