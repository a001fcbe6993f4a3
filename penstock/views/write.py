"""`views write`: bring every derived file in step with the functions."""

from __future__ import annotations

from pathlib import Path

from penstock.config import Config
from penstock.local_spark import local_spark
from penstock.project import Project
from penstock.views.derived import derive, texts, write_changed
from penstock.views.load import views_of
from penstock.views.sources import live_tables, table_of


def write_derived(config: Config) -> list[Path]:
    """Write the contracts, the tables and the connectors' lists; return the files that changed.

    :raises ViewFileBroken, ViewInvalid: with file and line; then nothing is written.
    """
    project = Project.of(config)
    views = views_of(config)
    live = live_tables(config, views)
    with local_spark(config, name="views-spark") as spark:
        derived = [derive(spark, view, table_of(project, live, view.table)) for view in views]
    return write_changed(texts(project, derived, views))
