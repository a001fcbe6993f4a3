"""What Prometheus reads of a moment: each figure under its name, and none of what nobody knows."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

from penstock.config import Config
from penstock.console.hub import Hub
from penstock.console.look.connect import TaskView
from penstock.console.look.parts import PartState
from penstock.console.look.snapshot import Snapshot
from penstock.console.look.spark import SparkState
from penstock.console.metrics import MomentCollector
from penstock.console.moment.map import build_flow
from penstock.console.moment.recorder import Moment
from penstock.installation import Names
from tests.unit.console.made import SINK, connector, reading, slot, snapshot, topic, without


def figures(snapshot: Snapshot, folder: Path) -> dict[str, float]:
    """Return every metric as `name{label}`."""
    moment = Moment(snapshot, build_flow(snapshot, lambda _: None), {}, {})
    hub = SimpleNamespace(now=moment, config=Config(state=folder))
    found: dict[str, float] = {}
    for family in MomentCollector(cast(Hub, hub)).collect():
        for sample in family.samples:
            found[sample.name + "".join(f"{{{value}}}" for value in sample.labels.values())] = sample.value
    return found


def test_readers_of_the_pipeline_have_a_position(tmp_path: Path) -> None:
    metrics = figures(snapshot(sink_at=3), tmp_path)
    assert metrics[f"penstock_reader_position{{{SINK}}}"] == 3
    assert metrics[f"penstock_reader_behind_records{{{SINK}}}"] == 2
    every = {name: each for name, each in metrics.items() if "known_every" in name}
    assert [*every.values()] == [0, 300]  # that a change was read which no view shows, only a commit tells


def postgres(**fields: Any) -> Any:
    return reading(replace(snapshot().postgres.seen, slots=(slot(**fields),)))


def test_a_slot_is_usable_while_it_holds_everything(tmp_path: Path) -> None:
    assert figures(snapshot(), tmp_path)["penstock_slot_usable{penstock}"] == 1
    assert figures(snapshot(postgres=postgres(wal_status="lost")), tmp_path)["penstock_slot_usable{penstock}"] == 0
    assert figures(snapshot(postgres=postgres(active=False)), tmp_path)["penstock_slot_active{penstock}"] == 0
    other = figures(snapshot(postgres=postgres(name="other")), tmp_path)
    assert (other["penstock_slot_usable{penstock}"], other["penstock_slot_retained_bytes{other}"]) == (0, 2**20)


def test_the_slot_of_a_source_that_is_away_is_not_lost(tmp_path: Path) -> None:
    away = reading(replace(snapshot().postgres.seen, away={"billing": "connection refused"}))
    metrics = figures(snapshot(postgres=away, sources=(Names(), Names(source="billing"))), tmp_path)
    assert {name for name in metrics if name.startswith("penstock_slot_usable")} == {"penstock_slot_usable{penstock}"}


def test_a_paused_connector_has_not_failed(tmp_path: Path) -> None:
    failed = connector("broken", state="FAILED")
    both = (TaskView(-1, "FAILED", "w", None), *failed.tasks[1:])
    known = {each.name: each for each in (connector("off", state="PAUSED"), connector("broken", tasks=both))}
    metrics = figures(snapshot(connect=reading(known)), tmp_path)
    assert metrics["penstock_connector_failed{off}"] == 0
    assert metrics["penstock_connector_running{off}"] == 0
    assert metrics["penstock_connector_failed{broken}"] == 2


def test_parts_troubles_and_dead_letters_are_counted(tmp_path: Path) -> None:
    kafka = snapshot().kafka.seen
    kafka.cluster.topics["dead-letters.sink"] = topic("dead-letters.sink", 4)
    parts = {"kafka": PartState("kafka", "FATAL", 0, 0, 0.0, "")}
    spark = SparkState("ALIVE", 1, 1, 2, (), (), ("view users_by_id is stopped",))
    metrics = figures(snapshot(parts=reading(parts), kafka=reading(kafka), spark=reading(spark)), tmp_path)
    assert metrics["penstock_part_running{kafka}"] == 0
    assert metrics["penstock_dead_letters{dead-letters.sink}"] == 4
    assert metrics["penstock_job_troubles"] == 1
    assert 0 < metrics["penstock_disk_free_bytes"] <= metrics["penstock_disk_size_bytes"]


def test_of_what_is_away_nothing_is_reported(tmp_path: Path) -> None:
    assert not [name for name in figures(without("postgres"), tmp_path) if name.startswith("penstock_slot")]
    assert "penstock_dead_letters" not in str(figures(without("kafka"), tmp_path))
    assert "penstock_job_troubles" not in figures(without("spark"), tmp_path)
    assert "penstock_disk_free_bytes" not in figures(snapshot(), tmp_path / "not-made-yet")
