"""What is made of what Connect, the registry, Spark, Airflow, and the machine say."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from penstock.clone import ROOT
from penstock.config import Config
from penstock.connect.api import ConnectorStatus
from penstock.connect.files import ConnectorFile
from penstock.doctor import airflow, connect, machine, registry, spark
from penstock.doctor.finding import Weight
from penstock.loads.airflow_api import Health
from penstock.registry.client import RegistryClient, RegistryRefused
from tests.names import DAG_ID, load_views

VIEWS = load_views(ROOT / "spark" / "views")
SINK = "cassandra-views-sink"


def status(state: str, *tasks: str, trace: str | None = None) -> ConnectorStatus:
    states = [{"id": number, "state": task, "worker_id": "w", "trace": trace} for number, task in enumerate(tasks)]
    answer = {"name": SINK, "type": "sink", "connector": {"state": state, "worker_id": "w"}, "tasks": states}
    return ConnectorStatus.model_validate(answer)


@pytest.mark.parametrize(
    ("found", "weight", "cure"),
    [
        (None, Weight.OK, ""),
        (status("RUNNING", "RUNNING"), Weight.OK, ""),
        (status("PAUSED", "PAUSED"), Weight.WARNING, f"`penstock connectors resume {SINK}`"),
        (status("STOPPED"), Weight.WARNING, f"`penstock connectors resume {SINK}`"),
        (status("RUNNING"), Weight.WARNING, "wait a moment; `penstock connectors list` says more"),
        (status("RUNNING", "FAILED", trace="it broke"), Weight.STOPS, f"`penstock connectors restart {SINK}`"),
    ],
)
def test_a_connector_is_judged_by_its_state(found: ConnectorStatus | None, weight: Weight, cure: str) -> None:
    file = ConnectorFile(SINK, {"connector.class": "-"})
    (finding,) = connect.judge_connectors([file], {SINK: found} if found else {})
    assert (finding.weight, finding.cure) == (weight, cure)


def test_plugins_that_lack_or_are_of_another_version_are_named_by_worker() -> None:
    source, sink = "dev.penstock.postgres.PostgresSourceConnector", "dev.penstock.cassandra.sink.CassandraSinkConnector"
    (finding,) = connect.judge_plugins("connect", {(source, "3.7-1"), ("others.Plugin", "1")}, "3.7-1", cure="")
    assert finding.what == f"connect lacks {sink}"
    both = {(source, "3.7-1"), (sink, "0.2.0")}
    (finding,) = connect.judge_plugins("connect-2", both, "3.7-2", cure="restart it")
    assert finding.what == "connect-2 runs plugins of another version (3.7-1) than this clone has (3.7-2)"
    assert (finding.weight, finding.cure) == (Weight.STOPS, "restart it")
    assert list(connect.judge_plugins("connect", both, "3.7-1", cure="")) == []
    (finding,) = connect.judge_plugins("connect", both | {(source, "3.7-2")}, "3.7-1", cure="delete it")
    assert "another version (3.7-2)" in finding.what
    assert list(connect.judge_plugins("connect", both, None, cure="")) == []


def test_workers_of_another_kafka_stop() -> None:
    (finding,) = connect.judge_kafka("theirs", "ours")
    assert finding.weight is Weight.STOPS
    assert list(connect.judge_kafka("one", "one")) == []
    assert list(connect.judge_kafka("one", "")) == []


def test_a_registry_whose_api_is_elsewhere_stops(monkeypatch: pytest.MonkeyPatch) -> None:
    def refused(_: RegistryClient) -> tuple[str, ...]:
        raise RegistryRefused("GET /subjects", 404, "no")

    monkeypatch.setattr(RegistryClient, "subjects", refused)
    (finding,) = registry.examine(Config())
    assert finding.weight is Weight.STOPS
    assert "registry.api_path" in finding.cure


@pytest.mark.parametrize(
    ("master", "says"),
    [
        ({}, "no master that is ALIVE"),
        ({"status": "STANDBY"}, "no master that is ALIVE"),
        ({"status": "ALIVE", "aliveworkers": 0}, "no worker that is alive"),
        ({"status": "ALIVE", "aliveworkers": 1, "cores": 4, "memory": 8192}, "4 cores, and the jobs hold 5"),
        ({"status": "ALIVE", "aliveworkers": 1, "cores": 8, "memory": 1024}, "1,024 MB of memory"),
    ],
)
def test_spark_is_judged_by_what_its_jobs_hold(master: dict[str, Any], says: str) -> None:
    (finding,) = spark.judge(Config(), VIEWS, master)
    assert finding.weight is Weight.STOPS
    assert says in finding.what


def test_a_spark_with_enough_of_all_is_well() -> None:
    (finding,) = spark.judge(Config(), VIEWS, {"status": "ALIVE", "aliveworkers": 2, "cores": 16, "memory": 8192})
    assert finding.weight is Weight.OK


def test_more_partitions_take_more_cores() -> None:
    assert spark.cores_needed(Config.model_validate({"kafka": {"partitions": 3}}), VIEWS) == 7
    assert spark.cores_needed(Config(), ()) == 0


def test_airflow_is_judged_by_its_parts_and_the_dag() -> None:
    well = Health(is_database_well=True, is_scheduler_well=True, is_dag_processor_well=True)
    assert [finding.weight for finding in airflow.judge(well, DAG_ID, knows_dag=True)] == [Weight.OK]
    ill = Health(is_database_well=True, is_scheduler_well=False, is_dag_processor_well=True)
    said = [finding.what for finding in airflow.judge(ill, DAG_ID, knows_dag=False)]
    assert said == ["its scheduler has no fresh heartbeat", "it has no DAG load_users"]


@pytest.mark.parametrize(("free_gb", "weight"), [(0.2, Weight.STOPS), (1.0, Weight.WARNING), (20.0, Weight.OK)])
def test_the_disk_is_judged_by_what_is_free(free_gb: float, weight: Weight) -> None:
    assert machine.judge_disk(Path("/var"), free_gb).weight is weight


def test_every_file_of_a_secret_is_looked_at() -> None:
    passwords = ("password_file", "reader_password_file", "replicator_password_file")
    others = ("kafka", "registry", "connect", "spark", "cassandra", "airflow")
    sections: dict[str, dict[str, object]] = {name: {"managed": False} for name in others}
    for name in ("connect", "cassandra", "airflow", "api", "console"):
        sections[name] = {**sections.get(name, {}), "user": "me", "password_file": "s"}
    for name, setting in (
        *(("kafka", "properties_file"), ("spark", "properties_file"), ("spark", "token_file")),
        *(("registry", "token_file"), ("api", "key_file"), ("console", "key_file")),
    ):
        sections[name][setting] = "s"
    sections |= {"postgres": dict.fromkeys(passwords, "s"), "sources": {"billing": dict.fromkeys(passwords, "s")}}
    found = machine.secret_files(Config.model_validate({**sections, "hash_secret_file": "s"}))
    assert len(found) == 3 + 3 + 5 + 6 + 1
    assert {"hash_secret_file", "sources.billing.reader_password_file", "console.key_file"} < found.keys()
    assert set(found.values()) == {ROOT / "s"}


def test_files_of_secrets_are_for_their_owner_and_there(tmp_path: Path) -> None:
    file = tmp_path / "secret"
    config = Config.model_validate({"cassandra": {"managed": False, "user": "penstock", "password_file": file}})
    (absent,) = machine.judge_secrets(machine.secret_files(config))
    assert (absent.weight, "No such file" in absent.what) == (Weight.STOPS, True)
    file.touch(mode=0o644)
    file.chmod(0o644)
    (open_,) = machine.judge_secrets(machine.secret_files(config))
    assert (open_.weight, open_.cure) == (Weight.WARNING, f"chmod 600 {file}")
    file.chmod(0o600)
    (well,) = machine.judge_secrets(machine.secret_files(config))
    assert well.weight is Weight.OK


@pytest.mark.parametrize("answer", [[], "page", None, 0])
def test_a_page_that_is_no_sparks_is_no_master(monkeypatch: pytest.MonkeyPatch, answer: object) -> None:
    monkeypatch.setattr("penstock.spark_master.get_json", lambda _: answer)
    (found,) = spark.examine(Config(), ())
    assert found.weight is Weight.STOPS
    assert "no master that is ALIVE" in found.what


def test_a_master_that_says_nothing_of_its_cores_has_none() -> None:
    found = spark.judge(Config(), (), {"status": "ALIVE", "aliveworkers": 1, "cores": None, "memory": None})
    assert [each.weight for each in found] == [Weight.STOPS]
