"""Kafka Connect: its plugins, what its workers think of our connectors, and how those are."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence, Set
from pathlib import Path
from zipfile import ZipFile

from penstock.config import Config
from penstock.connect.api import ConnectApi, ConnectorStatus, State
from penstock.connect.files import ConnectorFile
from penstock.connect.reasons import root_cause
from penstock.doctor.finding import Finding, cure_of_away, ok, stops, warning
from penstock.errors import PenstockError
from penstock.http_client import answers
from penstock.instances import name_of
from penstock.layout import SERVERS
from penstock.project.connectors import declared_connectors
from penstock.sections.connect import Connect as Section
from penstock.topics.admin import TopicAdmin

_SOURCE = "dev.penstock.postgres.PostgresSourceConnector"
OUR_PLUGINS = frozenset({_SOURCE, "dev.penstock.cassandra.sink.CassandraSinkConnector"})
_JAR = SERVERS / "plugins/debezium/debezium-connector-postgres/penstock-postgres-source.jar"
_COPY = "copy .servers/plugins of this clone over those in the plugin.path of each worker, and restart them"
_AGAIN = "`penstock down`, then `penstock up`; of containers `docker compose up -d --build`"
_QUICKLY_S = 5
_VALIDATION_S = 20


def examine(config: Config) -> Iterator[Finding]:
    """Look at the workers and at our connectors.

    :raises ConnectUnreachable, ConnectRefused: nobody answers, or lets us in.
    """
    with ConnectApi(config.connect.url, timeout_s=_VALIDATION_S) as api:
        worker, files = api.worker(), declared_connectors(config)
        yield ok(f"Kafka Connect {worker.version}")
        yield from judge_kafka(worker.kafka_cluster_id, _cluster_of(config))
        unfit = list(examine_plugins(config.connect))
        yield from unfit
        if not unfit:
            # The worker itself connects to the servers for that, with what is in its environment.
            for file in files:
                yield from judge_validation(file, api.validate(file.name, file.config).problems)
        found = {name: overview.status for name, overview in api.connectors().items()}
    yield from _judge_workers(config.connect)
    yield from judge_connectors(files, found)


def _judge_workers(section: Section) -> Iterator[Finding]:
    """Say which of several workers of ours do not answer."""
    numbers = range(1, section.workers + 1)
    away = [name_of("connect", each) for each in numbers if not answers(section.of_worker(each).at("/connectors"))]
    if away:
        said = f"{len(away)} of {section.workers} workers do not answer: {', '.join(away)}"
        yield warning(said, cure_of_away(away))


def _cluster_of(config: Config) -> str:
    try:
        return TopicAdmin(config.kafka.bootstrap, timeout_s=_QUICKLY_S).cluster().id
    except PenstockError:
        return ""  # what is wrong there is said of Kafka itself


def judge_kafka(workers: str, ours: str) -> Iterator[Finding]:
    """Say whether the workers are of our Kafka.

    :param ours: the id of its cluster; empty where it is not known.
    """
    if ours and workers != ours:
        yield stops(
            f"its workers are of another Kafka (cluster {workers}) than [kafka] names ({ours})",
            "correct [kafka] or [connect]; the workers' bootstrap.servers must be of the same",
        )


def examine_plugins(section: Section) -> Iterator[Finding]:
    """Look at the plugins of each worker of ours that answers, or of the one of others that does.

    :raises ConnectUnreachable, ConnectRefused: nobody answers, or lets us in.
    """
    for number in range(1, section.workers + 1):
        own = section.of_worker(number)
        if section.workers > 1 and not answers(own.at("/connectors")):
            continue
        with ConnectApi(own.url, timeout_s=_VALIDATION_S) as api:
            found = api.plugins()
        name = name_of("connect", number)
        yield from judge_plugins(name, found, version_in(_JAR), cure=_AGAIN if section.managed else _COPY)


def version_in(jar: Path) -> str | None:
    """Return the version of the plugins that a clone has, which stands in the jar of the source; None: it has none."""
    if not jar.exists():
        return None
    with ZipFile(jar) as opened:
        found = re.search(r"^Implementation-Version: (\S+)", opened.read("META-INF/MANIFEST.MF").decode(), re.MULTILINE)
    return found[1] if found else None


def judge_plugins(worker: str, found: Set[tuple[str, str]], ours: str | None, *, cure: str) -> Iterator[Finding]:
    """Say which of our plugins a worker lacks, or that it has those of another version, perhaps beside ours.

    :param found: the classes, each with its version.
    :param ours: the version that it should have; None: unknown, as in the image of a container.
    :param cure: of the second.
    """
    if missing := sorted(OUR_PLUGINS - {name for name, _ in found}):
        yield stops(f"{worker} lacks {', '.join(missing)}", _COPY)
        return
    if ours and (others := sorted({version for name, version in found if name == _SOURCE} - {ours})):
        yield stops(
            f"{worker} runs plugins of another version ({', '.join(others)}) than this clone has ({ours})", cure
        )


def judge_validation(file: ConnectorFile, problems: Sequence[tuple[str, str]]) -> Iterator[Finding]:
    """Say what the worker thinks of a connector's configuration."""
    for key, message in problems:
        yield stops(f"connector {file.name}: {key}: {message}", f"correct it where {key} comes from, or on the workers")


def judge_connectors(files: Sequence[ConnectorFile], found: Mapping[str, ConnectorStatus]) -> Iterator[Finding]:
    """Say how each of our connectors is."""
    for file in files:
        yield _judge_connector(file.name, found.get(file.name))


def _judge_connector(name: str, status: ConnectorStatus | None) -> Finding:
    if status is None:
        return ok(f"connector {name} is not there yet: `penstock up` applies it")
    if status.traces:
        return stops(f"connector {name} has failed: {root_cause(status)}", f"`penstock connectors restart {name}`")
    if status.summary in (State.PAUSED, State.STOPPED):
        return warning(f"connector {name} is {status.summary}", f"`penstock connectors resume {name}`")
    if not status.is_running:
        return warning(f"connector {name} is {status.summary}", "wait a moment; `penstock connectors list` says more")
    return ok(f"connector {name} runs")
