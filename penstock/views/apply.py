"""`views apply`: make the views live while the others keep running, and fill what is new.

Order matters: the views job knows a new view before the re-read that fills it begins, so it misses none of the reads.
"""

from __future__ import annotations

from collections.abc import Callable

from penstock_views.declare import View

from penstock.cassandra.session import open_session
from penstock.config import Config
from penstock.project import Project
from penstock.stack import stack
from penstock.stack.layout import Layout
from penstock.stack.supervisor import Supervisor, SupervisorAway
from penstock.views.check import ViewsWrong, check
from penstock.views.fills import unfilled
from penstock.views.generation import epoch_of
from penstock.views.load import views_of
from penstock.views.refill import refill
from penstock.views.reread import OnProgress

OnStep = Callable[[str, str], None]
_VIEWS_JOB = "views"


def apply_views(config: Config, *, on_step: OnStep, on_progress: OnProgress) -> None:
    """Make the views live: publication, topics, subjects, tables, connectors, job; then fill those that are new.

    :raises ViewsWrong: before anything is changed.
    :raises SupervisorAway: when the stack does not run.
    """
    Supervisor(Layout.of(config)).states()
    if wrong := check(config).wrong:
        raise ViewsWrong(wrong)
    for step in stack.steps(config):
        on_step(step.name, step.action())
    go_live(config, on_step=on_step, on_progress=on_progress)


def go_live(config: Config, *, on_step: OnStep, on_progress: OnProgress) -> None:
    """Let the job take up the views and fill those that never were; `up` does this when all else is done."""
    on_step("job", "restarted with these views" if renew_job(config) else "was running with these views")
    new = views_to_fill(config)
    if not new:
        on_step("fill", "every view was filled")
        return
    removed = refill(config, new, on_progress=on_progress)
    names = ", ".join(view.name for view in new)
    on_step("fill", f"{names} filled" + (f", {removed:,} stale rows removed" if removed else ""))


def renew_job(config: Config) -> bool:
    """Restart the views job when it runs with other views than the files have; return whether."""
    supervisor = Supervisor(Layout.of(config))
    (job,) = (part for part in stack.parts(config) if part.name == _VIEWS_JOB)
    if not supervisor.is_running():
        raise SupervisorAway(Layout.of(config).run / "supervisor.sock")
    return supervisor.renew(job)


def views_to_fill(config: Config) -> list[View]:
    """Return the views that their present generation has not filled."""
    with open_session(config) as session:
        return unfilled(session, config.cassandra.keyspace, views_of(config), epoch=epoch_of(Project.of(config)))
