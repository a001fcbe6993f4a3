"""The tools on tables as other people have them: a schema of views, keys of every type, records of other kinds."""

from __future__ import annotations

import json
import shlex
import struct
from collections.abc import Iterator
from typing import Any
from urllib.parse import quote

import pytest
import requests
from confluent_kafka import Producer

from penstock.clone import ROOT
from penstock.keys.text import write_key
from penstock.project.folders import Project
from penstock.topics.admin import TopicAdmin
from penstock.topics.topic import Topic
from penstock.wait import wait_until
from tests.garbage import send_all
from tests.stack import Stack

pytestmark = pytest.mark.slow

TABLES = """
CREATE SCHEMA tools;
CREATE TABLE tools.every_key (
    d date, b boolean, u uuid, t text, ts timestamptz(3), pt timestamp(3), n numeric(6, 2), bl bytea, tm time,
    f double precision, i integer, val text, PRIMARY KEY (d, b, u, t, ts, pt, n, bl, tm, f, i));
CREATE TABLE tools.text_key (k text PRIMARY KEY, val text);
CREATE TABLE tools.no_key (id int);
INSERT INTO tools.every_key VALUES
    ('2009-12-31', true, '0b2f7f0e-6a7b-4a8e-9a54-8f5d8c1d2e3f', '', '2010-05-06 07:08:09.123+00',
     '2010-05-06 07:08:09.12', 10.50, '\\x00ff', '01:02:03.000004', 0.1, -1, 'one'),
    ('1985-01-02', false, '1b2f7f0e-6a7b-4a8e-9a54-8f5d8c1d2e3f', 'a, "b"/c ', '1960-05-06 07:08:09+00',
     '1999-01-01', 0.00, '', '23:59:59', 1e300, 2147483647, 'two');
"""
HARD = ("a", "a,b", " blank ", "a/b", '"quoted"', "100%", "a?b#c", "\\x", "größe", "a//b", "..")
ONE = (
    '2009-12-31, T, 0B2F7F0E-6A7B-4A8E-9A54-8F5D8C1D2E3F, "", 2010-05-06T09:08:09.123+02, 2010-05-06 07:08:09.120, '
    "10.5, \\x00FF, 1:02:03.000004, 1e-1, -1"
)
TWO = (
    '1985-01-02,no,1b2f7f0e-6a7b-4a8e-9a54-8f5d8c1d2e3f,"a, ""b""/c ",1960-05-06 07:08:09+00,1999-01-01,0,\\x,'
    "23:59:59,1e300,2147483647"
)
EVERYWHERE = "the newest change is everywhere"


@pytest.fixture(scope="module")
def schema(stack: Stack) -> Iterator[None]:
    """Make views of a whole schema, as a user does; at the end nothing is left of them."""
    project = Project.of(stack.config)
    if project.root == ROOT:
        pytest.skip("the running stack works on the clone's own files: set `project` in its configuration")
    stack.sql(TABLES)
    for key in HARD:
        stack.sql("INSERT INTO tools.text_key VALUES (%s, 'x')", key)
    made = stack.penstock("views new 'tools.*'", check=False)
    assert made.returncode == 1, made.stdout + made.stderr
    assert "no primary key" in made.stdout
    stack.penstock("views apply")
    yield
    for view in ("every_key", "text_key"):
        (project.views / f"{view}.py").unlink()
    stack.drop("every_key", "text_key")
    stack.sql("DROP SCHEMA tools CASCADE")


def get(stack: Stack, path: str, **query: Any) -> Any:
    answer = requests.get(f"{stack.config.console.url}/api/v1{path}", params=query, timeout=60)
    assert answer.ok, answer.text
    return answer.json()


def wait_for_verdict(stack: Stack, path: str, verdict: str, **query: Any) -> dict[str, Any]:
    answer: dict[str, Any] = {}

    def is_so() -> bool:
        answer.update(get(stack, path, **query))
        return bool(answer["verdict"] == verdict)

    try:
        wait_until(is_so, timeout_s=60, what=verdict)
    except Exception as exc:
        raise AssertionError(json.dumps(answer, indent=1)) from exc
    return answer


@pytest.mark.usefixtures("schema")
def test_a_row_is_followed_by_a_key_of_every_type(stack: Stack) -> None:
    for key in (ONE, TWO):
        found = wait_for_verdict(stack, "/rows", EVERYWHERE, table="tools.every_key", key=key)
        assert [store["state"] for store in found["stores"]] == ["same"] * 4
    # What the console writes is a key too, in an address as well.
    again = write_key(list(found["key"].values()))
    wait_for_verdict(stack, f"/rows/tools.every_key/{quote(again, safe='')}", EVERYWHERE)
    stack.sql("DELETE FROM tools.every_key WHERE i = -1")
    wait_for_verdict(stack, "/rows", "deleted, and gone everywhere", table="tools.every_key", key=ONE)


@pytest.mark.usefixtures("schema")
def test_a_stale_row_is_removed_by_the_key_that_the_console_writes(stack: Stack) -> None:
    (row,) = stack.cql("SELECT * FROM penstock.every_key WHERE i = 2147483647 ALLOW FILTERING")
    stale = {**row, "i": -2, "row_version": 2**52}
    columns, marks = ", ".join(stale), ", ".join(["%s"] * len(stale))
    insert = f"INSERT INTO penstock.every_key ({columns}) VALUES ({marks}) USING TIMESTAMP {2**52}"
    stack.cql(insert, *stale.values())
    key = TWO.removesuffix("2147483647") + "-2"
    done = stack.penstock(f"views repair every_key {shlex.quote(key)}")
    assert "every_key: repaired, 1 stale rows removed" in done.stdout
    assert [each["i"] for each in stack.cql("SELECT i FROM penstock.every_key")] == [2147483647]


@pytest.mark.usefixtures("schema")
@pytest.mark.parametrize("key", HARD)
def test_a_text_key_is_followed_whatever_it_holds(stack: Stack, key: str) -> None:
    text = write_key([key])
    found = wait_for_verdict(stack, "/rows", EVERYWHERE, table="tools.text_key", key=text)
    assert found["key"] == {"k": key}
    if key != "..":  # a client takes these away before it asks
        assert wait_for_verdict(stack, f"/rows/tools.text_key/{quote(text, safe='')}", EVERYWHERE)["key"] == {"k": key}


@pytest.fixture(scope="module")
def foreign(stack: Stack) -> str:
    """Make a topic with a record of Protobuf, one of JSON and one of nothing at all."""
    topic = "tools-foreign"
    TopicAdmin(stack.config.kafka.bootstrap).create([Topic(topic, 1, 1, {})])
    schemas = {
        "PROTOBUF": 'syntax = "proto3"; message M { string a = 1; }',
        "JSON": '{"$schema": "http://json-schema.org/draft-07/schema#", "type": "object"}',
    }
    producer = Producer({"bootstrap.servers": stack.config.kafka.bootstrap})
    for kind, schema in schemas.items():
        url = f"{stack.config.registry.url}/subjects/tools%2F{kind}-value/versions"
        answer = requests.post(url, json={"schemaType": kind, "schema": schema}, timeout=60)
        assert answer.ok, answer.text
        producer.produce(topic, key=kind.encode(), value=struct.pack(">bI", 0, answer.json()["id"]) + b"\x00\x01a")
    producer.produce(topic, key=b"none", value=b"\xff\xfe")
    producer.flush(60)
    return topic


def test_a_record_of_another_kind_is_shown_with_the_reason_and_its_bytes(stack: Stack, foreign: str) -> None:
    done = stack.run(f".venv/bin/penstock topics tail {foreign} -n 3 --json")
    problems = {each["key"]: each["problems"]["value"] for each in map(json.loads, done.stdout.splitlines())}
    assert "is PROTOBUF, not Avro" in problems["PROTOBUF"]
    assert "is JSON, not Avro" in problems["JSON"]
    records = get(stack, f"/topics/{foreign}/messages", **{"from": "beginning"})["records"]
    assert {each["key"]: each["raw"][-8:] for each in records} == {"PROTOBUF": "00 01 61", "JSON": "00 01 61"} | {
        "none": "ff fe"
    }


@pytest.mark.usefixtures("foreign")
def test_a_subject_with_a_slash_is_shown_whatever_kind_it_is(stack: Stack) -> None:
    for kind in ("PROTOBUF", "JSON"):
        found = get(stack, f"/schemas/tools%2F{kind}-value")
        assert (found["name"], found["versions"][0]["type"]) == (f"tools/{kind}-value", kind)
        page = requests.get(f"{stack.config.console.url}/schemas/tools%2F{kind}-value", timeout=60)
        assert page.status_code == 200


def test_no_garbage_makes_the_api_fail(stack: Stack) -> None:
    valid = {
        "topics:name": "app.public.users",
        "schemas:name": "app.public.users-value",
        "table": "public.users",
        "key": "0b2f7f0e-6a7b-4a8e-9a54-8f5d8c1d2e3f",
        "limit": "1",
        "from": "end-1",
        "budget_s": "1",
    }
    token = (stack.config.state_dir / "console" / "token").read_text()
    headers = {"Authorization": f"Bearer {token}"}
    # A body without a view would begin a verify of all.
    asked = list(send_all(stack.config.console.url, valid=valid, headers=headers, without="/views/verify"))
    assert [each.problem for each in asked if each.problem] == []
    assert len(asked) > 300
