"""A secured stack: no door beyond loopback, none without a password, no secret in sight, no right too many."""

from __future__ import annotations

import re
import socket
import ssl
import subprocess
from collections.abc import Callable, Iterator
from contextlib import closing
from dataclasses import replace
from pathlib import Path
from typing import Any

import psutil
import psycopg2
import pytest
import requests
from confluent_kafka import KafkaException
from confluent_kafka.admin import AdminClient, NewTopic  # type: ignore[attr-defined]  # re-exported there
from psycopg2.extensions import make_dsn

from penstock.address import Address
from penstock.brokers import librdkafka_settings
from penstock.cassandra.session import CassandraRefused, CassandraUnreachable, open_session
from penstock.clone import ROOT
from penstock.config import Config
from penstock.layout import Layout
from penstock.loads.airflow_api import AirflowApi, AirflowRefused
from penstock.secured import LOADER, Secrets
from penstock.stack.processes import marked
from penstock.wait import wait_until
from tests.e2e.test_two_sources import second_source
from tests.names import DAG_ID
from tests.patience import PATIENCE_S
from tests.stack import SECURE, Ground, Stack, run_here

pytestmark = pytest.mark.slow

QUICKLY_S = 10
SERVERS = {"api", "postgres", "airflow-api-server", "kafka", "registry", "connect", "cassandra", "console"}
SHORTEST = 16
"""Characters of the shortest secret; what is shorter in their folder is a name."""


@pytest.fixture(autouse=True)
def _only_secured(ground: Ground) -> None:
    if ground is not SECURE:
        pytest.skip("make test-secure")


def listeners(stack: Stack) -> Iterator[tuple[str, str, int]]:
    """Return part, address and port of every door that a process of the stack holds open."""
    for process in marked(stack.config.state_dir):
        part = process.environ().get("PENSTOCK_PART", "?")
        for connection in process.net_connections("tcp"):
            if connection.status == psutil.CONN_LISTEN:
                yield part, connection.laddr.ip, connection.laddr.port


def ports_of(stack: Stack, part: str) -> set[int]:
    return {port for name, _, port in listeners(stack) if name == part}


def test_no_door_is_beyond_loopback(stack: Stack) -> None:
    found = set(listeners(stack))
    assert {part for part, _, _ in found} >= SERVERS
    beyond = [each for each in found if each[1].removeprefix("::ffff:") not in {"127.0.0.1", "::1"}]
    assert beyond == []


def test_the_servers_have_no_other_doors(stack: Stack) -> None:
    config = stack.config
    assert ports_of(stack, "kafka") == {config.kafka.port, config.kafka.controller_port}
    assert ports_of(stack, "cassandra") == {config.cassandra.port, config.cassandra.storage_port}
    assert ports_of(stack, "postgres") == {config.postgres.port}
    assert ports_of(stack, "registry") == {config.registry.port}
    assert ports_of(stack, "connect") == {config.connect.port}
    assert ports_of(stack, "console") == {config.console.port}
    assert ports_of(stack, "api") == {config.api.port}
    assert ports_of(stack, "airflow-api-server") == {config.airflow.port}
    assert ports_of(stack, "airflow-scheduler") == ports_of(stack, "airflow-dag-processor") == set()
    assert ports_of(stack, "spark-master") == {config.spark.master_port, config.spark.master_ui_port}


ASKED = {"airflow-api-server": "/api/v2/dags"}
"""In place of `/`, where Airflow shows everybody the empty frame of its pages."""


def test_no_web_page_is_shown_without_a_password(stack: Stack) -> None:
    """Of every door, the jobs' and executors' too: what speaks HTTP says 401 or nothing."""
    shown, ca = [], str(Secrets.of(stack.config).ca)
    for part, _, port in set(listeners(stack)):
        for scheme in ("http", "https"):
            try:
                said = requests.get(f"{scheme}://127.0.0.1:{port}{ASKED.get(part, '/')}", timeout=QUICKLY_S, verify=ca)
            except requests.RequestException:
                continue
            if said.status_code not in {400, 401, 403}:
                shown.append((part, port, said.status_code))
    assert shown == []


WEB: dict[str, Callable[[Config], Address]] = {
    "api": lambda config: config.api.at("/api/?results=1"),
    "registry": lambda config: config.registry.at("/apis/ccompat/v7/subjects"),
    "its own API": lambda config: config.registry.at("/apis/registry/v2/search/artifacts"),
    "connect": lambda config: config.connect.at("/connectors"),
    "console": lambda config: config.console.at("/api/v1/about"),
    "its figures": lambda config: config.console.at("/metrics/"),
}


@pytest.mark.parametrize("door", WEB)
def test_who_speaks_http_asks_for_the_password(stack: Stack, door: str) -> None:
    url = WEB[door](stack.config)
    ca, password = str(Secrets.of(stack.config).ca), url.let_in.password
    answers = {
        login: requests.get(url, auth=login, verify=ca, timeout=QUICKLY_S).status_code
        for login in (None, ("penstock", "wrong"), ("penstock", ""), ("penstock", password))
    }
    assert list(answers.values()) == [401, 401, 401, 200]


SHOWN_BY_AIRFLOW = {f"/api/v2/{path}" for path in ("monitor/health", "version", "auth/login", "auth/logout")}


def test_airflow_answers_who_has_a_token(stack: Stack) -> None:
    """All of its API that has a path without variables, but its health, version and the way to its login."""
    airflow, ca = stack.config.airflow, str(Secrets.of(stack.config).ca)
    listed = requests.get(airflow.at("/openapi.json"), verify=ca, timeout=PATIENCE_S).json()["paths"]
    paths = {path for path, methods in listed.items() if "get" in methods and "{" not in path} - SHOWN_BY_AIRFLOW
    assert {"/api/v2/connections", "/api/v2/config"} < paths
    answers = {path: requests.get(airflow.at(path), verify=ca, timeout=QUICKLY_S).status_code for path in paths}
    assert {path: status for path, status in answers.items() if status != 401} == {}
    run = {"logical_date": None}
    started = requests.post(airflow.at(f"/api/v2/dags/{DAG_ID}/dagRuns"), json=run, verify=ca, timeout=QUICKLY_S)
    tasks = requests.get(airflow.at("/execution/connections/app_db"), verify=ca, timeout=QUICKLY_S)
    assert (started.status_code, tasks.status_code) == (401, 401)


@pytest.mark.parametrize("password", ["", "wrong"])
def test_airflow_gives_no_token_without_the_password(stack: Stack, tmp_path: Path, password: str) -> None:
    (tmp_path / "password").write_text(password)
    url = stack.config.airflow.url
    shown = replace(url.let_in, password_file=tmp_path / "password")
    with AirflowApi(Address(url, shown)) as api, pytest.raises(AirflowRefused, match=r"/auth/token: 40[01]"):
        api.knows_dag(DAG_ID)
    with AirflowApi(url) as api:
        assert api.knows_dag(DAG_ID)


def test_users_are_loaded_and_the_console_sees_the_loads(stack: Stack) -> None:
    assert "1000 users fetched" in run_here(["load", "--users", "1000"], stack.environment).stdout
    seen = requests.get(url := stack.config.console.at("/api/v1/loads"), auth=("penstock", url.let_in.password),
                        verify=str(url.let_in.ca_file), timeout=QUICKLY_S).json()  # fmt: skip
    assert 1000 in {run["fetched"] for run in seen}


def test_a_connector_cannot_be_made_without_the_password(stack: Stack) -> None:
    connect = stack.config.connect
    # The second is between workers, which sign what they ask.
    for method, path in (("POST", "/connectors"), ("POST", "/connectors/x/tasks"), ("PUT", "/admin/loggers/root")):
        said = requests.request(
            method, connect.at(path), json=[], verify=str(connect.let_in.ca_file), timeout=QUICKLY_S
        )
        assert said.status_code in {400, 401, 403}, path


@pytest.mark.parametrize("port", ["master_ui_port", "worker_ui_port"])
def test_the_pages_of_spark_ask_for_a_token(stack: Stack, port: str) -> None:
    url = f"http://127.0.0.1:{getattr(stack.config.spark, port)}/json/"
    token = Secrets.of(stack.config).spark_token.read_text().strip()
    assert requests.get(url, timeout=QUICKLY_S).status_code in {401, 403}
    assert requests.get(url, headers={"Authorization": "Bearer x.y.z"}, timeout=QUICKLY_S).status_code in {401, 403}
    assert requests.get(url, headers={"Authorization": f"Bearer {token}"}, timeout=QUICKLY_S).status_code == 200


@pytest.mark.parametrize("more", [{"password": ""}, {"password": "wrong"}, {"sslmode": "disable"}])
def test_postgres_asks_for_tls_and_the_password(stack: Stack, more: dict[str, Any]) -> None:
    with pytest.raises(psycopg2.OperationalError):
        psycopg2.connect(stack.config.postgres.dsn, connect_timeout=QUICKLY_S, **more)


@pytest.mark.parametrize(
    "more", [{"security.protocol": "PLAINTEXT"}, {"security.protocol": "SSL"}, {"sasl.password": "x"}]
)
def test_kafka_asks_for_tls_and_the_password(stack: Stack, more: dict[str, str]) -> None:
    client = AdminClient({**librdkafka_settings(stack.config.kafka.bootstrap), "log_level": 0, **more})
    with pytest.raises(KafkaException):
        client.list_topics(timeout=QUICKLY_S)


@pytest.mark.parametrize("section", ["kafka", "cassandra"])
def test_the_doors_of_nodes_ask_for_a_certificate(stack: Stack, section: str) -> None:
    config = stack.config
    port = config.kafka.controller_port if section == "kafka" else config.cassandra.storage_port
    trust = ssl.create_default_context(cafile=Secrets.of(config).ca)
    with pytest.raises((ssl.SSLError, ConnectionError)), socket.create_connection(("127.0.0.1", port)) as plain:
        plain.settimeout(QUICKLY_S)
        with trust.wrap_socket(plain, server_hostname="127.0.0.1") as door:
            door.sendall(b"\0" * 64)
            while door.recv(1):
                pass
            raise ConnectionError  # closed without a word


@pytest.mark.parametrize("user", [None, "cassandra"])
def test_cassandra_asks_for_the_password(stack: Stack, user: str | None) -> None:
    login = {"user": user, "password_file": Secrets.of(stack.config).password_file("cassandra-first")}
    section = stack.config.cassandra.model_copy(update=login)
    with (
        pytest.raises((CassandraRefused, CassandraUnreachable)),
        open_session(stack.config.model_copy(update={"cassandra": section})),
    ):
        pass


def test_our_users_may_do_their_own_work_only(stack: Stack) -> None:
    for statement in ("CREATE ROLE more WITH LOGIN = true", "SELECT * FROM system_auth.roles"):
        with pytest.raises(CassandraRefused), open_session(stack.config) as session:
            session.execute(statement)
    client = AdminClient({**librdkafka_settings(stack.config.kafka.bootstrap), "log_level": 0})
    (made,) = client.create_topics([NewTopic("of-somebody-else", 1)]).values()
    with pytest.raises(KafkaException, match="AUTHORIZATION"):
        made.result()


@pytest.mark.parametrize(
    "statement",
    [
        "ALTER TABLE public.users ADD COLUMN more int",
        "DELETE FROM public.users",
        "SELECT * FROM penstock.known_tables",
        "SELECT pg_create_logical_replication_slot('more', 'pgoutput')",
    ],
)
def test_airflow_may_load_and_do_no_more(stack: Stack, statement: str) -> None:
    sessions = "SELECT DISTINCT usename FROM pg_stat_activity WHERE datname = %s"
    assert stack.sql(sessions, stack.config.names.airflow_database) == [("penstock_loader",)]
    password = Secrets.of(stack.config).password(LOADER)
    dsn = make_dsn(stack.config.postgres.dsn, user="penstock_loader", password=password)
    with closing(psycopg2.connect(dsn)) as connection, connection.cursor() as cursor:
        cursor.execute("SELECT count(*) FROM public.users")
        with pytest.raises(psycopg2.errors.InsufficientPrivilege):
            cursor.execute(statement)


READS = "SELECT usename FROM pg_stat_activity JOIN pg_replication_slots ON active_pid = pid WHERE slot_name = '{}'"
LOOKS = "SELECT DISTINCT usename FROM pg_stat_activity WHERE application_name = 'penstock-console'"


def test_the_source_and_who_reads_log_in_by_roles_of_their_own(stack: Stack) -> None:
    assert stack.sql(READS.format("penstock")) == [("penstock_replicator",)]
    looks = lambda: stack.sql(LOOKS) == [("penstock_reader",)]  # noqa: E731
    wait_until(looks, timeout_s=PATIENCE_S, what="the control center has logged in as the reader")
    stack.sql("ALTER ROLE penstock_reader NOLOGIN")
    try:
        assert "penstock_reader" in run_here(["verify", "--patience", "0"], stack.environment).stderr
        assert "role penstock_reader is not let in" in run_here(["doctor"], stack.environment).stdout
    finally:
        stack.sql("ALTER ROLE penstock_reader LOGIN")
    stack.penstock("verify", "views check")


def secrets_of(stack: Stack) -> set[str]:
    """Return every secret: passwords and tokens whole, of private keys a line."""
    folder, airflow = Secrets.of(stack.config).folder, stack.config.state_dir / "airflow"
    whole = {file.read_text().strip() for pattern in ("*.password", "spark.token") for file in folder.glob(pattern)}
    lines = {file.read_text().splitlines()[1] for file in folder.glob("*.key")}
    key = re.findall(r"secretKey=(\S+)", Secrets.of(stack.config).spark_daemons.read_text())
    own = {file.read_text() for file in airflow.glob("*.key")}
    return {secret for secret in whole | lines | {*key} | own if len(secret) >= SHORTEST}


def read(file: Path) -> str:
    return file.read_bytes().decode(errors="replace")


def test_no_secret_is_in_a_log_or_in_a_file_that_others_may_read(stack: Stack) -> None:
    config = stack.config
    own = Secrets.of(config).folder
    files = [file for file in config.state_dir.rglob("*") if file.is_file() and own not in file.parents]
    logs = Layout.of(config).log("any").parent
    seen = [file for file in files if file.stat().st_mode & 0o077 or logs in file.parents]
    assert len([file for file in seen if logs in file.parents]) > 5
    assert any(f"dag_id={DAG_ID}" in file.parts for file in seen)
    found = secrets_of(stack)
    assert [file for file in seen if any(secret in read(file) for secret in found)] == []
    assert own.stat().st_mode & 0o777 == 0o700
    assert {file.stat().st_mode & 0o777 for file in own.iterdir()} == {0o600}


def test_no_secret_is_in_the_process_list(stack: Stack) -> None:
    listed = subprocess.run(["ps", "-eww", "-o", "args"], capture_output=True, text=True, check=True).stdout
    assert "org.apache.kafka.connect" in listed
    assert "airflow api_server" in listed
    assert [secret for secret in secrets_of(stack) if secret in listed] == []


def shown_by_airflow(config: Config) -> str:
    """Return what Airflow says to who has logged in."""
    airflow, ca = config.airflow, str(Secrets.of(config).ca)
    login = {"username": "penstock", "password": airflow.let_in.password}
    given = requests.post(airflow.at("/auth/token"), json=login, verify=ca, timeout=QUICKLY_S).json()
    shown = {"Authorization": f"Bearer {given['access_token']}"}
    paths = ("connections", "variables", "config", "eventLogs", f"dags/{DAG_ID}/dagRuns")
    asked = [airflow.at(f"/api/v2/{path}") for path in paths]
    said = "".join(requests.get(url, headers=shown, verify=ca, timeout=QUICKLY_S).text for url in asked)
    assert "dag_run_id" in said
    return said


def test_no_secret_is_in_an_answer(stack: Stack) -> None:
    config = stack.config
    connect, ca = config.connect, str(Secrets.of(config).ca)
    names = requests.get(connect.at("/connectors"), auth=("penstock", connect.let_in.password), verify=ca,
                         timeout=QUICKLY_S).json()  # fmt: skip
    asked = [connect.at(f"/connectors/{name}/config") for name in names]
    asked.append(connect.at("/connectors?expand=info&expand=status"))
    asked.append(config.api.at("/api/?results=10"))
    asked += [config.console.at(f"/api/v1/{what}") for what in ("about", "parts", "connectors", "topics", "sources")]
    said = "".join(
        requests.get(url, auth=("penstock", url.let_in.password), verify=ca, timeout=QUICKLY_S).text for url in asked
    )
    said += shown_by_airflow(config)
    said += run_here(["status"], stack.environment).stdout + run_here(["doctor"], stack.environment).stdout
    assert "users-postgres-source" in said
    assert [secret for secret in secrets_of(stack) if secret in said] == []


def test_the_console_verifies(stack: Stack) -> None:
    config, url = stack.config, stack.config.console.at("/api/v1/views/verify")
    token = (config.state_dir / "console" / "token").read_text()
    with requests.Session() as console:
        console.headers["Authorization"], console.verify = f"Bearer {token}", str(Secrets.of(config).ca)
        assert console.post(url, json={"view": "users_by_id"}, timeout=QUICKLY_S).ok
        ended: dict[str, Any] = {}

        def ends() -> bool:
            ended.update(console.get(url, timeout=QUICKLY_S).json())
            return ended["running"] is None

        wait_until(ends, timeout_s=PATIENCE_S, what="the verify ends")
    assert ended["failure"] is None


def test_a_stack_that_runs_is_not_secured_later(stack: Stack, tmp_path: Path) -> None:
    (tmp_path / "s/data/postgres/base").mkdir(parents=True)
    said = run_here(["up", "--secure"], {**stack.environment, "PENSTOCK_STATE": str(tmp_path / "s")})
    assert said.returncode == 1
    assert "began without passwords" in said.stderr
    assert not (tmp_path / "s/secrets").exists()
    assert (ROOT / SECURE.state / "secrets").exists()


def test_a_further_source_has_the_same_roles_from_its_fill_on(stack: Stack, tmp_path: Path) -> None:
    """The last test of this file: Kafka deletes the files of its topics for a while, which others look through."""
    with second_source(stack, tmp_path) as second:
        second.wait_until_exact()
        second.sql("UPDATE public.invoices SET amount = amount + 1 WHERE id <= 50")
        second.sql("DELETE FROM public.invoices WHERE id BETWEEN 100 AND 120")
        second.stack.penstock("views rebuild billed")
        second.wait_until_exact()
        second.stack.penstock("verify invoices billed billed_history billed_totals", "views check", "doctor")
        assert second.server(READS.format("penstock_billing")) == [("penstock_replicator",)]
