"""A Cassandra that hangs for a minute, neither dead nor alive, loses nothing and fails no task."""

from __future__ import annotations

import os
import signal
import time
import uuid

import pytest

from penstock.connect.api import ConnectApi
from tests.e2e.oracle import wait_until_exact
from tests.stack import Stack

FROZEN_S = 60.0
INSERT = """
INSERT INTO public.users (id, email, first_name, last_name, registered, country)
VALUES (%s, 'frozen@example.com', 'Frozen', 'Row', '2022-02-02', 'Frozen')
"""


@pytest.mark.slow
def test_a_minute_of_a_frozen_cassandra(stack: Stack) -> None:
    pid = stack.health("cassandra").pid
    os.kill(pid, signal.SIGSTOP)
    try:
        deadline = time.monotonic() + FROZEN_S
        while time.monotonic() < deadline:
            stack.sql(INSERT, str(uuid.uuid4()))
    finally:
        os.kill(pid, signal.SIGCONT)
    with ConnectApi(stack.config.connect.url) as api:
        assert api.status("cassandra-views-sink").is_running
    wait_until_exact(stack)
    stack.sql("DELETE FROM public.users WHERE country = 'Frozen'")
    wait_until_exact(stack)
