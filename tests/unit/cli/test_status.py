"""`status` of a stack that does not run says so at once, instead of waiting for each server."""

from __future__ import annotations

import json
from pathlib import Path

from tests.stack import run_here


def test_where_nothing_runs_no_server_is_waited_for(tmp_path: Path) -> None:
    done = run_here(["status", "--json"], {"PENSTOCK_STATE": str(tmp_path)})
    assert done.returncode == 1
    said = json.loads(done.stdout)
    assert {(part["state"], part["answers"]) for part in said["parts"]} == {("not started", False)}
    assert [(each["name"], each["seen"]) for each in said["flow"]] == [
        ("pipeline", "nothing runs: `penstock up` starts it")
    ]
