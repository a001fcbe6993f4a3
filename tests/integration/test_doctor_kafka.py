"""`penstock doctor` on a real Kafka with an authorizer: topics, replicas and rights, each fault with its cure."""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial

import pytest
from confluent_kafka import Producer

from penstock.brokers import Brokers, librdkafka_settings
from penstock.config import Config
from penstock.doctor.finding import Finding, Weight
from penstock.doctor.kafka import examine
from penstock.doctor.rights import roles
from penstock.project.workspace import Workspace
from penstock.setup.actions import create_topics
from penstock.topics.admin import KafkaUnreachable, TopicAdmin
from penstock.topics.declare import declare_topics
from penstock.topics.topic import Topic
from penstock.wait import wait_until
from tests.integration.certificates import Certificates
from tests.integration.their_kafka import PASSWORD, TheirKafka, make_user, their_kafka, without_rights
from tests.patience import PATIENCE_S, answered

VIEW, CDC = "views.users_by_id", "app.public.users"


@pytest.fixture(scope="module")
def theirs(tmp_path_factory: pytest.TempPathFactory) -> Iterator[TheirKafka]:
    folder = tmp_path_factory.mktemp("theirs")
    with their_kafka(folder, Certificates.made_in(folder / "tls")) as server:
        yield server


@pytest.fixture(scope="module")
def config(theirs: TheirKafka, tmp_path_factory: pytest.TempPathFactory) -> Config:
    state = tmp_path_factory.mktemp("ours")
    return Config.model_validate({"state": state, "kafka": theirs.section("scram")})


def seen(config: Config) -> list[Finding]:
    declared = declare_topics(config, Workspace(config).views)
    return answered(lambda: [*examine(config, declared)], KafkaUnreachable)


def found(config: Config, weight: Weight = Weight.STOPS) -> list[Finding]:
    return [finding for finding in seen(config) if finding.weight is weight]


def found_saying(config: Config, says: str) -> list[Finding]:
    return [finding for finding in seen(config) if says in finding.what]


def with_kafka(config: Config, **more: object) -> Config:
    return Config.model_validate({"state": config.state, "kafka": config.kafka.model_dump() | more})


def test_before_the_first_start_nothing_stops_it_and_nothing_is_created(config: Config) -> None:
    assert found(config) == []
    assert found(config, Weight.WARNING) == []
    assert CDC not in TopicAdmin(config.kafka.bootstrap).topics()


def test_more_copies_than_brokers_are_named(config: Config) -> None:
    said = found(with_kafka(config, replication_factor=3))
    assert "replication_factor 3 with 1 broker" in [finding.what for finding in said]
    assert "replication_factor = 1 in [kafka], or start more" in [finding.cure for finding in said]


@pytest.mark.slow
def test_a_user_without_rights_is_given_the_commands_that_give_them(theirs: TheirKafka, config: Config) -> None:
    with without_rights(theirs.administrator):
        said = found(config)
        assert any(CDC in finding.what for finding in said)
        assert any("groups such as penstock-doctor" in finding.what for finding in said)
        theirs.run("; ".join(finding.cure for finding in said))
        wait_until(lambda: found(config) == [], timeout_s=PATIENCE_S, what="the rights are there")


@pytest.mark.parametrize(
    ("setting", "value", "says", "weight"),
    [
        ("min.insync.replicas", "2", "min.insync.replicas=2 with 1 replicas: nobody can write", Weight.STOPS),
        ("retention.ms", "3600000", "records are kept for 0.0417 days, not 7 days", Weight.WARNING),
        ("cleanup.policy", "compact", "cleanup.policy=compact, delete wanted", Weight.STOPS),
        ("max.message.bytes", "1000000", "max.message.bytes=1000000, not 16777216", Weight.WARNING),
    ],
)
def test_a_setting_of_a_topic_is_named_and_cured(
    theirs: TheirKafka, config: Config, setting: str, value: str, says: str, weight: Weight
) -> None:
    create_topics(Workspace(config))
    admin = TopicAdmin(theirs.administrator.kafka.bootstrap)
    before = admin.settings([VIEW])[VIEW][setting]
    saying = partial(found_saying, config, says)
    admin.alter({VIEW: {setting: value}})
    # The broker that is asked hears of a change a moment later.
    wait_until(lambda: bool(saying()), timeout_s=PATIENCE_S, what=f"{setting} is found")
    (finding,) = saying()
    assert (finding.weight, VIEW in finding.what) == (weight, True)
    if finding.cure.startswith("for topic in "):
        theirs.run(finding.cure)
    elif "`penstock up` sets it" in finding.cure:
        create_topics(Workspace(config))
    else:  # what was compacted is gone
        admin.alter({VIEW: {setting: before}})
    wait_until(lambda: not saying(), timeout_s=PATIENCE_S, what=f"{setting} is as it should be")


def test_no_password_is_in_what_is_found(config: Config) -> None:
    assert PASSWORD not in str(seen(config))


@pytest.mark.slow
def test_each_user_does_its_own_work_and_not_that_of_others(theirs: TheirKafka, config: Config) -> None:
    create_topics(Workspace(config))
    connect, reader = (made(theirs, config, f"penstock_{name}") for name in ("connect", "reader"))
    assert TopicAdmin(reader).records({CDC: 1, VIEW: 1}).keys() == {CDC, VIEW}
    assert "authorization failed" in written(reader, VIEW)
    assert written(connect, CDC) == ""
    assert "authorization failed" in written(connect, VIEW)
    for user in (connect, reader):
        assert "uthorization failed" in str(TopicAdmin(user).refused([Topic("app.tried", 1, 1, {})]))
        with pytest.raises(KafkaUnreachable, match="uthorization failed"):
            TopicAdmin(user).delete([VIEW])


def made(theirs: TheirKafka, config: Config, name: str) -> Brokers:
    """Make a user with the rights that are printed for it; return how it gets in."""
    make_user(theirs.administrator, name)
    (role,) = (role for role in roles(config, []) if role.name == name and role.server == "kafka")
    theirs.run("; ".join(statement.text for statement in role.statements))
    return theirs.as_user(name)


def written(user: Brokers, topic: str) -> str:
    """Write a record as a user; return why that was refused, if it was."""
    refused: list[str] = []
    producer = Producer(librdkafka_settings(user))
    producer.produce(topic, value=b"one", on_delivery=lambda why, _: refused.append(why.str().lower() if why else ""))
    assert producer.flush(PATIENCE_S) == 0
    return refused[0]
