"""What happens to one table happens to that table alone: the queries of the others run on, in the very same process."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from confluent_kafka import Producer

from penstock.layout import Layout
from penstock.project.folders import Project
from penstock.wait import wait_until
from tests.e2e.oracle import wait_until_exact
from tests.patience import PATIENCE_S
from tests.stack import Stack

pytestmark = pytest.mark.slow

USERS = "from app.public.users"
HISTORY = '''"""Views of a table to which things happen."""

from penstock_views import Image, Row, history, row, view, whole


@view("public.apart", key=["id"])
def apart_by_id(r: Image) -> Row:
    """Hold one row per row."""
    return row(id=r.id, a=r.a)


@history("public.apart", key=["id"])
def apart_history(r: Image) -> Row:
    """Keep whole rows: each new column takes a new plan."""
    return whole(r)
'''


def starts(stack: Stack, of: str) -> int:
    """Count how often the job has started the query of a topic."""
    lines = Layout.of(stack.config).log("views").read_text(errors="replace").splitlines()
    return sum(line.endswith(of) and "views running: " in line for line in lines)


def reader(stack: Stack) -> int:
    """Return the session of Postgres that the source reads from: a source that is started again has another one."""
    ((pid,),) = stack.sql("SELECT active_pid FROM pg_replication_slots WHERE slot_name = 'penstock'")
    return int(pid)


def rows(stack: Stack) -> set[tuple[int, str]]:
    return {(row["id"], row["a"]) for row in stack.cql("SELECT id, a FROM penstock.apart_by_id")}


def wait_until_equal(stack: Stack) -> None:
    def is_equal() -> bool:
        return rows(stack) == set(stack.sql("SELECT id, a FROM public.apart"))

    wait_until(is_equal, timeout_s=PATIENCE_S, what="the view has every row")


@pytest.fixture
def apart(stack: Stack) -> Iterator[Stack]:
    """Make views of a table without rows; take them away again."""
    wait_until_exact(stack)
    stack.sql("CREATE TABLE public.apart (id int PRIMARY KEY, a text)")
    file = Project.of(stack.config).views / "apart.py"
    file.write_text(HISTORY)
    stack.penstock("views write", "views apply")
    yield stack
    file.unlink()
    names = ("apart_by_id", "apart_history")
    stack.drop(*names)
    stack.sql("DROP TABLE public.apart")


def test_the_queries_of_other_tables_run_on(stack: Stack, request: pytest.FixtureRequest) -> None:
    before, job, source = starts(stack, USERS), stack.health("views"), reader(stack)
    request.getfixturevalue("apart")  # a new view of another table
    stack.sql("INSERT INTO public.apart SELECT n, 'first rows' FROM generate_series(1, 50) AS n")
    wait_until_equal(stack)
    own = starts(stack, "from app.public.apart")

    stack.sql("ALTER TABLE public.apart ADD COLUMN b int")
    stack.sql("UPDATE public.apart SET a = 'altered', b = id WHERE id < 10")
    wait_until_equal(stack)
    wait_until(
        lambda: starts(stack, "from app.public.apart") == own + 1,
        timeout_s=PATIENCE_S,
        what="a whole row has one more column: its table's query begins again",
    )

    producer = Producer({"bootstrap.servers": stack.config.kafka.bootstrap})
    producer.produce("app.public.apart", key=b"k", value=b"\x00\x00\x0f\x42\x40no such schema")
    assert producer.flush(60) == 0
    stack.sql("DELETE FROM public.apart WHERE id > 40")
    wait_until_equal(stack)

    stack.sql("UPDATE public.users SET city = 'Apart' WHERE id IN (SELECT id FROM public.users LIMIT 20)")
    wait_until_exact(stack)
    stack.penstock("verify")
    assert starts(stack, USERS) == before
    assert reader(stack) == source
    assert stack.health("views").pid == job.pid
