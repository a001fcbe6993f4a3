"""The steps that set the servers up; `penstock/stack/stack.py` says what each needs."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from functools import partial

from penstock.config import Config
from penstock.project.workspace import Workspace
from penstock.secured import Secrets
from penstock.setup import actions, rights
from penstock.stack.part import Part, Step
from penstock.stack.stack import parts, step_needs

_ACTIONS: Mapping[str, Callable[[Workspace], str]] = {
    "form": actions.look_at_form,
    "tables": actions.create_tables,
    "topics": actions.create_topics,
    "subjects": actions.register_subjects,
    "keyspace": actions.create_view_tables,
    "connectors": actions.apply_connectors,
}


def steps(workspace: Workspace) -> list[Step]:
    """Return every step of the set-up; each is idempotent and says what it did."""
    first = _rights(workspace.config)
    given = {need: step.name for step in first for need in step.needs}
    taken = [
        Step(name, partial(_ACTIONS[name], workspace), (*needs, *(given[need] for need in needs if need in given)))
        for name, needs in step_needs(workspace.config).items()
    ]
    return [*first, *taken]


def _rights(config: Config) -> list[Step]:
    """Return the steps that give our users their rights in a secured stack's own servers, before all others."""
    known = {"kafka": rights.give_kafka_rights, "cassandra": rights.give_cassandra_rights}
    return [
        Step(f"{server}-rights", partial(give, config), (server,))
        for server, give in known.items()
        if getattr(config, server).managed and Secrets.of(config).exist
    ]


def nodes(workspace: Workspace) -> Sequence[Part | Step]:
    """Return parts and steps together, as the start takes them."""
    return [*parts(workspace.config), *steps(workspace)]
