"""How many changes have come, whichever is known first: that one was sent or that it came."""

from __future__ import annotations

from penstock.bench.flow import Counted


def test_each_look_counts_on_from_the_last() -> None:
    sent, came = [(1, 0.1), (2, 0.2), (3, 0.3)], {1, 9}
    counted = Counted(sent, came)
    assert counted.look() == (1, 3)
    assert counted.look() == (1, 3)
    sent.append((4, 0.4))
    came.update({2, 4})
    assert counted.look() == (3, 4)
    came.add(3)
    assert counted.look() == (4, 4)


def test_a_change_can_come_before_its_writer_knows_of_it() -> None:
    sent: list[tuple[int, float]] = []
    came = {1}
    counted = Counted(sent, came)
    assert counted.look() == (0, 0)
    sent.append((1, 0.1))
    assert counted.look() == (1, 1)
