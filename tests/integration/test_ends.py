"""The control center at a real Kafka: its looks, how old the record is at which one waits, its searches and replays."""

from __future__ import annotations

import time
from collections.abc import Iterator
from types import SimpleNamespace
from typing import Any

import pytest
from confluent_kafka import Producer

from penstock.config import Config, load_config
from penstock.console.look.ends import End, EndsCollector
from penstock.console.look.kafka import KafkaCollector
from penstock.console.records.lookup import Wanted, find_newest
from penstock.console.records.messages import open_small_consumer
from penstock.console.safety.guard import Caller
from penstock.console.service.dead_letters import replay
from penstock.contract import CONNECT_ERRORS
from penstock.topics.admin import TopicAdmin
from penstock.topics.topic import Topic
from penstock.wait import wait_until
from tests.integration.servers import started, written
from tests.patience import PATIENCE_S
from tests.unit.console import made

pytestmark = pytest.mark.slow

TOPIC, COUNT, HOUR_S = "views.users_by_id", 200, 3600
PLACE = (TOPIC, 0)


@pytest.fixture(scope="module")
def config(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Config]:
    file = written(tmp_path_factory.mktemp("ends"), "kafka")
    with started(load_config(file), "kafka"):
        yield load_config(file)


def test_a_reader_that_stands_still_is_as_late_as_its_record_is_old(config: Config) -> None:
    admin, began_s = TopicAdmin(config.kafka.bootstrap), int(time.time()) - HOUR_S
    admin.create([Topic(TOPIC, 1, 1, {})])
    producer = Producer({"bootstrap.servers": config.kafka.bootstrap})
    for offset in range(COUNT):
        producer.produce(TOPIC, value=b"x", timestamp=(began_s + offset) * 1000)
    assert producer.flush(PATIENCE_S) == 0
    ends = EndsCollector(config, on_records=lambda _: None)
    stuck, slow = 7, 40

    def look() -> End:
        return ends.collect({PLACE: (0, COUNT)}, [(PLACE, stuck), (PLACE, slow)])[PLACE]

    wait_until(lambda: len(look().marks) == 2, timeout_s=PATIENCE_S, what="both records were looked at")
    known = look()
    assert [known.behind(at, COUNT) for at in (stuck, slow, slow + 1)] == [
        (COUNT - stuck, began_s + stuck),
        (COUNT - slow, began_s + slow),
        (COUNT - slow - 1, began_s + slow),
    ]
    del producer
    admin.delete_records({PLACE: COUNT - 60})

    def is_dated_by_what_is_left() -> bool:
        found = ends.collect({PLACE: (0, COUNT)}, [(PLACE, stuck + 1)])[PLACE]
        return found.marks[-1] == (stuck + 1, began_s + COUNT - 60)

    wait_until(is_dated_by_what_is_left, timeout_s=PATIENCE_S, what="the first record that is left was looked at")


def test_topics_and_groups_are_as_the_broker_has_them(config: Config) -> None:
    admin, name = TopicAdmin(config.kafka.bootstrap), "orders"
    admin.create([Topic(name, 2, 1, {})])
    producer = Producer({"bootstrap.servers": config.kafka.bootstrap})
    producer.produce(name, value=b"x", partition=1)
    assert producer.flush(PATIENCE_S) == 0
    collector = KafkaCollector(config)
    groups = {f"reader-{number}": {(name, 1): number} for number in range(30)}
    for group, places in groups.items():
        assert admin.commit(group, places)
    found = collector.topics().topics[name]
    assert (found.ends, found.held, [each.is_whole for each in found.partitions]) == ({0: 0, 1: 1}, 1, [True, True])
    assert {each.name: each.committed for each in collector.groups().values()} == groups


def test_a_key_is_found_among_transactions_and_one_that_is_not_there_in_the_whole_topic(config: Config) -> None:
    topic = "app.public.looked_for"
    TopicAdmin(config.kafka.bootstrap).create([Topic(topic, 2, 1, {})])
    producer = Producer({"bootstrap.servers": config.kafka.bootstrap, "transactional.id": topic})
    producer.init_transactions(PATIENCE_S)
    for number in range(900):
        if number % 100 == 0:
            producer.begin_transaction()
        producer.produce(topic, key=b"wanted" if number in {4, 450} else b"%d" % number, partition=number % 2)
        if number % 100 == 99:
            producer.commit_transaction(PATIENCE_S)
    state = KafkaCollector(config).topics().topics[topic]

    def look(key: str) -> Any:
        wanted = Wanted({"id": key}, lambda data: {"id": (data or b"").decode()}, {"id": "text"})
        consumer = open_small_consumer(config.kafka.bootstrap, "console")
        reader: Any = SimpleNamespace(read=lambda message: message)
        return find_newest(consumer, reader, state, wanted, count=1, budget_s=PATIENCE_S)

    (newest,) = look("wanted").records
    assert (newest.partition(), newest.offset()) == (0, 450 // 2 + 4)  # behind the markers of four transactions
    nothing = look("nowhere")
    assert (nothing.records, nothing.is_whole, nothing.of) == ((), True, 918)


def test_a_replay_writes_what_is_left_and_names_what_retention_took(config: Config) -> None:
    admin, letters, target = TopicAdmin(config.kafka.bootstrap), config.names.dead_letter_topics[1], "views.replayed"
    admin.create([Topic(name, 1, 1, {}) for name in (letters, target)])
    producer = Producer({"bootstrap.servers": config.kafka.bootstrap})
    for _ in range(3):  # deletes, which have no value
        producer.produce(letters, key=b"k", headers=[("version", b"5"), (f"{CONNECT_ERRORS}topic", target.encode())])
    assert producer.flush(PATIENCE_S) == 0
    admin.delete_records({(letters, 0): 1})
    guard = SimpleNamespace(perform=lambda action, **_: action())
    hub: Any = SimpleNamespace(config=config, now=SimpleNamespace(snapshot=made.snapshot()), guard=guard)
    names = [f"{letters}/0/{offset}" for offset in (0, 1, 2, 7)]
    done = replay(hub, names, caller=Caller(None, "test"))
    assert (done.ids, done.gone) == ((names[1], names[2]), (names[0], names[3]))
    assert admin.records({target: 1}) == {target: 2}
