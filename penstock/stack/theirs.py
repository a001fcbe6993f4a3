"""Parts that others run (`managed = false`): Penstock asks whether they answer, and says what is wrong when not."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from penstock.cassandra.session import open_session
from penstock.config import Config
from penstock.connect.api import ConnectApi
from penstock.doctor.airflow import lacks_dag
from penstock.doctor.connect import judge_plugins
from penstock.doctor.finding import Finding, Weight, cure_of_silence
from penstock.doctor.wal import judge_wal_level
from penstock.errors import PenstockError, TerminalError, TransientError
from penstock.loads.airflow_api import AirflowApi
from penstock.postgres.connection import connect as connect_postgres
from penstock.project.connector_lists import listed_topics
from penstock.project.folders import sources_of
from penstock.registry.client import RegistryClient
from penstock.sections.part import PartSection
from penstock.spark_master import master_state
from penstock.stack.part import Part
from penstock.topics.admin import TopicAdmin
from penstock.topics.declare import topics_beside

_QUICKLY_S = 5


class PartUnreachable(TransientError):
    """A part that others run does not answer, or is not as Penstock needs it."""

    def __init__(self, part: Part) -> None:
        section = section_name(part.name)
        super().__init__(
            f"{part.name} at {part.elsewhere}, which Penstock does not run ({section}.managed = false): "
            f"{part.why_not() or 'it does not answer'}\n"
            f"  What to do: {cure_of_silence(section, is_ours=False)}; `penstock doctor` looks at every server"
        )


class NotOurs(TerminalError):
    """What is asked for needs the process of a part, which others run."""

    def __init__(self, part: Part) -> None:
        section = section_name(part.name)
        super().__init__(
            f"{part.name} is not ours ({section}.managed = false): it runs at {part.elsewhere}, and so do its logs"
        )


class NotAsNeeded(TerminalError):
    """A server answers, but lacks something."""


def section_name(part: str) -> str:
    """Return the section of `penstock.toml` that a part belongs to, if one of those that others can run."""
    first = part.split("-", maxsplit=1)[0]
    return first if part in _ASK else ""


def as_declared(config: Config, part: Part) -> Part:
    """Return the part, or what stands for it where others run it."""
    name = section_name(part.name)
    section: PartSection | None = getattr(config, name) if name else None
    if section is None or section.managed:
        return part
    ask = _ASK[part.name]
    return Part(
        name=part.name,
        command=(),
        is_ready=lambda: not _problem(ask, config),
        why_not=lambda: _problem(ask, config),
        elsewhere=section.address,
        one_shot=part.one_shot,
    )


def left_behind(config: Config) -> list[str]:
    """Say what `reset` leaves in the servers of others, and how each goes: the connectors first, which use the rest."""
    connect, names, sources = config.connect, config.names, sources_of(config)
    named = [*(each.names.source_connector for each in sources), names.sink]
    connectors = " ".join(f"-X DELETE {connect.url}/connectors/{name}" for name in named)
    topics = topics_beside(config, listed_topics(config), sources=sources)
    said = (
        (connect, f"connectors {', '.join(named[:-1])} and {names.sink}: curl {connectors}"),
        *((each.database, _left_in_postgres(each)) for each in sources),
        (config.kafka, f"topics: {', '.join(topic.name for topic in topics)}"),
        (config.registry, f"subjects: DELETE {config.registry.url}/subjects/<topic>-key and -value of those topics"),
        (config.cassandra, f"keyspace: DROP KEYSPACE {names.keyspace}"),
    )
    return [f"{section.address}  {line}" for section, line in said if not section.managed]


def _left_in_postgres(config: Config) -> str:
    names = config.names
    drops = f"DROP PUBLICATION {names.publication}; DROP SCHEMA {names.schema} CASCADE"
    statements = f"SELECT pg_drop_replication_slot('{names.slot}'); {drops}"
    return f"slot and publication {names.slot}, schema {names.schema} in {config.database.database}: {statements}"


def _problem(ask: Callable[[Config], None], config: Config) -> str:
    try:
        ask(config)
    except PenstockError as exc:
        return str(exc)
    return ""


def _ask_postgres(config: Config) -> None:
    with connect_postgres(config) as connection, connection.cursor() as cursor:
        cursor.execute("SHOW wal_level")
        ((level,),) = cursor.fetchall()
    _refuse(judge_wal_level(level))


def _ask_kafka(config: Config) -> None:
    TopicAdmin(config.kafka.bootstrap, timeout_s=_QUICKLY_S).topics()


def _ask_registry(config: Config) -> None:
    with RegistryClient(config.registry.url, timeout_s=_QUICKLY_S) as client:
        client.subjects()


def _ask_connect(config: Config) -> None:
    with ConnectApi(config.connect.url, timeout_s=_QUICKLY_S) as api:
        plugins = api.plugins()
    _refuse(*judge_plugins(plugins))


def _refuse(*findings: Finding) -> None:
    for finding in findings:
        if finding.weight is Weight.STOPS:
            raise NotAsNeeded(f"{finding.what}: {finding.cure}")


def _ask_spark_master(config: Config) -> None:
    if master_state(config).get("status") != "ALIVE":
        raise NotAsNeeded(f"no master that is ALIVE answers at port {config.spark.master_ui_port} (its web page)")


def _ask_spark_worker(config: Config) -> None:
    if not master_state(config).get("aliveworkers", 0):
        raise NotAsNeeded("its master knows of no worker that is alive")


def _ask_cassandra(config: Config) -> None:
    with open_session(config):
        pass


def _ask_airflow(config: Config) -> None:
    with AirflowApi(config.airflow.url) as api:
        if not api.health().is_database_well:
            raise NotAsNeeded("its metadata database is not well")


def _ask_scheduler(config: Config) -> None:
    with AirflowApi(config.airflow.url) as api:
        if not api.health().is_scheduler_well:
            raise NotAsNeeded("its scheduler has no fresh heartbeat")


def _ask_dag_processor(config: Config) -> None:
    with AirflowApi(config.airflow.url) as api:
        if not api.knows_dag(config.names.dag):
            _refuse(lacks_dag(config.names.dag))


_ASK: Mapping[str, Callable[[Config], None]] = {
    "postgres": _ask_postgres,
    "kafka": _ask_kafka,
    "registry": _ask_registry,
    "connect": _ask_connect,
    "spark-master": _ask_spark_master,
    "spark-worker": _ask_spark_worker,
    "cassandra": _ask_cassandra,
    "airflow-migrate": _ask_airflow,
    "airflow-api-server": _ask_airflow,
    "airflow-scheduler": _ask_scheduler,
    "airflow-dag-processor": _ask_dag_processor,
}
"""How each part is asked; the first word of a part's name is its section."""
