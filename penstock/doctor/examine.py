"""Looks at every server at once, each within a bounded time; one that is away is one finding."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, replace
from functools import partial
from queue import Empty, SimpleQueue

from penstock.config import Config
from penstock.connect.secrets import hidden_in
from penstock.doctor import airflow, cassandra, connect, console, kafka, machine, postgres, registry, spark
from penstock.doctor.finding import Examined, Finding, cure_of_silence, stops
from penstock.errors import PenstockError, Unreachable
from penstock.project.folders import sources_of
from penstock.project.workspace import Workspace
from penstock.sections.part import PartSection
from penstock.topics.declare import declare_topics

PATIENCE_S = 40.0
"""How long a server may take for all that it is asked."""


@dataclass(frozen=True)
class _Look:
    name: str
    address: str
    find: Callable[[], Iterable[Finding]]
    away: str


def examine(workspace: Workspace, *, patience_s: float = PATIENCE_S) -> list[Examined]:
    """Look at every server that the configuration names.

    :raises ViewFileBroken, ViewInvalid: what the servers need depends on the views.
    """
    config, views = workspace.config, workspace.views
    topics = declare_topics(config, views, sources=sources_of(config))
    looks = [
        _Look("machine", str(config.state_dir), lambda: machine.examine(config), ""),
        *map(_of_source, workspace.sources),
        _of(config, "kafka", lambda: kafka.examine(config, topics)),
        _of(config, "registry", lambda: registry.examine(config)),
        _of(config, "connect", lambda: connect.examine(config)),
        _of(config, "spark", lambda: spark.examine(config, views)),
        _of(config, "cassandra", lambda: cassandra.examine(config)),
        *([_of(config, "airflow", lambda: airflow.examine(config))] if config.airflow.enabled else []),
        *([_of_console(workspace)] if config.console.enabled and config.console.masked else []),
    ]
    return list(_all_at_once(looks, patience_s))


def _of(config: Config, name: str, find: Callable[[], Iterable[Finding]]) -> _Look:
    section: PartSection = getattr(config, name)
    return _Look(name, section.address, find, cure_of_silence(name, is_ours=section.managed))


def _of_source(workspace: Workspace) -> _Look:
    config = workspace.config
    section, name = config.database, f"postgres {config.source}".rstrip()
    find = partial(postgres.examine, config, workspace.tables)
    return _Look(name, section.address, find, cure_of_silence("postgres", is_ours=section.managed))


def _of_console(workspace: Workspace) -> _Look:
    away = cure_of_silence("postgres", is_ours=workspace.config.postgres.managed)
    return _Look("console", str(workspace.config.console.url), lambda: console.examine(workspace), away)


def _all_at_once(looks: list[_Look], patience_s: float) -> Iterator[Examined]:
    """Take every look in a thread of its own, which the end of the program does not wait for."""
    answers = {look.name: SimpleQueue[tuple[Finding, ...]]() for look in looks}
    for look in looks:
        threading.Thread(target=_take, args=(look, answers[look.name]), daemon=True).start()
    deadline = time.monotonic() + patience_s
    for look in looks:
        try:
            found = answers[look.name].get(timeout=max(deadline - time.monotonic(), 0.0))
        except Empty:
            found = (stops(f"it came to no end within {patience_s:.0f} s", look.away),)
        yield Examined(look.name, look.address, found)


def _take(look: _Look, answer: SimpleQueue[tuple[Finding, ...]]) -> None:
    found: list[Finding] = []
    try:
        found.extend(look.find())
    except PenstockError as exc:
        found.append(stops(_in_one_line(exc), look.away))
    except Exception as exc:  # noqa: BLE001 - the top of a thread: a fault of one look must not hide the others
        found.append(stops(f"it could not be examined ({type(exc).__name__}: {exc})", look.away))
    answer.put(tuple(replace(each, what=hidden_in(each.what)) for each in found))


def _in_one_line(error: PenstockError) -> str:
    """Leave out the advice of a server that is away: the finding has a better one."""
    said = error.fact if isinstance(error, Unreachable) else str(error)
    return " ".join(said.split())
