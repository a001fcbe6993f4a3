"""The property that everything serves: the views end as a plain model of the final table says.

Whatever the history, and in whatever order its view records are applied.
"""

from __future__ import annotations

import random
from decimal import Decimal
from fractions import Fraction
from typing import Any

import pytest
from penstock_views.output.derive import Plan

from tests.unit.engine import cdc
from tests.unit.engine.cdc import Emitted, Record, change, envelope, wire
from tests.unit.engine.conftest import Engine

IDS = range(4)
Table = dict[str, dict[str, Any]]
History = list[tuple[str, int, dict[str, Any]]]

SEEN = [None, "2026-11-23T11:39:29Z", "2026-11-23T11:39:29.5Z", "2026-11-23T11:39:29.000001Z"]


def histories_of(seed: int, number: int = 40) -> list[History]:
    """Make histories by chance: many for one run of the engine, which costs seconds however few its records are."""
    chance = random.Random(seed)  # noqa: S311 - data, not secrets
    return [[step(chance) for _ in range(chance.randint(5, 40))] for _ in range(number)]


def step(chance: random.Random) -> tuple[str, int, dict[str, Any]]:
    columns = {
        "name": chance.choice(["Ann", "Bo", None]),
        "age": chance.choice([0, 17, 18, 40, None]),
        "score": chance.choice([None, Decimal(chance.randint(-9_990_000, 9_990_000)).scaleb(-4)]),
        "born": chance.choice([None, chance.randint(-30000, 30000)]),
        "seen": chance.choice(SEEN),
        "note": chance.choice([None, "{}"]),
    }
    return chance.choice(["put", "put", "put", "move", "delete", "again"]), chance.choice(IDS), columns


def uuid(history: int, number: int) -> str:
    """Name a row; each history has rows of its own."""
    return f"00000000-0000-4000-8000-{history:08}{number:04}"


def run_history(table: Table, which: int, history: History) -> list[dict[str, Any]]:
    """Run a history on a table, and write down its changes as Debezium does."""
    changes: list[dict[str, Any]] = []
    for action, number, columns in history:
        key = uuid(which, number)
        old = table.get(key)
        if action == "put":
            table[key] = {"id": key} | columns
            changes.append(change("u" if old else "c", old, table[key]))
        elif action == "again" and old:
            changes.append(change("r", None, old))
        elif action == "move" and old:
            target = uuid(which, (number + 1) % len(IDS))
            if target not in table:
                table[target] = table.pop(key) | {"id": target}
                changes += [change("d", old, None), change("c", None, table[target])]
        elif action == "delete" and old:
            changes.append(change("d", table.pop(key), None))
    return changes


def by_id(u: dict[str, Any]) -> Any:
    if u["age"] == 0:
        return None
    share = None if u["age"] is None else float(Fraction(100, u["age"]))
    millis = None if u["seen"] is None else u["seen"].replace("000001", "000").replace(".000Z", "Z")
    return (u["id"],), (u["id"], u["name"], share, u["score"], u["born"], millis)


def by_name(u: dict[str, Any]) -> Any:
    if u["name"] is None or u["age"] is None or u["age"] < 18 or "000001" in str(u["seen"]):
        return None
    return (u["name"], u["id"]), (u["name"], u["id"], u["age"], u["seen"], u["note"])


def plain(value: Any) -> Any:
    """Write a decoded value as the model holds it."""
    match type(value).__name__:
        case "UUID":
            return str(value)
        case "date":
            return (value - type(value)(1970, 1, 1)).days
        case "datetime":
            return value.strftime("%Y-%m-%dT%H:%M:%S") + (".5Z" if value.microsecond else "Z")
    return value


def apply(plan: Plan, emitted: list[Emitted]) -> dict[str, dict[Any, Any]]:
    """Do what Cassandra does: the write with the highest version of a key wins, in whatever order they come."""
    winners: dict[tuple[str, bytes], Emitted] = {}
    random.Random(7).shuffle(emitted)  # noqa: S311 - an order, not a secret
    for one in emitted:
        held = winners.get((one.topic, one.key))
        if "version" in one.headers and (held is None or held.version < one.version):
            winners[one.topic, one.key] = one
    state: dict[str, dict[Any, Any]] = {}
    for output in plan.outputs:
        mine = [one for (topic, _), one in winners.items() if topic == output.view.topic and one.value]
        decoded = [
            (cdc.unwire(output.key.schema, one.key)[1], cdc.unwire(output.value.schema, one.value or b"")[1])
            for one in mine
        ]
        state[output.view.name] = {
            tuple(plain(part) for part in key.values()): tuple(plain(part) for part in value.values())
            for key, value in decoded
        }
    return state


@pytest.mark.parametrize("seed", [0, *(pytest.param(seed, marks=pytest.mark.slow) for seed in range(1, 6))])
def test_views_end_as_the_table_says(engine: Engine, plan: Plan, seed: int) -> None:
    table: Table = {}
    changes = [made for which, history in enumerate(histories_of(seed)) for made in run_history(table, which, history)]
    schema = envelope(cdc.PEOPLE)
    records = [Record(offset, wire(6, schema, event)) for offset, event in enumerate(changes)]
    expected = {
        view: dict(made for made in map(function, table.values()) if made)
        for view, function in (("people_by_id", by_id), ("adults_by_name", by_name))
    }
    assert apply(plan, engine(records)) == expected


def test_the_model_tells_a_lost_delete(plan: Plan, engine: Engine) -> None:
    ann = {
        "id": uuid(0, 0),
        "name": "Ann",
        "age": 40,
        "score": Decimal("1.0000"),
        "born": 1,
        "seen": None,
        "note": None,
    }
    schema = envelope(cdc.PEOPLE)
    events = [change("c", None, ann), change("d", ann, None)]
    records = [Record(offset, wire(6, schema, event)) for offset, event in enumerate(events)]
    assert apply(plan, engine(records)) == {"people_by_id": {}, "adults_by_name": {}}
    assert apply(plan, engine(records[:1])) != {"people_by_id": {}, "adults_by_name": {}}
