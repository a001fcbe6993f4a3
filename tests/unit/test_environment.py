"""What a shell has for something else reaches neither Penstock nor what it starts."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from penstock import environment
from penstock.clone import ROOT
from penstock.config import Config, ConfigInvalid, load_config
from penstock.environment import PART_MARK, misspelt, taken_from
from penstock.layout import Layout
from penstock.project.connectors import addresses, secrets
from penstock.stack.part import Part
from penstock.stack.processes import STATE_MARK

HOSTILE = {
    "SPARK_HOME": "/nowhere",
    "SPARK_CONF_DIR": "/nowhere",
    "SPARK_LOCAL_IP": "192.0.2.1",
    "PYSPARK_PYTHON": "/bin/false",
    "PYSPARK_SUBMIT_ARGS": "--master spark://192.0.2.1:7077 pyspark-shell",
    "HADOOP_CONF_DIR": "/nowhere",
    "JAVA_TOOL_OPTIONS": "-Xmx1k",
    "_JAVA_OPTIONS": "-Xmx1k",
    "JDK_JAVA_OPTIONS": "-Xmx1k",
    "CLASSPATH": "/nowhere",
    "KAFKA_OPTS": "-Xmx1k",
    "AIRFLOW__CORE__DAGS_FOLDER": "/nowhere",
    "AIRFLOW_HOME": "/nowhere",
    "PGHOST": "192.0.2.1",
    "PGOPTIONS": "-c default_transaction_read_only=on -c timezone=Asia/Tokyo",
    "PGSSLMODE": "verify-full",
    "PGSERVICE": "none",
    "CQLSH_HOST": "192.0.2.1",
    "HTTP_PROXY": "http://192.0.2.1:9",
    "https_proxy": "http://192.0.2.1:9",
    "NO_PROXY": "example.com",
    "TZ": "Asia/Tokyo",
    "LC_ALL": "tr_TR.UTF-8",
    "LANG": "tr_TR.UTF-8",
}


@pytest.fixture
def hostile(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> dict[str, str]:
    """Set all of it, and a Python path on which another PySpark lies."""
    (tmp_path / "pyspark").mkdir()
    (tmp_path / "pyspark" / "__init__.py").write_text("raise SystemExit('another PySpark')")
    found = HOSTILE | {"PYTHONPATH": str(tmp_path)}
    for name, value in found.items():
        monkeypatch.setenv(name, value)
    return found


def test_a_list_says_what_stays() -> None:
    shell = HOSTILE | {"PATH": "/bin", "HOME": "/root", "JAVA_HOME": "/java", "PENSTOCK_KAFKA__PORT": "1"}
    assert taken_from(shell) == {
        "PATH": "/bin",
        "HOME": "/root",
        "JAVA_HOME": "/java",
        "PENSTOCK_KAFKA__PORT": "1",
        "LC_ALL": "C.UTF-8",
        "TZ": "UTC",
        "PYTHONUTF8": "1",
    }


def test_the_stacks_marks_stay() -> None:
    assert {STATE_MARK, PART_MARK} <= set(taken_from({STATE_MARK: "x", PART_MARK: "y"}))


def test_a_process_forgets_them_and_finds_its_own_modules(hostile: dict[str, str]) -> None:
    cleaned = "from penstock import environment; environment.clean(); import os, json, pyspark"
    script = f"{cleaned}; print(json.dumps(dict(os.environ)))"
    printed = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True).stdout
    left = json.loads(printed)
    assert set(left).isdisjoint(set(hostile) - {"TZ", "LC_ALL"})
    assert (left["TZ"], left["LC_ALL"]) == ("UTC", "C.UTF-8")


def test_the_clone_stays_on_the_path(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PYTHONPATH", f"{ROOT}:/elsewhere")
    monkeypatch.setattr(sys, "path", [str(ROOT), "/elsewhere", "/own"])
    kept = dict(os.environ)
    try:
        environment.clean()
        assert sys.path == [str(ROOT), "/own"]
    finally:
        os.environ.clear()
        os.environ.update(kept)


def test_a_part_of_the_stack_gets_none_of_them(hostile: dict[str, str], tmp_path: Path) -> None:
    layout, seen = Layout(tmp_path / "state"), tmp_path / "seen.json"
    script = f"import json, os; json.dump(dict(os.environ), open({str(seen)!r}, 'w'))"
    part = Part(
        "some", (sys.executable, "-c", script), is_ready=lambda: True, environment=lambda: {"SPARK_HOME": "own"}
    )
    file = layout.launch_file("some")
    file.parent.mkdir(parents=True)
    marks = {STATE_MARK: str(layout.state), PART_MARK: "some"}
    launch = {
        "command": part.command,
        "environment": {**layout.temporary_environment("some"), **part.environment(), **marks},
        "nice": 0,
        "timer_slack_ms": 0,
    }
    file.write_text(json.dumps(launch))
    subprocess.run([sys.executable, "-m", "penstock.stack.launch", str(file)], check=True)
    variables = json.loads(seen.read_text())
    assert variables["SPARK_HOME"] == "own"
    assert set(variables).isdisjoint(set(hostile) - {"TZ", "LC_ALL", "SPARK_HOME", "JDK_JAVA_OPTIONS", "PYTHONPATH"})
    assert "PYTHONPATH" not in variables
    assert "-Xmx1k" not in variables["JDK_JAVA_OPTIONS"]


def test_the_command_line_works_in_a_hostile_shell(hostile: dict[str, str], tmp_path: Path) -> None:
    """`views check` runs Spark, and asks whatever answers."""
    config = tmp_path / "penstock.toml"
    lines = [f'state = "{tmp_path / "state"}"']
    for section in ("postgres", "kafka", "registry", "connect", "cassandra"):
        lines += [f"[{section}]", "port = 9"]
    config.write_text("\n".join(lines))
    shell = {**os.environ, "PENSTOCK_CONFIG": str(config)}
    done = subprocess.run(
        [str(ROOT / ".venv/bin/penstock"), "views", "check"], env=shell, capture_output=True, text=True, check=False
    )
    assert (done.returncode, "nothing wrong" in done.stdout) == (0, True), done.stdout + done.stderr
    assert hostile


SETTINGS = {"state": None, "hash_secret_file": None, "sources": (), "postgres": ("host", "port", "password_file")}


@pytest.mark.parametrize(
    ("name", "meant"),
    [
        ("PENSTOCK_POSTGRES_HOST", "PENSTOCK_POSTGRES__HOST"),
        ("PENSTOCK_POSTGRES_PASSWORD", "PENSTOCK_POSTGRES__PASSWORD_FILE"),
        ("PENSTOCK_POSTGRES_OTHER", "PENSTOCK_POSTGRES__<KEY>"),
        ("PENSTOCK_POSTGRS__HOST", "PENSTOCK_POSTGRES__HOST"),
        ("PENSTOCK_SOURCES_BILLING__HOST", "PENSTOCK_SOURCES__BILLING__HOST"),
        ("PENSTOCK_STATEE", "PENSTOCK_STATE"),
        ("PENSTOCK_STATE_DIR", "PENSTOCK_STATE"),
        ("PENSTOCK_STATE__DIR", "PENSTOCK_STATE"),
        ("PENSTOCK_HASH_SECRET", "PENSTOCK_HASH_SECRET_FILE"),
        ("PENSTOCK_DB__HOST", "PENSTOCK_<SECTION>__<KEY>"),
    ],
)
def test_a_variable_that_is_nearly_a_setting_is_named(name: str, meant: str) -> None:
    assert misspelt({name: "s3cret"}, SETTINGS) == [f"{name}: unknown variable; did you mean {meant}?"]


@pytest.mark.parametrize(
    "name",
    [
        *("PENSTOCK_STATE", "PENSTOCK_POSTGRES", "PENSTOCK_POSTGRES__HOST", "PENSTOCK_POSTGRES__HSOT"),
        *("PENSTOCK_SOURCES__BILLING__HOST", "PENSTOCK_ES_PASSWORD", "PENSTOCK_VERSION", "POSTGRES_HOST"),
    ],
)
def test_settings_and_variables_of_other_programs_pass(name: str) -> None:
    assert misspelt({name: "x"}, SETTINGS) == []


def test_what_kubernetes_says_of_a_service_passes() -> None:
    service = {"PENSTOCK_POSTGRES_SERVICE_HOST": "10.0.0.1", "PENSTOCK_POSTGRES_PORT": "tcp://10.0.0.1:5432"}
    assert misspelt(service, SETTINGS) == []


def test_what_penstock_gives_its_processes_is_refused_in_none_of_them(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    config = Config(state=tmp_path)
    given = addresses(config) | secrets(config) | {"PENSTOCK_DAG": "load_users"}
    for name, value in given.items():
        monkeypatch.setenv(name, value)
    with pytest.raises(ConfigInvalid, match="PENSTOCK_POSTGRES_HOST: unknown variable") as refused:
        load_config()
    assert "PENSTOCK_DAG" not in str(refused.value)
    monkeypatch.setenv(PART_MARK, "connect")
    load_config()
