"""Looks for one row in Postgres, the change topic, a view's topic and its table in Cassandra.

Positions say what is where, not guesses. A row of Postgres carries the transaction that wrote it last (xmin), and a
change carries its transaction. A view's record and row carry the version of the change (docs/contracts.md, Version).
Sometimes only the values show it. A row that was written inside a savepoint carries another id, and a row that a fill
read has no change.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from cassandra import DriverException
from cassandra.cluster import NoHostAvailable

from penstock.cassandra.table import ViewTable
from penstock.connect.secrets import HIDDEN
from penstock.console.hub import Hub
from penstock.console.moment.progress import offset_of
from penstock.console.plain import plain
from penstock.console.records.lookup import Trace, Wanted, find_newest
from penstock.console.records.messages import open_small_consumer
from penstock.console.records.records import RecordView
from penstock.console.records.same import is_same
from penstock.console.safety.mask import Mask
from penstock.console.service.source_row import SourceRow
from penstock.contract import AGGREGATE, EPOCH, HISTORY, OFFSETS_PER_GENERATION, ROW
from penstock.errors import PenstockError, first_line
from penstock.keys.values import as_cql
from penstock.names import column_name, postgres_name
from penstock.project.declared import DeclaredView
from penstock.project.held import Held

_VIEW_BUDGET_S = 2.0
BY_NAME = Held(others_by_name=True)
"""What the records of a change topic hold."""

_HOLDS_THE_SAME = "holds what Postgres holds"


@dataclass(frozen=True)
class Store:
    """One store and what it holds of the row.

    :param state: `same` = it has the newest change, `behind`, `missing`, `gone` = deleted as it should be, `unknown`,
        `away`.
    :param position: where in the store, for people.
    :param differs: columns whose value is not that of Postgres.
    """

    kind: str
    name: str
    state: str
    note: str
    at_ms: int | None = None
    position: str = ""
    value: Mapping[str, Any] | None = None
    differs: tuple[str, ...] = ()
    link: str | None = None


@dataclass(frozen=True)
class Compared:
    """What the other stores are compared with."""

    row: dict[str, Any] | None
    changes: Trace
    types: Mapping[str, str]

    def differing(self, value: Mapping[str, Any] | None, held: Held = BY_NAME) -> tuple[str, ...]:
        """Name the columns whose value is not that of Postgres.

        :param held: which column of the table each one holds.
        """
        if value is None or self.row is None:
            return ()
        columns = {name: held.by(name) for name in value}
        return tuple(
            postgres_name(name)
            for name, column in columns.items()
            if column in self.row and not is_same(self.row[column], value[name], self.types.get(column, ""))
        )


def postgres_store(source: SourceRow, raw: Compared) -> Store:
    """Say what Postgres holds of the row."""
    if source.problem:
        return Store("postgres", "Postgres", "away", source.problem)
    if source.value is None:
        deleted = raw.changes.newest is not None and raw.changes.newest.op == "d"
        return Store("postgres", "Postgres", "gone" if deleted else "missing", "deleted" if deleted else "no such row")
    return Store("postgres", "Postgres", "same", "the source", None, f"transaction {source.transaction}", source.value)


def change_store(topic: str, source: SourceRow, changes: Trace | str, raw: Compared) -> Store:
    """Say what the change topic holds of the row."""
    if isinstance(changes, str):
        return Store("change", topic, "away", changes)
    newest = changes.newest
    if newest is None:
        looked = (
            "in the whole topic"
            if changes.is_whole
            else f"among the newest {changes.looked_at:,} of {changes.of:,} offsets"
        )
        state = "unknown" if not changes.is_whole else "missing" if source.value is not None else "gone"
        return Store("change", topic, state, f"no change of it {looked}")
    value = newest.after if isinstance(newest.after, dict) else None
    differs = raw.differing(value)
    state, note = _is_newest(source, newest, holds_the_same=value is not None and not differs)
    place = f"partition {newest.partition} @ {newest.offset:,} · op {newest.op} · schema {newest.value_schema}"
    link = f"/topics/{topic}?from=offset:{newest.offset}&partition={newest.partition}"
    return Store("change", topic, state, note, newest.timestamp_ms, place, value, differs, link)


def _is_newest(source: SourceRow, newest: RecordView, *, holds_the_same: bool) -> tuple[str, str]:
    transaction = str((newest.source or {}).get("txId"))
    if source.problem:
        return "unknown", "Postgres is away: nobody knows whether this is the newest change"
    if source.value is None:
        return ("gone", "its deletion") if newest.op == "d" else ("behind", "its deletion is not here yet")
    if newest.op == "d":
        return "behind", "deleted here, but the row was written again"
    # A snapshot reads rows in a transaction of its own; then the values must show it.
    if source.transaction == transaction or newest.op == "r":
        return "same", "the newest change" if newest.op != "r" else "read by a snapshot"
    # A row that was written inside a savepoint carries the id of a subtransaction, whose parent Postgres soon forgets.
    if holds_the_same:
        return "same", _HOLDS_THE_SAME
    return "behind", f"transaction {source.transaction} is not here yet; this is {transaction}"


def key_columns(held: Held, names: Iterable[str], source: SourceRow) -> dict[str, str] | None:
    """Say which of these columns hold the primary key, each with its column of the table.

    :returns: None where nobody knows that of a column of the primary key.
    """
    columns = {name: column for name in names if (column := held.by(name)) is not None and column in source.key}
    return columns if set(columns.values()) == set(source.key) else None


def trace_in(
    hub: Hub,
    topic: str,
    source: SourceRow,
    *,
    count: int,
    budget_s: float,
    columns: Mapping[str, str] | None = None,
) -> Trace | str:
    """Find the newest records of a key, or say why not.

    :param columns: those of the records' key that hold the primary key (`key_columns`); without it by their names.
    """
    kafka = hub.now.snapshot.kafka
    if kafka.now is None:
        return kafka.trouble or "Kafka is away"
    try:
        state = hub.kafka.topics().topics.get(topic)
        if state is None:
            return f"there is no topic {topic}"
        columns = columns or {column_name(name): name for name in source.key}
        key = {name: source.key[column] for name, column in columns.items()}
        types = {name: source.types.get(column, "") for name, column in columns.items()}
        wanted = Wanted(key, lambda data: hub.decoder.decode(data).value, types)
        consumer = open_small_consumer(hub.config.kafka.bootstrap, hub.config.names.group("console"))
        return find_newest(consumer, hub.reader, state, wanted, count=count, budget_s=budget_s)
    except PenstockError as exc:
        return str(exc)


def view_stores(
    hub: Hub, view: DeclaredView, source: SourceRow, raw: Compared, records: list[RecordView]
) -> Iterator[Store]:
    """Yield what the topic and the table of a view hold of the row, and add the newest view record to `records`."""
    if view.kind == AGGREGATE:
        yield _cassandra_store(hub, view, raw, lambda row: _aggregate_state(row, raw))
        return
    columns, trace = key_columns(view.held, view.key, source), Trace()
    if columns is None:
        yield Store("view", view.topic, "unknown", f"nobody knows which columns of it hold the key of {view.table}")
    else:
        found = trace_in(hub, view.topic, source, count=1, budget_s=_VIEW_BUDGET_S, columns=columns)
        trace = found if isinstance(found, Trace) else trace
        store = _view_topic_store(view, found, raw)
        # A record of an earlier epoch may have the offset of the newest change, and says nothing of it.
        records += trace.records if store.state in {"same", "gone"} else ()
        yield store
    yield _cassandra_store(hub, view, raw, lambda row: _row_state(row, view, raw, trace))


def _view_topic_store(view: DeclaredView, trace: Trace | str, raw: Compared) -> Store:
    if isinstance(trace, str):
        return Store("view", view.topic, "away", trace)
    record = trace.newest
    if record is None:
        looked = (
            "in the whole topic" if trace.is_whole else f"among the newest {trace.looked_at:,} of {trace.of:,} offsets"
        )
        return Store(
            "view",
            view.topic,
            "missing" if trace.is_whole and raw.changes.newest else "unknown",
            f"no record of it {looked}",
        )
    value = record.value if isinstance(record.value, dict) else None
    is_row = view.kind == ROW
    state, note = _compare(record.version, value if is_row else None, raw, view)
    if value is None and is_row:
        state, note = ("gone", "its deletion") if state == "same" else (state, note)
    place = f"partition {record.partition} @ {record.offset:,} · version {record.version}"
    link = f"/topics/{view.topic}?from=offset:{record.offset}&partition={record.partition}"
    differs = raw.differing(value, view.held) if is_row else ()
    return Store("view", view.topic, state, note, record.timestamp_ms, place, value, differs, link)


def offset_in(version: Any) -> int | None:
    """Return the offset of the change that a version stands for; None for what is no version."""
    return offset_of(int(version)) if version is not None and str(version).isdigit() else None


def _compare(version: Any, value: Mapping[str, Any] | None, raw: Compared, view: DeclaredView) -> tuple[str, str]:
    """Say which change a row of a view stands for.

    :param value: what the row holds of the source's columns; None of a deletion and of a history's entry.
    """
    offset, change = offset_in(version), raw.changes.newest
    if change is None and value is not None and raw.row is not None:
        differs = raw.differing(value, view.held)
        return ("behind", f"holds other values of {', '.join(differs)}") if differs else ("same", _HOLDS_THE_SAME)
    if offset is None or change is None or not change.headers.get(EPOCH, "").isdigit():  # a mask may hide it
        return "unknown", "nobody knows which change this stands for"
    if _stands_for(version, change, view, any_revision=value is None):
        return "same", "stands for the newest change"
    place = f"the change at offset {offset:,}" if offset < change.offset else "a change of an earlier epoch or revision"
    return "behind", f"stands for {place}; the newest is at {change.offset:,}"


def _stands_for(version: Any, change: RecordView, view: DeclaredView, *, any_revision: bool) -> bool:
    """Return whether a version is that of a change, or of a later one.

    :param any_revision: whether an earlier one of the view counts: a higher one writes no deletion and no entry again.
    """
    epoch = int(change.headers[EPOCH])
    if int(version) >= (epoch + view.revision - 1) * OFFSETS_PER_GENERATION + change.offset:
        return True
    is_of_epoch = int(version) >= epoch * OFFSETS_PER_GENERATION
    return any_revision and is_of_epoch and offset_of(int(version)) >= change.offset


def _cassandra_store(
    hub: Hub, view: DeclaredView, raw: Compared, state_of: Callable[[dict[str, Any] | None], tuple[str, str]]
) -> Store:
    name = f"{hub.config.names.keyspace}.{view.name}"
    reading = hub.now.snapshot.cassandra
    if reading.now is None:
        return Store("cassandra", name, "away", reading.trouble or "away")
    try:
        key = _view_key(view, reading.now.tables.get(view.name, {}), raw)
        row = _read_cassandra(hub, view, key) if key is not None else None
    except (PenstockError, DriverException, NoHostAvailable, ValueError) as exc:
        return Store("cassandra", name, "away", first_line(exc))
    if key is None:
        return Store("cassandra", name, "unknown", f"its key ({', '.join(view.key)}) is not known from row or change")
    state, note = state_of(row)
    place = _place(hub.mask, key, row or {})
    # The version is no value of the source, which may have a column of that name.
    held = None if row is None else {column: value for column, value in row.items() if column != "row_version"}
    differs = raw.differing(held, view.held) if view.kind == ROW else ()
    return Store("cassandra", name, state, note, None, place, row, differs)


def _place(mask: Mask, key: Mapping[str, Any], row: Mapping[str, Any]) -> str:
    """Say where a row is, without the masked values of its key."""
    shown = {column: HIDDEN if mask.hides(column) else plain(value) for column, value in key.items()}
    place = ", ".join(f"{column} = {value}" for column, value in shown.items())
    return place if row.get("row_version") is None else f"{place} · version {row['row_version']}"


def _view_key(view: DeclaredView, types: Mapping[str, str], raw: Compared) -> dict[str, Any] | None:
    """Take the view's key from the row in Postgres, or from the newest change when there is none."""
    change = raw.changes.newest
    found = raw.row or (change and (change.after or change.before)) or {}
    known = {name if raw.row else postgres_name(name): value for name, value in found.items()}
    columns = {name: view.held.by(name) for name in view.key}
    if not all(name in types and column in known for name, column in columns.items()):
        return None
    return {
        name: as_cql(types[name], known[column], raw.types.get(column, ""))
        for name, column in columns.items()
        if column is not None
    }


def _read_cassandra(hub: Hub, view: DeclaredView, key: dict[str, Any]) -> dict[str, Any] | None:
    table = ViewTable(hub.cassandra.session, keyspace=hub.config.names.keyspace, name=view.name)
    # A history is a partition of entries, newest first; anything else is one row.
    rows = table.pick_partitions([key]) if view.kind == HISTORY else table.pick([key])
    row = next(iter(rows), None)
    return None if row is None else {name: plain(value) for name, value in row.items()}


def _row_state(row: dict[str, Any] | None, view: DeclaredView, raw: Compared, trace: Trace) -> tuple[str, str]:
    change = raw.changes.newest
    if row is None:
        if change is None:
            return "unknown", "no row"
        record = trace.newest
        left = record is not None and record.value is None and _compare(record.version, None, raw, view)[0] == "same"
        if change.op == "d" or left:
            return "gone", "no row, as it should be"
        return "missing", "no row yet"
    held = {column: value for column, value in row.items() if column != "row_version"}
    state, note = _compare(row.get("row_version"), held if view.kind == ROW else None, raw, view)
    if change is not None and change.op == "d" and row.get("op") is None:
        return "behind", "still there: the deletion has not arrived"
    return state, note


def _aggregate_state(row: dict[str, Any] | None, raw: Compared) -> tuple[str, str]:
    if row is None:
        return ("missing" if raw.row else "unknown"), "its group has no row"
    return "unknown", "the figures of its group; `verify` shows whether they are right"
