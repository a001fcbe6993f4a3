"""The roles of a secured Cassandra: the first user gets another password, and ours its rights, again and again."""

from __future__ import annotations

from pathlib import Path

import pytest

from penstock.cassandra.session import CassandraRefused, open_session
from penstock.config import load_config
from penstock.secured import Secrets
from penstock.setup.rights import give_cassandra_rights
from penstock.stack.make_secrets import make_secrets, write_clients_files
from tests.integration.servers import started, written

pytestmark = pytest.mark.slow


def test_a_new_one_is_taken_over_at_once_and_a_second_time(tmp_path: Path) -> None:
    file = written(tmp_path, "cassandra", more="airflow.enabled = false\n")
    make_secrets(load_config(file))
    config = load_config(file)
    write_clients_files(config)
    with started(config, "cassandra"):
        for _ in range(2):
            assert give_cassandra_rights(config) == "role penstock has its rights in keyspace penstock"
        with open_session(config) as session:
            assert session.execute("SELECT release_version FROM system.local").one()
        first = {"user": "cassandra", "password_file": Secrets.of(config).password_file("cassandra-first")}
        nobody = config.model_copy(update={"cassandra": config.cassandra.model_copy(update=first)})
        with pytest.raises(CassandraRefused, match="Bad credentials"), open_session(nobody):
            pass
