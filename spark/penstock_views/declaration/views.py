"""Declaration of a view: `@view` or `@history` on a pure function from one row image to `row(...)`.

`@aggregate` is in `declare_totals`. Nothing here touches a session: a view is a value, and its function builds Spark
columns from Spark columns.
"""

from __future__ import annotations

import inspect
import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import ClassVar, TypeVar

from pyspark.sql import Column
from pyspark.sql import functions as F
from pyspark.sql import types as T

from penstock.contract import HISTORY, MAX_GENERATION, ROW, VERSION
from penstock.errors import TerminalError
from penstock.installation import VIEW_FILES, Names
from penstock.names import (
    MOST_IN_TOPIC,
    NOT_CARRIED,
    column_name,
    is_plain,
    is_table,
    of_source,
    postgres_name,
    topic_of,
)
from penstock_views.types.canonical import UNUSABLE, is_usable
from penstock_views.types.encodings import REFUSED, may_refuse

MOST_IN_NAME = 48
"""How many characters Cassandra takes in the name of a table."""

_NAME = re.compile(r"[a-z][a-z0-9_]*\Z")


@dataclass(frozen=True)
class Origin:
    """Where a view is written, for messages; `place` is `file:line`."""

    place: str
    view: str

    def __str__(self) -> str:
        return f"{self.place}: view {self.view}"


class ViewInvalid(TerminalError):
    """A view cannot work as it is written; `of` is its name."""

    def __init__(self, origin: Origin, problem: str) -> None:
        self.place, self.of, self.problem = origin.place, origin.view, f"view {origin.view}: {problem}"
        super().__init__(f"{self.place}: {self.problem}")


@dataclass(frozen=True)
class Row:
    """One row of a view: its columns, and when it belongs to the view at all."""

    columns: dict[str, Column]
    condition: Column | None = None
    is_whole: bool = False
    """Whether the columns are all that the table has, whichever these are."""

    def where(self, condition: Column) -> Row:
        """Keep the row only where the condition is true (false and NULL both leave it out).

        The columns are computed only for the rows that are kept.
        """
        both = condition if self.condition is None else self.condition & condition
        return replace(self, condition=both)


def row(**columns: Column) -> Row:
    """Describe the view's row: each keyword is a column of the view."""
    return Row(columns)


def whole(image: Image) -> Row:
    """Describe the row that holds every column of the table that a view can use."""
    columns = {column_name(name): image._keep(name) for name in names_of(image)}
    return Row(columns, is_whole=True)


def truncate_to_millis(column: Column) -> Column:
    """Cut a timestamp to whole milliseconds, which is all that a CQL `timestamp` holds.

    Without this word a timestamp with more is refused (dead letter), never rounded silently.
    """
    return F.date_trunc("millisecond", column)


def truncate_each_to_millis(column: Column) -> Column:
    """Cut the timestamps of an array to whole milliseconds; a NULL among them is still refused, as CQL has none."""
    return F.transform(column, truncate_to_millis)


def unix_micros(column: Column) -> Column:
    """Return a timestamp as microseconds since 1970, a bigint: what a key needs that must keep all of it."""
    return F.unix_micros(column)


class Image:
    """One row image of a table, as a view function sees it: `u.email` is a column, and so is `u["postal code"]`.

    In brackets stands Postgres' name. A name that is none of Python's has one by `penstock.names.column_name`.
    """

    def __init__(self, table: str, column: Column, fields: T.StructType) -> None:
        self._table, self._column, self._fields = table, column, fields
        self._as_read: list[tuple[str, Column]] = []

    def __getattr__(self, name: str) -> Column:
        meant = postgres_name(name)
        if meant != name and {meant, name} <= set(self._fields.names):
            raise AttributeError(f'{self._table} has `{meant}` and `{name}`: write ["{meant}"] or ["{name}"]')
        return self._read(meant if meant in self._fields.names else name)

    def _keep(self, name: str) -> Column:
        """Read a column as a part of a whole row."""
        return self._read(name)

    def _read(self, name: str) -> Column:
        if name not in self._fields.names or name == REFUSED.name:
            known = ", ".join(names_of(self))
            raise AttributeError(f"{self._table} has no column `{name}` that a view can use; it has: {known}")
        field = self._fields[name]
        if not is_usable(field):
            raise AttributeError(f"{self._table}.{name} {field.metadata[UNUSABLE]}")
        value = self._column.getField(name)
        if REFUSED not in self._fields or not may_refuse(field):
            self._as_read.append((name, value))
            return value
        return self._guarded(field, value)

    def _guarded(self, field: T.StructField, value: Column) -> Column:
        """Fail, for this one row, on a value that the canonical type cannot hold: never take it for NULL."""
        refused = F.try_element_at(self._column.getField(REFUSED.name), F.lit(column_name(field.name)))
        failure = F.raise_error(F.lit(f"{self._table}.{field.name} holds what no view can"))
        return F.when(refused.isNull(), value).otherwise(failure).alias(field.name, metadata=field.metadata)

    def __getitem__(self, name: str) -> Column:
        return self._read(name if name in self._fields.names else postgres_name(name))


class NotedImage(Image):
    """An image that notes which columns are read of it, and without which of them there is no row."""

    def __init__(self, table: str, column: Column, fields: T.StructType) -> None:
        super().__init__(table, column, fields)
        self._noted: set[str] = set()
        self._needed: set[str] = set()

    def _keep(self, name: str) -> Column:
        self._noted.add(name)
        return super()._read(name)

    def _read(self, name: str) -> Column:
        self._needed.add(name)
        return self._keep(name)


def names_of(image: Image) -> tuple[str, ...]:
    """Name the columns of an image that a view can use; no method of it, since `u.names` is the table's own column."""
    fields = image._fields.fields
    return tuple(field.name for field in fields if is_usable(field) and field != REFUSED)


def is_as_read(image: Image, column: Column) -> bool:
    """Return whether a column is one that the image gave out and that has no guard: nothing was computed of it."""
    return name_as_read(image, column) is not None


def name_as_read(image: Image, column: Column) -> str | None:
    """Name the column of the table that the image gave out as this one; None for any other."""
    return next((name for name, read in image._as_read if read is column), None)


def names_read(image: NotedImage) -> frozenset[str]:
    """Name the columns that were read of an image."""
    return frozenset(image._noted)


def names_needed(image: NotedImage) -> frozenset[str]:
    """Name those of them that were not read as a part of a whole row, which goes on without a column that is gone."""
    return frozenset(image._needed)


def fields_read(image: NotedImage) -> tuple[T.StructField, ...]:
    """Return the columns that were read of an image, of a table whose values can be refused."""
    if REFUSED not in image._fields:
        return ()
    return tuple(field for field in image._fields.fields if field.name in image._noted)


ViewFunction = Callable[[Image], Row]


@dataclass(frozen=True)
class View:
    """A view as declared: the function's name is the view's name. This kind is a row view: a row for each row."""

    kind: ClassVar[str] = ROW
    name: str
    table: str
    key: tuple[str, ...]
    revision: int
    function: ViewFunction
    file: Path
    line: int
    partition: tuple[str, ...] | None = field(default=None, kw_only=True)
    """The columns of the key that the table's file puts into the partition key; None when no file says."""
    source: str = field(default="", kw_only=True)
    """The source database that has the table (`[sources.…]` of penstock.toml); empty for the first one."""
    names: Names = field(default=Names(), kw_only=True)
    """Those of the installation that it was loaded for, as its source has them."""

    @property
    def partition_key(self) -> tuple[str, ...]:
        """The columns that name a partition of the view's table."""
        return self.partition or self.key[:1]

    @property
    def topic(self) -> str:
        """The Kafka topic of the view's records."""
        return self.names.view_topic(self.name)

    @property
    def source_table(self) -> str:
        """Its table, for people and as a name that no other table has: with the source, if that is a further one."""
        return of_source(self.source, self.table)

    @property
    def source_topic(self) -> str:
        """The Kafka topic of the changes of its table."""
        return topic_of(self.table, self.names.topic_prefix)

    @property
    def contract(self) -> str:
        """How the files of its contract begin, and what namespace its records have: the same in each installation."""
        return VIEW_FILES + self.name

    @property
    def contract_files(self) -> tuple[str, str]:
        """The names of the files of its contract: of the key and of the value."""
        return f"{self.contract}-key.avsc", f"{self.contract}-value.avsc"

    @property
    def primary_key(self) -> tuple[str, ...]:
        """The primary key of the view's table, in order."""
        return self.key

    @property
    def origin(self) -> Origin:
        """Where the view is written, for messages."""
        return Origin(f"{self.file}:{self.line}", self.name)


@dataclass(frozen=True)
class History(View):
    """A view that holds a row for each change of a row of the source, under the key that the row had."""

    kind: ClassVar[str] = HISTORY
    first_revision: int | None = field(default=None, kw_only=True)
    """The revision that the contract names as that of the first entries; None while there is no contract."""

    @property
    def since(self) -> int:
        """The revision of which the versions of all entries are, so that a change has one whichever reads it."""
        return self.revision if self.first_revision is None else min(self.first_revision, self.revision)

    @property
    def partition_key(self) -> tuple[str, ...]:
        """The whole key of the row: its entries lie together."""
        return self.key

    @property
    def primary_key(self) -> tuple[str, ...]:
        """The key of the row and the version of the change."""
        return (*self.key, VERSION)


def view(table: str, *, key: Sequence[str], revision: int = 1, source: str = "") -> Callable[[ViewFunction], View]:
    """Declare a row view.

    :param table: `schema.table` in Postgres.
    :param key: the view's key columns, in order; the source's primary key must be among them.
    :param revision: raise it whenever the function or the key changes; a lower one than was applied is refused.
    :param source: the source database that has the table, by its name in penstock.toml; without it `[postgres]`.
    :raises ViewInvalid: at once, when no table of that shape can exist.
    """
    return lambda function: replace(declare(View, function, table, key, revision), source=source)


def history(
    table: str, *, key: Sequence[str], revision: int = 1, source: str = ""
) -> Callable[[ViewFunction], History]:
    """Declare a history: one entry for each change of the row that the function returns.

    `return whole(u)` keeps every column. A function that returns less keeps less. An entry where its row appears or
    disappears (`.where()`) is a `c` or a `d`.

    :param key: columns of the row that name it in the history; the source's primary key must be among them.
    :param source: the source database that has the table, by its name in penstock.toml; without it `[postgres]`.
    :raises ViewInvalid: at once, when no table of that shape can exist.
    """
    return lambda function: replace(declare(History, function, table, key, revision), source=source)


Kind = TypeVar("Kind", bound=View)


def declare(kind: type[Kind], function: Callable[[Image], Row], table: str, key: Sequence[str], revision: int) -> Kind:
    """Make a view of a kind out of a user's function.

    :raises ViewInvalid: when no table of that shape can exist.
    """
    file, line = Path(inspect.getsourcefile(function) or "?"), function.__code__.co_firstlineno
    # One name in quotes is a sequence too, of letters; nobody means that.
    columns = () if isinstance(key, str) else tuple(name if is_plain(name) else column_name(name) for name in key)
    declared = kind(function.__name__, table, columns, revision, function, file, line)
    _refuse_impossible(declared)
    return declared


def in_installation(view: View, names: Names) -> View:
    """Return the view as it is in an installation, with the names of its source.

    :raises ViewInvalid: when the change topic of its table cannot exist there.
    """
    placed = replace(view, names=names.of_source(view.source))
    if (length := len(placed.source_topic)) > MOST_IN_TOPIC:
        problem = f"the topic of table `{view.table}` would have {length} characters, and Kafka takes {MOST_IN_TOPIC}"
        raise ViewInvalid(view.origin, f"{problem}: rename the table")
    return placed


def _refuse_impossible(view: View) -> None:
    problems = [
        (not _NAME.match(view.name), "a view's name has lower-case letters, digits and _ only"),
        (len(view.name) > MOST_IN_NAME, f"a view's name has at most {MOST_IN_NAME} characters, as Cassandra's tables"),
        (
            not is_table(view.table),
            f"table `{view.table}` must be written schema.table, as the catalogue spells it; {NOT_CARRIED}",
        ),
        (not view.key, "key must list one column or more, as in key=['id']"),
        (len(set(view.primary_key)) != len(view.primary_key), "key names a column twice"),
        (not 1 <= view.revision <= MAX_GENERATION, f"revision must be 1 to {MAX_GENERATION}, not {view.revision}"),
    ]
    for is_wrong, problem in problems:
        if is_wrong:
            raise ViewInvalid(view.origin, problem)
