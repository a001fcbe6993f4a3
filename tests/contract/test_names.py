"""Python and Java name columns and topics alike; `NamesTest.java` reads the same examples (`make test-java`)."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from penstock.names import column_name
from tests.names import topic_of

EXAMPLES = json.loads((Path(__file__).parents[1] / "data" / "names.json").read_text(encoding="utf-8"))


@pytest.mark.parametrize("example", EXAMPLES, ids=[example["column"] for example in EXAMPLES])
def test_an_example_is_named_as_the_file_says(example: dict[str, str]) -> None:
    assert column_name(example["postgres"]) == example["column"]
    assert topic_of(f"public.{example['postgres']}") == f"app.public.{example['topic']}"
