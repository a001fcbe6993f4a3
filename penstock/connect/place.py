"""Gives a sink an offset in each partition before it reads: with `auto.offset.reset=none` it takes none by itself.

Kafka's other settings go on at the beginning of what is left when records were deleted unread, and report nothing.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

from penstock.connect.api import ConnectApi, ConnectBusy, ConnectorConfig, State
from penstock.connect.apply import validate_connectors
from penstock.connect.files import ConnectorFile
from penstock.topics.admin import TopicAdmin
from penstock.topics.gaps import Gap, gaps_of_group
from penstock.wait import wait_until

_WAIT_S = 60.0
_TOPICS = "topics"
_RESET = "consumer.override.auto.offset.reset"


def group_of(sink: str) -> str:
    """Name the consumer group of a sink connector."""
    return f"connect-{sink}"


def place_sink(
    admin: TopicAdmin, api: ConnectApi, file: ConnectorFile, *, on_loss: Callable[[Sequence[Gap]], None]
) -> bool:
    """Let a sink begin at the first offset that there is, wherever it cannot go on; return whether it took up its file.

    A running one is stopped for that, and takes up the file at once: a second stop would hold up all views once more.

    :param file: how the sink is going to be.
    :param on_loss: called before, with where records may have gone that it never read.
    :raises ConnectorRejected: the file is wrong; nothing was changed.
    """
    topics = [topic.strip() for topic in file.config.get(_TOPICS, "").split(",")]
    gaps = gaps_of_group(admin, group_of(file.name), topics) if file.config.get(_RESET) == "none" else []
    if not gaps:
        return False
    if file.name in api.connectors():
        validate_connectors(api, files=[file])
    if losses := [gap for gap in gaps if gap.is_loss]:
        on_loss(losses)
    return move_sink(admin, api, file.name, {gap.place: gap.begin for gap in gaps}, config=file.config)


def move_sink(
    admin: TopicAdmin,
    api: ConnectApi,
    name: str,
    offsets: dict[tuple[str, int], int],
    *,
    config: ConnectorConfig | None = None,
) -> bool:
    """Let a sink go on at these offsets; Kafka takes them only while nobody is in the group.

    One that is found stopped goes on too: a command that was killed in here has left it so.

    :param config: that it goes on with.
    :returns: whether it was there, and took that up.
    """
    if name not in api.connectors():
        _commit(admin, name, offsets)
        return False
    go_on = api.pause if api.status(name).connector.state == State.PAUSED else api.resume
    try:
        ask(lambda: api.stop(name), what=f"Connect stops {name}")
        _commit(admin, name, offsets)
        if config is not None:
            ask(lambda: _put(api, name, config), what=f"Connect takes the configuration of {name}")
    finally:
        ask(lambda: go_on(name), what=f"Connect takes up {name} again")
    return True


def _commit(admin: TopicAdmin, name: str, offsets: dict[tuple[str, int], int]) -> None:
    group = group_of(name)
    wait_until(lambda: admin.commit(group, offsets), timeout_s=_WAIT_S, what=f"nobody is in group {group}")


def _put(api: ConnectApi, name: str, config: ConnectorConfig) -> None:
    api.put_config(name, config)


def ask(request: Callable[[], None], *, what: str) -> None:
    """Ask Connect until it takes the request: a worker that takes up a configuration is busy for a moment."""

    def taken() -> bool:
        try:
            request()
        except ConnectBusy:
            return False
        return True

    wait_until(taken, timeout_s=_WAIT_S, what=what)
