"""What the pipeline's boxes, readers, events and alerts say of a snapshot."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from penstock.clone import ROOT
from penstock.connect.files import ConnectorFile
from penstock.console.look.declared import Declared
from penstock.console.look.ends import End
from penstock.console.look.kafka import GroupState
from penstock.console.look.postgres import PostgresState, SourceTable
from penstock.console.look.registry import Subject
from penstock.console.look.snapshot import Snapshot
from penstock.console.moment import alerts
from penstock.console.moment.alerts import AlertRulesInvalid, Rule, Rules, judge, read_rules
from penstock.console.moment.events import differences
from penstock.console.moment.map import Flow, Health, build_flow
from penstock.console.moment.progress import readers
from penstock.console.plain import duration
from penstock.installation import Names
from tests.names import HEARTBEAT_TOPIC
from tests.unit.console import made


def flow_of(snapshot: Snapshot) -> Flow:
    return build_flow(snapshot, lambda _: 1.0)


def health(flow: Flow) -> dict[str, Health]:
    return {box.key: box.health for box in flow.boxes}


def test_a_pipeline_at_rest_is_green_and_zero_seconds_behind() -> None:
    flow = flow_of(made.snapshot())
    assert set(health(flow).values()) == {Health.OK}
    assert flow.freshness_s == 0.0


@pytest.mark.parametrize(
    ("system", "boxes"),
    [
        ("connect", {"debezium", "sink"}),
        ("kafka", {"changes", "views"}),
        ("postgres", {"postgres"}),
        ("spark", {"spark"}),
        ("cassandra", {"cassandra"}),
        ("airflow", {"airflow"}),
        ("api", {"api"}),
    ],
)
def test_a_system_that_is_away_makes_its_boxes_red_with_the_reason(system: str, boxes: set[str]) -> None:
    flow = flow_of(made.without(system, "it is away"))
    red = {box.key: box.problem for box in flow.boxes if box.health is Health.DOWN}
    assert red == dict.fromkeys(boxes, "it is away")


@pytest.mark.parametrize("system", ["postgres", "connect", "kafka", "groups", "spark"])
def test_nobody_claims_freshness_while_a_system_on_the_way_is_away(system: str) -> None:
    assert flow_of(made.without(system)).freshness_s is None


def test_sparks_position_is_that_of_its_newest_record_not_of_its_last_commit() -> None:
    # Committed: 2. The view's newest record stands for the change at offset 6, so 7, 8 and 9 wait; 10 is a marker.
    (query,) = [reader for reader in readers(made.snapshot(view_version=6)) if reader.kind == "Spark query"]
    (lag,) = query.lags
    assert (lag.position, lag.behind) == (7, 3)
    assert lag.seconds == pytest.approx(20 - 7)


def test_the_marker_of_a_transaction_is_no_lag() -> None:
    (query,) = [reader for reader in readers(made.snapshot(view_version=9)) if reader.kind == "Spark query"]
    assert (query.behind, query.seconds) == (0, 0.0)


def unshown(age_s: float, *, written_s: float = 13.0) -> Snapshot:
    """Three changes wait, the oldest for `age_s`; `written_s` ago the query wrote its newest record."""
    snapshot = made.snapshot(view_version=6)
    kafka, later = snapshot.kafka.seen, made.NOW + age_s - 13
    view = kafka.ends[made.VIEW, 0]
    assert view.newest
    view = replace(view, newest=replace(view.newest, at=later - written_s))
    heartbeat = End(1, replace(made.newest(1), at=later), ())
    ends = {**kafka.ends, (made.VIEW, 0): view, (HEARTBEAT_TOPIC, 0): heartbeat}
    return replace(snapshot, at=later, kafka=made.reading(replace(kafka, ends=ends)))


@pytest.mark.parametrize("age_s", [13, 200, 299])
def test_changes_that_no_view_shows_alarm_nobody_until_the_next_commit(age_s: float) -> None:
    snapshot = unshown(age_s, written_s=age_s)
    flow = flow_of(snapshot)
    assert flow.freshness_s == pytest.approx(age_s)
    assert flow.late_s == 0.0
    assert flow.why == "waits for views, or only for its next commit"
    assert (health(flow)["spark"], firing(snapshot)) == (Health.OK, [])


def test_a_query_that_commits_nothing_in_time_is_late() -> None:
    snapshot = unshown(345, written_s=345)
    flow = flow_of(snapshot)
    assert flow.late_s == pytest.approx(45)
    assert (health(flow)["spark"], firing(snapshot)) == (Health.WARN, ["Cassandra is behind"])


def test_a_query_that_writes_what_waited_long_is_late_at_once() -> None:
    snapshot = unshown(60, written_s=1)
    flow = flow_of(snapshot)
    assert flow.late_s == pytest.approx(59)
    assert (health(flow)["spark"], firing(snapshot)) == (Health.WARN, ["Cassandra is behind"])


def test_without_versions_the_offset_log_tells_sparks_position() -> None:
    snapshot = made.snapshot()
    kafka = snapshot.kafka.seen
    ends = {made.CHANGES: kafka.ends[made.CHANGES, 0]}
    silent = replace(kafka, ends={(name, 0): end for name, end in ends.items()})
    (query,) = [r for r in readers(replace(snapshot, kafka=made.reading(silent))) if r.kind == "Spark query"]
    assert (query.lags[0].position, query.behind) == (2, 8)


def test_a_sink_that_is_behind_makes_cassandra_behind() -> None:
    flow = flow_of(made.snapshot(sink_at=3))
    assert flow.freshness_s == pytest.approx(9 - 3)
    assert flow.why == f"waits for {made.SINK}"


def test_a_group_of_somebody_else_does_not() -> None:
    other = {"somebody": GroupState("somebody", "EMPTY", (), {(made.VIEW, 0): 0})}
    assert flow_of(made.snapshot(groups=made.reading(other))).freshness_s == 0.0


def with_strangers(**fields: Any) -> Snapshot:
    """Add a failed sink of others, far behind on our changes, and a group of others, far behind on their topic."""
    connect, kafka, groups = (getattr(made.snapshot(), name).seen for name in ("connect", "kafka", "groups"))
    archive = made.connector("archive", state="FAILED", reason="AccessDenied")
    theirs = [
        GroupState(archive.group, "EMPTY", (), {(made.CHANGES, 0): 0}),
        GroupState("etl", "EMPTY", (), {("t", 0): 0}),
    ]
    topics = {**kafka.cluster.topics, "t": made.topic("t", 9_000_000)}
    return made.snapshot(
        connect=made.reading({"archive": archive, **connect}),
        kafka=made.reading(replace(kafka, cluster=replace(kafka.cluster, topics=topics))),
        groups=made.reading({**groups, **{each.name: each for each in theirs}}),
        **fields,
    )


def firing(snapshot: Snapshot) -> list[str]:
    """Name the alerts that fire when it stays so."""
    standing, _ = judge(alerts.start(alerts.DEFAULTS), snapshot, flow_of(snapshot))
    standing, _ = judge(standing, replace(snapshot, at=snapshot.at + 60), flow_of(snapshot))
    return [alert.rule.name for alert in alerts.firing(standing)]


def test_connectors_and_groups_of_others_are_not_ours() -> None:
    snapshot = with_strangers(shares_connect=True)
    flow = flow_of(snapshot)
    assert (set(health(flow).values()), flow.freshness_s, firing(snapshot)) == ({Health.OK}, 0.0, [])


def test_a_connector_beside_the_pipeline_fires_where_connect_is_ours_and_no_box_is_red() -> None:
    snapshot = with_strangers()
    assert set(health(flow_of(snapshot)).values()) == {Health.OK}
    assert firing(snapshot) == ["A connector failed"]


def test_a_declared_connector_is_ours_in_a_connect_of_others() -> None:
    declared = Declared((made.view(),), (ConnectorFile("archive", {}),))
    assert firing(with_strangers(shares_connect=True, declared=made.reading(declared))) == ["A connector failed"]


def test_a_source_without_its_connector_is_red() -> None:
    snapshot = replace(made.snapshot(), sources=(Names(), Names(source="billing")))
    (box,) = [box for box in flow_of(snapshot).boxes if box.key == "debezium"]
    assert box.problem == "there is no connector billing-postgres-source; `penstock up` applies it"


def with_billing(trouble: str | None) -> Snapshot:
    """Add a source database of another server, which was seen and may be away now."""
    billing, tables = Names(source="billing"), (SourceTable("public.invoices", 1, 1, 1, ("id",)),)
    theirs = made.reading(PostgresState("18", "0/1", 1, (made.slot(name=billing.slot),), tables))
    both = made.snapshot().postgres.seen.beside("billing", replace(theirs, problem=trouble))
    connectors = [made.connector(), *(made.connector(each.source_connector, "source") for each in (Names(), billing))]
    connect = made.reading({each.name: each for each in connectors})
    return made.snapshot(postgres=made.reading(both), connect=connect, sources=(Names(), billing))


def test_a_further_source_that_is_away_keeps_its_tables_and_nobody_knows_how_far_cassandra_is() -> None:
    assert flow_of(with_billing(None)).freshness_s == 0.0
    snapshot = with_billing("connection refused")
    flow = flow_of(snapshot)
    assert (flow.freshness_s, flow.why) == (None, "source billing: connection refused")
    assert [(box.key, box.problem) for box in flow.boxes if box.health is Health.DOWN] == [
        ("postgres", "source billing: connection refused")
    ]
    assert snapshot.source_key("billing:public.invoices") == ("id",)
    assert snapshot.away == {"Postgres of billing": "connection refused"}
    assert [table.name for table in snapshot.postgres.seen.tables_now] == ["public.users"]


def with_lost(snapshot: Snapshot, topic: str) -> Snapshot:
    """Take the leader from a topic's partition."""
    kafka = snapshot.kafka.seen
    (partition,) = made.topic(topic, 5).partitions
    lost = replace(made.topic(topic, 5), partitions=(replace(partition, leader=-1),))
    topics = {**kafka.cluster.topics, topic: lost}
    return replace(snapshot, kafka=made.reading(replace(kafka, cluster=replace(kafka.cluster, topics=topics))))


def test_a_partition_of_ours_without_a_leader_is_red_and_nobody_knows_how_far_cassandra_is() -> None:
    flow = flow_of(with_lost(made.snapshot(), made.VIEW))
    (box,) = [box for box in flow.boxes if box.health is Health.DOWN]
    assert (box.key, box.problem) == ("views", f"no leader: {made.VIEW}/0; bring back its broker")
    assert (flow.freshness_s, flow.why) == (None, f"Kafka: {made.VIEW}/0 has no leader")


def test_a_partition_of_others_without_a_leader_is_a_warning() -> None:
    flow = flow_of(with_lost(made.snapshot(), "theirs"))
    assert health(flow)["changes"] is Health.WARN
    assert flow.freshness_s == 0.0


def test_a_paused_view_does_not_make_cassandra_behind() -> None:
    views = Declared((made.view(paused=True),))
    flow = flow_of(made.snapshot(sink_at=0, declared=made.reading(views)))
    assert flow.freshness_s == 0.0
    assert sum(reader.behind for reader in flow.readers) == 0


def test_another_group_that_reads_a_paused_view_is_behind_as_ever() -> None:
    views, other = Declared((made.view(paused=True),)), GroupState("other", "STABLE", ("m",), {(made.VIEW, 0): 3})
    found = readers(made.snapshot(declared=made.reading(views), groups=made.reading({"other": other})))
    assert [reader.behind for reader in found if reader.name == "other"] == [2]


def test_a_slot_that_nobody_reads_warns_and_ages() -> None:
    idle = PostgresState("18", "0/1", 1, (made.slot(active=False, inactive_since=made.NOW - 90),), ())
    flow = flow_of(made.snapshot(postgres=made.reading(idle)))
    assert health(flow)["postgres"] is Health.WARN
    assert flow.freshness_s == pytest.approx(90)


def test_a_running_source_that_writes_nothing_is_red_and_cassandra_behind() -> None:
    snapshot = made.snapshot()
    heartbeat = End(1, replace(made.newest(1), at=made.NOW - 95), ())
    kafka = replace(snapshot.kafka.seen, ends={(HEARTBEAT_TOPIC, 0): heartbeat})
    flow = flow_of(replace(snapshot, kafka=made.reading(kafka)))
    (box,) = [box for box in flow.boxes if box.key == "debezium"]
    assert (box.health, box.headline) == (Health.DOWN, "RUNNING")
    assert box.problem == "it has written nothing for 1 min 35 s, not even a heartbeat: it has stalled"
    assert flow.freshness_s == pytest.approx(95)
    assert flow.why == "waits for the source connector, which writes nothing"


def test_a_source_whose_rows_come_needs_no_heartbeat() -> None:
    snapshot = made.snapshot()
    old = End(1, replace(made.newest(1), at=made.NOW - 95), ())
    kafka = replace(snapshot.kafka.seen, ends={**snapshot.kafka.seen.ends, (HEARTBEAT_TOPIC, 0): old})
    flow = flow_of(replace(snapshot, kafka=made.reading(kafka)))
    assert (health(flow)["debezium"], flow.freshness_s) == (Health.OK, 0.0)


def test_a_source_that_writes_nothing_stands_still_whatever_another_writes() -> None:
    billing = Names(source="billing")
    snapshot = made.snapshot()
    old = End(1, replace(made.newest(1), at=made.NOW - 95), ())
    kafka = replace(snapshot.kafka.seen, ends={**snapshot.kafka.seen.ends, (billing.heartbeat_topic, 0): old})
    source = made.connector(billing.source_connector, "source")
    sources = PostgresState("18", "0/1", 1, (made.slot(), made.slot(name=billing.slot)), ())
    snapshot = replace(snapshot, connect=made.reading({**snapshot.connect.seen, source.name: source}))
    flow = flow_of(
        replace(snapshot, kafka=made.reading(kafka), postgres=made.reading(sources), sources=(snapshot.names, billing))
    )
    (box,) = [box for box in flow.boxes if box.key == "debezium"]
    assert box.problem is not None
    assert box.problem.startswith("billing-postgres-source has written nothing for 1 min 35 s")
    assert flow.why == "waits for connector billing-postgres-source, which writes nothing"


def test_a_failed_task_is_red_with_its_reason_and_what_the_watcher_does() -> None:
    failed = made.connector(state="FAILED", reason="no such column", watched="restarted once, next try in 2 s")
    flow = flow_of(made.snapshot(connect=made.reading({failed.name: failed})))
    (box,) = [box for box in flow.boxes if box.key == "sink"]
    assert (box.health, box.headline) == (Health.DOWN, "FAILED")
    assert box.problem == "no such column; restarted once, next try in 2 s"


def test_events_tell_what_went_and_what_came_back() -> None:
    well, ill = made.snapshot(), made.snapshot(spark=replace(made.away("gone"), value=None, at=made.NOW))
    moments = [(each, flow_of(each)) for each in (well, ill, well)]
    assert [(e.level, e.text) for e in differences(moments[0], moments[1])] == [("down", "Spark: gone")]
    assert [(e.level, e.text) for e in differences(moments[1], moments[2])] == [("ok", "Spark is well again")]


def test_a_connector_that_changes_its_state_is_an_event() -> None:
    before = made.snapshot()
    sink = made.connector(state="FAILED", reason="why")
    now = made.snapshot(connect=made.reading({sink.name: sink}))
    texts = [event.text for event in differences((before, flow_of(before)), (now, flow_of(now)))]
    assert f"connector {sink.name}: RUNNING → FAILED: why" in texts


def test_an_event_links_to_what_it_names_whatever_the_name() -> None:
    before, now = (made.snapshot(registry=made.reading(subjects)) for subjects in ({}, {"a?b": Subject("a?b", (1,))}))
    assert [event.page for event in differences((before, flow_of(before)), (now, flow_of(now)))] == ["/schemas/a%3Fb"]


def test_an_alert_fires_only_after_its_time_and_ends_at_once() -> None:
    standing = alerts.start(Rules(rule=(Rule(name="late", what="freshness_s", above=1, for_s=10),)))
    late, well = made.snapshot(sink_at=0), made.snapshot()
    standing, changes = judge(standing, late, flow_of(late))
    assert not changes
    later = replace(late, at=late.at + 10)
    standing, changes = judge(standing, later, flow_of(late))
    assert [change.firing for change in changes] == [True]
    standing, changes = judge(standing, well, flow_of(well))
    assert [change.firing for change in changes] == [False]


def test_an_alert_that_cannot_be_judged_keeps_its_state() -> None:
    standing = alerts.start(Rules(rule=(Rule(name="late", what="freshness_s", above=1),)))
    late, blind = made.snapshot(sink_at=0), made.snapshot(spark=made.away())
    standing, _ = judge(standing, late, flow_of(late))
    standing, changes = judge(standing, blind, flow_of(blind))
    assert standing["late"].is_firing and not changes


def test_the_example_of_the_rules_is_what_holds_without_a_file() -> None:
    assert read_rules(ROOT / "alerts.toml.example") == alerts.DEFAULTS
    assert read_rules(ROOT / "no-such-file") == alerts.DEFAULTS


def test_a_wrong_rule_is_one_clear_message(tmp_path: Path) -> None:
    file = tmp_path / "alerts.toml"
    file.write_text('[[rule]]\nname = "x"\nwhat = "weather"\n')
    with pytest.raises(AlertRulesInvalid, match=r"rule\.0\.what"):
        read_rules(file)


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ('[[rule]]\nname = "a"\nwhat = "wal_mb"\n' * 2, "two rules have the name a"),
        ('webhook = "hooks.example.com/x"\n', "webhook: "),
        ("# größer\n".encode("latin-1"), "not valid TOML"),
        (None, "cannot be read: Is a directory"),
    ],
)
def test_rules_that_would_lose_an_alert_are_refused(tmp_path: Path, text: str | bytes | None, says: str) -> None:
    file = tmp_path / "alerts.toml"
    if text is None:
        file.mkdir()
    else:
        file.write_bytes(text if isinstance(text, bytes) else text.encode())
    with pytest.raises(AlertRulesInvalid, match=says):
        read_rules(file)


@pytest.mark.parametrize(
    ("seconds", "text"),
    [(0.04, "0.0 s"), (9.94, "9.9 s"), (59, "59 s"), (185, "3 min 5 s"), (7440, "2 h 4 min"), (266_400, "3 d 2 h")],
)
def test_durations_are_written_with_their_units(seconds: float, text: str) -> None:
    assert duration(seconds) == text
