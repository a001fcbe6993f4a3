"""Excluded columns in the whole pipeline: no topic holds a value of them, and all views stay exact.

Plain SQL against plain CQL, and the bytes of each topic as they are.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import closing
from dataclasses import replace
from typing import Any

import pytest
from confluent_kafka import Consumer, TopicPartition

from penstock.project.folders import Project
from penstock.wait import wait_until
from tests.patience import PATIENCE_S
from tests.stack import Stack

pytestmark = pytest.mark.slow

VIEWS = '''"""The views of patients."""

from penstock_views import Image, Row, Totals, aggregate, count, history, row, totals, view, whole


@view("public.patients", key=["id"])
def patients_by_id(p: Image) -> Row:
    """Hold each patient."""
    return row(id=p.id, name=p.name)


@history("public.patients", key=["id"])
def patients_history(p: Image) -> Row:
    """Keep every change of a patient."""
    return whole(p)


@aggregate("public.patients", key=["ward"])
def patients_in_ward(p: Image) -> Totals:
    """Count the patients of a ward."""
    return totals(ward=p.ward, patients=count())
'''
NAMES = ["patients_by_id", "patients_history", "patients_in_ward"]
TOPICS = ["app.public.patients", *(f"views.{name}" for name in NAMES), "dead-letters.views", "dead-letters.sink"]
TABLE = """
CREATE TABLE public.patients (
    id int PRIMARY KEY, name text, ward text, national_id text NOT NULL DEFAULT 'hidden', scan bytea,
    remark text DEFAULT 'secret'
)
"""
INSERT = """
INSERT INTO public.patients (id, name, ward, national_id, scan)
VALUES (%s, 'seen', 'one', 'hidden', convert_to(repeat('hidden', 1500000), 'UTF8'))
"""

EXPECTED = {
    "SELECT id, name FROM penstock.patients_by_id": "SELECT id, name FROM public.patients",
    "SELECT ward, patients FROM penstock.patients_in_ward": "SELECT ward, count(*) FROM public.patients GROUP BY 1",
}


def excluding(stack: Stack, *columns: str) -> Stack:
    """Return the stack as one that excludes these columns sees it."""
    tables = json.dumps({"public.patients": {"exclude": columns}})
    return replace(stack, environment=stack.environment | {"PENSTOCK_TABLES": tables})


@pytest.fixture(scope="module")
def patients(stack: Stack) -> Iterator[Stack]:
    """Make views of a table with two columns that are excluded from the first on."""
    file = Project.of(stack.config).views / "patients.py"
    stack.sql(TABLE)
    stack.sql(INSERT, 1)
    file.write_text(VIEWS)
    without = excluding(stack, "national_id", "scan")
    without.penstock("views write", "views check", "views apply")
    yield without
    file.unlink()
    stack.drop(*NAMES)
    stack.sql("DROP TABLE public.patients")


def test_no_topic_holds_a_value_and_every_view_is_exact(patients: Stack) -> None:
    change(patients, 2)
    assert held(patients, {}, b"hidden") == []
    assert b"".join(values(patients, TOPICS[0], 0)).count(b"secret") > 0
    patients.penstock(f"verify {' '.join(NAMES)}")


def test_a_column_that_is_excluded_later_comes_no_more(patients: Stack) -> None:
    later = excluding(patients, "national_id", "scan", "remark")
    said = later.penstock("views check", check=False).stdout
    assert "remark is excluded from now on" in " ".join(said.split())
    assert "Kafka and Cassandra keep the values" in later.penstock("views apply").stdout
    began = {topic: end_of(later, topic) for topic in TOPICS}
    change(later, 3)
    assert end_of(later, TOPICS[0]) > began[TOPICS[0]]
    assert held(later, began, b"secret") == []
    later.penstock(f"verify {' '.join(NAMES)}")


def test_a_view_that_uses_one_is_refused_by_name(patients: Stack) -> None:
    file = Project.of(patients.config).views / "patients.py"
    try:
        file.write_text(VIEWS.replace("name=p.name", "name=p.national_id"))
        said = " ".join(patients.penstock("views check", check=False).stdout.split())
        assert "public.patients.national_id is excluded from all that leaves Postgres" in said
    finally:
        file.write_text(VIEWS)


def change(stack: Stack, number: int) -> None:
    """Let a row come, change and change its key, and another one go; wait until the views have it."""
    for key in (number * 10, number * 10 + 1):
        stack.sql(INSERT, key)
    stack.sql("UPDATE public.patients SET national_id = 'hidden too', ward = 'two' WHERE id = %s", number * 10)
    stack.sql("UPDATE public.patients SET id = id + 1000 WHERE id = %s", number * 10)
    stack.sql("DELETE FROM public.patients WHERE id = %s", number * 10 + 1)
    wait_until(lambda: is_exact(stack), timeout_s=PATIENCE_S, what="the views are equal")


def is_exact(stack: Stack) -> bool:
    """Return whether Cassandra has what Postgres has."""
    return all({tuple(each.values()) for each in stack.cql(cql)} == {*stack.sql(sql)} for cql, sql in EXPECTED.items())


def held(stack: Stack, began: dict[str, int], value: bytes) -> list[str]:
    """Name the topics that hold a value in their bytes, from these offsets on."""
    return [topic for topic in TOPICS if any(value in each for each in values(stack, topic, began.get(topic, 0)))]


def values(stack: Stack, topic: str, begin: int) -> Iterator[bytes]:
    """Yield key, headers and value of each record of a topic."""
    settings = {"bootstrap.servers": stack.config.kafka.bootstrap, "group.id": "tests", "enable.partition.eof": True}
    with closing(Consumer(settings)) as consumer:
        consumer.assign([TopicPartition(topic, 0, begin)])
        # The end of the partition is a message with an error; the last offset may be a transaction's marker.
        while (message := consumer.poll(PATIENCE_S)) is not None and not message.error():
            pairs: Any = message.headers() or []
            headers = b"".join(value or b"" for _, value in pairs)
            yield (message.key() or b"") + headers + (message.value() or b"")


def end_of(stack: Stack, topic: str) -> int:
    """Return the offset at which a topic ends."""
    consumer = Consumer({"bootstrap.servers": stack.config.kafka.bootstrap, "group.id": "tests"})
    _, end = consumer.get_watermark_offsets(TopicPartition(topic, 0), timeout=PATIENCE_S)
    consumer.close()
    return int(end)
