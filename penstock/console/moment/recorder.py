"""The memory of the console: ten minutes of figures, the last events, the alerts. One moment is added each second."""

from __future__ import annotations

import json
import threading
import time
from collections import deque
from collections.abc import Callable
from dataclasses import asdict, dataclass
from pathlib import Path

import requests

from penstock.address import in_public
from penstock.console.look.snapshot import Snapshot
from penstock.console.moment import alerts as alerting
from penstock.console.moment.alerts import Alert, Change, Rules
from penstock.console.moment.events import Event, differences
from penstock.console.moment.map import Flow, build_flow, is_of_pipeline
from penstock.console.moment.progress import group_of
from penstock.console.moment.rates import Rates
from penstock.http_client import direct_session
from penstock.whole_file import write_whole

SECONDS = 600
_EVENTS = 200
_HISTORY = 500
_STARTING_S = 30
_WEBHOOK_S = 3.0


@dataclass(frozen=True)
class Point:
    """One second of the charts; None where nobody knew."""

    at: float
    changes: float | None
    views: float | None
    written: float | None
    freshness_s: float | None
    behind: int


@dataclass(frozen=True)
class Moment:
    """What is known now: the snapshot and what follows from it."""

    snapshot: Snapshot
    flow: Flow
    rates: dict[str, float | None]
    alerts: dict[str, Alert]


class Recorder:
    """Takes a moment each second, in a thread of its own.

    :param firing: the file of the alerts that fire: the next console reports their ends.
    """

    def __init__(self, take: Callable[[], Snapshot], *, rules: Callable[[], Rules], firing: Path) -> None:
        self._take = take
        self._firing = firing
        self._read_rules = rules
        self._rates = Rates()
        self._stopped = threading.Event()
        self._seen: dict[str, float] = {}
        self._rules = rules()
        self.points: deque[Point] = deque(maxlen=SECONDS)
        self.events: deque[Event] = deque(maxlen=_EVENTS)
        self.alert_history: deque[Change] = deque(maxlen=_HISTORY)
        self.rules_problem: str | None = None
        self.moment = self._first()

    def start(self) -> None:
        """Begin; the thread ends with the process at the latest."""
        threading.Thread(target=self._run, name="recorder", daemon=True).start()

    def stop(self) -> None:
        """Let the thread end."""
        self._stopped.set()

    def rate(self, name: str) -> float | None:
        """Return a rate per second of this moment."""
        return self.moment.rates.get(name)

    def record(self) -> None:
        """Add the moment that is now."""
        snapshot = self._take()
        self._count(snapshot)
        names = list(self._seen)
        flow = build_flow(snapshot, self._rates.of)
        judged, changes = self._judge(snapshot, flow)
        self.events.extend(differences((self.moment.snapshot, self.moment.flow), (snapshot, flow)))
        for change in changes:
            self._tell(change)
        self.moment = Moment(snapshot, flow, {name: self._rates.of(name) for name in names}, judged)
        rate = {box.key: box.rate for box in flow.boxes}
        behind = sum(each.behind for each in flow.readers if is_of_pipeline(snapshot, each))
        self.points.append(Point(snapshot.at, rate["changes"], rate["views"], rate["sink"], flow.freshness_s, behind))

        if changes:
            firing = {alert.rule.name: alert.firing_since for alert in alerting.firing(judged)}
            write_whole(self._firing, json.dumps(firing))

    def _judge(self, snapshot: Snapshot, flow: Flow) -> tuple[dict[str, Alert], list[Change]]:
        """Judge every rule, at the start not before everything was looked at: until then nothing seems wrong."""
        if len(self.points) < _STARTING_S and any(box.is_starting for box in flow.boxes):
            return self.moment.alerts, []
        return alerting.judge(self.moment.alerts, snapshot, flow)

    def _first(self) -> Moment:
        snapshot = self._take()
        return Moment(
            snapshot, build_flow(snapshot, lambda _: None), {}, alerting.start(self._rules, _read(self._firing))
        )

    def _run(self) -> None:
        while not self._stopped.wait(1.0):
            try:
                self.record()
            except Exception as exc:  # noqa: BLE001 - the top of a thread: the console must outlive its own faults
                self.events.append(Event(time.time(), "down", f"a fault of the console itself: {exc!r}", "/"))

    def _count(self, snapshot: Snapshot) -> None:
        """Look at every counter; one whose system is away is not looked at, and has no rate."""
        self._seen = {}
        for table in snapshot.postgres.now.tables_now if snapshot.postgres.now else ():
            self._see(f"table:{table.name}", table.changes, snapshot.postgres.at)
        kafka = snapshot.kafka.now
        counted: dict[str, int] = {}
        for (topic, _), end in kafka.ends.items() if kafka else ():
            counted[topic] = counted.get(topic, 0) + end.counted
        for topic, state in kafka.cluster.topics.items() if kafka else ():
            count = counted[topic] if topic in counted else sum(state.ends.values())
            self._see(f"topic:{topic}", count, snapshot.kafka.at)
        if sink := group_of(snapshot, snapshot.names.sink_group):
            self._see("sink", sum(sink.committed.values()), snapshot.groups.at)
        runs = snapshot.airflow.now.runs if snapshot.airflow.now else ()
        for name in ("fetched", "written") if runs else ():
            self._see(name, sum(getattr(run, name) for run in runs), snapshot.airflow.at)
        self._rates.keep(set(self._seen))

    def _see(self, name: str, count: float, at: float) -> None:
        self._rates.see(name, count, at=at)
        self._seen[name] = count

    def _tell(self, change: Change) -> None:
        self.alert_history.append(change)
        verb = "fires" if change.firing else "is over"
        self.events.append(
            Event(change.at, "down" if change.firing else "ok", f"alert {change.name} {verb}", "/alerts")
        )
        if self._rules.webhook:
            threading.Thread(target=_post, args=(self._rules.webhook, change), daemon=True).start()


def _read(file: Path) -> dict[str, float]:
    try:
        known = json.loads(file.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return {}
    return known if isinstance(known, dict) else {}


def _post(url: str, change: Change) -> None:
    """Tell a webhook of an alert; its path is a secret, which no line shows."""
    try:
        with direct_session() as session:
            session.post(url, json=asdict(change), timeout=_WEBHOOK_S).raise_for_status()
    except requests.HTTPError as exc:
        _say_lost(url, f"{exc.response.status_code} {exc.response.reason}")
    except requests.RequestException as exc:
        _say_lost(url, type(exc).__name__)


def _say_lost(url: str, why: str) -> None:
    print(f"the webhook at {in_public(url)} did not take an alert: {why}", flush=True)


def rules_of(path: Path) -> Callable[[], Rules]:
    """Return what reads the rules of a file."""
    return lambda: alerting.read_rules(path)
