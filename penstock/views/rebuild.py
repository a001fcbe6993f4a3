"""`views rebuild`: fill a view again with the revision that its file has now."""

from __future__ import annotations

from penstock.pipeline.fence import OnProgress
from penstock.project.workspace import Workspace
from penstock.views.apply import OnStep, renew_jobs
from penstock.views.repair import repair


def rebuild(
    workspace: Workspace, name: str, *, on_step: OnStep, on_progress: OnProgress, rate: int | None = None
) -> int:
    """Let the job take up the file, then read the table again and sweep; return how many stale rows were removed.

    :param rate: at most so many rows a second.
    :raises ViewUnknown, HistoryUnfit, ViewPaused: before anything is read.
    """
    on_step("jobs", "took these views up" if renew_jobs(workspace.config) else "ran with these views")
    return repair(workspace, name, (), on_progress=on_progress, rate=rate)
