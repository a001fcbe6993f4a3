"""The expected side: the rows that a view must hold, computed from Postgres with the view's own function, in Spark."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import UTC, datetime, timedelta
from functools import cached_property

from penstock_views.batch import Postgres, evaluate_table, read_images
from penstock_views.declare import View
from pyspark.sql import DataFrame, SparkSession
from pyspark.sql import functions as F
from pyspark.sql import types as T

from penstock.config import Config
from penstock.verify.canonical import canonical_key
from penstock.verify.model import Row, ViewShape
from penstock.views.catalogue import connect, read_live_table
from penstock.views.load import views_of

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


class PostgresRows:
    """A :class:`penstock.verify.model.RowSource` that reads each table by one statement, hence one snapshot."""

    def __init__(self, spark: SparkSession, *, config: Config) -> None:
        section = config.postgres
        self._spark = spark
        self._config = config
        self._postgres = Postgres(section.host, section.port, section.database, section.user)

    def scan(self, view: ViewShape) -> Iterator[Row]:
        """Return every row that the view must hold."""
        return _rows(evaluate_table(self._views[view.name], self._images(view)).rows)

    def pick(self, view: ViewShape, keys: Sequence[Row]) -> Iterator[Row]:
        """Return the rows that come from the source rows of these keys, under whatever view key they have now.

        A view that renames its source's primary key is read as a whole, and only rows of these very keys come back.
        """
        declared, images = self._views[view.name], self._images(view)
        with connect(self._config) as connection:
            by = read_live_table(connection, declared.table).table.primary_key
        if set(by) <= set(view.key):
            # One column and plain values: Spark pushes that down to Postgres.
            images = images.where(F.col(by[0]).isin(list({key[by[0]] for key in keys})))
        else:
            by = view.key
        wanted = {canonical_key(key, by) for key in keys}
        rows = _rows(evaluate_table(declared, images).rows)
        return (row for row in rows if canonical_key(row, by) in wanted)

    def _images(self, view: ViewShape) -> DataFrame:
        return read_images(self._spark, self._views[view.name].table, self._postgres)

    @cached_property
    def _views(self) -> dict[str, View]:
        return {view.name: view for view in views_of(self._config)}


def _rows(frame: DataFrame) -> Iterator[Row]:
    times = [field.name for field in frame.schema.fields if isinstance(field.dataType, T.TimestampType)]
    # As numbers: PySpark would hand out datetimes without zone in the zone of this process.
    exact = frame.withColumns({name: F.unix_micros(name) for name in times}) if times else frame
    for row in exact.toLocalIterator():
        values = row.asDict()
        yield values | {
            name: _EPOCH + timedelta(microseconds=values[name]) for name in times if values[name] is not None
        }
