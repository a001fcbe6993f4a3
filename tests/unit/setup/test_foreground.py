"""One part or step by itself, and a stack whose processes are not ours."""

from __future__ import annotations

from pathlib import Path

import pytest

from penstock.config import Config
from penstock.layout import Layout
from penstock.project.workspace import Workspace
from penstock.sections.kafka import Kafka
from penstock.sections.spark import Spark
from penstock.setup.foreground import become, take_step
from penstock.stack.elsewhere import Elsewhere, NotSupervised, awaited, refuse_outside
from penstock.stack.health import part_healths
from penstock.stack.part import Part, PartUnknown, Step
from penstock.stack.parts.kafka import render_properties
from penstock.stack.parts.spark import spark_worker
from penstock.stack.start import Event, start_all
from penstock.stack.stop import stop
from penstock.views.begin import end_runs


def test_an_unknown_name_is_said_with_the_known_ones() -> None:
    with pytest.raises(PartUnknown, match=r"no part 'kafak'.*kafka"):
        become(Config(), "kafak")
    with pytest.raises(PartUnknown, match=r"no step 'topic'.*topics"):
        take_step(Workspace(Config()), "topic", on_event=lambda _: None)


def test_parts_elsewhere_are_awaited_and_never_prepared(tmp_path: Path) -> None:
    answers = iter([False, True])
    events: list[Event] = []
    part = Part("one", ("false",), is_ready=lambda: next(answers), prepare=lambda: pytest.fail("prepared"))
    step = Step("after", lambda: "done", needs=("one",))
    start_all(awaited([part, step]), layout=Layout(tmp_path), supervisor=Elsewhere(), on_event=events.append)
    assert [(event.name, event.detail) for event in events if event.progress == "ready"] == [
        ("one", ""),
        ("after", "done"),
    ]


def test_what_is_not_ours_is_not_stopped(tmp_path: Path) -> None:
    config = Config(supervised=False, state=tmp_path)
    with pytest.raises(NotSupervised, match="docker compose down"):
        stop(config, on_stopped=lambda _: None)
    end_runs(config, [])
    assert {health.pid for health in part_healths(config)} == {0}


def test_what_needs_the_jobs_progress_is_asked_where_it_lies(tmp_path: Path) -> None:
    outside = Config(supervised=False, state=tmp_path)
    with pytest.raises(NotSupervised, match="docker compose run --rm setup"):
        refuse_outside(outside)
    refuse_outside(Config(state=tmp_path))
    Layout.of(outside).data("views").mkdir(parents=True)
    refuse_outside(outside)


def test_a_worker_of_spark_is_asked_for_by_its_name_where_that_is_known(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def is_ready(**spark: str) -> bool:
        config = Config(supervised=False, state=tmp_path, spark=Spark(host="spark-master", **spark))
        return spark_worker(config, Layout.of(config)).is_ready()

    monkeypatch.setattr(f"{spark_worker.__module__}.alive_workers", lambda _: {("spark-worker-1", 7078)})
    assert is_ready()
    assert is_ready(local_host="spark-worker-1")
    assert not is_ready(local_host="spark-worker-2")
    monkeypatch.setattr(f"{spark_worker.__module__}.alive_workers", lambda _: set())
    assert not is_ready()


@pytest.mark.parametrize(
    ("host_port", "lines"),
    [
        (None, ["listeners=PLAINTEXT://k:1,CONTROLLER://k:9093", "advertised.listeners=PLAINTEXT://k:1"]),
        (
            2,
            [
                "listeners=PLAINTEXT://k:1,HOST://k:2,CONTROLLER://k:9093",
                "advertised.listeners=PLAINTEXT://k:1,HOST://127.0.0.1:2",
            ],
        ),
    ],
)
def test_the_broker_has_a_second_door_when_asked(tmp_path: Path, host_port: int | None, lines: list[str]) -> None:
    config = Config(state=tmp_path, kafka=Kafka(host="k", port=1, host_port=host_port))
    written = render_properties(config, Layout.of(config)).read_text().splitlines()
    assert set(lines) <= set(written)
