"""The share of processor time that was spent, and that the host of the machine kept."""

from __future__ import annotations

from collections import namedtuple

import psutil

from penstock.bench.processors import ProcessorLooks, shares

Linux = namedtuple("Linux", ["user", "system", "idle", "iowait", "steal", "guest"])
Mac = namedtuple("Mac", ["user", "nice", "system", "idle"])


def test_guests_count_once_and_waiting_for_a_disk_is_no_work() -> None:
    found = shares(Linux(10, 5, 100, 1, 0, 4), Linux(40, 15, 120, 11, 30, 14))
    assert (found.busy, found.stolen) == (40.0, 30.0)


def test_a_system_that_does_not_tell_of_a_host_has_none() -> None:
    found = shares(Mac(0, 0, 0, 0), Mac(1, 0, 2, 1))
    assert (found.busy, found.stolen) == (75.0, 0.0)


def test_looks_cover_the_time_that_is_asked_for() -> None:
    looks = ProcessorLooks(
        [(1.0, Mac(0, 0, 0, 0)), (2.0, Mac(0, 0, 0, 1)), (3.0, Mac(1, 0, 0, 1)), (9.0, Mac(1, 0, 0, 7))]
    )
    assert looks.between(2.5, 2.9).busy == 100.0
    assert looks.between(0.0, 99.0).busy == 12.5


def test_no_time_at_all_is_no_division_by_zero() -> None:
    looks = ProcessorLooks()
    looks.look()
    found = looks.between(0.0, 0.0)
    assert (found.busy, found.count) == (0.0, psutil.cpu_count())
