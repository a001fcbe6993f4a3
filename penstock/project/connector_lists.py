"""The keys of the connector files that are derived from the views; other keys and the layout stay as they are.

What the version needs (`required.py`) and a file lacks is written too.

Source: `table.include.list`, and the epoch as the record has it (postgres/record.py). It is applied without the list
once it knows all of its tables otherwise (`penstock.known_tables`). Each change of the list would restart it, and all
tables would wait.

Sink: `topics`, and the mapping line of each view. It is applied without either of a paused view, since the sink refuses
a mapping without its topic.
"""

from __future__ import annotations

import json
import re
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from penstock.config import Config
from penstock.connect.files import ConnectorFile, read_connector
from penstock.installation import Names
from penstock.names import topic_of
from penstock.postgres.record import Record
from penstock.project.folders import Project, sources_of
from penstock.project.required import MAPPING, MAPPING_KEY, lacking, settings_of_source

if TYPE_CHECKING:
    from penstock_views.declaration.views import View  # the console must not hold Spark's types in memory

TABLES = "table.include.list"
EPOCH = "transforms.epoch.value.literal"
PARTITIONS = "producer.override.penstock.partitions"
"""Among how many partitions of a change topic the source chooses (KeyPartitioner.java); without it, among all."""
TOPICS = "topics"
FORMER_PAUSED = "paused-views.txt"
"""Where an earlier version noted the paused views, which its sink's file left out."""
_FILES = Names()
"""The names in the files, whatever those of the installation are (`project/connectors.py`)."""
_TOPICS = _FILES.view_topics


@dataclass(frozen=True)
class Lists:
    """The derived keys.

    :param tables: that are captured.
    :param mapped: the views that have a mapping.
    :param flowing: the views whose topics are read, unless they are paused.
    """

    tables: tuple[str, ...]
    mapped: tuple[str, ...]
    flowing: tuple[str, ...]

    @property
    def known(self) -> frozenset[str]:
        """Every view that is named anywhere."""
        return frozenset({*self.mapped, *self.flowing})


def listed_topics(config: Config) -> tuple[str, ...]:
    """Name the CDC topics of the tables and the topics of the views that the files name, as the installation has them.

    :raises ConnectorFileInvalid: a file is broken.
    """
    changed = sorted(topic for each in sources_of(config) for topic in change_topics(each))
    return (*changed, *sorted(map(config.names.view_topic, read_lists(Project.of(config)).flowing)))


def change_topics(config: Config) -> list[str]:
    """Name the CDC topics of the tables that the file of a source names."""
    return [topic_of(table, config.names.topic_prefix) for table in read_lists(Project.of(config)).tables]


def read_lists(project: Project) -> Lists:
    """Read the derived keys of the files.

    :raises ConnectorFileInvalid: a file is broken.
    """
    source = read_connector(project.source_file).config if project.source_file.exists() or not project.source else {}
    sink = read_connector(project.sink_file).config
    topics = topics_in(sink)
    return Lists(
        tables=_tables(source),
        mapped=tuple(match[1] for match in map(MAPPING_KEY.match, sink) if match),
        flowing=tuple(topic.removeprefix(_TOPICS) for topic in topics if topic.startswith(_TOPICS)),
    )


def topics_in(sink: Mapping[str, str]) -> list[str]:
    """Return the topics that a sink with this configuration reads."""
    return _split(sink.get(TOPICS, ""))


def with_views(project: Project, views: Sequence[View], *, dropped: Collection[str] = ()) -> dict[Path, str]:
    """Return the texts of the files as these views need them.

    :param dropped: the views that go; any other view that no function makes stays.
    """
    lists = read_lists(project)
    names = {*lists.known, *(view.name for view in views)} - {*dropped}
    sink = project.sink_file
    sources = [project.of_source(name) for name in {"": None, **{view.source: None for view in views}}]
    return {
        **{each.source_file: _source_text(each, views) for each in sources},
        sink: _with_lacking(_sink_text(sink.read_text(encoding="utf-8"), lists, names), read_connector(sink), None),
    }


def _source_text(project: Project, views: Sequence[View]) -> str:
    """Return the file of a source's connector; one of a new source is that of the first with other names."""
    names, wanted = _FILES.of_source(project.source), {view.table for view in views if view.source == project.source}
    tables = ",".join(map(include_pattern, _kept_first(read_lists(project).tables, wanted)))
    if project.source_file.exists():
        text = _set(project.source_file.read_text(encoding="utf-8"), TABLES, tables)
        return _with_lacking(text, read_connector(project.source_file), project.source)
    text = project.of_source("").source_file.read_text(encoding="utf-8")
    for key, value in {**settings_of_source(names), EPOCH: "1", TABLES: tables}.items():
        text = _set(text, key, value)
    return text


def formerly_paused(project: Project) -> frozenset[str]:
    """Return the views that an earlier version had paused, until the record has taken them over."""
    file = project.connectors / FORMER_PAUSED
    lines = file.read_text(encoding="utf-8").splitlines() if file.exists() else []
    return frozenset(line.strip() for line in lines if line.strip() and not line.startswith("#"))


def as_noted(file: ConnectorFile, records: Mapping[Names, Record]) -> ConnectorFile:
    """Return a connector of an installation as it is applied: as its record says, without the paused views.

    A source comes without its list of tables when all of them are known.

    :param records: by the names of the sources that hold them.
    """
    config = dict(file.config)
    for names, record in records.items():
        if file.name == names.sink and record.paused:
            config = without(config, names, record.paused)
        if file.name == names.source_connector:
            config |= {} if record.epoch is None else {EPOCH: str(record.epoch)}
            config |= {} if record.partitions is None else {PARTITIONS: str(record.partitions)}
            if record.known.issuperset(_tables(config)):
                config.pop(TABLES, None)
    return ConnectorFile(file.name, config)


def epoch_in(project: Project) -> int:
    """Read the epoch of the source's file: the installation's own stands in Postgres (postgres/record.py)."""
    return int(read_connector(project.source_file).config.get(EPOCH, 1)) if project.source_file.exists() else 1


def with_epoch(project: Project, epoch: int) -> dict[Path, str]:
    """Return the text of the source's file with another epoch."""
    source = project.source_file
    return {source: _set(source.read_text(encoding="utf-8"), EPOCH, str(epoch))}


def without(config: Mapping[str, str], names: Names, views: Collection[str]) -> dict[str, str]:
    """Return the configuration of the sink without views."""
    mappings = {_mapping_key(view, names) for view in views}
    left = {key: value for key, value in config.items() if key not in mappings}
    gone = {names.view_topic(view) for view in views}
    if TOPICS in left:
        left[TOPICS] = ",".join(entry for entry in topics_in(left) if entry not in gone)
    return left


def include_pattern(table: str) -> str:
    """Write a table as Debezium's list wants it: a regular expression, where a plain name stays readable."""
    return re.sub(r"([^\w. -])", r"\\\1", table)


def _sink_text(text: str, lists: Lists, views: Collection[str]) -> str:
    for name in [name for name in lists.mapped if name not in views]:
        text = _without(text, _mapping_key(name, _FILES))
    for name in [name for name in sorted(views) if name not in lists.mapped]:
        text = _with(text, _mapping_key(name, _FILES), MAPPING)
    return _set(text, TOPICS, ",".join(_FILES.view_topic(name) for name in _kept_first(lists.flowing, views)))


def _with_lacking(text: str, file: ConnectorFile, source: str | None) -> str:
    """Add the settings that this version needs, for people who PUT the file by hand."""
    for key, value in reversed(lacking(file.config, source).items()):
        text = _first(text, key, value)
    return text


def _kept_first(there: Sequence[str], wanted: Collection[str]) -> list[str]:
    """Keep the order of what is there; what is new comes last."""
    return [*(each for each in there if each in wanted), *(each for each in sorted(wanted) if each not in there)]


def _split(value: str) -> list[str]:
    return [entry.strip() for entry in value.split(",") if entry.strip()]


def _tables(source: Mapping[str, str]) -> tuple[str, ...]:
    return tuple(_plain(entry) for entry in _split(source.get(TABLES, "")))


def _plain(pattern: str) -> str:
    return re.sub(r"\\(.)", r"\1", pattern)


def _mapping_key(view: str, names: Names) -> str:
    return f"topic.{names.view_topic(view)}.{names.keyspace}.{view}.mapping"


def _set(text: str, key: str, value: str) -> str:
    written = json.dumps(value, ensure_ascii=False)
    pattern = re.compile(rf'({re.escape(json.dumps(key))}\s*:\s*)"(?:[^"\\]|\\.)*"')
    if pattern.search(text):
        return pattern.sub(lambda match: match[1] + written, text, count=1)
    return _with(text, key, value)


def _with(text: str, key: str, value: str) -> str:
    """Add a key below the last mapping, else below `topics`, else at the top."""
    line = _line(key, value)
    places = [*re.finditer(rf'^\s*"topic\.{re.escape(_TOPICS)}[^\n]*$', text, re.MULTILINE)] or [
        *re.finditer(r'^\s*"topics"[^\n]*$', text, re.MULTILINE)
    ]
    if not places:
        return _first(text, key, value)
    place = places[-1]
    is_last = not place[0].rstrip().endswith(",")
    added = f",\n{line}" if is_last else f"\n{line},"
    return text[: place.end()] + added + text[place.end() :]


def _first(text: str, key: str, value: str) -> str:
    """Add a key at the top."""
    return text.replace("{", f"{{\n{_line(key, value)},", 1)


def _line(key: str, value: str) -> str:
    return f"  {json.dumps(key)}: {json.dumps(value, ensure_ascii=False)}"


def _without(text: str, key: str) -> str:
    lines = text.splitlines(keepends=True)
    at = next(number for number, line in enumerate(lines) if line.lstrip().startswith(json.dumps(key)))
    was_last = not lines[at].rstrip().endswith(",")
    del lines[at]
    if was_last:  # JSON allows no comma after the last member
        before = max(number for number in range(at) if lines[number].strip())
        lines[before] = re.sub(r",(\s*)\Z", r"\1", lines[before])
    return "".join(lines)
