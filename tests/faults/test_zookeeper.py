"""ZooKeeper, or the broker that is registered in it, is killed with -9 again and again while rows are written."""

from __future__ import annotations

import os
import signal
from functools import partial

import pytest

from penstock.sections.kafka import KafkaMode
from penstock.stack.mode import mode_of
from penstock.wait import wait_until
from tests.e2e.oracle import wait_until_exact
from tests.patience import PATIENCE_S
from tests.stack import Stack

KILLS = 3


@pytest.mark.parametrize("part", ["zookeeper", "kafka"])
def test_kill_under_load(stack: Stack, part: str) -> None:
    if mode_of(stack.config) is not KafkaMode.ZOOKEEPER:
        pytest.skip("make test-zookeeper runs it")
    with stack.written_to("Killed"):
        for _ in range(KILLS):
            before = stack.health(part)
            os.kill(before.pid, signal.SIGKILL)
            wait_until(partial(stack.runs_again, before), timeout_s=PATIENCE_S, what=f"{part} runs again and answers")
    wait_until_exact(stack)
    assert "equal" in stack.penstock("verify").stdout
    stack.sql("DELETE FROM public.users WHERE country = 'Killed'")
    wait_until_exact(stack)
