"""`penstock topics …`: the wiring and the printing over `penstock.topics`."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from dataclasses import asdict
from datetime import timedelta
from enum import StrEnum
from itertools import islice
from typing import Annotated

import typer

from penstock.cli.table import make_table, print_table
from penstock.config import load_config
from penstock.console.plain import plain
from penstock.errors import TerminalError
from penstock.project.connector_lists import listed_topics
from penstock.project.folders import sources_of
from penstock.registry.client import RegistryClient
from penstock.registry.decode import AvroDecoder, Decoded
from penstock.topics.admin import TopicAdmin, TopicState
from penstock.topics.declare import topics_beside
from penstock.topics.tail import Record, TopicReader

group = typer.Typer(
    help="Look at the Kafka topics.\n\nExample: `penstock topics tail views.users_by_id -n 1`", no_args_is_help=True
)

_DEFAULT_COUNT = 10
_BROKER_TOPICS = ("__consumer_offsets", "__transaction_state", "__share_group_state")


class NotDeadLetters(TerminalError):
    """The records of another topic are not anybody's to delete: views, aggregates and the sink go by their offsets."""

    def __init__(self, topic: str, known: Sequence[str]) -> None:
        super().__init__(f"{topic} holds no dead letters, and no other topic can be cleared; name {' or '.join(known)}")


class Start(StrEnum):
    """Where to begin reading."""

    BEGINNING = "beginning"
    END = "end"


def register(app: typer.Typer) -> None:
    """Add `topics` to the root application."""
    app.add_typer(group, name="topics")


@group.command("list")
def list_topics(as_json: Annotated[bool, typer.Option("--json", help="Print JSON.")] = False) -> None:
    """Show every topic with its partitions, records (transaction markers counted) and settings.

    Example: `penstock topics list --json`
    """
    config = load_config()
    declared = {topic.name for topic in topics_beside(config, listed_topics(config), sources=sources_of(config))}
    states = _read_states(TopicAdmin(config.kafka.bootstrap))
    if as_json:
        print(json.dumps([{**asdict(state), "declared": state.name in declared} for state in states], indent=2))
        return
    table = make_table(
        "topic",
        "partitions",
        "records",
        "cleanup",
        "retention",
        "declared",
    )
    for state in states:
        retention = _retention(state.settings.get("retention.ms", ""))
        known = "yes" if state.name in declared else "no"
        policy = state.settings.get("cleanup.policy", "")
        records = "no leader" if state.records is None else str(state.records)
        table.add_row(state.name, str(state.partitions), records, policy, retention, known)
    print_table(table)


@group.command("tail")
def tail(
    topic: Annotated[str, typer.Argument(help="The topic, for example views.users_by_id.")],
    start: Annotated[Start, typer.Option("--from", help="Where to begin.")] = Start.END,
    count: Annotated[int | None, typer.Option("-n", min=1, help="Exit after this many records.")] = None,
    follow: Annotated[bool, typer.Option("--follow", "-f", help="Go on with each new record.")] = False,
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON object a line.")] = False,
) -> None:
    """Print records, decoded by the registry, with their headers; committed ones only.

    From the end: the newest 10 (or -n); with --follow: those that come from now on. A record that cannot be decoded is
    shown as hex with the reason.

    Example: `penstock topics tail app.public.users --from beginning -n 1`
    """
    config = load_config()
    try:
        with RegistryClient(config.registry.url) as registry:
            reader = TopicReader(config.kafka.bootstrap, AvroDecoder(registry), group=config.names.group("tail"))
            for record in _records(reader, topic, start=start, count=count, follow=follow):
                _print_record(record, as_json=as_json)
    except KeyboardInterrupt:
        # Ctrl-C is how following ends; that is no failure.
        if not follow:
            raise


@group.command("clear")
def clear(
    topic: Annotated[str, typer.Argument(help="A topic of dead letters, for example dead-letters.views.")],
    yes: Annotated[bool, typer.Option("--yes", help="Delete without asking.")] = False,
) -> None:
    """Delete the dead letters of a topic: what caused them is mended, or as it should be.

    No view needs them. `penstock verify` counts the rows that have none of their own without them too.

    Example: `penstock topics clear dead-letters.views`
    """
    config = load_config()
    if topic not in config.names.dead_letter_topics:
        raise NotDeadLetters(topic, config.names.dead_letter_topics)
    admin = TopicAdmin(config.kafka.bootstrap)
    partitions, _ = admin.topics().get(topic, (0, 0))
    count = admin.records({topic: partitions})[topic]
    if count and not yes:
        typer.confirm(f"Delete the {count:,} records of {topic}?", abort=True)
    admin.clear([topic])
    print(f"{topic}: {count:,} records deleted")


def _records(reader: TopicReader, topic: str, *, start: Start, count: int | None, follow: bool) -> Iterator[Record]:
    if start is Start.BEGINNING:
        return islice(reader.from_beginning(topic, follow=follow), count)
    if follow:
        return islice(reader.from_end(topic), count)
    return reader.last(topic, count=count or _DEFAULT_COUNT)


def _read_states(admin: TopicAdmin) -> list[TopicState]:
    found = {name: shape for name, shape in sorted(admin.topics().items()) if name not in _BROKER_TOPICS}
    settings = admin.settings(found)
    records = admin.records({name: partitions for name, (partitions, _) in found.items()})
    return [TopicState(name, *shape, records.get(name), settings[name]) for name, shape in found.items()]


def _retention(milliseconds: str) -> str:
    """Write a retention for people: without one, or with the longest that Kafka takes, records stay for ever."""
    try:
        kept = timedelta(milliseconds=int(milliseconds or -1))
    except OverflowError:
        return "for ever"
    return "for ever" if kept < timedelta(0) else str(kept).removesuffix(", 0:00:00")


def _print_record(record: Record, *, as_json: bool) -> None:
    as_dict = {
        "topic": record.topic,
        "partition": record.partition,
        "offset": record.offset,
        "timestamp": record.timestamp.isoformat(timespec="milliseconds"),
        "headers": record.headers,
        "key": plain(record.key.value),
        "value": plain(record.value.value),
        "problems": _problems(record),
    }
    # flush: somebody may pipe this into `head` or `jq` while it goes on
    print(json.dumps(as_dict, ensure_ascii=False) if as_json else _describe(record), flush=True)


def _describe(record: Record) -> str:
    headers = " ".join(f"{name}={value}" for name, value in record.headers.items())
    when = record.timestamp.isoformat(timespec="milliseconds")
    return "\n".join(
        (
            f"{record.topic}[{record.partition}]@{record.offset}  {when}",
            f"  headers  {headers or 'none'}",
            f"  key      {_one_line(record.key)}",
            f"  value    {_one_line(record.value)}",
        )
    )


def _one_line(decoded: Decoded) -> str:
    if decoded.problem:
        return f"({decoded.problem}) {decoded.value}"
    return json.dumps(plain(decoded.value), ensure_ascii=False)


def _problems(record: Record) -> dict[str, str]:
    parts = {"key": record.key.problem, "value": record.value.problem}
    return {part: problem for part, problem in parts.items() if problem}
