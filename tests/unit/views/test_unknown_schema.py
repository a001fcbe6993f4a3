"""An unknown schema id stops the query, so that nothing is misread; a refused one is a dead letter."""

from __future__ import annotations

import pytest
from penstock_views.decode import unknown_schema
from pyspark.errors import PySparkException

from tests.unit.views import cdc
from tests.unit.views.conftest import Engine

OF_98, OF_99 = (b"\x00\x00\x00\x00" + bytes([number]) + b"body" for number in (98, 99))


@pytest.mark.parametrize(
    ("record", "schema_id"),
    [
        (cdc.Record(7, OF_98), 98),
        (cdc.Record(1000, OF_99), 99),  # written after the registry was asked: the id may be real by now
        (cdc.Record(10, OF_99, partition=1), 99),
    ],
)
def test_an_unknown_schema_fails_the_query_and_names_itself(engine: Engine, record: cdc.Record, schema_id: int) -> None:
    with pytest.raises(PySparkException) as failure:
        engine([record])
    assert unknown_schema(str(failure.value)) == (cdc.TOPIC, schema_id)


def test_a_refused_schema_is_a_dead_letter_in_the_refused_part_of_each_partition(engine: Engine) -> None:
    emitted = engine([cdc.Record(999, OF_99), cdc.Record(9, OF_99, partition=1)])
    assert [one.topic for one in emitted] == ["dead-letters.views"] * 2


def test_another_failure_names_no_schema() -> None:
    assert unknown_schema("org.apache.kafka.common.errors.TimeoutException: broker away") is None
