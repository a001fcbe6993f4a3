"""Asks a server that others run whether it answers and is as Penstock needs it.

Apart from `theirs.py`, as this loads the drivers of all servers, which `down` and `logs` do without.
"""

from __future__ import annotations

from penstock.cassandra.session import open_session
from penstock.config import Config
from penstock.doctor.airflow import lacks_dag
from penstock.doctor.connect import examine_plugins
from penstock.doctor.finding import Finding, Weight
from penstock.doctor.wal import judge_wal_level, read_keeper
from penstock.errors import TerminalError
from penstock.loads.airflow_api import AirflowApi
from penstock.postgres.connection import connect as connect_postgres
from penstock.registry.client import RegistryClient
from penstock.spark_master import master_state
from penstock.topics.admin import TopicAdmin

_QUICKLY_S = 5


class NotAsNeeded(TerminalError):
    """A server answers, but lacks something."""


def ask_postgres(config: Config) -> None:
    """Ask whether it writes a logical log."""
    with connect_postgres(config) as connection, connection.cursor() as cursor:
        cursor.execute("SHOW wal_level")
        ((level,),) = cursor.fetchall()
        keeper = read_keeper(connection)
    _refuse(judge_wal_level(level, keeper))


def ask_kafka(config: Config) -> None:
    """Ask for its topics."""
    TopicAdmin(config.kafka.bootstrap, timeout_s=_QUICKLY_S).topics()


def ask_registry(config: Config) -> None:
    """Ask for its subjects."""
    with RegistryClient(config.registry.url, timeout_s=_QUICKLY_S) as client:
        client.subjects()


def ask_connect(config: Config) -> None:
    """Ask whether it has our plugins, of the version that this clone has."""
    _refuse(*examine_plugins(config.connect))


def _refuse(*findings: Finding) -> None:
    for finding in findings:
        if finding.weight is Weight.STOPS:
            raise NotAsNeeded(f"{finding.what}: {finding.cure}")


def ask_spark_master(config: Config) -> None:
    """Ask whether it is alive."""
    if master_state(config).get("status") != "ALIVE":
        raise NotAsNeeded(f"no master that is ALIVE answers at port {config.spark.master_ui_port} (its web page)")


def ask_spark_worker(config: Config) -> None:
    """Ask its master for workers."""
    if not master_state(config).get("aliveworkers", 0):
        raise NotAsNeeded("its master knows of no worker that is alive")


def ask_cassandra(config: Config) -> None:
    """Ask whether a node lets us in."""
    with open_session(config):
        pass


def ask_airflow(config: Config) -> None:
    """Ask whether its database is well."""
    with AirflowApi(config.airflow.url) as api:
        if not api.health().is_database_well:
            raise NotAsNeeded("its metadata database is not well")


def ask_scheduler(config: Config) -> None:
    """Ask for its heartbeat."""
    with AirflowApi(config.airflow.url) as api:
        if not api.health().is_scheduler_well:
            raise NotAsNeeded("its scheduler has no fresh heartbeat")


def ask_dag_processor(config: Config) -> None:
    """Ask for the loader's DAG."""
    with AirflowApi(config.airflow.url) as api:
        if not api.knows_dag(config.names.dag):
            _refuse(lacks_dag(config.names.dag))
