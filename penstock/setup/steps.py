"""The steps that set the servers up, and what each needs; with the parts they are all that a start brings up."""

from __future__ import annotations

from collections.abc import Sequence

from penstock.config import Config
from penstock.setup import actions
from penstock.stack.part import Part, Step
from penstock.stack.stack import parts


def steps(config: Config) -> list[Step]:
    """Return every step of the set-up; each is idempotent and says what it did."""
    return [
        Step("tables", lambda: actions.create_tables(config), needs=("postgres",)),
        Step("topics", lambda: actions.create_topics(config), needs=("kafka",)),
        Step("subjects", lambda: actions.register_subjects(config), needs=("registry",)),
        Step("keyspace", lambda: actions.create_view_tables(config), needs=("cassandra",)),
        Step(
            "connectors",
            lambda: actions.apply_connectors(config),
            needs=("connect", "registry", "tables", "topics", "subjects", "keyspace"),
        ),
    ]


def nodes(config: Config) -> Sequence[Part | Step]:
    """Return parts and steps together, as the start takes them."""
    return [*parts(config), *steps(config)]
