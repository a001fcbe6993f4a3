"""Of more than one of each any may be killed with -9: changes arrive again within half a minute, and all views equal.

`make test-ha` runs it. Each change sets one row too, which is followed all the while: the longest time without a newer
value of it is the outage.
"""

from __future__ import annotations

import os
import signal
import time
import uuid
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import partial
from threading import Event

import psycopg2
import pytest

from penstock.config import Config
from penstock.profile import Profile, with_profile
from penstock.stack import stack as the_stack
from penstock.wait import wait_until
from tests.e2e.oracle import wait_until_exact
from tests.patience import PATIENCE_S
from tests.stack import Stack, all_the_while

pytestmark = pytest.mark.slow

OUTAGE_S = 30.0
"""The promise."""
AT_A_TIME, PAUSE_S = 10, 0.05
"""200 changes a second."""
ROWS = 200
PARTS = [
    part.name
    for part in the_stack.parts(Config(**with_profile({"airflow": {"enabled": False}}, Profile.HA)))
    if not part.one_shot
]

INSERT = """
INSERT INTO public.users (id, email, first_name, last_name, registered, country)
SELECT gen_random_uuid(), 'ha@example.com', 'Row', 'Of many', '2022-02-02', 'Here' FROM generate_series(1, %s)
"""
UPDATE = """
UPDATE public.users SET first_name = %s, country = 'There ' || (random() * 3)::int
WHERE id IN (SELECT id FROM public.users WHERE email = 'ha@example.com' ORDER BY random() LIMIT %s)
"""
BEAT = "UPDATE public.users SET first_name = %s WHERE id = %s"


@dataclass
class Heart:
    """A row that is set to the next number with each change."""

    stack: Stack
    id: str = field(default_factory=lambda: str(uuid.uuid4()))
    written: int = 0

    def write(self) -> None:
        """Change this row and others; while Postgres is away nothing is written."""
        try:
            with psycopg2.connect(self.stack.config.postgres.dsn) as connection, connection.cursor() as cursor:
                cursor.execute(BEAT, (str(self.written + 1), self.id))
                cursor.execute(UPDATE, (str(self.written + 1), AT_A_TIME - 1))
            connection.close()
        except psycopg2.OperationalError:
            return
        self.written += 1

    def arrived(self) -> int:
        """Return the number that is in Cassandra."""
        found = self.stack.cql("SELECT first_name FROM penstock.users_by_id WHERE id = %s", uuid.UUID(self.id))
        return int(found[0]["first_name"]) if found else -1

    def follow(self, ended: Event) -> float:
        """Wait for one newer value after the other; return the longest time of a wait."""
        longest_s, at, last = 0.0, time.monotonic(), self.arrived()
        while not ended.is_set():
            newer: list[int] = []
            wait_until(partial(self._note_newer, last, newer), timeout_s=OUTAGE_S, what="a newer change arrives")
            now = time.monotonic()
            longest_s, at, last = max(longest_s, now - at), now, newer[-1]
        return longest_s

    def _note_newer(self, last: int, newer: list[int]) -> bool:
        newer.append(self.arrived())
        return newer[-1] > last


@pytest.fixture(scope="module")
def rows(stack: Stack) -> Iterator[None]:
    if stack.config.profile is not Profile.HA:
        pytest.skip("make test-ha runs it")
    stack.sql(INSERT, ROWS)
    yield
    stack.sql("DELETE FROM public.users WHERE email = 'ha@example.com'")
    wait_until_exact(stack)


@contextmanager
def changes(stack: Stack) -> Iterator[Heart]:
    """Write all the while, to a row that has arrived once."""
    heart = Heart(stack)
    stack.sql(
        "INSERT INTO public.users (id, email, first_name, last_name, registered, country) "
        "VALUES (%s, 'ha@example.com', '0', 'Heart', '2022-02-02', 'Heart')",
        heart.id,
    )
    wait_until(lambda: heart.arrived() == 0, timeout_s=PATIENCE_S, what="the row arrives")
    with all_the_while(heart.write, pause_s=PAUSE_S):
        wait_until(lambda: heart.arrived() > 0, timeout_s=PATIENCE_S, what="changes arrive")
        yield heart


@pytest.mark.usefixtures("rows")
@pytest.mark.parametrize("part", PARTS)
def test_any_one_may_be_killed(stack: Stack, part: str) -> None:
    before = stack.health(part)
    assert before.answers
    ended = Event()
    with changes(stack) as heart, ThreadPoolExecutor(1) as pool:
        following = pool.submit(heart.follow, ended)
        os.kill(before.pid, signal.SIGKILL)
        killed_at = time.monotonic()
        try:
            wait_until(partial(stack.runs_again, before), timeout_s=PATIENCE_S, what=f"{part} runs again and answers")
            # Others may miss it later than it is back.
            wait_until(lambda: time.monotonic() > killed_at + OUTAGE_S, timeout_s=PATIENCE_S, what="all have missed it")
        finally:
            ended.set()
        print(f"{part}: {following.result():.1f} s without a change")
    wait_until_exact(stack)


@pytest.mark.usefixtures("rows")
def test_at_the_end_verify_says_so_too(stack: Stack) -> None:
    assert "equal" in stack.penstock("verify").stdout
    assert all(health.answers for health in map(stack.health, PARTS))
