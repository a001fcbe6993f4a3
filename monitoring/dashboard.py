"""Builds the dashboard for Grafana; `make dashboard` writes it to monitoring/dashboard.json, which people import.

Every query is run against a real Prometheus by tests/e2e/test_metrics.py.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from string import ascii_uppercase

from grafana_foundation_sdk.builders.dashboard import Dashboard, DatasourceVariable, Row
from grafana_foundation_sdk.builders.prometheus import Dataquery
from grafana_foundation_sdk.builders.timeseries import Panel as TimeSeries
from grafana_foundation_sdk.cog.encoder import JSONEncoder
from grafana_foundation_sdk.models.dashboard import DataSourceRef

FILE = Path(__file__).with_name("dashboard.json")
SOURCE = DataSourceRef(type_val="prometheus", uid="${datasource}")
_WIDTH, _HEIGHT = 8, 8


@dataclass(frozen=True)
class Query:
    """What a panel asks Prometheus, and how a line of the answer is called."""

    expr: str
    legend: str


@dataclass(frozen=True)
class Panel:
    """A chart; `unit` is Grafana's."""

    title: str
    text: str
    unit: str
    queries: tuple[Query, ...]


def _lag(quantile: float, by: str, leg: str = "") -> str:
    return f"histogram_quantile({quantile}, sum by ({by}) (rate(penstock_lag_seconds_bucket{leg}[$__rate_interval])))"


_WHOLE = '{leg="whole"}'
_SINK = "kafka_connect_cassandra_sink_task"
_SAMPLED = "Of a few changes each second; the sink's leg is known up to 2 s late (docs/monitoring.md)."

ROWS: dict[str, tuple[Panel, ...]] = {
    "Lag": (
        Panel(
            "Commit to Cassandra",
            _SAMPLED,
            "s",
            (Query(_lag(0.5, "le", _WHOLE), "half within"), Query(_lag(0.99, "le", _WHOLE), "99 of 100 within")),
        ),
        Panel("Lag by leg", f"99 of 100 within. {_SAMPLED}", "s", (Query(_lag(0.99, "le, leg"), "{{leg}}"),)),
        Panel(
            "Lag by view", f"99 of 100 within. {_SAMPLED}", "s", (Query(_lag(0.99, "le, view", _WHOLE), "{{view}}"),)
        ),
    ),
    "Flow": (
        Panel(
            "Cassandra is behind",
            "The age of the oldest change that Cassandra does not have; no line while that is not known.",
            "s",
            (Query("penstock_freshness_seconds", "oldest change"),),
        ),
        Panel("Records", "Into topics, rows into tables.", "short", (Query("penstock_records_per_second", "{{of}}"),)),
        Panel(
            "Records behind",
            "What each reader has yet to read.",
            "short",
            (Query("penstock_reader_behind_records", "{{reader}}"),),
        ),
        Panel(
            "Time behind",
            "The age of the oldest record that a reader has yet to read.",
            "s",
            (Query("penstock_reader_behind_seconds", "{{reader}}"),),
        ),
        Panel("WAL held", "By each replication slot.", "bytes", (Query("penstock_slot_retained_bytes", "{{slot}}"),)),
        Panel(
            "Dead letters", "Offsets that each topic holds.", "short", (Query("penstock_dead_letters", "{{topic}}"),)
        ),
    ),
    "State": (
        Panel(
            "Systems",
            "1 = it does its work.",
            "short",
            (
                Query("penstock_system_up", "{{system}}"),
                Query("penstock_connector_running", "{{connector}}"),
                Query("penstock_slot_usable", "slot {{slot}} is usable"),
                Query("penstock_slot_active", "slot {{slot}} is read"),
            ),
        ),
        Panel(
            "Troubles",
            "0 = none.",
            "short",
            (
                Query("penstock_connector_failed", "failed: {{connector}}"),
                Query("penstock_job_troubles", "of Spark's jobs"),
                Query("penstock_partitions_incomplete", "partitions not whole"),
                Query("sum(penstock_alert_firing)", "alerts of the control center"),
            ),
        ),
        Panel("Processes", "1 = the part runs.", "short", (Query("penstock_part_running", "{{part}}"),)),
        Panel(
            "Disk",
            "Of the state folder.",
            "bytes",
            (Query("penstock_disk_free_bytes", "free"), Query("penstock_disk_size_bytes", "size")),
        ),
    ),
    "Connect": (
        Panel(
            "Debezium",
            "How far it is behind Postgres by its own word.",
            "ms",
            (Query("debezium_streaming_millisecondsbehindsource", "behind"),),
        ),
        Panel(
            "Debezium's queue",
            "Changes that wait between its reader and Kafka.",
            "short",
            (Query("debezium_streaming_queuetotalcapacity - debezium_streaming_queueremainingcapacity", "waiting"),),
        ),
        Panel(
            "Rows written",
            "By the sink, per second.",
            "short",
            (
                Query(f"rate({_SINK}_rows_written_total[$__rate_interval])", "written, task {{task}}"),
                Query(f"rate({_SINK}_rows_deleted_total[$__rate_interval])", "deleted, task {{task}}"),
            ),
        ),
        Panel(
            "Requests to Cassandra",
            "From sending to the answer, in the last 30 to 60 s.",
            "ms",
            (
                Query(f"{_SINK}_request_latency_p50", "half within, task {{task}}"),
                Query(f"{_SINK}_request_latency_p99", "99 of 100 within, task {{task}}"),
            ),
        ),
        Panel(
            "The sink waits",
            "Rows not acknowledged; 1 = it waits for a Cassandra that is away; partitions whose table is gone.",
            "short",
            (
                Query(f"{_SINK}_rows_waiting", "rows, task {{task}}"),
                Query(f"{_SINK}_waiting_for_cassandra", "for Cassandra, task {{task}}"),
                Query(f"{_SINK}_partitions_set_aside", "partitions, task {{task}}"),
            ),
        ),
        Panel(
            "Errors of tasks",
            "Records that a task could not process, per second.",
            "short",
            (Query("rate(kafka_connect_task_error_total_record_errors[$__rate_interval])", "{{connector}} {{task}}"),),
        ),
    ),
    "Kafka": (
        Panel(
            "Traffic",
            "Of the broker.",
            "Bps",
            (
                Query("rate(kafka_server_bytes_in_total[$__rate_interval])", "in"),
                Query("rate(kafka_server_bytes_out_total[$__rate_interval])", "out"),
            ),
        ),
        Panel(
            "Requests",
            "99 of 100 within; a fetch waits for records.",
            "ms",
            (Query('kafka_network_request_milliseconds{percentile="99"}', "{{request}}"),),
        ),
        Panel(
            "Largest topics",
            "On disk.",
            "bytes",
            (Query("topk(10, sum by (topic) (kafka_log_size_bytes))", "{{topic}}"),),
        ),
        Panel(
            "Heap",
            "Of Kafka and Connect.",
            "bytes",
            (Query('sum by (job) (jvm_memory_used_bytes{area="heap"})', "{{job}}"),),
        ),
        Panel(
            "Processors",
            "Of Kafka and Connect; 1 = one is busy.",
            "short",
            (Query('rate(process_cpu_seconds_total{job=~"penstock-.+"}[$__rate_interval])', "{{job}}"),),
        ),
    ),
}


def panels() -> Iterator[Panel]:
    """Return every panel."""
    for row in ROWS.values():
        yield from row


def build() -> str:
    """Return the dashboard as Grafana imports it."""
    board = (
        Dashboard("Penstock")
        .uid("penstock")
        .tags(["penstock"])
        .refresh("10s")
        .time("now-30m", "now")
        .with_variable(DatasourceVariable("datasource").label("Prometheus").type("prometheus"))
    )
    for title, row in ROWS.items():
        board = board.with_row(Row(title))
        for panel in row:
            board = board.with_panel(_chart(panel))
    return JSONEncoder(sort_keys=True, indent=2).encode(board.build()) + "\n"


def _chart(panel: Panel) -> TimeSeries:
    chart = TimeSeries().title(panel.title).description(panel.text).unit(panel.unit).min(0).datasource(SOURCE)
    for ref, query in zip(ascii_uppercase, panel.queries, strict=False):
        chart = chart.with_target(Dataquery().ref_id(ref).expr(query.expr).legend_format(query.legend))
    return chart.span(_WIDTH).height(_HEIGHT)


if __name__ == "__main__":
    FILE.write_text(build())
