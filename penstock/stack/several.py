"""Numbers of brokers and nodes of a stack: noted when its data begins, since what they keep is spread over them."""

from __future__ import annotations

import json
from contextlib import suppress

from penstock.config import Config
from penstock.errors import TerminalError
from penstock.instances import SECTIONS
from penstock.layout import Layout
from penstock.sections.kafka import KafkaMode
from penstock.secured import Secrets
from penstock.stack.mode import KRAFT_DATA, mode_of
from penstock.whole_file import write_whole

_SETTINGS = {"kafka": "kafka.brokers", "cassandra": "cassandra.nodes"}
_DATA = {"kafka": KRAFT_DATA, "cassandra": "cassandra"}


class OtherNumber(TerminalError):
    """The data began with another number of instances."""

    def __init__(self, config: Config, kind: str, existing: int) -> None:
        super().__init__(
            f"nothing was started: the data in {config.state_dir} began with {_SETTINGS[kind]} = {existing}, and "
            f"{getattr(config, kind).count} is asked for (penstock.toml, or --profile).\n"
            f"  What to do: {_SETTINGS[kind]} = {existing}, to go on with this data; or delete it: penstock reset "
            "--yes; or keep it and set another 'state' in penstock.toml"
        )


class OneOnly(TerminalError):
    """There is one of each in a stack of this kind."""

    def __init__(self, kind: str, cure: str) -> None:
        super().__init__(f"nothing was started: {kind} runs one of each part.\n  What to do: {cure}")


def refuse_several(config: Config) -> None:
    """Make sure that this stack can have the instances that are asked for.

    :raises OneOnly: it is secured, or its Kafka is registered in ZooKeeper.
    :raises OtherNumber: its data is spread over another number of them.
    """
    if any(getattr(config, section).count > 1 for section in SECTIONS.values()) and Secrets.of(config).exist:
        raise OneOnly("a secured stack", "no --profile, and one of each in penstock.toml; or no --secure")
    if config.kafka.brokers > 1 and mode_of(config) is KafkaMode.ZOOKEEPER:
        raise OneOnly("Kafka with ZooKeeper", "kafka.brokers = 1 in penstock.toml; or no ZooKeeper")
    for kind in _SETTINGS:
        existing = _existing(config, kind)
        if existing and existing != getattr(config, kind).count:
            raise OtherNumber(config, kind, existing)


def note_numbers(config: Config) -> None:
    """Note how many of each the data is going to be spread over; one that is cut off has not started all of them."""
    numbers = {kind: getattr(config, kind).count for kind in _DATA}
    # Two containers may note the same at the same time; one then finds its new file gone.
    with suppress(FileNotFoundError):
        write_whole(Layout.of(config).numbers_file, json.dumps(numbers))


def note_number(config: Config, part: str) -> None:
    """Note it where each part starts by itself: the first of a kind sees whether there are data, and has been asked."""
    if part in _DATA:
        note_numbers(config)


def _existing(config: Config, kind: str) -> int:
    """Return the number that the data began with; 0 where there is none, or others have it."""
    layout = Layout.of(config)
    if not getattr(config, kind).managed or not any(layout.data(_DATA[kind]).glob("*")):
        return 0
    # An earlier version had one of each, and noted nothing.
    noted: dict[str, int] = json.loads(layout.numbers_file.read_text()) if layout.numbers_file.exists() else {}
    return noted.get(kind, 1)
