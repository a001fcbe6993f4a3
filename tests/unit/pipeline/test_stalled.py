"""A wait for a job ends when the job fails again and again meanwhile, and when its view is stopped."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from penstock.config import Config
from penstock.console.look.spark import read_troubles
from penstock.layout import Layout
from penstock.pipeline.stalled import (
    JobFails,
    JobWatch,
    ViewStopped,
    forget_missed,
    missed_views,
    refuse_stopped,
    stopped_views,
)
from penstock.pipeline.state import read_jobs
from penstock.stack import stack
from penstock.stack.start import StartFailed
from penstock.trouble import Failing, TroubleBook


@pytest.fixture
def config(tmp_path: Path) -> Config:
    config = Config(state=tmp_path)
    Layout.of(config).run.mkdir(parents=True)
    return config


def book(config: Config, job: str = "views") -> TroubleBook:
    return TroubleBook(Layout.of(config).trouble_file(job))


def test_a_job_that_fails_on_ends_the_wait(config: Config) -> None:
    watch = JobWatch(config, "views")
    watch.look()
    for _ in range(2):
        book(config).fail("no memory")
        watch.look()
    book(config).fail("no memory")
    with pytest.raises(JobFails, match=r"keeps failing \(3 times in a row\).*: no memory"):
        watch.look()


def test_what_failed_before_may_be_mended_by_what_is_waited_for(config: Config) -> None:
    for _ in range(5):
        book(config).fail("no memory")
    watch = JobWatch(config, "views")
    watch.look()
    book(config).fail("no memory")
    with pytest.raises(JobFails):
        watch.look()


def test_a_stopped_view_ends_the_wait_for_it_alone(config: Config) -> None:
    book(config).report(stopped={"orders": "view orders is stopped: it fails"})
    book(config, "aggregates").report(failing={"sums": Failing(2, "overflow"), "once": Failing(1, "broker away")})
    assert list(stopped_views(config)) == ["orders", "sums"]
    refuse_stopped(config, ["users", "once"])
    with pytest.raises(ViewStopped, match="view orders is stopped: it fails; view sums keeps failing: overflow"):
        refuse_stopped(config, ["users", "orders", "sums"])


def test_a_view_that_stood_still_is_named_until_it_is_filled_however_often_its_job_starts(config: Config) -> None:
    job = book(config)
    job.report(stopped={"orders": "view orders is stopped: it fails"})
    assert missed_views(config) == {}
    job.end()
    book(config).report(stopped={})
    assert list(missed_views(config)) == ["orders"]
    (shown,) = [reading.seen for reading in read_jobs(config) if not reading.is_well]
    assert shown.startswith("view orders was stopped, and goes on without what came meanwhile: `penstock views apply`")
    assert list(read_troubles(config)) == [shown]
    forget_missed(config, ["orders", "sums"])
    assert missed_views(config) == {}


def test_status_and_the_control_center_say_it(config: Config) -> None:
    assert (read_jobs(config), list(read_troubles(config))) == ([], [])
    book(config).fail("no memory")
    (once,) = read_jobs(config)
    assert (once.name, once.seen, once.is_well) == ("job views", "failed once: no memory", True)
    assert list(read_troubles(config)) == []
    book(config).fail("no memory")
    book(config, "aggregates").report(stopped={"sums": "view sums is stopped"})
    assert [(each.name, each.is_well) for each in read_jobs(config)] == [("job views", False), ("view sums", False)]
    assert list(read_troubles(config)) == ["job views failed 2 times in a row: no memory", "view sums is stopped"]


def test_a_start_that_fails_says_why_the_job_did(config: Config) -> None:
    book(config).fail("no memory")
    (job,) = (part for part in stack.parts(config) if part.name == "views")
    said = str(StartFailed(job, "keeps dying while it starts", Path("x")))
    assert said.startswith("views keeps dying while it starts: no memory\n")


def test_the_aggregates_are_given_the_slot(config: Config) -> None:
    (job,) = (part for part in stack.parts(config) if part.name == "aggregates")
    given = json.loads(job.command[job.command.index("--source") + 1])
    assert (given["name"], given["slot"]) == ("", "penstock")
