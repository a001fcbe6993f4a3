"""A job that cannot go on says so, and ends what waits for it; what one view breaks stops no other."""

from __future__ import annotations

import json
import os
import signal
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from confluent_kafka import TopicPartition
from confluent_kafka.admin import AdminClient

from penstock.layout import Layout
from penstock.pipeline.fence import ends, wait_until_captured
from penstock.project.folders import Project
from penstock.stack.supervisor import Supervisor
from penstock.wait import wait_until
from tests.e2e.oracle import wait_until_exact
from tests.names import topic_of
from tests.patience import PATIENCE_S
from tests.stack import Stack

pytestmark = pytest.mark.slow

TABLE = """
CREATE DOMAIN public.money AS numeric(10, 2);
CREATE TABLE public.trouble (
    id bigint PRIMARY KEY, kind text NOT NULL, amount int NOT NULL, price public.money
);
INSERT INTO public.trouble SELECT n, 'kind ' || n % 3, n, n FROM generate_series(1, 30) n
"""
VIEWS = '''"""Views of a table that makes trouble."""

from penstock_views import Image, Row, aggregate, count, row, sum, totals, view


@view("public.trouble", key=["id"])
def trouble_by_id(t: Image) -> Row:
    """Keep what a view can."""
    return row(id=t.id, kind=t.kind, amount=t.amount)


@aggregate("public.trouble", key=["kind"])
def trouble_by_kind(t: Image) -> Row:
    """Add up the amounts."""
    return totals(kind=t.kind, rows=count(), amount=sum(t.amount))
'''
BROKEN = VIEWS.replace("kind=t.kind, amount=t.amount)\n\n", "kind=t.kind, amount=t.price)\n\n")
BY_ID, BY_KIND = "SELECT id, kind, amount FROM {}", "SELECT kind, rows, amount FROM {}"
OF_KINDS = "SELECT kind, count(*), sum(amount) FROM public.trouble GROUP BY kind"


def rows_are(stack: Stack, view: str, columns: str, sql: str) -> bool:
    """Return whether a view holds what plain SQL gives."""
    names = [name.strip() for name in columns.removeprefix("SELECT ").removesuffix(" FROM {}").split(",")]
    found = stack.cql(columns.format(f"penstock.{view}"))
    return sorted(tuple(row[name] for name in names) for row in found) == sorted(stack.sql(sql))


def wait_until_kept(stack: Stack) -> None:
    """Wait until both views equal plain SQL."""
    by_id = "SELECT id, kind, amount FROM public.trouble"
    wait_until(lambda: rows_are(stack, "trouble_by_id", BY_ID, by_id), timeout_s=PATIENCE_S, what="rows are")
    wait_until(lambda: rows_are(stack, "trouble_by_kind", BY_KIND, OF_KINDS), timeout_s=PATIENCE_S, what="sums are")


def kill(stack: Stack, job: str) -> None:
    """Kill a job's driver: its next run reads the files as they are now."""
    before = stack.health(job)
    os.kill(before.pid, signal.SIGKILL)
    wait_until(lambda: stack.health(job).pid not in {0, before.pid}, timeout_s=PATIENCE_S, what=f"{job} begins again")


def status_says(stack: Stack, *words: str) -> Callable[[], bool]:
    """Look whether `status` is red and says these words."""

    def look() -> bool:
        done = stack.run(".venv/bin/penstock status --json", check=False)
        return done.returncode == 1 and all(word in done.stdout for word in words)

    return look


def is_well(stack: Stack) -> bool:
    """Return whether nothing in the flow but the dead letters of these tests is red."""
    document = json.loads(stack.run(".venv/bin/penstock status --json", check=False).stdout)
    ill = [each for each in document["flow"] if not each["is_well"] and not each["name"].startswith("dead-letters")]
    return not ill and all(part["answers"] for part in document["parts"])


SHELL = (
    "SPARK_HOME=/nowhere SPARK_CONF_DIR=/nowhere PYSPARK_SUBMIT_ARGS='--master local no' PYSPARK_PYTHON=/bin/false "
    "JAVA_TOOL_OPTIONS=-Xmx1k HTTP_PROXY=http://127.0.0.1:9 HTTPS_PROXY=http://127.0.0.1:9 PGHOST=/nowhere "
    "PGOPTIONS='-c search_path=none' PGSSLMODE=verify-full TZ=Asia/Tokyo LC_ALL=tr_TR.UTF-8"
)


@pytest.fixture(scope="module")
def file(stack: Stack) -> Iterator[Path]:
    """Make the table and its views live; take all of it away at the end."""
    stack.sql(TABLE)
    file = Project.of(stack.config).views / "trouble.py"
    file.write_text(VIEWS)
    stack.penstock("views write", "views apply")
    wait_until_kept(stack)
    yield file
    file.unlink()
    stack.drop("trouble_by_id", "trouble_by_kind")
    stack.sql("DROP TABLE public.trouble; DROP DOMAIN public.money")


def test_a_shell_made_for_something_else_changes_nothing(stack: Stack, file: Path) -> None:
    assert file.exists()
    for command in ("views check", "verify trouble_by_id", "load --users 1000"):
        stack.run(f"{SHELL} .venv/bin/penstock {command}")
    # Dead letters of other tests make it 1.
    assert "0 records behind" in stack.run(f"{SHELL} .venv/bin/penstock status", check=False).stdout


def test_a_view_that_breaks_stops_alone_and_is_filled_when_it_is_mended(stack: Stack, file: Path) -> None:
    file.write_text(BROKEN)
    kill(stack, "views")
    wait_until(
        status_says(stack, "view trouble_by_id is stopped", "price"), timeout_s=PATIENCE_S, what="status says it"
    )
    stack.sql("INSERT INTO public.trouble VALUES (100, 'while it stood still', 100, 1)")
    stack.sql("UPDATE public.users SET city = 'Beside' WHERE id = (SELECT min(id::text)::uuid FROM public.users)")
    wait_until_exact(stack)
    refused = stack.penstock("views repair trouble_by_id", check=False)
    assert refused.returncode == 1
    assert "view trouble_by_id is stopped" in refused.stderr
    file.write_text(VIEWS)
    applied = stack.penstock("views apply").stdout
    assert "trouble_by_id" in applied
    wait_until_kept(stack)
    wait_until(lambda: is_well(stack), timeout_s=PATIENCE_S, what="all is well")


def test_a_file_that_breaks_while_the_jobs_restart_stops_nobody(stack: Stack, file: Path) -> None:
    file.write_text(VIEWS + "x = (\n")
    for job in ("views", "aggregates"):
        kill(stack, job)
    stack.sql("UPDATE public.trouble SET amount = amount + 1")
    wait_until_kept(stack)
    told = status_says(stack, "view files", "trouble.py", "was never closed")
    wait_until(told, timeout_s=PATIENCE_S, what="status says it")
    file.write_text(VIEWS)
    wait_until(lambda: is_well(stack), timeout_s=PATIENCE_S, what="all is well")


def test_a_job_that_keeps_failing_is_red_and_ends_what_waits_for_it(stack: Stack, file: Path) -> None:
    assert file.exists()
    root = Layout.of(stack.config).row_views
    kept = root.rename(root.with_name("kept"))
    root.write_text("no folder")
    kill(stack, "views")
    wait_until(status_says(stack, "job views", "times in a row"), timeout_s=PATIENCE_S, what="status says it")
    stack.sql("UPDATE public.trouble SET amount = 7 WHERE id = 1")
    ended = stack.penstock("views repair trouble_by_id", check=False)
    assert ended.returncode == 1
    assert "the views job keeps failing" in ended.stderr
    assert "penstock logs views" in ended.stderr
    root.unlink()
    kept.rename(root)
    wait_until_kept(stack)
    wait_until(lambda: is_well(stack), timeout_s=PATIENCE_S, what="all is well")


def test_an_aggregate_that_fails_stops_no_other(stack: Stack, file: Path) -> None:
    assert file.exists()
    (start,) = (Layout.of(stack.config).aggregates / "trouble_by_kind").glob("life-*/life.json")
    kept = start.read_text()
    document = json.loads(kept)
    document["measures"]["fields"] = document["measures"]["fields"][:-1]
    start.write_text(json.dumps(document))
    kill(stack, "aggregates")
    wait_until(
        status_says(stack, "view trouble_by_kind keeps failing", "other types"), timeout_s=PATIENCE_S, what="it is said"
    )
    stack.sql("UPDATE public.users SET country = 'Beside' WHERE id = (SELECT max(id::text)::uuid FROM public.users)")
    wait_until_exact(stack)
    start.write_text(kept)
    wait_until(lambda: is_well(stack), timeout_s=PATIENCE_S, what="it goes on by itself")
    wait_until_kept(stack)


def delete_records(stack: Stack, table: str) -> None:
    """Delete all records of a table's CDC topic, as retention does after a week."""
    topic = topic_of(table)
    admin = AdminClient({"bootstrap.servers": stack.config.kafka.bootstrap})
    places = [TopicPartition(*place, end) for place, end in ends(stack.config, [topic]).items()]
    for done in admin.delete_records(places).values():
        done.result()


def test_a_rebuild_mends_a_lost_place_and_begins_the_aggregate_of_an_emptied_table(stack: Stack, file: Path) -> None:
    assert file.exists()
    supervisor = Supervisor(Layout.of(stack.config))
    supervisor.stop_and_wait("views")
    stack.sql("DELETE FROM public.trouble")
    stack.sql("UPDATE public.users SET city = 'Unread' WHERE id IN (SELECT id FROM public.users LIMIT 5)")
    wait_until_captured(stack.config, on_progress=print)
    for table in ("public.trouble", "public.users"):
        delete_records(stack, table)
    supervisor.start_process("views")
    wait_until(status_says(stack, "penstock views rebuild"), timeout_s=PATIENCE_S, what="status says what mends it")
    said = stack.penstock("views rebuild").stdout
    assert "of the views job began again" in said
    assert "all views: rebuilt" in said
    wait_until_kept(stack)
    wait_until_exact(stack)
    stack.sql("INSERT INTO public.trouble SELECT n, 'kind ' || n % 3, n, n FROM generate_series(1, 30) n")
    wait_until_kept(stack)
    wait_until(lambda: is_well(stack), timeout_s=PATIENCE_S, what="all is well")


def test_the_files_of_an_earlier_revision_stop_the_view_and_are_refused(stack: Stack, file: Path) -> None:
    """The last one here: the view has a later revision from then on."""
    contract = Project.of(stack.config).avro / "views.trouble_by_id-value.avsc"
    first = contract.read_text()
    later = VIEWS.replace("kind=t.kind, amount=t.amount)\n\n", "kind=t.kind, amount=-t.amount)\n\n")
    file.write_text(later.replace('key=["id"])', 'key=["id"], revision=2)'))
    stack.penstock("views write", "views apply")
    file.write_text(VIEWS)
    contract.write_text(first)
    refused = stack.penstock("views apply", check=False)
    assert refused.returncode == 1
    assert "nothing was applied" in refused.stderr
    assert "write revision=3" in refused.stderr
    kill(stack, "views")
    told = status_says(stack, "view trouble_by_id is stopped", "write revision=3")
    wait_until(told, timeout_s=PATIENCE_S, what="status says it")
    stack.sql("UPDATE public.trouble SET amount = amount + 2")
    wait_until(lambda: rows_are(stack, "trouble_by_kind", BY_KIND, OF_KINDS), timeout_s=PATIENCE_S, what="others go on")
    left_out = stack.penstock("views apply", check=False)
    assert left_out.returncode == 1
    assert "left out, all others were applied" in left_out.stderr
    assert "write revision=3" in left_out.stderr
    file.write_text(VIEWS.replace('key=["id"])', 'key=["id"], revision=3)'))
    stack.penstock("views write", "views apply")
    wait_until_kept(stack)
    wait_until(lambda: is_well(stack), timeout_s=PATIENCE_S, what="all is well")
