"""Runs `verify`: Spark's JVM starts while Python reads the code of PySpark, and its session while it reads the rest."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from importlib import import_module

from penstock.project.workspace import Workspace
from penstock.spark_jvm import begin_jvm
from penstock.verify.model import ViewResult

DEFAULT_PATIENCE_S = 300.0


def run_verify(
    workspace: Workspace,
    views: Sequence[str] = (),
    *,
    on_progress: Callable[[str], None],
    patience_s: float = DEFAULT_PATIENCE_S,
) -> list[ViewResult]:
    """Compare views as :func:`penstock.verify.verify.verify` says."""
    workspace = workspace.reading
    begin_jvm(workspace.config)
    local_spark = import_module("penstock.local_spark").local_spark
    with ThreadPoolExecutor(1) as helper:
        loading = helper.submit(import_module, "penstock.verify.verify")
        with local_spark(workspace.config) as spark:
            verify = loading.result().verify
            results: list[ViewResult] = verify(
                workspace, views, spark=spark, on_progress=on_progress, patience_s=patience_s
            )
    return results
