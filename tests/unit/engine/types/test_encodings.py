"""Whatever type a column had when its table was another one: the plan stands, and what cannot be read does not fit."""

from __future__ import annotations

from itertools import product
from typing import Any

import pytest
from penstock_views.types.canonical import field_from_writer
from penstock_views.types.encodings import REFUSED, avro_decoding, decode_all, raw_type
from pyspark.sql import SparkSession
from pyspark.sql import functions as F
from pyspark.sql import types as T

SCALARS: dict[str, Any] = {
    "text": "string",
    "int": "int",
    "bigint": "long",
    "real": "float",
    "double": "double",
    "boolean": "boolean",
    "bytea": "bytes",
    "date": {"type": "int", "connect.name": "io.debezium.time.Date"},
    "timestamp": {"type": "long", "connect.name": "io.debezium.time.MicroTimestamp"},
    "timestamptz": {"type": "string", "connect.name": "io.debezium.time.ZonedTimestamp"},
    "numeric": {
        "type": "string",
        "connect.parameters": {
            "__debezium.source.column.type": "NUMERIC",
            "__debezium.source.column.length": "8",
            "__debezium.source.column.scale": "2",
        },
    },
}
TYPES = SCALARS | {f"{name}[]": {"type": "array", "items": ["null", avro]} for name, avro in SCALARS.items()}
PAIRS = list(product(TYPES, TYPES))


@pytest.mark.slow
def test_a_value_of_any_other_type_is_read_or_does_not_fit(spark: SparkSession) -> None:
    images = []
    for old, new in PAIRS:
        target = field_from_writer({"name": "it", "type": TYPES[new]})
        raws = [F.lit(None).cast(raw_type(TYPES[which])) for which in (old, new)]
        decodings = [avro_decoding(TYPES[which], target) for which in (old, new)]
        fields = decode_all([(target, list(zip(decodings, raws, strict=True)))], F.lit(None))
        images.append(F.struct(*fields).alias(f"{old} as {new}"))
    read = spark.range(1).select(*images)
    for (old, new), image in zip(PAIRS, read.schema.fields, strict=True):
        target = field_from_writer({"name": "it", "type": TYPES[new]})
        assert isinstance(image.dataType, T.StructType)
        assert image.dataType["it"].dataType == target.dataType, (old, new)


def test_an_array_where_a_text_is_now_is_refused_with_what_it_is(spark: SparkSession) -> None:
    target = field_from_writer({"name": "it", "type": "string"})
    raw = F.array(F.lit(1), F.lit(2))
    (row,) = (
        spark.range(1)
        .select(*decode_all([(target, [(avro_decoding(TYPES["int[]"], target), raw)])], F.lit(None)))
        .collect()
    )
    assert (row["it"], row[REFUSED.name]) == (None, {"it": "[1, 2]"})
