"""The order of the stop follows from the needs: whoever uses a part ends before it."""

from penstock.config import Config
from penstock.stack import stack
from penstock.stack.start import _all_needs


def test_users_of_a_part_end_before_it() -> None:
    needs = _all_needs(stack.nodes(Config()))
    assert {"kafka", "postgres", "cassandra", "registry"} <= needs["connect"]
    assert {"kafka", "registry", "spark-worker", "spark-master"} <= needs["views"]
    assert {"airflow-api-server", "postgres"} <= needs["airflow-scheduler"]


def test_every_need_is_a_node() -> None:
    nodes = stack.nodes(Config())
    names = {node.name for node in nodes}
    assert all(need in names for node in nodes for need in node.needs)


def test_no_two_parts_share_a_port() -> None:
    ports = stack.ports(Config())
    assert len(set(ports.values())) == len(ports)
