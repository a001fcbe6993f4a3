"""Airflow's files: the DAG imports in Airflow's own environment, and nothing hides Airflow from it."""

from __future__ import annotations

import json
import os
import re
import subprocess
import tomllib
from dataclasses import fields
from pathlib import Path
from typing import Any

import pytest
from ingest.load import Plan, Totals
from ingest.user import UserRow

from penstock.clone import ROOT
from penstock.loads import load
from tests.names import DAG_ID

AIRFLOW = ROOT / "airflow"
AIRFLOW_PYTHON = ROOT / ".servers" / "airflow-venv" / "bin" / "python"

READ_DAGS = """
import json, sys
import airflow
from airflow.dag_processing.dagbag import DagBag
bag = DagBag(dag_folder=sys.argv[1])
dags = {
    dag.dag_id: {
        "tasks": {task.task_id: task.retries for task in dag.tasks},
        "params": {name: dag.params.get_param(name).dump() for name in dag.params},
        "schedule": str(dag.schedule),
        "max_active_runs": dag.max_active_runs,
    }
    for dag in bag.dags.values()
}
print(json.dumps({"airflow": airflow.__file__, "errors": bag.import_errors, "dags": dags}))
"""


@pytest.fixture(scope="module")
def bag(tmp_path_factory: pytest.TempPathFactory) -> Any:
    """Read the DAGs with the real Airflow, in the folder and with the search path where mistakes would show."""
    home = tmp_path_factory.mktemp("airflow")
    environment = {
        "AIRFLOW_HOME": str(home),
        "AIRFLOW__CORE__LOAD_EXAMPLES": "False",
        "AIRFLOW__DATABASE__SQL_ALCHEMY_CONN": f"sqlite:///{home}/airflow.db",
        "PYTHONPATH": os.pathsep.join((str(AIRFLOW), str(ROOT))),
        "PATH": os.defpath,
    }
    done = subprocess.run(
        [str(AIRFLOW_PYTHON), "-c", READ_DAGS, str(AIRFLOW / "dags")],
        env=environment, cwd=ROOT, capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout.splitlines()[-1])


@pytest.mark.parametrize("folder", ["airflow", "airflow/dags", "spark"])
def test_no_folder_is_a_package_that_would_hide_a_real_one(folder: str) -> None:
    assert (ROOT / folder).is_dir()
    assert not (ROOT / folder / "__init__.py").exists()


def test_airflow_is_the_real_one_even_with_the_clone_on_the_path(bag: Any) -> None:
    assert Path(bag["airflow"]).is_relative_to(ROOT / ".servers" / "airflow-venv")


def test_every_dag_imports(bag: Any) -> None:
    assert bag["errors"] == {}
    assert list(bag["dags"]) == [DAG_ID]


def test_the_dag_is_what_penstock_load_expects(bag: Any) -> None:
    dag = bag["dags"][DAG_ID]
    assert dag["schedule"] == "None"
    assert dag["max_active_runs"] == 1
    assert dag["tasks"] == {load.TASK_ID: 2}
    assert list(dag["params"]) == [*(field.name for field in fields(Plan)), "api_url"]
    assert dag["params"]["page_size"]["value"] == load.PAGE_SIZE
    assert dag["params"]["seed"]["value"] == load.DEFAULT_SEED


def test_the_page_size_is_never_more_than_the_api_gives(bag: Any) -> None:
    assert bag["dags"][DAG_ID]["params"]["page_size"]["schema"]["maximum"] == 5000


def test_what_the_dag_returns_is_what_penstock_load_reads() -> None:
    names = [field.name for field in fields(Totals)]
    assert [field.name for field in fields(load.LoadResult)] == ["run_id", *names]
    assert [field.name for field in fields(load.Progress)] == ["state", "try_number", *names]


def test_the_row_and_the_table_have_the_same_columns() -> None:
    table = (ROOT / "schemas/postgres/010_users.sql").read_text()
    body = table[table.index("public.users (") : table.index(");")]
    assert re.findall(r"^    (\w+) ", body, re.MULTILINE) == [field.name for field in fields(UserRow)]


def test_ingest_knows_neither_airflow_nor_penstock() -> None:
    for file in (AIRFLOW / "ingest").glob("*.py"):
        assert not re.search(r"^\s*(from|import) (airflow|penstock)\b", file.read_text(), re.MULTILINE), file


def test_shared_libraries_have_the_same_version_in_both_environments() -> None:
    pins = [_pins(ROOT / "pyproject.toml"), _pins(AIRFLOW / "pyproject.toml")]
    shared = pins[0].keys() & pins[1].keys()
    assert shared >= {"requests", "psycopg2-binary"}
    assert {name: pins[0][name] for name in shared} == {name: pins[1][name] for name in shared}


def test_the_lock_has_hashes_and_names_no_host() -> None:
    lock = (AIRFLOW / "requirements.lock").read_text()
    assert "apache-airflow==3.3.2" in lock
    assert "--hash=sha256:" in lock
    assert "://" not in lock


def _pins(pyproject: Path) -> dict[str, str]:
    wanted = tomllib.loads(pyproject.read_text())["project"]["dependencies"]
    return dict(requirement.split("==") for requirement in wanted)
