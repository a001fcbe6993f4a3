"""What is reported of a failure, from traces as Connect reports them."""

from penstock.connect.api import ConnectorState, ConnectorStatus, TaskState
from penstock.connect.reasons import failed_parts, reasons, root_cause

TRACE = """org.apache.kafka.connect.errors.ConnectException: An exception occurred in the change event producer.
\tat io.debezium.pipeline.ErrorHandler.setProducerThrowable(ErrorHandler.java:67)
Caused by: java.io.IOException: connection lost
\tat a.B.c(B.java:1)
\t... 5 more
Caused by: org.postgresql.util.PSQLException: FATAL: the database system is shutting down
  Location: File: postgres.c
\tat org.postgresql.Driver.connect(Driver.java:2)
"""


def status(*tasks: tuple[str, str | None], connector: str = "RUNNING") -> ConnectorStatus:
    states = tuple(TaskState(id=n, state=state, worker_id="w", trace=trace) for n, (state, trace) in enumerate(tasks))
    own = ConnectorState(state=connector, worker_id="w", trace=None)
    return ConnectorStatus(name="users", type="source", connector=own, tasks=states)


def test_every_reason_is_reported_once() -> None:
    assert [reason.split(":")[0] for reason in reasons(status(("FAILED", TRACE), ("FAILED", TRACE)))] == [
        "org.apache.kafka.connect.errors.ConnectException",
        "Caused by",
        "Caused by",
    ]


def test_the_root_cause_is_the_deepest() -> None:
    found = root_cause(status(("RUNNING", None), ("FAILED", TRACE)))
    assert found == "org.postgresql.util.PSQLException: FATAL: the database system is shutting down"


def test_a_trace_without_causes_is_reported_by_its_first_line() -> None:
    assert root_cause(status(("FAILED", "a.B: message\n\tat a.B.c(B.java:1)\nb"))) == "a.B: message"


def test_a_failure_without_a_text_is_still_reported() -> None:
    assert (root_cause(status(("FAILED", None))), root_cause(status(("FAILED", "\n")))) == (
        "no trace",
        "no reason given",
    )


def test_what_failed_is_named() -> None:
    assert failed_parts(status(("RUNNING", None), ("FAILED", TRACE), connector="FAILED")) == ("connector", "task 1")
