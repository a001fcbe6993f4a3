"""Notes what Kafka let go of before it was in Cassandra: a re-read of the views' tables makes it good."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial

from penstock.config import Config
from penstock.connect.api import ConnectApi
from penstock.connect.files import ConnectorFile
from penstock.connect.place import place_sink
from penstock.pipeline.topic_ids import made_again
from penstock.postgres.connection import connect
from penstock.postgres.silent import note_changes
from penstock.project.connector_lists import read_lists
from penstock.project.folders import Project
from penstock.project.workspace import Workspace
from penstock.topics.admin import TopicAdmin
from penstock.topics.gaps import Gap, gaps_of_group


def place_views_sink(workspace: Workspace, api: ConnectApi, files: Sequence[ConnectorFile]) -> list[str]:
    """Let the sink, if it is among these connectors, begin wherever it cannot go on, and note what it never read.

    :returns: the name of the sink, if it took up its file with that.
    """
    config, admin = workspace.config, TopicAdmin(workspace.config.kafka.bootstrap)
    sinks = [file for file in files if file.name == config.names.sink]
    note = partial(note_gaps, workspace.whole.sources)
    return [file.name for file in sinks if place_sink(admin, api, file, on_loss=note)]


def unwritten(config: Config, admin: TopicAdmin) -> list[Gap]:
    """Return where the sink cannot go on, in the topics of paused views too.

    :raises KafkaUnreachable: no broker answers in time.
    """
    topics = [config.names.view_topic(name) for name in read_lists(Project.of(config)).flowing]
    return gaps_of_group(admin, config.names.sink_group, topics)


def note_new_topics(workspace: Workspace) -> None:
    """Note the tables of the views whose topics were deleted: what Cassandra had not read of them is gone."""
    views = {view.topic: view for view in workspace.declared}
    with connect(workspace.config) as connection:
        for topic in made_again(workspace):
            if topic in views:
                note_changes(connection, [views[topic].table], f"topic {topic} was deleted")


def note_gaps(sources: Sequence[Workspace], gaps: Sequence[Gap]) -> None:
    """Note in each source the tables of its views whose records the sink never read."""
    for workspace in sources:
        views = {view.topic: view for view in workspace.declared}
        missed = [gap for gap in gaps if gap.place[0] in views]
        if missed:
            with connect(workspace.config) as connection:
                for gap in missed:
                    note_changes(connection, [views[gap.place[0]].table], f"Cassandra misses records: {gap.why()}")
