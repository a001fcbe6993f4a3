"""The order of the stop follows from the needs: whoever uses a part ends before it."""

from penstock.config import Config
from penstock.profile import Profile, with_profile
from penstock.project.workspace import Workspace
from penstock.sections.connect import Connect
from penstock.setup.steps import nodes
from penstock.stack import stack
from penstock.stack.stop import all_needs

HA = Config(**with_profile({}, Profile.HA))


def test_users_of_a_part_end_before_it() -> None:
    needs = all_needs(stack.parts(Config()), stack.STEPS)
    assert {"kafka", "postgres", "cassandra", "registry"} <= needs["connect"]
    assert {"kafka", "registry", "spark-worker", "spark-master"} <= needs["views"]
    assert "connect" in needs["connect-watcher"]
    assert {"airflow-api-server", "postgres"} <= needs["airflow-scheduler"]


def test_users_of_a_part_end_before_each_of_its_instances() -> None:
    needs = all_needs(stack.parts(HA), stack.step_needs(HA))
    brokers, nodes, workers = ({kind, f"{kind}-2"} for kind in ("kafka", "cassandra", "spark-worker"))
    assert {*brokers, "kafka-3", *nodes, "cassandra-3"} <= needs["connect-2"]
    assert {*brokers, *workers} <= needs["views"]
    assert {"connect", "connect-2"} <= needs["connect-watcher"]
    assert not needs["kafka"] & {"kafka-2", "kafka-3"}, "a quorum starts together"


def test_every_need_is_a_node() -> None:
    everything = nodes(Workspace(HA))
    names = {node.name for node in everything}
    assert all(need in names for node in everything for need in node.needs)


def test_no_two_parts_share_a_port() -> None:
    doors = stack.doors(HA)
    assert len({(door.host, door.port) for door in doors}) == len(doors)


def test_the_watcher_is_a_part_unless_it_is_switched_off() -> None:
    with_it = [part.name for part in stack.parts(Config())]
    without = [part.name for part in stack.parts(Config(connect=Connect(watch=False)))]
    assert [name for name in with_it if name not in without] == ["connect-watcher"]
