"""The expected side: the rows that a view must hold, computed from Postgres with the view's own function, in Spark."""

from __future__ import annotations

import re
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager
from decimal import Decimal
from functools import cached_property
from ipaddress import ip_address
from typing import Any

from cassandra.util import Date, Duration, Time
from penstock_views.declaration.views import History, View
from penstock_views.output.entries import as_text
from penstock_views.output.primary_key import Held, held_columns
from penstock_views.snapshot.expected import ABSENT, evaluate_table
from penstock_views.snapshot.images import read_images
from penstock_views.types.canonical import logical_of
from pyspark.sql import Column, DataFrame, SparkSession
from pyspark.sql import functions as F
from pyspark.sql import types as T

from penstock.cassandra.values import Instant
from penstock.errors import TerminalError
from penstock.local_spark import read_by_spark, spark_failures
from penstock.names import in_spark, postgres_name
from penstock.postgres.catalogue import read_columns, read_live_table
from penstock.postgres.connection import connect
from penstock.postgres.unfit import refuse_hidden
from penstock.project.shapes import ViewShape
from penstock.project.workspace import Workspace
from penstock.verify.canonical import canonical_key
from penstock.verify.history import NEWEST, TIMELINE, WHOLE, Columns, normal
from penstock.verify.model import Absence, OnAbsence, Row, ignore_absence

_INTERVAL = re.compile(r"P(-?\d+)Y(-?\d+)M(-?\d+)DT(-?\d+)H(-?\d+)M(-?[\d.]+)S")


class ViewUncomputed(TerminalError):
    """Spark cannot compute a view."""

    def __init__(self, view: str, cause: str) -> None:
        super().__init__(f"view {view} cannot be computed: {cause}")


class PostgresRows:
    """A :class:`penstock.verify.model.RowSource` that reads each table by one statement, hence one snapshot."""

    def __init__(self, spark: SparkSession, *, workspace: Workspace) -> None:
        self._spark = spark
        self._workspace = workspace

    def scan(self, view: ViewShape, on_absence: OnAbsence = ignore_absence) -> Iterator[Row]:
        """Return every row that the view must hold, and report the source rows that have none in it."""
        with _our_errors(view.name):
            images, key = self._images(view.name)
            yield from self._evaluate(view, images, key, on_absence)

    def absences(self, view: str, condition: str) -> list[Absence]:
        """Return which source rows have no row in a view, of those that a condition of SQL picks."""
        found: list[Absence] = []
        with _our_errors(view):
            judged = evaluate_table(self._views[view], *self._images(view, condition))
            deque(_present(judged, found.append), maxlen=0)
        return found

    def pick(self, view: ViewShape, keys: Sequence[Row]) -> Iterator[Row]:
        """Return the rows that come from the source rows of these keys, under whatever view key they have now.

        A view whose key lacks its source's primary key (an aggregate) is read as a whole. Only rows of these very keys
        come back.
        """
        with _our_errors(view.name):
            images, columns = self._images(view.name)
            held = held_columns(self._spark, self._views[view.name], images.schema)
            by = tuple(name for name in view.key if name in held and held[name].column in columns)
            if columns and {held[name].column for name in by} == set(columns):
                first = next(name for name in by if held[name].column == columns[0])
                images = _only(images, held[first], {key[first] for key in keys})
            else:
                by = view.key
            wanted = {canonical_key(key, by) for key in keys}
            rows = self._evaluate(view, images, (), ignore_absence)
            yield from (row for row in rows if canonical_key(row, by) in wanted)

    def held(self, view: str) -> dict[str, str]:
        """Return which columns of its table a view's key has as they are, by their names in the view."""
        with _our_errors(view):
            images, _ = self._images(view)
            held = held_columns(self._spark, self._views[view], images.schema)
        return {name: each.column for name, each in held.items() if each.is_itself}

    def _evaluate(self, view: ViewShape, images: DataFrame, key: Sequence[str], on_absence: OnAbsence) -> Iterator[Row]:
        declared = self._views[view.name]
        judged = evaluate_table(declared, images, key)
        if not isinstance(declared, History):
            return _present(judged, on_absence)
        fields = [field for field in judged.schema.fields if field.name != ABSENT]
        newest = as_text(F.struct(*[field.name for field in fields]), fields).alias(NEWEST)
        texts = judged.select(*declared.key, newest, in_spark(ABSENT))
        return ({**row, NEWEST: normal(row[NEWEST]), TIMELINE: WHOLE} for row in _present(texts, on_absence))

    def columns(self, view: ViewShape) -> Columns:
        """Return the columns that a history's rows have now, as their JSON names them, and those that are numbers."""
        with _our_errors(view.name):
            judged = evaluate_table(self._views[view.name], *self._images(view.name))
            fields = [field for field in judged.schema.fields if field.name != ABSENT]
        names = {postgres_name(field.name): _is_number(field) for field in fields}
        return names, {name for name, is_number in names.items() if is_number}

    def _images(self, view: str, condition: str | None = None) -> tuple[DataFrame, tuple[str, ...]]:
        """Return the images of a view's table, and its primary key."""
        table = self._views[view].table
        config = self._workspace.config.of_source(self._views[view].source)
        with connect(config.reading) as connection:
            key = read_live_table(connection, table).table.primary_key
            refuse_hidden(connection, table, connection.info.user)
            columns = read_columns(connection, table)
        return read_images(self._spark, table, read_by_spark(config), columns, condition=condition), key

    @cached_property
    def _views(self) -> dict[str, View]:
        return {view.name: view for view in self._workspace.views}


def _only(images: DataFrame, held: Held, values: set[Any]) -> DataFrame:
    """Leave the images with other values of a column to Postgres, where the view has the column as it is."""
    # One column and plain values: Spark pushes that down.
    if not held.is_itself or not all(isinstance(value, str | int) for value in values):
        return images
    return images.where(F.col(in_spark(held.column)).isin(list(values)))


def _our_errors(view: str) -> AbstractContextManager[None]:
    """Make of Spark's failures one error that says why."""
    return spark_failures(lambda cause: ViewUncomputed(view, cause))


def _present(judged: DataFrame, on_absence: OnAbsence) -> Iterator[Row]:
    """Return the rows of the view; what has none is reported."""
    for row in exact_rows(judged):
        absent = row.pop(ABSENT)
        if absent is None:
            yield row
        else:
            # The engine also says the value, which would make a reason of its own for each row.
            reason = absent["problem"].split(" = ", 1)[0]
            on_absence(Absence(reason, absent["rows"], absent["example"]))


def exact_rows(frame: DataFrame) -> Iterator[dict[str, Any]]:
    """Bring a frame's rows in the values that Cassandra's side has too (penstock.cassandra.values)."""
    # Dates and times as numbers: PySpark's own have no year above 9999 and lie in the zone of this process.
    numbers = frame.select(*[_as_number(field).alias(field.name) for field in frame.schema.fields])
    exact = {field.name: _exact(field) for field in frame.schema.fields}
    for row in numbers.toLocalIterator():
        yield {name: None if value is None else exact[name](value) for name, value in row.asDict().items()}


_AS_NUMBER: dict[type[T.DataType], Callable[[Column], Column]] = {
    T.TimestampType: F.unix_micros,
    T.DateType: F.unix_date,
}


def _as_number(field: T.StructField) -> Column:
    column = F.col(f"`{field.name}`")
    if isinstance(field.dataType, T.ArrayType):
        of_element = _AS_NUMBER.get(type(field.dataType.elementType))
        return F.transform(column, of_element) if of_element else column
    of_value = _AS_NUMBER.get(type(field.dataType))
    return of_value(column) if of_value else column


def _is_number(field: T.StructField) -> bool:
    kind = field.dataType.elementType if isinstance(field.dataType, T.ArrayType) else field.dataType
    return logical_of(field) == "digits" or isinstance(kind, T.DecimalType)


def _exact(field: T.StructField) -> Callable[[Any], Any]:
    if isinstance(field.dataType, T.ArrayType):
        one = _exact(T.StructField(field.name, field.dataType.elementType, True, field.metadata))
        return lambda elements: [None if element is None else one(element) for element in elements]
    by_type: dict[type[T.DataType], Callable[[Any], Any]] = {T.TimestampType: Instant, T.DateType: Date}
    by_logical: dict[str | None, Callable[[Any], Any]] = {
        "time": lambda micros: Time(micros * 1000),
        "interval": _duration,
        "inet": ip_address,
        "digits": Decimal,
    }
    return by_type.get(type(field.dataType)) or by_logical.get(logical_of(field)) or (lambda value: value)


def _duration(text: str) -> Duration:
    found = _INTERVAL.fullmatch(text)
    if found is None:
        raise ValueError(f"not an interval as Debezium writes it: {text}")  # limits.py lets no other text pass
    years, months, days, hours, minutes = map(int, found.groups()[:5])
    seconds = (hours * 60 + minutes) * 60 + Decimal(found[6])
    return Duration(years * 12 + months, days, int(seconds * 10**9))
