"""The pace of a fill: how much is read at once, what is said, and how a limit is kept."""

from __future__ import annotations

from penstock.views.pace import Pace


class Clock:
    """A clock that goes on when somebody sleeps, or is asked to."""

    def __init__(self) -> None:
        self.now = 100.0

    def __call__(self) -> float:
        return self.now

    def sleep(self, seconds: float) -> None:
        self.now += seconds


def pace(clock: Clock, said: list[str], *, rate: int | None = None) -> Pace:
    return Pace("orders", 1000, rate, said.append, clock=clock, sleep=clock.sleep)


def test_it_says_now_and_then_how_far_it_is_how_fast_and_what_is_left() -> None:
    clock, said = Clock(), list[str]()
    going = pace(clock, said)
    for _ in range(2):
        clock.now += 4
        going.did(200, 8000)
    assert said == ["orders: [########............] 16,000 of about 40,000 rows, 2,000 rows/s, 12 s left"]
    clock.now += 12
    going.did(600, 24000)
    going.end()
    assert said[1:] == [
        "orders: [####################] 40,000 of about 40,000 rows, 2,000 rows/s, 0 s left",
        "orders: read 40,000 rows, 2,000 rows/s",
    ]


def test_a_batch_has_so_many_rows_as_the_pages_before_say() -> None:
    going = pace(Clock(), [])
    assert going.pages(64, 40_000) == 64
    going.did(64, 3200)
    assert going.pages(64, 40_000) == 800


def test_a_limit_makes_batches_of_some_seconds_and_waits() -> None:
    clock = Clock()
    going = pace(clock, [], rate=500)
    going.did(10, 1000)
    assert clock.now == 102
    assert going.pages(64, 40_000) == 25
    going.did(25, 2500)
    assert clock.now == 107


def test_pages_without_rows_are_read_on() -> None:
    going = pace(Clock(), [])
    going.did(64, 0)
    assert going.pages(64, 40_000) == 64
    going.did(1, 1_000_000)
    assert going.pages(64, 1) == 1
