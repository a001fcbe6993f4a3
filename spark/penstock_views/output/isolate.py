"""Finds the views of which no query can be made: they are stopped, and the others go on."""

from __future__ import annotations

from dataclasses import replace

from py4j.protocol import Py4JNetworkError
from pyspark.sql import DataFrame, SparkSession

from penstock.errors import first_line
from penstock_views.output.derive import Output, Plan, StoppedView, derive

_RAW = (
    "topic string, partition int, offset bigint, key binary, value binary, "
    "headers array<struct<key: string, value: binary>>"
)


def without_broken(spark: SparkSession, plan: Plan) -> Plan:
    """Stop the views of which no query can be made; the plan as it is when there is none.

    :raises Exception: what Spark says of all views together, when each of them alone is good.
    """
    raw = spark.createDataFrame([], _RAW)
    try:
        derive(raw, plan)
    except Exception as exc:
        if _is_away(exc):
            raise
        return _apart(raw, plan, exc)
    return plan


def _apart(raw: DataFrame, plan: Plan, failure: Exception) -> Plan:
    """Make the query of each view alone, and stop those of which that fails."""
    stopped = [found for output in plan.outputs if (found := _stopped(raw, plan, output)) is not None]
    if not stopped:
        raise failure
    names = {each.view.name for each in stopped}
    left = tuple(output for output in plan.outputs if output.view.name not in names)
    return replace(plan, outputs=left, stopped=(*plan.stopped, *stopped))


def _stopped(raw: DataFrame, plan: Plan, output: Output) -> StoppedView | None:
    try:
        derive(raw, replace(plan, outputs=(output,), stopped=()))
    except Exception as exc:  # Spark's errors share no base class with those of Python
        if _is_away(exc):
            raise
        return StoppedView(output.view, why_stopped(output.view.name, exc))
    return None


def why_stopped(name: str, exc: Exception) -> str:
    """Say why a view that nobody can compute is stopped, and what cures it."""
    return f"view {name} is stopped: {first_line(exc)}; correct it, then run `penstock views apply`"


def _is_away(exc: Exception) -> bool:
    """Return whether the JVM does not answer, which is no view's fault."""
    return isinstance(exc, Py4JNetworkError | OSError)
