"""Names: what a table or a column of Postgres is called in Avro, CQL, Python and Kafka (docs/contracts.md, "Names").

The source connector names its topics and fields by the same rule (`Names.java`); tests/data/names.json holds both to
it. No Spark here: the console needs these too.
"""

from __future__ import annotations

import re
from collections.abc import Iterable

MOST_IN_TOPIC = 249
"""How many characters Kafka takes in the name of a topic."""

_PLAIN = re.compile(r"[A-Za-z_][A-Za-z0-9_]*\Z")
_ESCAPE = re.compile(r"_x([0-9A-F]{4}|[0-9A-F]{6})_")
# An underscore that begins what looks like an escape is escaped itself, also where another escape would complete it.
_IN_COLUMN = re.compile(r"[^A-Za-z0-9_]|\A[0-9]|_(?=x(?:[0-9A-F]{4}|[0-9A-F]{6})(?:_|[^A-Za-z0-9_]))")
# A digit may begin the name of a topic, but not a part of the namespace that Debezium makes of it.
_IN_TOPIC = re.compile(r"[^A-Za-z0-9_-]|\A[0-9]|_(?=x(?:[0-9A-F]{4}|[0-9A-F]{6})(?:_|[^A-Za-z0-9_-]))")
# Debezium cuts its list of tables at commas, and a table's name at dots. While it reads a table again it keeps the name
# without quotes, and cannot take apart one with a blank.
_PART = r"[^.,\"'`\\\s\x00-\x1f]+"
_TABLE = re.compile(rf"{_PART}\.{_PART}\Z")


NOT_CARRIED = "a table or schema with a dot, comma, quote, backslash or blank in its name cannot be captured: rename it"
"""What to say of a table that is none (`is_table`)."""


def is_plain(name: str) -> bool:
    """Return whether a name is one for Avro, CQL and Python as it is."""
    return bool(_PLAIN.match(name))


def is_table(name: str) -> bool:
    """Return whether this is `schema.table`, both of names that the source connector can be configured with."""
    return bool(_TABLE.match(name))


def column_name(column: str) -> str:
    """Name a column of Postgres for Avro, CQL and Python: a plain name stays, no two names meet."""
    return _IN_COLUMN.sub(_escape, column)


def postgres_name(name: str) -> str:
    """Name the column of Postgres that `column_name` names so; a name that escapes nothing is its own."""
    return _ESCAPE.sub(_unescape, name)


def topic_of(table: str, prefix: str) -> str:
    """Name a table's CDC topic: no two tables share one.

    :param table: `schema.table`, each part as the catalogue spells it, without quotes.
    :param prefix: of the installation (`Names.topic_prefix`).
    """
    return ".".join([prefix, *(_IN_TOPIC.sub(_escape, part) for part in table.split(".", 1))])


def of_source(source: str, table: str) -> str:
    """Name a table of a source database, for people: `billing:public.invoices`, and plainly that of the first one."""
    return f"{source}:{table}" if source else table


def case_twins(columns: Iterable[str]) -> list[str]:
    """Find columns of a table that differ in case only, which Debezium takes for one."""
    by_name: dict[str, list[str]] = {}
    for column in columns:
        by_name.setdefault(column.lower(), []).append(column)
    return sorted(column for twins in by_name.values() if len(twins) > 1 for column in twins)


def quoted(table: str) -> str:
    """Quote a table's name for SQL: `public."Order Items"` is written `public.Order Items` in a view."""
    return ".".join('"' + part.replace('"', '""') + '"' for part in table.split(".", 1))


def in_spark(column: str) -> str:
    """Quote a column's name for Spark, which reads a plain string as an expression of dots and backticks."""
    return "`" + column.replace("`", "``") + "`"


def _escape(found: re.Match[str]) -> str:
    code = ord(found[0])
    return f"_x{code:04X}_" if code <= 0xFFFF else f"_x{code:06X}_"


def _unescape(found: re.Match[str]) -> str:
    code = int(found[1], 16)
    is_character = code <= 0x10FFFF and not 0xD800 <= code <= 0xDFFF
    return chr(code) if is_character else found[0]
