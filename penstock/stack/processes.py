"""Finds and ends the processes of one stack by the mark that each inherits in its environment.

A pid file alone lies after a crash. A process belongs to a stack when its environment names the stack's state folder.
psutil ties every pid to its start time, so a pid that was reused meanwhile is never signalled.
"""

from __future__ import annotations

from pathlib import Path

import psutil

from penstock.environment import PART_MARK

STATE_MARK = "PENSTOCK_STATE"
BUILD_MARK = "PENSTOCK_BUILD"


def marked(state: Path, *, part: str | None = None) -> list[psutil.Process]:
    """Return the living processes of a stack, or of one part of it, without the caller and its ancestors."""
    own = {psutil.Process().pid, *(parent.pid for parent in psutil.Process().parents())}
    return [process for process in psutil.process_iter() if process.pid not in own and _is_marked(process, state, part)]


def _is_marked(process: psutil.Process, state: Path, part: str | None) -> bool:
    try:
        environment = process.environ()
    except (psutil.AccessDenied, psutil.NoSuchProcess, OSError):
        return False
    return (
        environment.get(STATE_MARK) == str(state)
        and PART_MARK in environment
        and part in (None, environment[PART_MARK])
    )


def sweep(state: Path, *, part: str | None = None, grace_s: float = 10.0) -> None:
    """End every process of a stack, or of one part of it, those too that are born meanwhile."""
    while processes := marked(state, part=part):
        _end(processes, grace_s)


def _end(processes: list[psutil.Process], grace_s: float) -> None:
    """Ask the processes to end, wait, and kill what is left."""
    for process in processes:
        _signal(process, kill=False)
    _, alive = psutil.wait_procs(processes, timeout=grace_s)
    for process in alive:
        _signal(process, kill=True)
    psutil.wait_procs(alive, timeout=grace_s)


def _signal(process: psutil.Process, *, kill: bool) -> None:
    try:
        process.kill() if kill else process.terminate()
    except psutil.NoSuchProcess:
        return


def command_of(pid: int) -> list[str]:
    """Return the command line that a process runs; empty when it is gone."""
    try:
        return psutil.Process(pid).cmdline()
    except psutil.NoSuchProcess:
        return []


def build_mark_of(pid: int) -> str:
    """Return what stands for the code that a process runs; empty when it is gone, or of a version without the mark."""
    try:
        return psutil.Process(pid).environ().get(BUILD_MARK, "")
    except (psutil.AccessDenied, psutil.NoSuchProcess, OSError):
        return ""


def memory_mb(pid: int) -> float:
    """Return the memory of a process and all below it, in MB; shared pages count once (PSS) where it can."""
    try:
        root = psutil.Process(pid)
        return sum(_memory_bytes(process) for process in (root, *root.children(recursive=True))) / 2**20
    except psutil.NoSuchProcess:
        return 0.0


def _memory_bytes(process: psutil.Process) -> int:
    try:
        info = process.memory_full_info()
    except (psutil.NoSuchProcess, psutil.AccessDenied):
        return 0
    return int(getattr(info, "pss", info.rss))
