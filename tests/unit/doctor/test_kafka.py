"""What is made of what the brokers say."""

from __future__ import annotations

from penstock.config import Config
from penstock.doctor.finding import Finding, Weight
from penstock.doctor.kafka import Facts, judge
from penstock.topics.admin import Cluster
from penstock.topics.topic import Topic

SETTINGS = {"cleanup.policy": "delete", "retention.ms": "604800000", "max.message.bytes": "16777216"}
TOPICS = (Topic("app.public.users", 1, 3, SETTINGS), Topic("views.users_by_id", 1, 3, SETTINGS))
ALL = frozenset({"READ", "WRITE", "DESCRIBE", "DESCRIBE_CONFIGS", "ALTER_CONFIGS", "DELETE"})
CONFIG = Config.model_validate({"kafka": {"managed": False, "replication_factor": 3}})


def said(
    *,
    brokers: int = 3,
    replicas: int = 3,
    settings: dict[str, str] | None = None,
    defaults: dict[str, str] | None = None,
    operations: frozenset[str] = ALL,
    **more: object,
) -> list[Finding]:
    cluster = Cluster("id", tuple(f"kafka-{number}:9092" for number in range(brokers)), defaults or {})
    there = {topic.name: (1, replicas) for topic in TOPICS}
    found = {name: SETTINGS | {"min.insync.replicas": "2"} | (settings or {}) for name in there}
    facts = Facts(cluster, TOPICS, there, found, operations=dict.fromkeys(there, operations), **more)  # type: ignore[arg-type]
    return [finding for finding in judge(CONFIG, facts) if finding.weight is not Weight.OK]


def test_a_cluster_that_is_as_declared_has_no_fault() -> None:
    assert said() == []


def test_copies_and_brokers_are_compared() -> None:
    assert said(brokers=2)[0].cure == "replication_factor = 2 in [kafka], or start more"


def test_topics_with_the_same_fault_are_one_finding_with_one_command() -> None:
    (finding,) = said(settings={"min.insync.replicas": "1"})
    assert finding.weight is Weight.WARNING
    assert finding.what.endswith("(app.public.users, views.users_by_id)")
    assert finding.cure.startswith("for topic in app.public.users views.users_by_id; do kafka-configs.sh ")
    assert finding.cure.endswith("--add-config min.insync.replicas=2; done")


def test_a_topic_that_nobody_can_write_to_stops() -> None:
    (finding,) = said(replicas=1)
    assert finding.weight is Weight.STOPS
    assert "min.insync.replicas=2 with 1 replicas: nobody can write" in finding.what


def test_as_many_in_sync_as_replicas_is_a_warning() -> None:
    (finding,) = said(settings={"min.insync.replicas": "3"})
    assert "any broker that is away stops it" in finding.what


def test_records_kept_for_ever_are_no_fault_and_for_too_short_are() -> None:
    assert said(settings={"retention.ms": "-1"}) == []
    (finding,) = said(settings={"retention.ms": "86400000"})
    assert "kept for 1 days, not 7 days" in finding.what


def test_brokers_that_take_no_large_request_stop() -> None:
    (finding,) = said(defaults={"socket.request.max.bytes": "1048576"})
    assert (finding.weight, finding.cure) == (Weight.STOPS, "socket.request.max.bytes=104857600 in the brokers' file")


def test_rights_that_lack_are_one_finding_for_each_command() -> None:
    found = said(operations=ALL - {"WRITE"}, groups=("penstock-doctor",))
    assert [finding.weight for finding in found] == [Weight.STOPS] * 3
    assert [finding.cure.split("--operation All ")[1].split(" --resource")[0] for finding in found] == [
        "--topic app.",
        "--topic views.",
        "--group penstock-",
    ]


def test_brokers_that_say_nothing_of_rights_are_not_blamed() -> None:
    assert said(operations=frozenset()) == []


def test_what_the_brokers_would_not_create_is_said_with_their_reason() -> None:
    (finding,) = said(refused={"dead-letters.sink": "Policy violated"})
    assert finding.what == "they cannot be created: Policy violated (dead-letters.sink)"


def test_partitions_without_their_replicas_are_a_warning() -> None:
    (finding,) = said(behind=("app.public.users/0",))
    assert (finding.weight, finding.cure) == (Weight.WARNING, "start the brokers that are away")


def test_a_broker_of_ours_that_is_away_is_named_and_its_copies_are_no_fault() -> None:
    ours = Config.model_validate({"kafka": {"brokers": 3}})
    cluster = Cluster("id", ("127.0.0.1:9092", "127.0.0.3:9092"), {})
    there = {topic.name: (1, 3) for topic in TOPICS}
    found = {name: SETTINGS | {"min.insync.replicas": "2"} for name in there}
    facts = Facts(cluster, TOPICS, there, found, operations=dict.fromkeys(there, ALL))
    (away,) = [finding for finding in judge(ours, facts) if finding.weight is not Weight.OK]
    assert (away.weight, away.what) == (Weight.WARNING, "1 of 3 brokers are away: kafka-2 (127.0.0.2:9092)")
    assert "`penstock logs kafka-2`" in away.cure
