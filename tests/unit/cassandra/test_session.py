"""The driver's errors are ours from the first name that it looks up."""

from __future__ import annotations

from pathlib import Path

import pytest

from penstock.cassandra.session import CassandraUnreachable, open_session
from penstock.config import Config
from penstock.stack import stack


def test_a_name_without_an_address_is_a_server_that_is_away(tmp_path: Path) -> None:
    config = Config.model_validate({"state": tmp_path, "cassandra": {"managed": False, "host": "no-such.invalid"}})
    with (
        pytest.raises(CassandraUnreachable, match=r"no-such\.invalid:9042 \(no name leads to an address\)"),
        open_session(config),
    ):
        pass
    (part,) = (part for part in stack.parts(config) if part.name == "cassandra")
    assert not part.is_ready()
    assert "no name leads to an address" in part.why_not()
