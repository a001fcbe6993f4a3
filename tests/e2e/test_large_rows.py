"""Rows of 1, 9 and 20 MB: what fits is exact, what does not is a dead letter that says so, and nobody else waits.

Plain SQL against plain CQL; `verify` has to say the same.
"""

from __future__ import annotations

import base64
import hashlib
import json
import time
from collections.abc import Iterator
from typing import Any

import pytest
from confluent_kafka import Consumer, TopicPartition

from penstock.project.folders import Project
from tests.e2e import oracle as users
from tests.e2e.test_dead_letters import headers_of
from tests.patience import PATIENCE_S
from tests.stack import Stack

pytestmark = pytest.mark.slow

VIEWS = '''"""The views of documents."""

from penstock_views import Image, Row, Totals, aggregate, count, history, row, totals, view, whole


@view("public.docs", key=["id"])
def docs_by_id(d: Image) -> Row:
    """Hold each document."""
    return row(id=d.id, kind=d.kind, body=d.body, tags=d.tags)


@view("public.docs", key=["kind", "id"])
def docs_by_kind(d: Image) -> Row:
    """List the documents of a kind, without what is in them."""
    return row(kind=d.kind, id=d.id, size=d.size)


@view("public.docs", key=["id"])
def docs_twice(d: Image) -> Row:
    """Hold each document two times."""
    return row(id=d.id, first=d.body, second=d.body, third=d.note)


@history("public.docs", key=["id"])
def docs_history(d: Image) -> Row:
    """Keep every change of a document."""
    return whole(d)


@aggregate("public.docs", key=["kind"])
def docs_in_kind(d: Image) -> Totals:
    """Count the documents that can be read."""
    return totals(kind=d.kind, docs=count(), written=count(d.body.isNotNull()))
'''
NAMES = ["docs_by_id", "docs_by_kind", "docs_twice", "docs_history", "docs_in_kind"]
TABLE = """
CREATE TABLE public.docs (
    id int PRIMARY KEY, kind text NOT NULL, size bigint, body bytea, note text NOT NULL DEFAULT 'small', tags text[]
)
"""
INSERT = """
INSERT INTO public.docs (id, kind, size, body)
SELECT %s, %s, size, decode(repeat(%s, size::int), 'hex') FROM (SELECT %s::bigint AS size) AS given
"""
RESIZE = "UPDATE public.docs SET size = %s, body = decode(repeat(%s, %s), 'hex') WHERE id = %s"

MOST = 7_864_320
"""What docs/types.md says that a row may have; its values of up to 256 bytes are not counted."""
# Base64, and the names and the other values.
FITS_HISTORY = f"octet_length(body) * 4 / 3 + 300 < {MOST}"
IS_READ = f"octet_length(body) + CASE WHEN octet_length(note) > 256 THEN octet_length(note) ELSE 0 END <= {MOST}"
HASH = "encode(sha256(body), 'hex')"
BODY_IS_READ = f"({IS_READ} OR octet_length(body) < octet_length(note))"

EXPECTED = {
    "SELECT id, kind, body AS bytes FROM docs_by_id": f"SELECT id, kind, {HASH} FROM docs WHERE {BODY_IS_READ}",
    "SELECT kind, id, size FROM docs_by_kind": "SELECT kind, id, size FROM docs",
    "SELECT id, first AS bytes, second AS bytes2 FROM docs_twice": (
        f"SELECT id, {HASH}, {HASH} FROM docs WHERE {IS_READ} AND octet_length(body) * 2 + octet_length(note)"
        f" <= {2 * MOST}"
    ),
    "SELECT kind, docs, written FROM docs_in_kind": (
        f"SELECT kind, count(*), count(body) FROM docs WHERE {BODY_IS_READ} GROUP BY kind"
    ),
}
NEWEST = f"SELECT id, {HASH} FROM docs WHERE {IS_READ} AND {FITS_HISTORY}"


@pytest.fixture(scope="module")
def docs(stack: Stack) -> Iterator[Stack]:
    """Make views of a table that holds large rows already, and take them away again."""
    file = Project.of(stack.config).views / "docs.py"
    stack.sql(TABLE)
    for number, size in enumerate([1, 1_000_000, 7_000_000, MOST, MOST + 1, 9_000_000, 20_000_000]):
        stack.sql(INSERT, number, "old", "ab", size)
    file.write_text(VIEWS)
    stack.penstock("views write", "views check")
    stack.penstock("views apply")
    yield stack
    file.unlink()
    stack.drop(*NAMES)
    stack.sql("DROP TABLE public.docs")


def test_what_was_there_before_is_read_as_far_as_it_fits(docs: Stack) -> None:
    wait_until_exact(docs)
    for number, size in {4: MOST + 1, 5: 9_000_000, 6: 20_000_000}.items():
        reason = (
            f"view docs_by_id cannot compute: body; public.docs holds what no view can (docs/types.md): body = {size}"
        )
        assert any(letter["reason"].startswith(reason) for letter in letters(docs)), number
    assert max(letter["bytes"] for letter in letters(docs)) < 100_000


def test_each_change_of_size_moves_the_row_in_and_out(docs: Stack) -> None:
    wait_until_exact(docs)
    changes: list[tuple[str, tuple[Any, ...]]] = [
        (RESIZE, (9_000_000, "01", 9_000_000, 1)),
        (RESIZE, (20_000_000, "02", 20_000_000, 1)),
        ("UPDATE public.docs SET kind = 'moved' WHERE id = %s", (1,)),
        ("UPDATE public.docs SET id = 101 WHERE id = %s", (1,)),
        (RESIZE, (1_000_000, "03", 1_000_000, 101)),
        (RESIZE, (9_000_000, "04", 9_000_000, 3)),
        ("DELETE FROM public.docs WHERE id = %s", (3,)),
        (RESIZE, (2, "05", 2, 5)),
        ("DELETE FROM public.docs WHERE id = %s", (6,)),
        (INSERT, (7, "new", "06", 20_000_000)),
        (INSERT, (8, "new", "07", 7_000_000)),
        ("UPDATE public.docs SET id = id WHERE id = %s", (8,)),
        ("UPDATE public.docs SET note = repeat('n', 6000000) WHERE id = %s", (0,)),
        ("UPDATE public.docs SET note = repeat('n', 6000000) WHERE id = %s", (2,)),
    ]
    for number, (statement, arguments) in enumerate(changes):
        docs.sql(statement, *arguments)
        docs.sql("UPDATE public.users SET city = %s WHERE id = (SELECT min(id::text)::uuid FROM users)", f"{number}")
        users.wait_until_exact(docs)
        wait_until_exact(docs)
    assert any("a row of" in letter["reason"] and "docs_twice" in letter["reason"] for letter in letters(docs))
    assert any("as JSON" in letter["reason"] and "docs_history" in letter["reason"] for letter in letters(docs))


def test_verify_and_repair_say_the_same(docs: Stack) -> None:
    wait_until_exact(docs)
    docs.penstock(f"verify {' '.join(NAMES)}")
    docs.penstock("views repair docs_by_id")
    wait_until_exact(docs)
    users.wait_until_exact(docs)


def wait_until_exact(stack: Stack) -> None:
    deadline = time.monotonic() + PATIENCE_S
    while found := differences(stack):
        assert time.monotonic() < deadline, "\n".join(found[:10])
        time.sleep(0.5)


def differences(stack: Stack) -> list[str]:
    stack.cassandra.set_keyspace(stack.config.names.keyspace)
    found = []
    for ask, expected in EXPECTED.items():
        found += _compare(ask, set(stack.sql(expected)), {_plain(row) for row in stack.cql(ask)})
    newest: dict[int, str] = {}
    for entry in stack.cql("SELECT id, after FROM docs_history"):  # the newest entry of a row is its first
        newest.setdefault(entry["id"], entry["after"])
    is_there = {(number, _hash_in(after)) for number, after in newest.items() if after is not None}
    return found + _compare("docs_history", set(stack.sql(NEWEST)), is_there)


def _compare(what: str, expected: set[Any], actual: set[Any]) -> list[str]:
    return [f"{what} lacks {row}" for row in expected - actual] + [f"{what} has {row}" for row in actual - expected]


def _plain(row: dict[str, Any]) -> tuple[Any, ...]:
    return tuple(hashlib.sha256(of).hexdigest() if isinstance(of, bytes) else of for of in row.values())


def _hash_in(after: str) -> str:
    return hashlib.sha256(base64.b64decode(json.loads(after)["body"])).hexdigest()


def letters(stack: Stack) -> list[dict[str, Any]]:
    """Read all dead letters of the job: the reason, and how large the letter is."""
    consumer = Consumer({"bootstrap.servers": stack.config.kafka.bootstrap, "group.id": "tests"})
    place = TopicPartition("dead-letters.views", 0, 0)
    _, end = consumer.get_watermark_offsets(place, timeout=PATIENCE_S)
    consumer.assign([place])
    found: list[dict[str, Any]] = []
    while place.offset < end and (message := consumer.poll(PATIENCE_S)) is not None:
        headers = headers_of(message)
        size = len(message.key() or b"") + len(message.value() or b"")
        found.append({"reason": headers["__connect.errors.exception.message"], "bytes": size})
        (place,) = consumer.position([place])
    consumer.close()
    return found
