"""Create the declared topics that are missing, bring their limits up, refuse those that differ in what matters."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

from penstock.errors import TerminalError
from penstock.topics.admin import TopicAdmin
from penstock.topics.topic import Topic

_LIMITS = ("max.message.bytes", "retention.bytes", "segment.bytes", "min.insync.replicas")
"""Sizes that fit those of the producers, and copies; a topic of an earlier version may have others."""


class TopicsDiffer(TerminalError):
    """Existing topics are not as declared in a way that cannot be changed without harm."""

    def __init__(self, problems: Sequence[str]) -> None:
        listed = "\n  ".join(problems)
        super().__init__(
            f"existing topics differ from penstock.toml and the contracts; nothing was created:\n  {listed}"
        )


def create_topics(admin: TopicAdmin, *, topics: Sequence[Topic]) -> tuple[str, ...]:
    """Create what is missing, and set the limits of what is there; return the names of the topics created.

    :raises TopicsDiffer: an existing topic has other partitions or another cleanup policy.
    :raises KafkaUnreachable: no broker answers.
    """
    existing = admin.topics()
    present = [topic for topic in topics if topic.name in existing]
    settings = admin.settings([topic.name for topic in present])
    problems = [
        problem
        for topic in present
        for problem in differences(topic, partitions=existing[topic.name][0], settings=settings[topic.name])
    ]
    if problems:
        raise TopicsDiffer(problems)
    missing = [topic for topic in topics if topic.name not in existing]
    admin.create(missing)
    admin.alter({topic.name: changed for topic in present if (changed := other_limits(topic, settings[topic.name]))})
    return tuple(topic.name for topic in missing)


def other_limits(topic: Topic, settings: Mapping[str, str]) -> dict[str, str]:
    """Return the limits of a topic that an existing one has not."""
    wanted = {name: topic.settings[name] for name in _LIMITS if name in topic.settings}
    return {name: limit for name, limit in wanted.items() if settings.get(name) != limit}


def differences(topic: Topic, *, partitions: int, settings: dict[str, str]) -> Iterator[str]:
    """Say what of an existing topic is not as declared.

    Partitions decide where a key lies, and with it the order of its changes; the policy decides what may vanish.
    """
    if partitions < topic.partitions or (partitions > topic.partitions and not topic.may_grow):
        yield (
            f"{topic.name}: {partitions} partition(s), {topic.partitions} wanted; set kafka.partitions back, "
            "or `penstock reset --yes` and `penstock up` to start again"
        )
    policy = settings.get("cleanup.policy", "")
    if policy != topic.cleanup_policy:
        yield (
            f"{topic.name}: cleanup.policy={policy}, {topic.cleanup_policy} wanted; "
            "records may be gone: `penstock reset --yes` and `penstock up` to start again"
        )
