"""Parts that others run: asked, never started, stopped, or given a port; any mix of them is a whole stack."""

from __future__ import annotations

import socket
from itertools import combinations
from pathlib import Path

import pytest
from typer.testing import CliRunner

from penstock.cli.main import app
from penstock.config import Config, load_config
from penstock.layout import Layout
from penstock.project.workspace import Workspace
from penstock.sections.kafka import KafkaMode
from penstock.setup.foreground import become
from penstock.setup.steps import nodes
from penstock.stack import stack, start
from penstock.stack.elsewhere import Elsewhere
from penstock.stack.health import part_healths
from penstock.stack.mode import mode_of
from penstock.stack.theirs import NotOurs, PartUnreachable, left_behind
from penstock.topics.declare import declare_topics

SECTIONS = ("postgres", "kafka", "registry", "connect", "spark", "cassandra", "airflow")


def made(**sections: object) -> Config:
    return Config.model_validate(sections)


def without(*sections: str) -> Config:
    return made(**{name: {"managed": False} for name in sections})


def closed_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        return int(listener.getsockname()[1])


@pytest.mark.parametrize("count", range(len(SECTIONS) + 1))
def test_any_mix_has_all_that_its_parts_need(count: int) -> None:
    for mix in combinations(SECTIONS, count):
        everything = nodes(Workspace(without(*mix)))
        names = {node.name for node in everything}
        assert {need for node in everything for need in node.needs} <= names


def test_without_airflow_nothing_of_it_is_there() -> None:
    names = {part.name for part in stack.parts(made(airflow={"enabled": False}))}
    assert not [name for name in names if name.startswith("airflow")]
    assert "api" not in names
    assert {"postgres", "kafka", "connect", "cassandra", "views"} <= names


@pytest.mark.parametrize("section", SECTIONS)
def test_its_ports_are_not_claimed_and_it_has_nothing_to_run(section: str) -> None:
    config = without(section)
    assert not [key for key in [door.key for door in stack.doors(config)] if key.startswith(f"{section}.")]
    theirs = [part for part in stack.parts(config) if part.elsewhere]
    assert theirs
    assert all(part.command == () and part.name.startswith(section) for part in theirs)
    ours = [part.name for part in stack.parts(config) if not part.elsewhere]
    assert {"views", "aggregates", "connect-watcher", "console"} <= set(ours)


@pytest.mark.parametrize("section", [*SECTIONS, "console", "api", "zookeeper"])
def test_where_nobody_said_that_others_run_it_its_host_must_be_of_this_machine(section: str, tmp_path: Path) -> None:
    host = "192.0.2.1"
    more = {"kafka": {"mode": "zookeeper"}} if section == "zookeeper" else {}
    # A folder of its own: in one that has data, they say the mode of Kafka.
    doors = stack.doors(made(state=tmp_path, **{section: {"host": host}}, **more))
    assert {door.host for door in doors if door.key.startswith(f"{section}.")} == {host}


def test_their_kafka_has_no_zookeeper_of_ours() -> None:
    config = made(kafka={"managed": False, "mode": "zookeeper"})
    assert mode_of(config) is KafkaMode.KRAFT
    assert "zookeeper" not in {part.name for part in stack.parts(config)}


def test_servers_of_others_keep_their_own_topics() -> None:
    ours = {topic.name for topic in declare_topics(Config(), ())}
    theirs = {topic.name for topic in declare_topics(without("registry", "connect"), ())}
    assert ours - theirs == {
        *("registry-events", "kafkasql-journal", "kafkasql-snapshots"),
        *("connect-configs", "connect-offsets", "connect-status"),
    }


def test_one_that_is_silent_is_said_with_its_place_and_the_cure(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    port = closed_port()
    config = made(state=tmp_path, postgres={"managed": False, "port": port})
    (part,) = (part for part in stack.parts(config) if part.name == "postgres")
    monkeypatch.setattr(start, "_ANSWER_TIMEOUT_S", 0.0)
    with pytest.raises(PartUnreachable) as away:
        start.start_all([part], layout=Layout(tmp_path), supervisor=Elsewhere(), on_event=lambda _: None)
    said = str(away.value)
    assert f"postgres at 127.0.0.1:{port}, which Penstock does not run (postgres.managed = false)" in said
    assert "refused" in said
    assert "What to do: see that it runs and is reached from here, or correct [postgres] in penstock.toml" in said


def test_status_shows_it_as_not_ours(tmp_path: Path) -> None:
    port = closed_port()
    config = made(state=tmp_path, connect={"managed": False, "port": port})
    (health,) = (each for each in part_healths(config) if each.name == "connect")
    assert (health.state, health.answers, health.pid) == ("not ours, no answer", False, 0)
    assert health.address == f"http://127.0.0.1:{port}"


def test_its_logs_and_its_process_are_not_here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    file = tmp_path / "penstock.toml"
    file.write_text(f'state = "{tmp_path}/var"\n[cassandra]\nmanaged = false\n')
    with pytest.raises(
        NotOurs, match=r"cassandra is not ours \(cassandra.managed = false\): it runs at 127.0.0.1:9042"
    ):
        become(load_config(file), "cassandra")
    monkeypatch.setenv("PENSTOCK_CONFIG", str(file))
    assert isinstance(CliRunner().invoke(app, ["logs", "cassandra"]).exception, NotOurs)


def test_reset_says_what_it_leaves_and_how_that_goes(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    said = "\n".join(left_behind(without(*SECTIONS)))
    for word in ("pg_drop_replication_slot('penstock')", "DROP PUBLICATION penstock", "DROP KEYSPACE penstock"):
        assert word in said
    assert "views.users_by_id" in said
    assert "-X DELETE http://127.0.0.1:8083/connectors/users-postgres-source" in said
    assert left_behind(Config()) == []
    file = tmp_path / "penstock.toml"
    file.write_text(f'state = "{tmp_path}/var"\n[cassandra]\nmanaged = false\n')
    monkeypatch.setenv("PENSTOCK_CONFIG", str(file))
    shown = CliRunner().invoke(app, ["reset", "--yes"]).output
    assert "127.0.0.1:9042  keyspace: DROP KEYSPACE penstock" in shown
    assert "DROP PUBLICATION" not in shown
