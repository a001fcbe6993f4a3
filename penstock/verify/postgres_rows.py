"""The expected side: the rows that a view must hold, computed from Postgres with the view's own function, in Spark."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Sequence
from decimal import Decimal
from functools import cached_property
from ipaddress import ip_address
from typing import Any

from cassandra.util import Date, Duration, Time
from penstock_views.batch import Postgres, evaluate_table, read_images
from penstock_views.canonical import logical_of
from penstock_views.declare import History, View
from penstock_views.entries import as_text
from penstock_views.names import column_name, in_spark
from pyspark.sql import Column, DataFrame, SparkSession
from pyspark.sql import functions as F
from pyspark.sql import types as T

from penstock.cassandra.values import Instant
from penstock.config import Config
from penstock.verify.canonical import canonical_key
from penstock.verify.history import NEWEST, TIMELINE, WHOLE, normal
from penstock.verify.model import Row, ViewShape
from penstock.views.catalogue import connect, read_live_table
from penstock.views.load import views_of

_INTERVAL = re.compile(r"P(-?\d+)Y(-?\d+)M(-?\d+)DT(-?\d+)H(-?\d+)M(-?[\d.]+)S")


class PostgresRows:
    """A :class:`penstock.verify.model.RowSource` that reads each table by one statement, hence one snapshot."""

    def __init__(self, spark: SparkSession, *, config: Config) -> None:
        section = config.postgres
        self._spark = spark
        self._config = config
        self._postgres = Postgres(section.host, section.port, section.database, section.user, section.password)

    def scan(self, view: ViewShape) -> Iterator[Row]:
        """Return every row that the view must hold."""
        return self._evaluate(view, self._images(view))

    def pick(self, view: ViewShape, keys: Sequence[Row]) -> Iterator[Row]:
        """Return the rows that come from the source rows of these keys, under whatever view key they have now.

        A view that renames its source's primary key, or has none of it (an aggregate), is read as a whole, and only
        rows of these very keys come back.
        """
        declared, images = self._views[view.name], self._images(view)
        with connect(self._config) as connection:
            columns = read_live_table(connection, declared.table).table.primary_key
        by = tuple(map(column_name, columns))
        if by and set(by) <= set(view.key):
            # One column and plain values: Spark pushes that down to Postgres.
            values = {key[by[0]] for key in keys}
            if all(isinstance(value, str | int) for value in values):
                images = images.where(F.col(in_spark(columns[0])).isin(list(values)))
        else:
            by = view.key
        wanted = {canonical_key(key, by) for key in keys}
        return (row for row in self._evaluate(view, images) if canonical_key(row, by) in wanted)

    def _evaluate(self, view: ViewShape, images: DataFrame) -> Iterator[Row]:
        declared = self._views[view.name]
        rows = evaluate_table(declared, images).rows
        if not isinstance(declared, History):
            return exact_rows(rows)
        newest = as_text(F.struct(*rows.columns), rows.columns).alias(NEWEST)
        texts = exact_rows(rows.select(*declared.key, newest))
        return ({**row, NEWEST: normal(row[NEWEST]), TIMELINE: WHOLE} for row in texts)

    def _images(self, view: ViewShape) -> DataFrame:
        return read_images(self._spark, self._views[view.name].table, self._postgres)

    @cached_property
    def _views(self) -> dict[str, View]:
        return {view.name: view for view in views_of(self._config)}


def exact_rows(frame: DataFrame) -> Iterator[Row]:
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
