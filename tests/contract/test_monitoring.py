"""The dashboard is its code, its queries and the alert rules name metrics that there are, and each rule fires."""

from __future__ import annotations

import re
import shutil
import subprocess
from pathlib import Path
from typing import Any

import pytest
import yaml  # type: ignore[import-untyped]  # no stubs in the lock

from monitoring.dashboard import FILE, build, panels
from penstock.cli.metrics import prometheus_config, targets
from penstock.clone import ROOT
from penstock.config import Config
from penstock.sections.connect import Connect
from penstock.sections.console import Console
from penstock.sections.kafka import Kafka

RULES_FILE = ROOT / "monitoring/rules.yml"
RULES: dict[str, dict[str, Any]] = {
    rule["alert"]: rule for rule in yaml.safe_load(RULES_FILE.read_text())["groups"][0]["rules"]
}
HELP = (ROOT / "docs/monitoring.md").read_text()
OURS = "".join(file.read_text() for file in (ROOT / "penstock/console").rglob("*.py"))
SINK_TASK = "kafka_connect_cassandra_sink_task"

FAULTS: dict[str, list[tuple[str, str]]] = {
    # The series of each rule: well for 20 minutes of a value each, then 20 minutes of the fault.
    "PenstockNotScraped": [('up{job="penstock-kafka"}', "1x20 0x20")],
    "PenstockSystemDown": [('penstock_system_up{system="spark"}', "1x20 0x20")],
    "PenstockPartDown": [('penstock_part_running{part="registry"}', "1x20 0x20")],
    "PenstockConnectorFailed": [('penstock_connector_failed{connector="s"}', "0x20 2x20")],
    "PenstockSlotLost": [('penstock_slot_usable{slot="penstock"}', "1x20 0x20")],
    "PenstockSlotUnread": [('penstock_slot_active{slot="penstock"}', "1x20 0x20")],
    "PenstockSlotGrows": [('penstock_slot_retained_bytes{slot="penstock"}', "2e9+0x20 2e9+1e7x20")],
    "PenstockNoProgress": [
        ('penstock_reader_behind_seconds{reader="views"}', "300+0x20 301+60x20"),
        ('penstock_reader_known_every_seconds{reader="views"}', "300+0x41"),
        ('penstock_reader_position{reader="views"}', "5+0x41"),
    ],
    "PenstockLagHigh": [
        ('penstock_lag_seconds_bucket{leg="whole",view="v",le="1"}', "0+60x20 1200+0x20"),
        ('penstock_lag_seconds_bucket{leg="whole",view="v",le="60"}', "0+60x20 1260+60x20"),
        ('penstock_lag_seconds_bucket{leg="whole",view="v",le="+Inf"}', "0+60x20 1260+60x20"),
    ],
    "PenstockDeadLetters": [('penstock_dead_letters{topic="dead-letters.sink"}', "3+0x20 4+0x20")],
    "PenstockJobTrouble": [("penstock_job_troubles", "0x20 1x20")],
    "PenstockSinkWaits": [(f'{SINK_TASK}_waiting_for_cassandra{{connector="c",task="0"}}', "0x20 1x20")],
    "PenstockSinkTableGone": [(f'{SINK_TASK}_partitions_set_aside{{connector="c",task="0"}}', "0x20 1x20")],
    "PenstockPartitionsIncomplete": [("penstock_partitions_incomplete", "0x20 1x20")],
    "PenstockDiskFills": [("penstock_disk_free_bytes", "9e9+0x20 1e9+0x20")],
}


def promtool() -> str:
    found = shutil.which("promtool")
    if found is None:
        pytest.skip("promtool is not installed (Debian: apt-get install prometheus): the alert rules are NOT tested")
    return found


def test_the_dashboard_is_what_its_code_says() -> None:
    assert FILE.read_text() == build(), "`make dashboard` writes it again"


@pytest.mark.parametrize("query", [query.expr for panel in panels() for query in panel.queries])
def test_every_metric_of_the_dashboard_is_ours_or_of_the_agents(query: str) -> None:
    assert unknown(query) == set()


@pytest.mark.parametrize("name", RULES)
def test_every_rule_asks_for_what_there_is_and_says_what_to_do(name: str) -> None:
    rule = RULES[name]
    assert unknown(rule["expr"]) == set()
    assert set(rule["annotations"]) == {"summary", "cure"}
    assert rule["labels"]["severity"] in {"critical", "warning"}
    assert f"| `{name}` |" in HELP


def unknown(query: str) -> set[str]:
    """Return the metrics of ours that no code makes."""
    asked = {name.removesuffix("_bucket") for name in re.findall(r"\bpenstock_\w+", query)}
    return {name for name in asked if f'"{name}"' not in OURS}


def test_every_rule_has_its_fault_here() -> None:
    assert set(FAULTS) == set(RULES)


def test_promtool_finds_no_fault_in_the_rules() -> None:
    subprocess.run([promtool(), "check", "rules", str(RULES_FILE)], check=True, capture_output=True)


def test_each_alert_fires_in_its_fault_and_not_before(tmp_path: Path) -> None:
    file = tmp_path / "test.yml"
    file.write_text(yaml.safe_dump({"rule_files": [str(RULES_FILE)], "tests": [unit_test(name) for name in FAULTS]}))
    done = subprocess.run([promtool(), "test", "rules", str(file)], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr


def unit_test(alert: str) -> dict[str, Any]:
    """Let nothing fire for 20 minutes, and one alert after its time in the fault."""
    asked = f'count(ALERTS{{alertname="{alert}", alertstate="firing"}})'
    return {
        "interval": "1m",
        "input_series": [{"series": series, "values": values} for series, values in FAULTS[alert]],
        "promql_expr_test": [
            {"expr": 'count(ALERTS{alertstate="firing"})', "eval_time": "20m", "exp_samples": []},
            {"expr": asked, "eval_time": "31m", "exp_samples": [{"labels": "{}", "value": 1}]},
        ],
    }


def test_prometheus_reads_our_configuration(tmp_path: Path) -> None:
    config = Config(kafka=Kafka(metrics_port=9404), connect=Connect(metrics_port=9405))
    file = tmp_path / "prometheus.yml"
    file.write_text(prometheus_config(config))
    jobs = {
        each["job_name"]: each["static_configs"][0]["targets"]
        for each in yaml.safe_load(file.read_text())["scrape_configs"]
    }
    assert jobs == {
        "penstock": ["127.0.0.1:9021"],
        "penstock-kafka": ["127.0.0.1:9404"],
        "penstock-connect": ["127.0.0.1:9405"],
    }
    subprocess.run([promtool(), "check", "config", str(file)], check=True, capture_output=True)


def test_a_console_that_asks_who_comes_is_configured_by_files() -> None:
    files = {name: Path(f"/run/{name}") for name in ("password_file", "certificate_file", "key_file", "ca_file")}
    secured = Config(console=Console(user="reader", **files))
    (job,) = yaml.safe_load(prometheus_config(secured))["scrape_configs"]
    assert (job["scheme"], job["tls_config"]) == ("https", {"ca_file": "/run/ca_file"})
    assert job["basic_auth"] == {"username": "reader", "password_file": "/run/password_file"}


def test_what_does_not_run_is_not_scraped() -> None:
    others = Config(console=Console(enabled=False), connect=Connect(managed=False, metrics_port=9405))
    assert targets(others) == {}


MBEANS = (
    # As the agent spells what it matches: `attribute: value` at the end.
    "kafka.connect<type=cassandra-sink-task-metrics, connector=s, task=0><>request-latency-p50: 4.78",
    "kafka.connect<type=cassandra-sink-task-metrics, connector=s, task=0><>request-latency-p99: NaN",
    "kafka.connect<type=cassandra-sink-task-metrics, connector=s, task=0><>rows-waiting: 0.0",
    "kafka.connect<type=cassandra-sink-task-metrics, connector=s, task=0><>rows-written-total: 7.0",
    "kafka.connect<type=cassandra-sink-task-metrics, connector=s, task=0><>rows-deleted-total: 7.0",
    "kafka.connect<type=cassandra-sink-task-metrics, connector=s, task=0><>waiting-for-cassandra: 1.0",
    "kafka.connect<type=cassandra-sink-task-metrics, connector=s, task=0><>partitions-set-aside: 1.0",
    "kafka.connect<type=task-error-metrics, connector=s, task=0><>total-record-errors: 0.0",
    "debezium.postgres<type=connector-metrics, context=streaming, server=app><>MilliSecondsBehindSource: 5",
    "debezium.postgres<type=connector-metrics, context=streaming, server=app><>QueueRemainingCapacity: 5",
    "debezium.postgres<type=connector-metrics, context=streaming, server=app><>QueueTotalCapacity: 5",
    "kafka.server<type=BrokerTopicMetrics, name=BytesInPerSec><>Count: 5",
    "kafka.server<type=BrokerTopicMetrics, name=BytesOutPerSec><>Count: 5",
    "kafka.network<type=RequestMetrics, name=TotalTimeMs, request=Produce><>99thPercentile: 5.0",
    "kafka.log<type=Log, name=Size, topic=app.public.users, partition=0><>Value: 5",
)


def named(mbean: str) -> str | None:
    """Name a metric as the agent does, by the first rule that fits."""
    for file in ("servers/kafka/jmx.yml", "connect/jmx.yml"):
        for rule in yaml.safe_load((ROOT / file).read_text())["rules"]:
            if found := re.search(rule["pattern"], mbean):
                name = re.sub(r"\$(\d)", lambda number, found=found: found[int(number[1])], rule["name"])  # type: ignore[misc]
                return re.sub(r"\W", "_", name).lower()
    return None


def test_the_agents_give_every_name_that_dashboard_and_rules_ask_for() -> None:
    given = {named(mbean) for mbean in MBEANS}
    queries = " ".join(
        [*(q.expr for panel in panels() for q in panel.queries), *(rule["expr"] for rule in RULES.values())]
    )
    assert set(re.findall(r"\b(?:kafka|debezium)_\w+", queries)) == given


def test_what_begins_like_an_mbeans_attribute_is_not_it() -> None:
    assert (
        named(
            "debezium.postgres<type=connector-metrics, context=streaming, server=app><>MilliSecondsBehindSourceP95: 5"
        )
        is None
    )
