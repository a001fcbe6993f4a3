"""Create the declared topics that are missing and refuse existing ones that differ in what matters."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from penstock.errors import TerminalError
from penstock.topics.admin import TopicAdmin
from penstock.topics.declare import Topic


class TopicsDiffer(TerminalError):
    """Existing topics are not as declared in a way that cannot be changed without harm."""

    def __init__(self, problems: Sequence[str]) -> None:
        listed = "\n  ".join(problems)
        super().__init__(
            f"existing topics differ from penstock.toml and the contracts; nothing was created:\n  {listed}"
        )


def create_topics(admin: TopicAdmin, *, topics: Sequence[Topic]) -> tuple[str, ...]:
    """Create what is missing; return the names of the topics created.

    :raises TopicsDiffer: an existing topic has another number of partitions or another cleanup policy.
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
    return tuple(topic.name for topic in missing)


def differences(topic: Topic, *, partitions: int, settings: dict[str, str]) -> Iterator[str]:
    """Say what of an existing topic is not as declared.

    Partitions decide where a key lies, and with it the order of its changes; the policy decides what may vanish.
    """
    if partitions != topic.partitions:
        yield (
            f"{topic.name}: {partitions} partition(s), {topic.partitions} wanted; set kafka.partitions back, "
            "or `penstock reset --yes` and `penstock up` to start anew"
        )
    policy = settings.get("cleanup.policy", "")
    if policy != topic.cleanup_policy:
        yield (
            f"{topic.name}: cleanup.policy={policy}, {topic.cleanup_policy} wanted; "
            "records may be gone: `penstock reset --yes` and `penstock up` to start anew"
        )
