"""What a function takes from Python's clock is found wherever it stands, and nothing else is taken for it."""

from __future__ import annotations

import importlib.util
import re
import sys
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType

import pytest
from penstock_views.declaration.clock import clock_in

HELPERS = """
import datetime as dt
import time

YEAR = dt.date.today().year
FIRST = dt.date(2020, 1, 1)

def age(u):
    return dt.date.today().year - u.born

def years(u):
    return FIRST.year - u.born

def today(u):
    return u.today
"""


@pytest.fixture
def folder(tmp_path: Path) -> Iterator[Path]:
    (tmp_path / "clock_helpers.py").write_text(HELPERS)
    sys.path.insert(0, str(tmp_path))
    yield tmp_path
    sys.path.remove(str(tmp_path))
    sys.modules.pop("clock_helpers", None)


def load(folder: Path, text: str) -> ModuleType:
    file = folder / "view.py"
    file.write_text(f"import datetime, random, time, uuid\nimport clock_helpers\n{text}")
    spec = importlib.util.spec_from_file_location("clock_view", file)
    assert spec
    assert spec.loader
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("def f(u): return datetime.date.today()", "date.today"),
        ("def f(u): return datetime.datetime.now().year - 1", "datetime.now"),
        ("from datetime import datetime as d\ndef f(u): return d.utcnow()", "datetime.utcnow"),
        ("from time import time as t\ndef f(u): return t()", "time.time"),
        ("def f(u):\n    from datetime import timedelta, date\n    return date.today() - timedelta(1)", "date.today"),
        ("def f(u): return [n + datetime.date.today().year for n in u]", "date.today"),
        ("def f(u): return (lambda: datetime.date.today())()", "date.today"),
        ("def f(u): return int(time.strftime('%Y'))", "time.strftime"),
        ("def f(u): return time.localtime().tm_year", "time.localtime"),
        ("def f(u): return random.randint(0, 1)", "random.*randint"),
        ("def f(u): return str(uuid.uuid4())", "uuid.uuid4"),
        ("def f(u): return clock_helpers.age(u)", "date.today"),
        ("from clock_helpers import age as g\ndef f(u): return g(u)", "date.today"),
        ("def g(u): return datetime.date.today()\ndef f(u): return g(u)", "date.today"),
        ("TODAY = datetime.date.today()\ndef f(u): return TODAY", "date.today in TODAY"),
        ("TODAY = datetime.date.today()\nYEAR = TODAY.year\ndef f(u): return YEAR", "date.today in TODAY in YEAR"),
        ("def f(u): return clock_helpers.YEAR", "date.today in YEAR"),
        ("from clock_helpers import YEAR as Y\ndef f(u): return Y", "date.today in YEAR"),
        ("def make(day):\n    return lambda u: day()\nf = make(datetime.date.today)", "date.today"),
    ],
)
def test_it_is_found(folder: Path, text: str, found: str) -> None:
    clock = clock_in(load(folder, text).f)
    assert clock
    assert re.fullmatch(found, clock)


@pytest.mark.parametrize(
    "text",
    [
        "def f(u): return u.today + u.now + u.time + u['date']",
        "def f(u): return datetime.date(2020, 1, 1)",
        "def f(u): return datetime.datetime.fromisoformat('2020-01-01')",
        "def f(u): return time.strftime('%Y', time.gmtime(0))",
        "def f(u): return clock_helpers.years(u) + clock_helpers.today(u)",
        "def f(u): return random.Random(5).random()",
        "START = datetime.date(2020, 1, 1)\nLOADED = datetime.datetime.now()\ndef f(u): return START",
        "from pyspark.sql import functions as F\ndef f(u): return F.now()",
        "def f(u): return f(u) if u else None",
        "from penstock_views import row, whole\ndef f(u): return whole(u)",
    ],
)
def test_what_is_the_same_tomorrow_is_not(folder: Path, text: str) -> None:
    assert clock_in(load(folder, text).f) is None
