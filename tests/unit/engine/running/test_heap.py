"""A driver whose heap is full says so, and by which setting it gets more, instead of collecting garbage for ever."""

from __future__ import annotations

import pytest
from penstock_views.running.heap import HeapFull, refuse_full
from pyspark.sql import SparkSession


def test_one_that_is_full_is_refused_with_the_cure(spark: SparkSession) -> None:
    with pytest.raises(HeapFull, match=r"of \d+ MB are taken; raise spark.driver_memory_mb in penstock.toml"):
        refuse_full(spark, "spark.driver_memory_mb", full_at=0.0)


def test_one_with_room_is_not(spark: SparkSession) -> None:
    refuse_full(spark, "spark.driver_memory_mb")
