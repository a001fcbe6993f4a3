"""Hashed columns in the whole pipeline: no topic holds a value of them, and every view has the hash, also in its key.

Plain SQL, and Python's own HMAC of what it gives, against plain CQL; and the bytes of each topic as they are.
"""

from __future__ import annotations

import hmac
import json
from collections import Counter
from collections.abc import Iterator
from dataclasses import replace

import pytest

from penstock.project.folders import Project
from penstock.wait import wait_until
from tests.e2e.test_excluded import values
from tests.patience import PATIENCE_S
from tests.stack import Stack

pytestmark = pytest.mark.slow

VIEWS = '''"""The views of members."""

from penstock_views import Image, Row, Totals, aggregate, count, history, row, totals, view, whole


@view("public.members", key=["email", "id"])
def members_by_email(m: Image) -> Row:
    """Find the members with an address."""
    return row(email=m.email, id=m.id, phone=m.phone)


@history("public.members", key=["id"])
def members_history(m: Image) -> Row:
    """Keep every change of a member."""
    return whole(m)


@aggregate("public.members", key=["email"])
def members_with_email(m: Image) -> Totals:
    """Count the members with an address."""
    return totals(email=m.email, members=count())
'''
NAMES = ["members_by_email", "members_history", "members_with_email"]
TOPICS = ["app.public.members", *(f"views.{name}" for name in NAMES), "dead-letters.views", "dead-letters.sink"]
TABLE = "CREATE TABLE public.members (id int PRIMARY KEY, email text NOT NULL, phone varchar(40))"
INSERT = (
    "INSERT INTO public.members SELECT n, 'secret-' || mod(n, 3) || '@example.org', 'number-' || n FROM generate_series"
)


def hashing(stack: Stack, *columns: str) -> Stack:
    """Return the stack as one that hashes these columns sees it."""
    return replace(
        stack, environment=stack.environment | {"PENSTOCK_TABLES": json.dumps({"public.members": {"hash": columns}})}
    )


@pytest.fixture(scope="module")
def members(stack: Stack) -> Iterator[Stack]:
    """Make views of a table of which one column is hashed from the first on."""
    file = Project.of(stack.config).views / "members.py"
    stack.sql(TABLE)
    stack.sql(f"{INSERT}(1, 100) n")
    file.write_text(VIEWS)
    with_hash = hashing(stack, "email")
    with_hash.penstock("views write", "views check", "views apply")
    yield with_hash
    file.unlink()
    stack.drop(*NAMES)
    stack.sql("DROP TABLE public.members")


def test_no_topic_holds_a_value_and_every_view_has_its_hash(members: Stack) -> None:
    change(members, 200, "email")
    assert held(members, b"secret-") == []
    assert held(members, b"number-") != []
    assert hash_of(members, "secret-1@example.org").encode() in b"".join(values(members, TOPICS[0], 0))
    members.penstock(f"verify {' '.join(NAMES)}")


def test_a_column_that_is_hashed_later_is_read_again(members: Stack) -> None:
    later = hashing(members, "email", "phone")
    said = later.penstock("views check", check=False).stdout
    assert "phone is hashed with secret" in " ".join(said.split())
    later.penstock("views apply")
    change(later, 300, "email", "phone")
    later.penstock(f"verify {' '.join(NAMES)}")


def test_what_ends_is_read_again_too(members: Stack) -> None:
    ended = hashing(members, "phone")
    ended.penstock("views apply")
    change(ended, 400, "phone")
    ended.penstock(f"verify {' '.join(NAMES)}")


def change(stack: Stack, begin: int, *hashed: str) -> None:
    """Let rows come, change what is hashed, and go; wait until the views have it."""
    stack.sql(f"{INSERT}(%s, %s) n", begin, begin + 20)
    stack.sql("UPDATE public.members SET email = 'secret-moved', phone = NULL WHERE id = %s", begin)
    stack.sql("UPDATE public.members SET phone = 'number-other' WHERE id = %s", begin + 1)
    stack.sql("UPDATE public.members SET id = id + 1000 WHERE id = %s", begin + 2)
    stack.sql("DELETE FROM public.members WHERE id = %s", begin + 3)
    wait_until(lambda: is_exact(stack, hashed), timeout_s=PATIENCE_S, what="the views are equal")


def is_exact(stack: Stack, hashed: tuple[str, ...]) -> bool:
    """Return whether Cassandra has the hashes of what Postgres has."""
    rows = {
        (hash_of(stack, email) if "email" in hashed else email, number, phone_of(stack, phone, hashed))
        for number, email, phone in stack.sql("SELECT id, email, phone FROM public.members")
    }
    by_email = stack.cql("SELECT email, id, phone FROM penstock.members_by_email")
    counted = stack.cql("SELECT email, members FROM penstock.members_with_email")
    is_counted = {tuple(each.values()) for each in counted} == {*Counter(email for email, *_ in rows).items()}
    return is_counted and {tuple(each.values()) for each in by_email} == rows


def phone_of(stack: Stack, phone: str | None, hashed: tuple[str, ...]) -> str | None:
    """Return what a view shows of a number."""
    return hash_of(stack, phone) if phone is not None and "phone" in hashed else phone


def hash_of(stack: Stack, value: str) -> str:
    """Return the hash, as none of ours computes it."""
    secret = (stack.config.state_dir / "hash.secret").read_bytes().strip()
    return hmac.new(secret, value.encode(), "sha256").hexdigest()


def held(stack: Stack, value: bytes) -> list[str]:
    """Name the topics that hold a value in their bytes."""
    return [topic for topic in TOPICS if any(value in each for each in values(stack, topic, 0))]
