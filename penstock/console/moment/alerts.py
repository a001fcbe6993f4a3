"""Alerts: rules from a TOML file, judged against each moment.

The recorder shows an alert that starts or ends as an event, and calls the webhook.
A rule whose system is away cannot be judged and keeps its state. The rule `part_down` fires then.
"""

from __future__ import annotations

import tomllib
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Annotated, Self

from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator
from pydantic_core import PydanticCustomError

from penstock.console.look.snapshot import Snapshot
from penstock.console.moment.map import Flow, Health, is_of_pipeline, wal_retained_mb
from penstock.errors import TerminalError

KINDS = ("freshness_s", "records_behind", "wal_mb", "dead_letters", "failed_connectors", "part_down")


class AlertRulesInvalid(TerminalError):
    """The file of the rules holds something that is no rule."""

    def __init__(self, path: Path, problem: str) -> None:
        super().__init__(f"alert rules {path} refused: {problem}; alerts.toml.example shows what a rule is")


class Rule(BaseModel):
    """One rule: `what` is above `above` for `for_s` seconds."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    name: str = Field(min_length=1)
    what: str = Field(pattern=f"^({'|'.join(KINDS)})$")
    above: float = 0
    for_s: float = Field(0, ge=0)


class Rules(BaseModel):
    """The whole file."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    webhook: Annotated[str, Field(pattern=r"^https?://[^/\s]+")] | None = None
    rule: tuple[Rule, ...] = ()

    @model_validator(mode="after")
    def _has_names_of_its_own(self) -> Self:
        """Refuse two rules of one name: an alert is known by it."""
        twice = [name for name, times in Counter(rule.name for rule in self.rule).items() if times > 1]
        if twice:
            raise PydanticCustomError("twice", "two rules have the name {name}", {"name": twice[0]})
        return self


DEFAULTS = Rules(
    rule=(
        Rule(name="Cassandra is behind", what="freshness_s", above=30, for_s=10),
        Rule(name="A reader is far behind", what="records_behind", above=100_000, for_s=30),
        Rule(name="Much WAL is held", what="wal_mb", above=1024, for_s=10),
        Rule(name="Dead letters", what="dead_letters", above=0),
        Rule(name="A connector failed", what="failed_connectors", above=0),
        Rule(name="A system is away", what="part_down", above=0, for_s=3),
    )
)


@dataclass(frozen=True)
class Alert:
    """A rule and how it stands; times in seconds since 1970, None = not."""

    rule: Rule
    value: float | None = None
    detail: str = ""
    above_since: float | None = None
    firing_since: float | None = None

    @property
    def is_firing(self) -> bool:
        """Return whether it fires."""
        return self.firing_since is not None


@dataclass(frozen=True)
class Change:
    """An alert began or ended to fire."""

    at: float
    name: str
    firing: bool
    value: float | None
    detail: str


def read_rules(path: Path) -> Rules:
    """Read the rules; without the file, those that hold by default.

    :raises AlertRulesInvalid: with what is wrong.
    """
    if not path.exists():
        return DEFAULTS
    try:
        return Rules(**tomllib.loads(path.read_text(encoding="utf-8")))
    except OSError as exc:
        raise AlertRulesInvalid(path, f"the file cannot be read: {exc.strerror}") from exc
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as exc:
        raise AlertRulesInvalid(path, f"not valid TOML: {exc}") from exc
    except ValidationError as exc:
        error = exc.errors()[0]
        raise AlertRulesInvalid(
            path, ": ".join(filter(None, [".".join(map(str, error["loc"])), error["msg"]]))
        ) from exc


def judge(alerts: Mapping[str, Alert], snapshot: Snapshot, flow: Flow) -> tuple[dict[str, Alert], list[Change]]:
    """Judge every rule; return how they stand now, and which began or ended to fire."""
    now_alerts: dict[str, Alert] = {}
    changes: list[Change] = []
    for name, alert in alerts.items():
        value, detail = _MEASURES[alert.rule.what](snapshot, flow)
        judged = _judge(alert, value, detail, snapshot.at)
        now_alerts[name] = judged
        if judged.is_firing != alert.is_firing:
            changes.append(Change(snapshot.at, name, judged.is_firing, value, detail or alert.detail))
    return now_alerts, changes


def _judge(alert: Alert, value: float | None, detail: str, at: float) -> Alert:
    if value is None:
        return replace(alert, value=None, detail=detail)
    if value <= alert.rule.above:
        return Alert(alert.rule, value, detail)
    since = at if alert.above_since is None else alert.above_since
    firing = at if at - since >= alert.rule.for_s else None
    return Alert(alert.rule, value, detail, since, alert.firing_since or firing)


def _freshness(_: Snapshot, flow: Flow) -> tuple[float | None, str]:
    return flow.late_s, flow.why


def _records_behind(snapshot: Snapshot, flow: Flow) -> tuple[float | None, str]:
    ours = (reader for reader in flow.readers if is_of_pipeline(snapshot, reader))
    worst = max(ours, key=lambda reader: reader.behind, default=None)
    return (None, "no reader is known") if worst is None else (worst.behind, worst.name)


def _wal(snapshot: Snapshot, _: Flow) -> tuple[float | None, str]:
    retained = wal_retained_mb(snapshot)
    if not retained:
        return None, snapshot.postgres.trouble or "there is no slot"
    worst = max(retained, key=lambda name: retained[name])
    return round(retained[worst], 1), f"slot {worst}"


def _dead_letters(snapshot: Snapshot, _: Flow) -> tuple[float | None, str]:
    kafka = snapshot.kafka.now
    if kafka is None:
        return None, snapshot.kafka.trouble or ""
    topics, letters = kafka.cluster.topics, snapshot.names.dead_letter_topics
    held = {name: topics[name].held for name in letters if name in topics}
    return sum(held.values()), ", ".join(f"{name}: {count}" for name, count in held.items() if count)


def _failed(snapshot: Snapshot, _: Flow) -> tuple[float | None, str]:
    if snapshot.connect.now is None:
        return None, snapshot.connect.trouble or ""
    failed = [f"{each.name}: {each.reason or each.state}" for each in snapshot.connectors if each.state == "FAILED"]
    return len(failed), "; ".join(failed)


def _down(_: Snapshot, flow: Flow) -> tuple[float | None, str]:
    down = [f"{box.title}: {box.problem}" for box in flow.boxes if box.health is Health.DOWN]
    return len(down), "; ".join(down)


_MEASURES: Mapping[str, Callable[[Snapshot, Flow], tuple[float | None, str]]] = {
    "freshness_s": _freshness,
    "records_behind": _records_behind,
    "wal_mb": _wal,
    "dead_letters": _dead_letters,
    "failed_connectors": _failed,
    "part_down": _down,
}


def start(rules: Rules, firing: Mapping[str, float] | None = None) -> dict[str, Alert]:
    """Return every rule as an alert that is not judged yet.

    :param firing: since when those fire that fired when the console ended.
    """
    return {rule.name: Alert(rule, firing_since=(firing or {}).get(rule.name)) for rule in rules.rule}


def firing(alerts: Mapping[str, Alert]) -> Iterator[Alert]:
    """Return those that fire."""
    return (alert for alert in alerts.values() if alert.is_firing)
