"""Every server is looked at within a bounded time, and one that is away hides no other; what is printed can be read."""

from __future__ import annotations

import json
import socket
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest
from typer.testing import CliRunner

from penstock.cli import doctor as command
from penstock.cli.main import app
from penstock.config import Config
from penstock.doctor import kafka, postgres, registry
from penstock.doctor.console import judge_masked
from penstock.doctor.examine import examine
from penstock.doctor.finding import Examined, Finding, Weight, ok, stops, warning
from penstock.project.workspace import Workspace

SERVERS = ["machine", "postgres", "kafka", "registry", "connect", "spark", "cassandra", "airflow"]
FOUND = [
    Examined("postgres", "db:5432", (ok("PostgreSQL 18"), stops("no slot", "ALTER SYSTEM SET slots = 2;"))),
    Examined("kafka", "kafka:9092", (warning("one broker", "replication_factor = 1 in [kafka]"),)),
]


@pytest.fixture
def config(tmp_path: Path) -> Config:
    """Name ports at which nobody listens."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port = listener.getsockname()[1]
    names = ("postgres", "kafka", "registry", "connect", "cassandra", "airflow")
    sections = {name: {"port": port, "managed": False} for name in names}
    return Config.model_validate({"state": tmp_path, **sections, "spark": {"master_ui_port": port}})


@pytest.fixture(autouse=True)
def hasty(monkeypatch: pytest.MonkeyPatch) -> None:
    """Give up on Kafka soon: its client asks a port at which nobody listens again and again, until its time is over."""
    monkeypatch.setattr(kafka, "_QUICKLY_S", 1)


def test_each_server_that_is_away_is_one_finding_with_its_cure(config: Config) -> None:
    found = {each.name: each for each in examine(Workspace(config))}
    assert list(found) == SERVERS
    for name in SERVERS[1:]:
        (finding,) = found[name].findings
        assert finding.weight is Weight.STOPS
        assert "What to do" not in finding.what
        assert finding.cure
    assert found["postgres"].findings[0].cure == (
        "see that it runs and is reached from here, or correct [postgres] in penstock.toml"
    )
    assert found["spark"].findings[0].cure == "`penstock up` starts it"


def test_a_masked_column_that_no_table_has_is_named() -> None:
    known = {"email", "e-mail", "id"}
    assert [each.weight for each in judge_masked(("email", "e_x002D_mail"), known)] == [Weight.OK]
    for wrong in ("emial", "public.users.email"):
        (finding,) = judge_masked(("email", wrong), known)
        assert (finding.weight, wrong in finding.what) == (Weight.WARNING, True)
    assert list(judge_masked((), known)) == []


def test_a_server_that_never_answers_is_one_finding(config: Config, monkeypatch: pytest.MonkeyPatch) -> None:
    never = threading.Event()

    def silent(_config: Config) -> Iterator[Finding]:
        never.wait()
        return iter(())

    monkeypatch.setattr(registry, "examine", silent)
    found = {each.name: each for each in examine(Workspace(config), patience_s=1)}
    assert found["registry"].findings[0].what == "it came to no end within 1 s"
    assert found["machine"].findings[0].weight is Weight.OK
    never.set()


def test_a_fault_of_one_look_keeps_what_it_had_found(config: Config, monkeypatch: pytest.MonkeyPatch) -> None:
    def breaks(*_: object) -> Iterator[Finding]:
        yield ok("it answers")
        raise RuntimeError("postgres://penstock:5ecret@db")

    monkeypatch.setattr(postgres, "examine", breaks)
    found = {each.name: each.findings for each in examine(Workspace(config))}["postgres"]
    assert [finding.weight for finding in found] == [Weight.OK, Weight.STOPS]
    assert "5ecret" not in str(found)


def test_without_airflow_nobody_asks_it(config: Config) -> None:
    without = config.model_copy(update={"airflow": config.airflow.model_copy(update={"enabled": False})})
    assert [each.name for each in examine(Workspace(without))] == SERVERS[:-1]


def test_it_is_printed_for_people_and_ends_with_1(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(command, "examine", lambda _config: FOUND)
    result = CliRunner().invoke(app, ["doctor"])
    assert result.exit_code == 1
    assert result.stdout.splitlines() == [
        "",
        "postgres  db:5432",
        "  ok       PostgreSQL 18",
        "  stops    no slot",
        "           → ALTER SYSTEM SET slots = 2;",
        "",
        "kafka  kafka:9092",
        "  warning  one broker",
        "           → replication_factor = 1 in [kafka]",
        "",
        "1 thing stops Penstock, 1 warning.",
    ]


def test_warnings_alone_end_with_0(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(command, "examine", lambda _config: FOUND[1:])
    result = CliRunner().invoke(app, ["doctor"])
    assert (result.exit_code, result.stdout.splitlines()[-1]) == (0, "Nothing stops Penstock, 1 warning.")


def test_as_json_it_is_one_document(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(command, "examine", lambda _config: FOUND)
    result = CliRunner().invoke(app, ["doctor", "--json"])
    document = json.loads(result.stdout)
    assert result.exit_code == 1
    assert (document["stops"], document["warnings"]) == (1, 1)
    assert document["servers"][0]["findings"][1] == {
        "weight": "stops",
        "what": "no slot",
        "cure": "ALTER SYSTEM SET slots = 2;",
    }


def test_the_rights_are_printed_without_asking_anybody(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(command, "examine", lambda _config: pytest.fail("a server was asked"))
    result = CliRunner().invoke(app, ["doctor", "--sql"])
    assert result.exit_code == 0
    for word in ("CREATE ROLE penstock LOGIN REPLICATION", "GRANT MODIFY ON KEYSPACE", "kafka-acls.sh"):
        assert word in result.stdout
