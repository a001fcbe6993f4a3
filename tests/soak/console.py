"""The control center for an hour: ten tabs of a browser, rows that change, memory and processor time each minute.

`make soak-console MINUTES=60`, on a running stack (`make up`). No test: it prints what it measured.
"""

from __future__ import annotations

import os
import time
from argparse import ArgumentParser
from pathlib import Path

from playwright.sync_api import Browser

from penstock.bench.updates import Updates
from penstock.config import Config, load_config
from penstock.stack.health import part_healths
from penstock.stack.processes import memory_mb
from tests.browser import PAGES, Watched, chromium

TABS, RATE = PAGES[:10], 20
_TICKS_S = os.sysconf("SC_CLK_TCK")


def soak(config: Config, browser: Browser, minutes: int) -> None:
    """Open the tabs, let rows change, and print a line a minute."""
    pid = next(health.pid for health in part_healths(config) if health.name == "console")
    _say("before a tab is open", pid, _cpu_s(pid), 0.0)
    tabs = [Watched(browser.new_page(), config.console.url) for _ in TABS]
    for tab, path in zip(tabs, TABS, strict=True):
        tab.open(path)
    Updates(config, tables=["public.users"], rate=RATE, seconds=minutes * 60).start()
    for minute in range(1, minutes + 1):
        cpu_s, at = _cpu_s(pid), time.monotonic()
        tabs[0].page.wait_for_timeout(60_000)
        _say(f"minute {minute:>3}", pid, _cpu_s(pid) - cpu_s, time.monotonic() - at)
    faults = [fault for tab in tabs for fault in tab.faults]
    print(f"{len(TABS)} tabs, {RATE} changes a second, {len(faults)} faults in the browser", *faults[:5], sep="\n  ")


def _say(when: str, pid: int, cpu_s: float, seconds: float) -> None:
    share = f"{cpu_s / seconds:6.1%} of a core" if seconds else ""
    print(f"{when}: {memory_mb(pid):6.1f} MB  {share}", flush=True)


def _cpu_s(pid: int) -> float:
    """Read the seconds of processor time that a process has taken (proc(5), stat: utime and stime)."""
    fields = Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()
    return (int(fields[11]) + int(fields[12])) / _TICKS_S


def main() -> None:
    """Run it."""
    parser = ArgumentParser(description="Watches the control center under ten tabs and changing rows.")
    parser.add_argument("--minutes", type=int, default=60)
    with chromium() as browser:
        soak(load_config(), browser, parser.parse_args().minutes)


if __name__ == "__main__":
    main()
