"""Many sessions at once: savepoints, rollbacks, deferred constraints, deadlocks. The views are exact at the end."""

from __future__ import annotations

import random
import uuid
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing

import psycopg2
import pytest
from psycopg2.extensions import ISOLATION_LEVEL_READ_COMMITTED, ISOLATION_LEVEL_SERIALIZABLE
from psycopg2.extensions import cursor as Cursor

from tests.e2e.oracle import wait_until_exact
from tests.stack import Stack

SESSIONS, TRANSACTIONS, LONGEST = 6, 60, 6
KEYS = [str(uuid.UUID(int=number)) for number in range(1, 25)]
EMAILS = [f"{number}@sessions.example" for number in range(16)]
COUNTRIES = ("Here", "There")
UNIQUE = """
    ALTER TABLE public.users ADD CONSTRAINT sessions_email
    EXCLUDE USING btree (email WITH =) WHERE (username = 'sessions') DEFERRABLE INITIALLY DEFERRED
"""
INSERT = """
    INSERT INTO public.users (id, username, email, first_name, last_name, gender, registered, date_of_birth, country)
    VALUES (%s, 'sessions', %s, 'Ada', 'Session', %s, '2020-01-01', '1990-01-01', %s)
"""
SWAP = """
    UPDATE public.users u SET email = other.email FROM public.users other
    WHERE (u.id, other.id) IN ((%s, %s), (%s, %s))
"""


@pytest.fixture
def unique_email(stack: Stack) -> Iterator[None]:
    """Make the emails of these users unique at the end of each transaction."""
    stack.sql(UNIQUE)
    yield
    stack.sql("DELETE FROM public.users WHERE username = 'sessions'")
    stack.sql("ALTER TABLE public.users DROP CONSTRAINT sessions_email")


class Chance:
    """One session's decisions: the same for the same seed."""

    def __init__(self, seed: int) -> None:
        self._random = random.Random(seed)  # noqa: S311 - the same decisions each time

    def below(self, probability: float) -> bool:
        return self._random.random() < probability

    def step(self) -> Callable[[Cursor], None]:
        one, two = self._random.sample(KEYS, 2)
        email, country = self._random.choice(EMAILS), self._random.choice(COUNTRIES)
        gender = self._random.choice(["female", "male", None])
        steps: list[tuple[str, tuple[str | None, ...]]] = [
            (INSERT, (one, email, gender, country)),
            ("DELETE FROM public.users WHERE id = %s", (one,)),
            ("UPDATE public.users SET email = %s, gender = %s WHERE id = %s", (email, gender, one)),
            ("UPDATE public.users SET country = %s, date_of_birth = NULL WHERE id = %s", (country, one)),
            ("UPDATE public.users SET id = %s WHERE id = %s", (two, one)),
            (SWAP, (one, two, two, one)),
        ]
        statement, arguments = self._random.choice(steps)
        return lambda cursor: cursor.execute(statement, arguments)

    def steps(self) -> list[Callable[[Cursor], None]]:
        return [self.step() for _ in range(self._random.randint(1, LONGEST))]


def run_session(dsn: str, seed: int) -> tuple[int, int]:
    """Run one session; return how many transactions it committed and how many came to nothing."""
    chance, committed, undone = Chance(seed), 0, 0
    with closing(psycopg2.connect(dsn)) as connection:
        for _ in range(TRANSACTIONS):
            serializable = chance.below(0.3)
            connection.set_isolation_level(
                ISOLATION_LEVEL_SERIALIZABLE if serializable else ISOLATION_LEVEL_READ_COMMITTED
            )
            try:
                with connection.cursor() as cursor:
                    for step in chance.steps():
                        run_step(cursor, step, back=chance.below(0.2))
                if chance.below(0.2):
                    connection.rollback()
                    undone += 1
                else:
                    connection.commit()
                    committed += 1
            except (psycopg2.IntegrityError, psycopg2.extensions.TransactionRollbackError):
                connection.rollback()
                undone += 1
    return committed, undone


def run_step(cursor: Cursor, step: Callable[[Cursor], None], *, back: bool) -> None:
    """Take a step behind a savepoint; go back to it when the step fails, or for the sake of going back."""
    cursor.execute("SAVEPOINT before_step")
    try:
        step(cursor)
    except psycopg2.IntegrityError:
        back = True
    cursor.execute(f"{'ROLLBACK TO' if back else 'RELEASE'} SAVEPOINT before_step")


@pytest.mark.usefixtures("unique_email")
def test_sessions_that_get_in_each_others_way(stack: Stack) -> None:
    with ThreadPoolExecutor(SESSIONS) as pool:
        outcomes = list(pool.map(lambda seed: run_session(stack.config.postgres.dsn, seed), range(SESSIONS)))
    committed, undone = map(sum, zip(*outcomes, strict=True))
    assert committed > 0
    assert undone > 0
    wait_until_exact(stack)
    assert "equal" in stack.penstock("verify user_history").stdout
