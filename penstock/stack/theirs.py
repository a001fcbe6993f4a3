"""Parts that others run (`managed = false`): Penstock asks whether they answer, and says what is wrong when not."""

from __future__ import annotations

from importlib import import_module

from penstock.config import Config
from penstock.doctor.finding import cure_of_silence
from penstock.errors import PenstockError, TerminalError, TransientError
from penstock.project.connector_lists import listed_topics
from penstock.project.folders import sources_of
from penstock.sections.part import PartSection
from penstock.stack.part import Part
from penstock.topics.declare import topics_beside

_ASK = {
    "postgres": "postgres",
    "kafka": "kafka",
    "registry": "registry",
    "connect": "connect",
    "spark-master": "spark_master",
    "spark-worker": "spark_worker",
    "cassandra": "cassandra",
    "airflow-migrate": "airflow",
    "airflow-api-server": "airflow",
    "airflow-scheduler": "scheduler",
    "airflow-dag-processor": "dag_processor",
}
"""The end of the name of the function in `ask.py` that asks each part; the first word of a part is its section."""


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
    return Part(
        name=part.name,
        command=(),
        is_ready=lambda: not _problem(part.name, config),
        why_not=lambda: _problem(part.name, config),
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


def _problem(part: str, config: Config) -> str:
    try:
        getattr(import_module("penstock.stack.ask"), f"ask_{_ASK[part]}")(config)
    except PenstockError as exc:
        return str(exc)
    return ""
