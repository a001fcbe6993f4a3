"""Environment of Airflow in the local stack: every setting as a variable, the command lines, and its two keys.

Its metadata live in a database of their own in the stack's Postgres. Three processes: without the api-server no task
can report, and the scheduler must start after it; a triggerer is needed for deferrable operators only.
"""

from __future__ import annotations

import base64
import json
import os
import secrets
from collections.abc import Callable
from pathlib import Path
from typing import Any
from urllib.parse import quote

from penstock.address import Address, LetIn
from penstock.clone import ROOT
from penstock.config import Config
from penstock.secured import LOADER, USER, Secrets

_BIN = ROOT / ".servers" / "airflow-venv" / "bin"

MIGRATE = (str(_BIN / "airflow"), "db", "migrate")
API_SERVER = (str(_BIN / "airflow"), "api-server")
# Without log server: on one machine the api-server reads the logs itself, and that server listens on all interfaces.
SCHEDULER = (str(_BIN / "airflow"), "scheduler", "--skip-serve-logs")
DAG_PROCESSOR = (str(_BIN / "airflow"), "dag-processor")


def airflow_environment(config: Config, *, api_url: str) -> dict[str, str]:
    """Return what each Airflow process needs in its environment; makes the home folder and its keys on first use.

    Start order: `MIGRATE` alone, `API_SERVER` until it answers, then the other two; end order: the reverse. Asking
    `/execution/health` once before the first task spares that task the wait for the API to be built.

    :param api_url: where users come from, for instance `http://127.0.0.1:8000/api/`.
    """
    home = config.state_dir / "airflow"
    home.mkdir(mode=0o700, parents=True, exist_ok=True)
    return {
        "AIRFLOW_HOME": str(home),
        # A process title written over the environment (setproctitle) would hide by what the stack knows the process.
        "SPT_NOENV": "1",
        "PATH": f"{_BIN}{os.pathsep}{os.defpath}",
        # The DAG imports `ingest`. Never the parent: there the folder `airflow` would be found instead of Airflow.
        "PYTHONPATH": str(ROOT / "airflow"),
        **_core(config, home),
        **_api(config, home),
        "PENSTOCK_DAG": config.names.dag,
        **_quick_and_small(),
        **_connections(config, api_url),
        # By the environment: its two drivers for the metadata (psycopg2, asyncpg) have different words in an address.
        **config.postgres.tls_environment,
    }


def _core(config: Config, home: Path) -> dict[str, str]:
    postgres = config.postgres
    user, password = _postgres_login(config)
    secret = f":{quote(password, safe='')}" if password else ""
    metadata = f"{user}{secret}@{postgres.host}:{postgres.port}/{config.names.airflow_database}"
    return {
        "AIRFLOW__CORE__DAGS_FOLDER": str(ROOT / "airflow" / "dags"),
        "AIRFLOW__CORE__LOAD_EXAMPLES": "False",
        "AIRFLOW__CORE__EXECUTOR": "LocalExecutor",
        "AIRFLOW__CORE__PARALLELISM": "1",
        "AIRFLOW__CORE__DAGS_ARE_PAUSED_AT_CREATION": "False",
        "AIRFLOW__CORE__FERNET_KEY": _kept(home / "fernet.key", make=_fernet_key),
        "AIRFLOW__DATABASE__SQL_ALCHEMY_CONN": f"postgresql+psycopg2://{metadata}",
        "AIRFLOW__DATABASE__SQL_ALCHEMY_POOL_SIZE": "3",
        "AIRFLOW__DATABASE__SQL_ALCHEMY_MAX_OVERFLOW": "5",
        # All that `airflow.cfg` would name by its path: Airflow writes that file once, and a state can be moved.
        "AIRFLOW__CORE__PLUGINS_FOLDER": str(home / "plugins"),
        "AIRFLOW__LOGGING__BASE_LOG_FOLDER": str(home / "logs"),
        "AIRFLOW__LOGGING__DAG_PROCESSOR_CHILD_PROCESS_LOG_DIRECTORY": str(home / "logs" / "dag_processor"),
        "AIRFLOW__USAGE_DATA_COLLECTION__ENABLED": "False",
    }


def _api(config: Config, home: Path) -> dict[str, str]:
    airflow = config.airflow
    jwt_secret = _kept(home / "jwt.key", make=lambda: secrets.token_urlsafe(64))
    return {
        "AIRFLOW__API__HOST": airflow.host,
        "AIRFLOW__API__PORT": str(airflow.port),
        "AIRFLOW__API__BASE_URL": airflow.url,
        "AIRFLOW__API__WORKERS": "1",
        "AIRFLOW__API__SECRET_KEY": jwt_secret,
        # Every process must know the same secret, else all looks healthy and each task fails.
        "AIRFLOW__API_AUTH__JWT_SECRET": jwt_secret,
        "AIRFLOW__CORE__EXECUTION_API_SERVER_URL": f"{airflow.url}/execution/",
        **_let_in(Secrets.of(config)),
    }


def _let_in(secrets: Secrets) -> dict[str, str]:
    if not secrets.exist:
        # Loopback only, so everybody on it may do everything.
        return {"AIRFLOW__CORE__SIMPLE_AUTH_MANAGER_ALL_ADMINS": "True"}
    return {
        # Tasks trust what is in this file: with the authority beside the certificate, which alone is no anchor.
        "AIRFLOW__API__SSL_CERT": str(secrets.key_and_certificate("airflow")),
        "AIRFLOW__API__SSL_KEY": str(secrets.key("airflow")),
        "AIRFLOW__CORE__SIMPLE_AUTH_MANAGER_USERS": f"{USER}:admin",
        "AIRFLOW__CORE__SIMPLE_AUTH_MANAGER_PASSWORDS_FILE": str(secrets.airflow_users),
    }


def _quick_and_small() -> dict[str, str]:
    return {
        "AIRFLOW__DAG_PROCESSOR__PARSING_PROCESSES": "1",
        "AIRFLOW__DAG_PROCESSOR__REFRESH_INTERVAL": "10",
        # The api-server builds the tasks' API at its first request: 4 s of work, and on a busy machine more than the
        # default patience of 5 s (seen: 25 s and four tries).
        "AIRFLOW__WORKERS__EXECUTION_API_TIMEOUT": "30",
        # A scheduler that was killed with -9 leaves a task running in name only: find it within a minute, not five.
        "AIRFLOW__SCHEDULER__TASK_INSTANCE_HEARTBEAT_TIMEOUT": "60",
        "AIRFLOW__SCHEDULER__ORPHANED_TASKS_CHECK_INTERVAL": "30",
    }


def _connections(config: Config, api_url: str) -> dict[str, str]:
    postgres, (user, password) = config.postgres, _postgres_login(config)
    app_db = {
        "conn_type": "postgres",
        "host": postgres.host,
        "port": postgres.port,
        "login": user,
        "password": password,
        "schema": postgres.database,
    }
    return {
        "AIRFLOW_CONN_RANDOMUSER_API": json.dumps(_users_api(config, api_url)),
        "AIRFLOW_CONN_APP_DB": json.dumps(app_db),
    }


def _postgres_login(config: Config) -> tuple[str, str]:
    """Return role and password; a secured stack has a role that only loads, which owns the metadata."""
    secrets, postgres = Secrets.of(config), config.postgres
    if secrets.exist and postgres.managed:
        from penstock.doctor.rights import loader_role  # loads Cassandra's driver

        return loader_role(config), secrets.password(LOADER)
    return postgres.user, postgres.password


def _users_api(config: Config, url: str) -> dict[str, Any]:
    let_in = url.let_in if isinstance(url, Address) else LetIn()
    login = {"login": let_in.user, "password": let_in.password} if let_in.user else {}
    extra = {"proxy": config.api.proxy} if config.api.proxy else {}
    extra |= {"ca_file": str(let_in.ca_file)} if let_in.ca_file else {}
    return {"conn_type": "http", "host": url, **login, "extra": extra}


def _fernet_key() -> str:
    return base64.urlsafe_b64encode(secrets.token_bytes(32)).decode()


def _kept(path: Path, *, make: Callable[[], str]) -> str:
    """Return a secret: made once, readable by its owner only."""
    if not path.exists():
        with os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w") as file:
            file.write(make())
    return path.read_text()
