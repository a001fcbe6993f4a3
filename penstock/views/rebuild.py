"""`views rebuild`: fill a view anew with the revision that its file has now."""

from __future__ import annotations

from penstock.config import Config
from penstock.pipeline.fence import OnProgress
from penstock.views.apply import OnStep, renew_jobs
from penstock.views.repair import repair


def rebuild(config: Config, name: str, *, on_step: OnStep, on_progress: OnProgress, rate: int | None = None) -> int:
    """Let the job take up the file, then read the table again and sweep; return how many stale rows were removed.

    :param rate: at most so many rows a second.
    :raises ViewUnknown, HistoryUnfit, ViewPaused: before anything is read.
    """
    on_step("jobs", "took these views up" if renew_jobs(config) else "ran with these views")
    return repair(config, name, (), on_progress=on_progress, rate=rate)
