"""A failed query is told in its own words, without the stack."""

from __future__ import annotations

from penstock_views.runner import reason_of


def test_a_failure_is_cut_to_its_reasons() -> None:
    failure = (
        "Job aborted\n\tat org.a.B.c(B.scala:1)\nCaused by: java.io.IOException: disk full\n\t... 3 more\n"
        "=== Streaming Query ===\nIdentifier: views\nLogical Plan:\nWriteToMicroBatchDataSource\n"
    )
    assert reason_of(failure) == "Job aborted | Caused by: java.io.IOException: disk full"
