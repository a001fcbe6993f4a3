"""Measures how fast the sink drains a topic, how soon a record can be read, and whether its memory stays flat."""

from __future__ import annotations

import re
import statistics
import subprocess
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass

from penstock.bench.ground import KEYSPACE, TABLE, Ground, bench_ground
from penstock.bench.pace import LOOK_S, OnProgress
from penstock.bench.rows import row_id
from penstock.config import Config
from penstock.errors import TerminalError
from penstock.stack.health import part_healths

_POLL_S, _SELDOM_S = 0.05, 0.5
"""Until the end is near it asks seldom: a client that asks takes the time of the processor that it measures."""
_NEAR = 0.05
_EACH_S = 0.04
"""Between two rows that are timed."""
_STALL_S = 60.0
_FEWEST = 2
"""Rows that percentiles can be made of."""
_CHUNK = 500_000
_ALL = f"SELECT id FROM {KEYSPACE}.{TABLE}"  # noqa: S608 - both names are constants of ours
_ONE = f"{_ALL} WHERE id = ?"


class RowsMissing(TerminalError):
    """The table does not hold what went into the topic: then no figure counts."""

    def __init__(self, found: int, wanted: int) -> None:
        super().__init__(f"{KEYSPACE}.{TABLE} holds {found:,} of {wanted:,} rows")


class RowNotWritten(TerminalError):
    """A row did not come: then no figure counts."""

    def __init__(self) -> None:
        super().__init__(f"a row did not come to {KEYSPACE}.{TABLE} for {_STALL_S:.0f} s; `penstock status` shows more")


class SinkStill(TerminalError):
    """The sink takes nothing more: then no figure counts."""

    def __init__(self, left: int) -> None:
        super().__init__(
            f"the sink has stalled with {left:,} records left, for {_STALL_S:.0f} s; `penstock connectors list` and "
            "`penstock logs connect` say more"
        )


class TooFewTimed(TerminalError):
    """No percentile without rows."""

    def __init__(self, timed: int) -> None:
        super().__init__(f"{timed} rows were timed, too few for figures: take more `--seconds`")


@dataclass(frozen=True)
class Drain:
    """Rows per second of the sink beside those of the bare driver."""

    rows: int
    partitions: int
    sink_rows_s: int
    bare_rows_s: int

    @property
    def ratio(self) -> float:
        """Sink over bare driver."""
        return self.sink_rows_s / self.bare_rows_s


@dataclass(frozen=True)
class Latency:
    """Milliseconds from just before a record is handed to Kafka until a client of Cassandra reads its row."""

    rate: int
    samples: int
    p50_ms: float
    p99_ms: float
    read_p50_ms: float
    """Of the reading alone: the floor of this way of measuring."""


@dataclass(frozen=True)
class Memory:
    """Megabytes of the Connect worker's heap that are in use after a collection, by rows written."""

    used_mb: tuple[tuple[int, int], ...]


def drain(config: Config, *, rows: int, partitions: int, on_progress: OnProgress) -> Drain:
    """Drain a topic of small Avro rows, and write the same rows with nothing but the driver.

    :param partitions: of the topic; the connector has as many tasks.
    :raises RowsMissing: when not every row arrived.
    :raises SinkStill: the sink has stalled.
    """
    with bench_ground(config, partitions=partitions) as ground:
        _drain(ground, range(rows, rows + rows // 10), on_progress)  # warms up
        # Each begins with empty tables: Cassandra would write the rows of the first to its disk beside the second.
        ground.empty()
        on_progress("bare driver", 0, rows)
        bare = ground.bare_driver(rows)
        on_progress("bare driver", rows, rows)
        ground.empty()
        seconds = _drain(ground, range(rows), on_progress)
        _check(ground, rows)
        return Drain(rows, partitions, round(rows / seconds), bare)


def latency(config: Config, *, rate: int, seconds: int, warm_up_s: int, on_progress: OnProgress) -> Latency:
    """Write rows at a steady rate and see when one of them in each 40 ms can be read.

    :param warm_up_s: so many seconds are not timed at first.
    :raises RowNotWritten: the sink has stalled.
    :raises TooFewTimed: the run was too short.
    """
    with bench_ground(config) as ground:
        return _Stopwatch(ground, rate=rate, warm_up_s=warm_up_s).run(seconds, on_progress)


def memory(config: Config, *, rows: int, on_progress: OnProgress) -> Memory:
    """Write many rows, in chunks, and look at the worker's heap after each."""
    pid = next(health.pid for health in part_healths(config) if health.name == "connect")
    used = []
    with bench_ground(config) as ground:
        for begin in range(0, rows, _CHUNK):
            chunk = range(begin, min(begin + _CHUNK, rows))
            _drain(ground, chunk, on_progress)
            used.append((chunk.stop, _heap_used_mb(pid)))
    return Memory(tuple(used))


def _drain(ground: Ground, numbers: range, on_progress: OnProgress) -> float:
    """Fill the topic while the connector rests; return the seconds that it then takes to drain it."""
    ground.pause()
    for count in ground.writer(linger_ms=50).write_all(numbers):
        on_progress("fill the topic", count, len(numbers))
    started = time.monotonic()
    ground.resume()
    for behind in _falling(ground.behind, still_s=_STALL_S):
        on_progress("sink", len(numbers) - behind, len(numbers))
        time.sleep(_POLL_S if behind < _NEAR * len(numbers) else _SELDOM_S)
    on_progress("sink", len(numbers), len(numbers))
    return time.monotonic() - started


def _falling(behind: Callable[[], int], *, still_s: float) -> Iterator[int]:
    """Yield how many records are left until none is.

    :raises SinkStill: the number has not fallen for so long.
    """
    least, fell_at = None, time.monotonic()
    while left := behind():
        if least is None or left < least:
            least, fell_at = left, time.monotonic()
        elif time.monotonic() - fell_at > still_s:
            raise SinkStill(left)
        yield left


def _check(ground: Ground, wanted: int) -> None:
    found = sum(1 for _ in ground.session.execute(_ALL))
    if found != wanted:
        raise RowsMissing(found, wanted)


class _Stopwatch:
    """Writes at a rate in one thread; in another takes the newest row now and then and reads until it is there.

    It reads with pauses: a client that asks without end takes the time of the processor that it measures.
    """

    def __init__(self, ground: Ground, *, rate: int, warm_up_s: int) -> None:
        self._ground, self._rate, self._warm_up_s = ground, rate, warm_up_s
        self._writer = ground.writer(linger_ms=0)
        self._read = ground.session.prepare(_ONE)
        self._newest = (0, 0.0)
        self._begin = 10_000_000  # numbers that no earlier run wrote
        self._stopped = threading.Event()

    def run(self, seconds: int, on_progress: OnProgress) -> Latency:
        with ThreadPoolExecutor(1) as pool:
            started = time.monotonic()
            writing = pool.submit(self._write, self._warm_up_s + seconds)
            try:
                waits = self._timed(writing, started + self._warm_up_s, on_progress)
            finally:
                self._stopped.set()
            writing.result()
        if len(waits) < _FEWEST:
            raise TooFewTimed(len(waits))
        floor = statistics.median(self._time_read(self._begin) for _ in range(200))
        cuts = statistics.quantiles(waits, n=100)
        return Latency(self._rate, len(waits), cuts[49], cuts[98], floor)

    def _write(self, seconds: int) -> None:
        started = time.monotonic()
        for count in range(self._rate * seconds):
            if self._stopped.wait(max(0.0, started + count / self._rate - time.monotonic())):
                return
            self._newest = (self._begin + count, time.monotonic())
            self._writer.write(self._begin + count)
        self._writer.flush()

    def _timed(self, writing: Future[None], begin: float, on_progress: OnProgress) -> list[float]:
        """Return the milliseconds of each timed row that was written after the warm-up."""
        waits = []
        for written_at, wait_ms in self._waits(writing):
            if written_at < begin:
                continue
            waits.append(wait_ms)
            if len(waits) % 100 == 0:
                on_progress("rows timed", len(waits), 0)
        return waits

    def _waits(self, writing: Future[None]) -> Iterator[tuple[float, float]]:
        """Yield when each timed row was written, and after how many milliseconds it was read."""
        timed, due = 0, 0.0
        while not writing.done():
            number, written_at = self._newest
            if number <= timed or written_at < due:
                time.sleep(LOOK_S)
                continue
            while not self._ground.session.execute(self._read, (row_id(number),)).one():
                if time.monotonic() - written_at > _STALL_S:
                    raise RowNotWritten
                time.sleep(LOOK_S)
            timed, due = number, written_at + _EACH_S
            yield written_at, (time.monotonic() - written_at) * 1000

    def _time_read(self, number: int) -> float:
        started = time.monotonic()
        self._ground.session.execute(self._read, (row_id(number),)).one()
        return (time.monotonic() - started) * 1000


def _heap_used_mb(pid: int) -> int:
    """Ask the JVM to collect, then how much is used (jcmd, of every JDK)."""
    _jcmd(pid, "GC.run")
    info = _jcmd(pid, "GC.heap_info")
    return sum(int(kilobytes) for kilobytes in re.findall(r"generation\s+total \d+K, used (\d+)K", info)) // 1024


def _jcmd(pid: int, command: str) -> str:
    words = ["jcmd", str(pid), command]
    return subprocess.run(words, check=True, capture_output=True, text=True).stdout
