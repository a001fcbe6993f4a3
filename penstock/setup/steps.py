"""The steps that set the servers up; `penstock/stack/stack.py` says what each needs."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from functools import partial

from penstock.config import Config
from penstock.setup import actions
from penstock.stack.part import Part, Step
from penstock.stack.stack import STEPS, parts

_ACTIONS: Mapping[str, Callable[[Config], str]] = {
    "tables": actions.create_tables,
    "topics": actions.create_topics,
    "subjects": actions.register_subjects,
    "keyspace": actions.create_view_tables,
    "connectors": actions.apply_connectors,
}


def steps(config: Config) -> list[Step]:
    """Return every step of the set-up; each is idempotent and says what it did."""
    return [Step(name, partial(_ACTIONS[name], config), needs) for name, needs in STEPS.items()]


def nodes(config: Config) -> Sequence[Part | Step]:
    """Return parts and steps together, as the start takes them."""
    return [*parts(config), *steps(config)]
