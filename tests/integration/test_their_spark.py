"""A Spark that others run and that asks for a secret: the jobs have it from `spark.properties_file`."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from penstock.config import Config
from penstock.layout import Layout
from penstock.sections.spark import Spark
from penstock.spark_master import master_state
from penstock.stack.parts.spark import spark_master, spark_worker, views_job
from penstock.wait import wait_until
from tests.integration.servers import free_port
from tests.patience import PATIENCE_S

pytestmark = pytest.mark.slow

KNOWN = "the secret of this very test"
ASKS = "spark.authenticate=true\nspark.network.crypto.enabled=true\n"
COUNT = """
import sys
from pyspark.sql import SparkSession
spark = SparkSession.builder.master(sys.argv[1]).config("spark.driver.host", "127.0.0.1").getOrCreate()
print("counted", spark.range(100).repartition(3).count())
"""


@pytest.fixture
def asking(tmp_path: Path) -> Iterator[Config]:
    """Run a master and a worker that let in who knows the secret."""
    file, daemons = tmp_path / "with blank" / "jobs.properties", tmp_path / "daemons.properties"
    file.parent.mkdir()
    file.write_text(f"{ASKS}spark.authenticate.secret={KNOWN}\n")
    daemons.write_text(ASKS)
    ports = {name: free_port() for name in ("master_port", "master_ui_port", "worker_port", "worker_ui_port")}
    config = Config(state=tmp_path / "state", spark=Spark(managed=False, properties_file=file, **ports))
    started = []
    for part in (spark_master(config, Layout.of(config)), spark_worker(config, Layout.of(config))):
        part.prepare()
        command = [*part.command[:2], "--properties-file", str(daemons), *part.command[2:]]
        environment = os.environ | part.environment() | {"_SPARK_AUTH_SECRET": KNOWN}
        with (tmp_path / f"{part.name}.log").open("wb") as log:
            started.append(subprocess.Popen(command, env=environment, stdout=log, stderr=log))
    try:
        wait_until(
            lambda: master_state(config).get("aliveworkers") == 1, timeout_s=PATIENCE_S, what="the worker is known"
        )
        yield config
    finally:
        for process in started:
            process.terminate()
            process.wait(timeout=PATIENCE_S)


def test_the_jobs_have_the_secret_from_the_file(asking: Config) -> None:
    given = views_job(asking, Layout.of(asking)).environment()
    command = [sys.executable, "-c", COUNT, asking.spark.master_url]
    done = subprocess.run(command, env=os.environ | given, capture_output=True, text=True, timeout=PATIENCE_S)
    assert "counted 100" in done.stdout, done.stderr[-3000:]
    assert KNOWN not in " ".join(views_job(asking, Layout.of(asking)).command)
