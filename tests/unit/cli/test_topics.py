"""What `penstock topics` prints of settings and values that nobody expects."""

from __future__ import annotations

import json
from typing import Any, NoReturn
from unittest.mock import MagicMock

import pytest

from penstock.cli.topics import _print_record, _retention
from penstock.registry.decode import Decoded
from penstock.topics.tail import Record, TopicReader


@pytest.mark.parametrize(
    ("milliseconds", "shown"),
    [
        ("604800000", "7 days"),
        ("90000", "0:01:30"),
        ("0", "0:00:00"),
        ("-1", "for ever"),
        ("", "for ever"),
        (str(2**63 - 1), "for ever"),
    ],
)
def test_a_retention_is_shown(milliseconds: str, shown: str) -> None:
    assert _retention(milliseconds) == shown


def refuse(constant: str) -> NoReturn:
    raise ValueError(f"{constant} is no JSON")


def test_a_record_is_json_whatever_its_numbers(capsys: pytest.CaptureFixture[str]) -> None:
    values: dict[str, Any] = {"nan": float("nan"), "all": [float("inf"), -float("inf")], "half": 0.5, "raw": b"\x01"}
    record = Record("t", 0, 1, "2026-01-02", Decoded(None), Decoded(values), {})
    _print_record(record, as_json=True)
    shown = json.loads(capsys.readouterr().out, parse_constant=refuse)
    assert shown["value"] == {"nan": "NaN", "all": ["Infinity", "-Infinity"], "half": 0.5, "raw": "01"}
    _print_record(record, as_json=False)
    assert '"nan": "NaN"' in capsys.readouterr().out


@pytest.mark.parametrize(("at", "shown"), [(0, "1970-01-01T00:00:00.000+00:00"), (10**18, str(10**18))])
def test_a_time_that_no_calendar_has_is_shown_as_kafka_has_it(at: int, shown: str) -> None:
    message = MagicMock(**{"timestamp.return_value": (1, at), "headers.return_value": None})
    assert TopicReader("kafka:9092", MagicMock())._record(message).timestamp == shown
