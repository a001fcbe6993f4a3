"""Runs `verify`: Spark's JVM starts while Python reads the code of everything else."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from importlib import import_module

from penstock.local_spark import local_spark
from penstock.project.workspace import Workspace
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
    with ThreadPoolExecutor(1) as helper:
        # Half of the seconds before the first row are those of the JVM, a quarter are imports.
        loading = helper.submit(import_module, "penstock.verify.verify")
        with local_spark(workspace.config, name="verify-spark") as spark:
            verify = loading.result().verify
            results: list[ViewResult] = verify(
                workspace, views, spark=spark, on_progress=on_progress, patience_s=patience_s
            )
    return results
