"""Nothing is without a way out: what is lost is said by `status`, and the very cure that it names makes it good."""

from __future__ import annotations

import json
import re

import pytest
from confluent_kafka import TopicPartition
from confluent_kafka.admin import AdminClient
from confluent_kafka.cimpl import NewPartitions
from penstock_views.aggregates.run import current_run, runs_folder

from penstock.connect.api import ConnectApi, State
from penstock.layout import Layout
from penstock.pipeline.fence import ends, wait_until_arrived, wait_until_processed
from penstock.project.workspace import Workspace
from penstock.registry.client import RegistryClient
from penstock.setup import actions as setup
from penstock.stack.supervisor import Supervisor
from penstock.topics.admin import TopicAdmin
from penstock.topics.declare import view_topics
from penstock.wait import wait_until
from tests.e2e.oracle import differences, wait_until_exact
from tests.e2e.test_job_trouble import is_well
from tests.names import REGISTRY_TOPICS, SINK, SOURCE, topic_of
from tests.patience import PATIENCE_S
from tests.stack import Stack

pytestmark = pytest.mark.slow

TABLE = "public.users"
VIEWS = 4


def status(stack: Stack) -> str:
    """Return what `status` says in red, a line for each."""
    document = json.loads(stack.run(".venv/bin/penstock status --json", check=False).stdout)
    return "\n".join(f"{each['name']} {each['seen']}" for each in document["flow"] if not each["is_well"])


def wait_until_said(stack: Stack, words: str) -> None:
    wait_until(lambda: words in status(stack), timeout_s=PATIENCE_S, what=f"status says {words}")


def cure(stack: Stack, words: str) -> str:
    """Run the command that `status` names behind these words; all must be right then."""
    wait_until_said(stack, words)
    said = status(stack)
    found = re.search(r"`(penstock [a-z ]+)`", said[said.index(words) :])
    assert found, said
    done = stack.run(f".venv/bin/{found[1]}").stdout
    wait_until_exact(stack)
    assert stack.penstock("verify").stdout.count("equal") == VIEWS
    wait_until(lambda: is_well(stack), timeout_s=PATIENCE_S, what=f"all is well after {found[1]}")
    return done


def change(stack: Stack, city: str) -> None:
    """Change some users and take some away."""
    some = "SELECT id FROM public.users ORDER BY md5(id::text || %s) LIMIT 5"
    stack.sql(f"UPDATE public.users SET city = %s, country = 'Ways out' WHERE id IN ({some})", city, city)
    stack.sql(f"DELETE FROM public.users WHERE id IN ({some})", f"{city} gone")


def delete_records(stack: Stack, topics: tuple[str, ...]) -> None:
    """Delete all records of these topics, as retention does after a week."""
    admin = AdminClient({"bootstrap.servers": stack.config.kafka.bootstrap})
    places = [TopicPartition(*place, end) for place, end in ends(stack.config, topics).items()]
    for done in admin.delete_records(places).values():
        done.result()


def delete_topics(stack: Stack, *topics: str) -> None:
    admin = TopicAdmin(stack.config.kafka.bootstrap)
    admin.delete(topics)
    what = f"{', '.join(topics)} gone"
    wait_until(lambda: not frozenset(topics) & admin.topics().keys(), timeout_s=PATIENCE_S, what=what)


def test_a_sink_that_was_stopped_for_longer_than_retention(stack: Stack) -> None:
    wait_until_exact(stack)
    with ConnectApi(stack.config.connect.url) as api:
        api.stop(SINK)
        wait_until(lambda: api.status(SINK).connector.state == State.STOPPED, timeout_s=PATIENCE_S, what="it stops")
        change(stack, "Unwritten")
        wait_until_processed(stack.config, Workspace(stack.config).views, on_progress=print)
        delete_records(stack, view_topics(Workspace(stack.config).views))
        wait_until_said(stack, "were deleted unread")
        api.resume(SINK)
        wait_until(lambda: api.status(SINK).summary == State.FAILED, timeout_s=PATIENCE_S, what="it skips nothing")
    assert differences(stack)
    cure(stack, "were deleted unread")


def test_a_topic_of_a_view_that_is_deleted(stack: Stack) -> None:
    with ConnectApi(stack.config.connect.url) as api:
        api.pause(SINK)
        change(stack, "Deleted with its topic")
        wait_until_processed(stack.config, Workspace(stack.config).views, on_progress=print)
        delete_topics(stack, "views.users_by_id")
        api.resume(SINK)
    cure(stack, "topic views.users_by_id was deleted, or made again")


def test_a_change_topic_that_is_deleted(stack: Stack) -> None:
    topic = topic_of(TABLE)
    delete_topics(stack, topic)
    change(stack, "Deleted unread")
    wait_until_said(stack, f"topic {topic} was deleted")
    refused = stack.run(".venv/bin/penstock up", check=False)
    assert refused.returncode == 1
    assert "`penstock views rebuild` reads everything again" in refused.stderr
    assert "of the views job began again" in cure(stack, f"topic {topic} was deleted")


@pytest.mark.parametrize("left", ["", "v1\n{}\n", 'v1\n{}\n{"app.public.users":{"0"'])
def test_progress_that_is_cut_short_costs_no_row(stack: Stack, left: str) -> None:
    supervisor, layout = Supervisor(Layout.of(stack.config)), Layout.of(stack.config)
    change(stack, f"Before the cut to {len(left)}")
    wait_until_arrived(stack.config, Workspace(stack.config).views, on_progress=print)
    for job in ("aggregates", "views"):
        supervisor.stop_and_wait(job)
    run = current_run(runs_folder(layout.aggregates, "user_stats_by_country"))
    assert run is not None
    checkpoints = (layout.row_views / topic_of(TABLE)).glob("*/metadata")
    rows = max(checkpoints, key=lambda each: int(each.parent.name)).parent
    for folder in (rows, run.checkpoint):
        last = max((folder / "offsets").glob("[0-9]*"), key=lambda each: int(each.name))
        last.write_text(left)
    change(stack, f"Cut short to {len(left)}")
    for job in ("views", "aggregates"):
        supervisor.start_process(job)
    wait_until_exact(stack)
    assert "is cut short" in layout.log("views").read_text()
    assert stack.penstock("verify").stdout.count("equal") == VIEWS
    wait_until(lambda: is_well(stack), timeout_s=PATIENCE_S, what="all is well")


def test_a_cassandra_without_the_keyspace(stack: Stack) -> None:
    stack.cql(f"DROP KEYSPACE {stack.config.names.keyspace}")
    change(stack, "Written nowhere")
    cure(stack, "is gone from Cassandra")


def test_the_table_of_a_view_that_is_dropped_holds_up_no_other(stack: Stack) -> None:
    keyspace = stack.config.names.keyspace
    stack.cql(f"DROP TABLE {keyspace}.users_by_country")
    change(stack, "Without one table")
    others = stack.penstock("verify users_by_id user_history").stdout
    assert others.count("equal") == 2
    assert "STOPPED" in stack.penstock("verify users_by_country", check=False).stdout
    said = status(stack)
    assert f"table {keyspace}.users_by_country is gone from Cassandra" in said
    assert SINK not in said
    cure(stack, "is gone from Cassandra")


def test_view_tables_that_are_made_anew(stack: Stack) -> None:
    stack.cql(f"DROP TABLE {stack.config.names.keyspace}.users_by_country")
    setup.create_view_tables(Workspace(stack.config))
    cure(stack, "was made again in Cassandra and not filled")


def test_a_registry_without_a_contract(stack: Stack) -> None:
    with RegistryClient(stack.config.registry.url) as registry:
        registry.delete_subject("views.users_by_id-value")
    cure(stack, "Schema Registry lacks views.users_by_id-value")


def test_a_registry_that_is_made_anew(stack: Stack) -> None:
    supervisor = Supervisor(Layout.of(stack.config))
    supervisor.stop_and_wait("registry")
    delete_topics(stack, *REGISTRY_TOPICS)
    setup.create_topics(Workspace(stack.config))
    supervisor.start_process("registry")
    wait_until(lambda: stack.health("registry").answers, timeout_s=PATIENCE_S, what="the registry answers")
    change(stack, "With new ids")
    cure(stack, f"topic {REGISTRY_TOPICS[0]} was deleted")


def test_a_row_keeps_to_its_partition_when_somebody_adds_some(stack: Stack) -> None:
    topic, client = topic_of(TABLE), AdminClient({"bootstrap.servers": stack.config.kafka.bootstrap})
    before = TopicAdmin(stack.config.kafka.bootstrap).topics()[topic][0]
    for future in client.create_partitions([NewPartitions(topic, before + 3)]).values():
        future.result()
    # A producer hears of it within five minutes, and a new one at once.
    with ConnectApi(stack.config.connect.url) as api:
        api.restart(SOURCE)
    change(stack, "Beside new partitions")
    wait_until_exact(stack)
    stack.penstock("views apply", "connectors apply")
    change(stack, "Beside new partitions, applied")
    wait_until_exact(stack)
    # A client of its own: one that is connected hears of them later.
    bounds = TopicAdmin(stack.config.kafka.bootstrap).bounds({topic: before + 3})
    ends_of = {number: end for (_, number), (_, end) in bounds.items()}
    assert [ends_of[before + number] for number in range(3)] == [0, 0, 0]
