"""The mode of a stack's Kafka: chosen when its data begins, read from the data ever after.

The two modes keep their data in folders of their own, so neither's servers ever open the other's. An empty folder is
none: an image has them, for the volumes that may cover them.
"""

from __future__ import annotations

from pathlib import Path

from penstock.config import Config
from penstock.errors import TerminalError
from penstock.layout import Layout
from penstock.sections.kafka import KafkaMode

KRAFT_DATA = "kafka"
ZOOKEEPER_DATA = "zookeeper"
REGISTERED_DATA = "kafka-zookeeper"
"""The log folder of the broker that is registered in ZooKeeper."""

_FOLDERS = {KafkaMode.ZOOKEEPER: (ZOOKEEPER_DATA, REGISTERED_DATA), KafkaMode.KRAFT: (KRAFT_DATA,)}


class OtherMode(TerminalError):
    """The data began in one mode of Kafka, and the other one is asked for."""

    def __init__(self, state: Path, *, existing: KafkaMode, asked: KafkaMode) -> None:
        super().__init__(
            f"nothing was started: the data in {state} began with Kafka in the mode {existing},"
            f" and {asked} is asked for (kafka.mode, or --zookeeper), which cannot open it.\n"
            f"  What to do: ask for no other mode, to go on with this data; or delete it: penstock reset --yes;"
            f" or keep it and set another 'state' in penstock.toml"
        )


def mode_of(config: Config) -> KafkaMode:
    """Return the mode of the stack's data; where there is none yet, the one that it would begin in."""
    if not config.kafka.managed:
        return KafkaMode.KRAFT  # its own affair: there is nothing of ours beside it
    return _existing(Layout.of(config)) or config.kafka.mode


def ask_for(config: Config, mode: KafkaMode) -> Config:
    """Return the configuration with this mode, as if its file said so."""
    return config.model_copy(update={"kafka": config.kafka.model_copy(update={"mode": mode})})


def refuse_other_mode(config: Config) -> None:
    """Raise OtherMode when the configuration names a mode that is not the data's; naming none is asking for none."""
    existing, asked = _existing(Layout.of(config)), config.kafka.mode
    if config.kafka.managed and existing and existing is not asked and "mode" in config.kafka.model_fields_set:
        raise OtherMode(config.state_dir, existing=existing, asked=asked)


def _existing(layout: Layout) -> KafkaMode | None:
    for mode, folders in _FOLDERS.items():
        if any(_holds_data(layout.data(folder)) for folder in folders):
            return mode
    return None


def _holds_data(folder: Path) -> bool:
    return folder.exists() and any(folder.iterdir())
