"""Errors that end a wait for the pipeline: it has stalled, a job keeps failing, or a view is stopped."""

from __future__ import annotations

import time
from collections.abc import Collection, Iterable, Iterator, Mapping
from contextlib import contextmanager
from functools import partial
from pathlib import Path

from penstock.config import Config
from penstock.errors import TransientError
from penstock.layout import Layout
from penstock.running import Running, read_running
from penstock.trouble import Trouble, missed_folder, read_trouble
from penstock.wait import wait_until

ROWS = "views"
"""The job of row views and histories."""

JOBS = (ROWS, "aggregates")
"""The jobs of Spark; each writes down what is wrong with it."""

_SETTLE_S = 180.0

ALARMING = 2
"""So many of its runs in a row end before a job counts as unhealthy: one that died may come back."""

_FAILS = 3
"""So many of its runs in a row end before a wait for it does: what it needs may just be coming back."""


class FlowStalled(TransientError):
    """Something in the pipeline has not moved for a while, or will not."""


class NothingMoved(FlowStalled):
    """Nothing moved for as long as was to be borne."""

    def __init__(self, waited_for: str, seconds: float) -> None:
        super().__init__(f"nothing moved for {seconds:.0f} s while waiting until {waited_for}; see `penstock status`")


class JobFails(FlowStalled):
    """A job ends again and again."""

    def __init__(self, job: str, trouble: Trouble) -> None:
        super().__init__(
            f"the {job} job keeps failing ({trouble.times} times in a row), and every view of it is stopped: "
            f"{trouble.reason}\n  Where to look: penstock logs {job}"
        )


class ViewStopped(FlowStalled):
    """Views are stopped while the others go on.

    :param reasons: why, by the name of the view.
    """

    def __init__(self, reasons: Mapping[str, str]) -> None:
        super().__init__("; ".join(reasons.values()))
        self.reasons = reasons


class JobWatch:
    """Ends a wait for a job, or for views of it, that go on failing meanwhile.

    :param job: one of JOBS.
    :param views: the names of those that are waited for.
    """

    def __init__(self, config: Config, job: str, views: Collection[str] = ()) -> None:
        self._config, self._job, self._views = config, job, views
        self._since = time.time()

    def look(self) -> None:
        """Raise when waiting on is in vain.

        :raises JobFails: with the reason of the last failure.
        :raises ViewStopped: with that of each view that keeps failing.
        """
        trouble = trouble_of(self._config, self._job)
        # What failed before may be mended by what is waited for.
        if trouble.times >= _FAILS and trouble.at_s > self._since:
            raise JobFails(self._job, trouble)
        failing = [name for name in self._views if name in trouble.failing and trouble.failing[name].times >= _FAILS]
        if reasons := {name: reason for name in failing if (reason := trouble.of_view(name))}:
            raise ViewStopped(reasons)


def wait_until_settled(config: Config) -> None:
    """Wait until each query of the row views has started, or has said why not.

    A hundred of them take minutes; only a job that begins none more ends it.

    :raises JobFails: when the job keeps failing.
    """
    file, watch = Layout.of(config).running_file(ROWS), JobWatch(config, ROWS)
    what = f"the {ROWS} job has started its queries; `penstock logs {ROWS}` says more"

    def has_moved(at: Running | None) -> bool:
        watch.look()
        return read_running(file) != at

    while (now := read_running(file)) is None or not now.is_settled:
        wait_until(partial(has_moved, now), timeout_s=_SETTLE_S, what=what)


def describe_failures(trouble: Trouble) -> str:
    """Say how a job fails, in one line."""
    times = "once" if trouble.times == 1 else f"{trouble.times} times in a row"
    return f"failed {times}: {trouble.reason}"


def trouble_of(config: Config, job: str) -> Trouble:
    """Read what is wrong with a job."""
    return read_trouble(Layout.of(config).trouble_file(job))


def stopped_views(config: Config) -> dict[str, str]:
    """Return the stopped views, each with the reason."""
    troubles = [trouble_of(config, job) for job in JOBS]
    names = sorted({name for trouble in troubles for name in (*trouble.stopped, *trouble.failing)})
    reasons = {name: next(filter(None, (each.of_view(name) for each in troubles)), None) for name in names}
    return {name: reason for name, reason in reasons.items() if reason is not None}


def missed_views(config: Config) -> dict[str, str]:
    """Return the views that were stopped and go on by themselves, each with what cures it."""
    stopped = stopped_views(config)
    names = sorted({file.name for file in _missed(config).glob("*")} - stopped.keys())
    cure = "was stopped, and goes on without what came meanwhile: `penstock views apply` fills it again"
    return {name: f"view {name} {cure}" for name in names}


def forget_missed(config: Config, views: Iterable[str]) -> None:
    """Forget that views were stopped: they hold everything, or are dropped."""
    for name in views:
        (_missed(config) / name).unlink(missing_ok=True)


def _missed(config: Config) -> Path:
    # The files of all jobs lie in one folder, and so does what they have beside them.
    return missed_folder(Layout.of(config).trouble_file(ROWS))


def refuse_stopped(config: Config, views: Iterable[str]) -> None:
    """Raise when one of the views of these names is stopped: waiting does not help it.

    :raises ViewStopped: with the reason of each.
    """
    stopped = stopped_views(config)
    if reasons := {name: stopped[name] for name in views if name in stopped}:
        raise ViewStopped(reasons)


@contextmanager
def put_off(stopped: dict[str, str]) -> Iterator[None]:
    """Let stopped views end this block alone: the reasons are kept until the others have all that they need."""
    try:
        yield
    except ViewStopped as exc:
        stopped |= exc.reasons
