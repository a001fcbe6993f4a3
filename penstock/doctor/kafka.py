"""Kafka: its brokers, our topics against what is declared, and what our user may do, as far as a client can ask.

A client learns no version, and no rights of transactional ids.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field

from penstock.config import Config
from penstock.doctor.finding import Finding, Weight, cure_of_away, ok, stops, warning
from penstock.doctor.rights import Acl, acl_command, kafka_acls, kafka_principal, to_reach
from penstock.instances import at_hosts
from penstock.sizes import DEAD_LETTER_BYTES
from penstock.topics.admin import Cluster, TopicAdmin
from penstock.topics.create import differences, other_limits
from penstock.topics.topic import Topic

_QUICKLY_S = 10
_LEAST_ISR = "min.insync.replicas"
_REQUEST = "socket.request.max.bytes"
_RETENTION = "retention.ms"
_NEEDED = ("READ", "WRITE", "DESCRIBE", "DESCRIBE_CONFIGS", "ALTER_CONFIGS", "DELETE")
_NOT_ALLOWED = "authorization failed"


@dataclass(frozen=True)
class Facts:
    """What the brokers say.

    :param replicas: of each of our topics that is there.
    :param refused: of those that are not: why the brokers would not create it.
    :param groups: that our user may not look at.
    """

    cluster: Cluster
    declared: Sequence[Topic]
    present: Mapping[str, tuple[int, int]]
    settings: Mapping[str, dict[str, str]]
    behind: Sequence[str] = ()
    refused: Mapping[str, str] = field(default_factory=dict)
    operations: Mapping[str, frozenset[str]] = field(default_factory=dict)
    groups: Sequence[str] = ()


def examine(config: Config, declared: Sequence[Topic]) -> Iterator[Finding]:
    """Look at the cluster.

    :param declared: our topics.
    :raises KafkaUnreachable: no broker answers, or lets us in.
    """
    # A group of each kind that we use; it need not be there.
    groups = (config.names.group("doctor"), "spark-kafka-source-doctor", config.names.sink_group)
    yield from judge(config, _ask(TopicAdmin(config.kafka.bootstrap, timeout_s=_QUICKLY_S), declared, groups))


def _ask(admin: TopicAdmin, declared: Sequence[Topic], groups: Sequence[str]) -> Facts:
    there = admin.topics()
    present = {topic.name: there[topic.name] for topic in declared if topic.name in there}
    operations = admin.operations(present)
    return Facts(
        cluster=admin.cluster(),
        declared=declared,
        present=present,
        settings=admin.settings([name for name in present if _may(operations[name], "DESCRIBE_CONFIGS")]),
        behind=admin.behind(present),
        refused=admin.refused([topic for topic in declared if topic.name not in present]),
        operations=operations,
        groups=admin.hidden_groups(groups),
    )


def _may(operations: frozenset[str], wanted: str) -> bool:
    """Return whether an operation is allowed; where the brokers say nothing, they have nobody to ask."""
    return not operations or wanted in operations


def judge(config: Config, facts: Facts) -> Iterator[Finding]:
    """Judge what the brokers say."""
    yield from _judge_cluster(config, facts)
    faults = [*_judge_topics(config, facts), *_judge_rights(config, facts)]
    if facts.behind:
        said = f"partitions without all their replicas: {', '.join(facts.behind)}"
        faults.append(warning(said, "start the brokers that are away"))
    there, missing = len(facts.present), len(facts.declared) - len(facts.present)
    rest = f", {missing} are not there yet: `penstock up` creates them" if missing else ""
    yield from faults or [ok(f"{there} of our topics are as declared{rest}")]


def _judge_cluster(config: Config, facts: Facts) -> Iterator[Finding]:
    brokers, copies = len(facts.cluster.brokers), config.kafka.replication_factor
    named = f"{brokers} broker{'s' * (brokers != 1)}"
    if away := _away(config, facts):
        listed = ", ".join(f"{name} ({address})" for address, name in away.items())
        yield warning(
            f"{len(away)} of {config.kafka.brokers} brokers are away: {listed}", cure_of_away([*away.values()])
        )
    elif copies > brokers:
        yield stops(
            f"replication_factor {copies} with {named}", f"replication_factor = {brokers} in [kafka], or start more"
        )
    elif copies == 1 and brokers > 1:
        yield warning(
            f"one copy of each record, though there are {named}",
            "replication_factor = 3 in [kafka], before the first `penstock up`",
        )
    else:
        yield ok(f"{named}, replication_factor {copies}")
    largest, most = int(facts.cluster.settings.get(_REQUEST, DEAD_LETTER_BYTES)), DEAD_LETTER_BYTES
    if largest < most:
        yield stops(
            f"brokers take requests of {largest:,} bytes, and records have up to {most:,}",
            f"{_REQUEST}=104857600 in the brokers' file",
        )
    least = int(facts.cluster.settings.get(_LEAST_ISR, 1))
    if least > copies and len(facts.present) < len(facts.declared):
        yield stops(
            f"new topics would have {_LEAST_ISR}={least} with {copies} replicas: nobody could write to them",
            f"replication_factor = {least} or more in [kafka], or a smaller {_LEAST_ISR} in the brokers' file",
        )


def _away(config: Config, facts: Facts) -> dict[str, str]:
    """Return those of several brokers of ours that the cluster does not know of: their names by address."""
    section = config.kafka
    if section.brokers == 1:
        return {}
    named = at_hosts("kafka", section.own_hosts)
    ours = {f"{host}:{section.port}": name for host, name in named.items()}
    return {address: name for address, name in ours.items() if address not in facts.cluster.brokers}


def _judge_topics(config: Config, facts: Facts) -> Iterator[Finding]:
    """Judge the topics; those with the same fault make one finding."""
    alike: dict[_Fault, list[str]] = {}
    for topic in facts.declared:
        if (settings := facts.settings.get(topic.name)) is not None:
            partitions, replicas = facts.present[topic.name]
            for problem in differences(topic, partitions=partitions, settings=settings):
                yield stops(*problem.split("; ", 1))
            for fault in (*_faults_of_replicas(settings, replicas), *_faults_of_limits(topic, settings)):
                alike.setdefault(fault, []).append(topic.name)
    for fault, names in alike.items():
        yield Finding(fault.weight, f"{fault.what} ({', '.join(names)})", fault.cure or _alter(config, names, fault))


@dataclass(frozen=True)
class _Fault:
    """What can be wrong with several topics alike, and the setting that cures it."""

    weight: Weight
    what: str
    name: str
    value: str
    cure: str = ""


def _faults_of_replicas(settings: Mapping[str, str], replicas: int) -> Iterator[_Fault]:
    least = int(settings.get(_LEAST_ISR, 1))
    said = f"{_LEAST_ISR}={least} with {replicas} replicas"
    if least > replicas:
        yield _Fault(Weight.STOPS, f"{said}: nobody can write", _LEAST_ISR, str(replicas))
    elif least == replicas > 1:
        yield _Fault(Weight.WARNING, f"{said}: any broker that is away stops it", _LEAST_ISR, str(replicas - 1))
    elif least == 1 and replicas > 2:
        yield _Fault(Weight.WARNING, f"{said}: a record that only one broker has can be lost", _LEAST_ISR, "2")


def _faults_of_limits(topic: Topic, settings: Mapping[str, str]) -> Iterator[_Fault]:
    for name, wanted in other_limits(topic, settings).items():
        said = f"{name}={settings.get(name)}, not {wanted}"
        yield _Fault(Weight.WARNING, said, name, wanted, "`penstock up` sets it")
    kept, wanted_ms = int(settings.get(_RETENTION, -1)), int(topic.settings.get(_RETENTION, 0))
    if kept >= 0 and (wanted_ms < 0 or kept < wanted_ms):
        said = f"records are kept for {_days(kept)}, not {_days(wanted_ms)}: what waits longer is lost"
        yield _Fault(Weight.WARNING, said, _RETENTION, str(wanted_ms))


def _days(milliseconds: int) -> str:
    return "ever" if milliseconds < 0 else f"{milliseconds / 86_400_000:,.3g} days"


def _judge_rights(config: Config, facts: Facts) -> Iterator[Finding]:
    """Judge what our user may do; what one ACL cures is one finding."""
    said: dict[str, list[str]] = {}
    other: dict[str, list[str]] = {}
    for topic, operations in facts.operations.items():
        if missing := [each for each in _NEEDED if not _may(operations, each)]:
            said.setdefault(_acl_for(config, "topic", topic), []).append(f"{', '.join(missing)} of {topic}")
    for topic, why in facts.refused.items():
        if _NOT_ALLOWED in why.lower():
            said.setdefault(_acl_for(config, "topic", topic), []).append(f"topic {topic}")
        else:
            other.setdefault(why, []).append(topic)
    for name in facts.groups:
        said.setdefault(_acl_for(config, "group", name), []).append(f"groups such as {name}")
    for why, topics in other.items():
        yield stops(f"they cannot be created: {why} ({', '.join(topics)})", "mend it in [kafka], or on the brokers")
    for cure, lacks in said.items():
        yield stops(f"user {kafka_principal(config)} lacks rights: {'; '.join(lacks)}", cure)


def _acl_for(config: Config, kind: str, name: str) -> str:
    """Return the command that gives our user all that begins as this does."""
    prefixes = [prefix for acl in kafka_acls(config) if acl.kind == kind for prefix in acl.prefixes]
    wanted = next((prefix for prefix in prefixes if name.startswith(prefix)), name)
    return acl_command(config, kafka_principal(config), Acl(kind, (wanted,)))


def _alter(config: Config, topics: Sequence[str], fault: _Fault) -> str:
    change = f"--alter --entity-type topics --entity-name $topic --add-config {fault.name}={fault.value}"
    return f"for topic in {' '.join(topics)}; do kafka-configs.sh {to_reach(config)} {change}; done"
