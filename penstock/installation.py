"""The names of an installation in the servers that it shares with others (docs/contracts.md, "Names").

All come from one name, `name` in `penstock.toml`; those of a further source database have its name, too. The files of a
project hold those of the default, `penstock`; what is applied has those of the installation. No import of ours here:
so that everything may import it.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, replace
from hashlib import sha256

DEFAULT = "penstock"
"""The name of an installation that is given none."""

MOST_IN_INSTALLATION = 32
"""How many characters a name may have: every derived name then fits Postgres (63), Cassandra (48) and Kafka (249)."""
MOST_IN_SOURCE = 14
"""How many the name of a source may have, which stands behind it in Postgres."""

_SHAPE = re.compile(r"[a-z][a-z0-9]*\Z")
_MEETS = frozenset(["app", "connect", "kafkasql", "loader", "public", "system", "views"])
"""What is taken: by the default's names, by the schema of the loader, by Postgres and by Cassandra."""
_MEETS_AS_SOURCE = frozenset(["postgres", "users", "views"])
"""What is taken: by the first source and its connector, and by the topics of the views."""
RESERVED = """
    add all allow alter analyse analyze and any apply array as asc asymmetric authorization authorize batch begin binary
    both by case cast check collate collation column columnfamily concurrently constraint create cross current_catalog
    current_date current_role current_schema current_time current_timestamp current_user default deferrable delete desc
    describe distinct do drop else end entries except execute false fetch for foreign freeze from full grant group
    having if ilike in index infinity initially inner insert intersect into is isnull join keyspace lateral leading left
    like limit localtime localtimestamp materialized mbean mbeans modify nan natural norecursive not notnull null of
    offset on only or order outer overlaps placing primary references rename replace returning revoke right schema
    select session_user set similar some symmetric system_user table tablesample then to token trailing true truncate
    union unique unlogged unset update use user using variadic verbose view when where window with
"""
"""What SQL or CQL does not take for a name without quotes."""

# A schema, a literal of its own, or the first part of the name of a trigger.
_IN_SQL = re.compile(rf"\b{DEFAULT}(?=[._';])")


def why_unfit(name: str) -> str | None:
    """Say why no installation can have this name; None when one can.

    An underscore would let `orders.public_x.y` and `orders_public.x.y` be one topic for Kafka.
    """
    if not _SHAPE.match(name):
        return "the name of an installation has lower-case letters and digits only, and begins with a letter"
    if len(name) > MOST_IN_INSTALLATION:
        return f"the name of an installation has at most {MOST_IN_INSTALLATION} characters"
    if name in _MEETS or name in RESERVED.split():
        return f"{name} is taken: it means something else in Postgres, Cassandra or Kafka; add a letter or a digit"
    return None


def source_file(source: str) -> str:
    """Return the stem of the file of a source's connector."""
    return f"{source}-postgres-source" if source else SOURCE_FILE


def password_variable(source: str) -> str:
    """Name the variable by which a server of ours gets the password of a source database."""
    return f"PENSTOCK_POSTGRES_{source.upper()}_PASSWORD" if source else "PENSTOCK_POSTGRES_PASSWORD"


def why_no_source(name: str) -> str | None:
    """Say why no source database can have this name; None when one can."""
    if not _SHAPE.match(name) or len(name) > MOST_IN_SOURCE:
        known = f"at most {MOST_IN_SOURCE} lower-case letters and digits, and begins with a letter"
        return f"the name of a source has {known}"
    if name in _MEETS_AS_SOURCE:
        return f"{name} is taken: it means something else; add a letter or a digit"
    return None


@dataclass(frozen=True)
class Names:
    """The names of one installation, as one of its source databases has them; two of different names share none.

    :param source: empty for the first one. Each has names of its own of all that has to do with its tables.
    """

    name: str = DEFAULT
    source: str = ""

    def of_source(self, source: str) -> Names:
        """Return the names that another source of the same installation has."""
        return replace(self, source=source)

    @property
    def schema(self) -> str:
        """In Postgres: what the installation knows of itself."""
        return f"{self.name}_{self.source}" if self.source else self.name

    @property
    def slot(self) -> str:
        """The replication slot, and the publication."""
        return self.schema

    @property
    def publication(self) -> str:
        """What the slot reads."""
        return self.schema

    @property
    def signals(self) -> str:
        """Where a re-read is asked for; it is published too, since Debezium reads it from the stream."""
        return f"{self.schema}.signals"

    @property
    def lock(self) -> int:
        """The advisory lock that one re-read at a time holds, since Debezium notifies of them as one."""
        return int.from_bytes(sha256(self.slot.encode()).digest()[:7]) if self.slot != DEFAULT else 0x70656E73746F636B

    @property
    def command_lock(self) -> int:
        """The advisory lock of the one command that changes the installation."""
        return self.lock + 1

    @property
    def keyspace(self) -> str:
        """In Cassandra."""
        return self.name

    @property
    def source_connector(self) -> str:
        """The source connector."""
        return self.connector(source_file(self.source))

    @property
    def sink(self) -> str:
        """The sink connector."""
        return self.connector(SINK_FILE)

    @property
    def sink_group(self) -> str:
        """The consumer group of the sink, as Connect names it."""
        return f"connect-{self.sink}"

    @property
    def topic_prefix(self) -> str:
        """The `topic.prefix` of the source connector: its change topics begin so."""
        first = "app" if self.name == DEFAULT else self.name
        return f"{first}-{self.source}" if self.source else first

    @property
    def notifications_topic(self) -> str:
        """Where the source connector says how far a snapshot or a re-read is."""
        return f"debezium-notifications.{self.topic_prefix}"

    @property
    def heartbeat_topic(self) -> str:
        """The source connector writes to it every few seconds (`connect/heartbeat.py`)."""
        return f"__debezium-heartbeat.{self.topic_prefix}"

    @property
    def view_topics(self) -> str:
        """The topics of views begin so."""
        return self._own("views.")

    @property
    def dead_letter_topics(self) -> tuple[str, str]:
        """Of the Spark jobs, and of the sink."""
        return self._own("dead-letters.views"), self._own("dead-letters.sink")

    @property
    def registry_topics(self) -> tuple[str, str]:
        """Of a Schema Registry that we run: its journal, whose content is all that it knows, and its snapshots."""
        return self._own("kafkasql-journal"), self._own("kafkasql-snapshots")

    @property
    def registry_events(self) -> str:
        """Where a registry of ours announces each change; without the topic a registration hangs for 60 s and fails."""
        return self._own("registry-events")

    @property
    def connect_cluster(self) -> str:
        """Of a Connect worker that we run: its group, and its topics begin so."""
        return self._own("connect")

    @property
    def groups(self) -> str:
        """The consumer groups of ours begin so; that of the sink is Connect's (`connect/place.py`)."""
        return f"{self.name}-"

    @property
    def views_app(self) -> str:
        """The application of row views and histories in Spark."""
        return f"{self.name}-views"

    @property
    def aggregates_app(self) -> str:
        """That of the aggregates."""
        return f"{self.name}-aggregates"

    @property
    def dag(self) -> str:
        """The loader in Airflow."""
        return "load_users" if self.name == DEFAULT else f"{self.name}_load_users"

    @property
    def airflow_database(self) -> str:
        """What an Airflow that we run keeps, in the server of the source database."""
        return "airflow_meta" if self.name == DEFAULT else f"{self.name}_airflow_meta"

    def connector(self, file: str) -> str:
        """Name the connector of a file, by the file's stem."""
        return self._own(file)

    def view_topic(self, view: str) -> str:
        """Name the topic of a view's records."""
        return self.view_topics + view

    def group(self, reader: str) -> str:
        """Name the consumer group of one of our readers, none of which commits anything."""
        return self.groups + reader

    def in_sql(self, statement: str) -> str:
        """Return a statement that is written for the default with the names of this installation.

        Its name needs no quotes (`why_unfit`), so the same text stands for an identifier and in a literal.
        """
        return statement if self.schema == DEFAULT else _IN_SQL.sub(self.schema, statement)

    def _own(self, name: str) -> str:
        # No name of an installation has a hyphen: what comes before the first is one, or the default's.
        return name if self.name == DEFAULT else f"{self.name}-{name}"


SOURCE_FILE, SINK_FILE = "users-postgres-source", "cassandra-views-sink"
"""The stems of the connectors' files, of the first source's."""

VIEW_FILES = "views."
"""The files of a view's contract begin so, whatever its topic is called."""
