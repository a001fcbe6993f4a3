"""`penstock bench`: the wiring and the printing over `penstock.bench`."""

from __future__ import annotations

import json
from contextlib import nullcontext
from dataclasses import asdict
from typing import Annotated

import typer

from penstock.bench import sink
from penstock.bench.alone import sink_alone
from penstock.bench.flow import flow
from penstock.bench.pace import WARM_UP_S
from penstock.bench.peer import compare
from penstock.cli.table import make_table, plain_console, print_table
from penstock.config import load_config

_err = plain_console(stderr=True)
_WarmUp = Annotated[
    int, typer.Option(min=0, help="Seconds that are not timed at first: servers compile what they run often.")
]
_Json = Annotated[bool, typer.Option("--json", help="Print JSON.")]
_HELP = "Measure the running stack: figures side by side, of one run.\n\nExample: `penstock bench drain --rows 100000`"
bench = typer.Typer(no_args_is_help=True, help=_HELP)


def register(app: typer.Typer) -> None:
    """Add the group to the root application."""
    app.add_typer(bench, name="bench")


@bench.command()
def drain(
    rows: Annotated[int, typer.Option(min=1000, help="Rows in the topic.")] = 500_000,
    partitions: Annotated[int, typer.Option(min=1, help="Partitions of the topic, and tasks that drain it.")] = 1,
    as_json: _Json = False,
) -> None:
    """Drain a topic of small Avro rows with the sink connector, and write the same with the bare Java driver.

    Example: `penstock bench drain --rows 100000`
    """
    result = sink.drain(load_config(), rows=rows, partitions=partitions, on_progress=_say)
    _print(
        as_json,
        {**asdict(result), "ratio": round(result.ratio, 2)},
        {
            "rows": f"{result.rows:,}",
            "partitions and tasks": str(result.partitions),
            "bare Java driver": f"{result.bare_rows_s:,} rows/s",
            "sink connector": f"{result.sink_rows_s:,} rows/s",
            "ratio": f"{result.ratio:.2f}",
        },
    )


@bench.command("flow")
def measure_flow(
    rate: Annotated[int, typer.Option(min=1, help="Changes per second.")] = 500,
    seconds: Annotated[int, typer.Option(min=1, help="How long.")] = 30,
    warm_up: _WarmUp = WARM_UP_S,
    as_json: _Json = False,
) -> None:
    """Measure how long a change takes from Postgres to each topic and to each view in Cassandra.

    Rows of the views' tables are updated without changing them; a history gets an entry for each.

    Example: `penstock bench flow --rate 500 --seconds 30`
    """
    result = flow(load_config(), rate=rate, seconds=seconds, warm_up_s=warm_up, on_progress=_say)
    _print(
        as_json,
        asdict(result),
        {
            "changes timed": f"{result.changes:,} at {result.rate:,.0f}/s",
            "processors": str(result.processors),
            **{leg.place: str(leg) for leg in result.legs},
        },
    )


@bench.command("peer")
def measure_peer(
    rate: Annotated[int, typer.Option(min=1, help="Changes per second.")] = 500,
    seconds: Annotated[int, typer.Option(min=1, help="How long each.")] = 30,
    warm_up: _WarmUp = WARM_UP_S,
    as_json: _Json = False,
) -> None:
    """Measure one view by Penstock, then by Spark's `foreachBatch` with the plain driver, while Penstock's jobs rest.

    A row of the benchmark's own is changed and looked for in Cassandra, the same way for both.

    Example: `penstock bench peer --rate 500 --seconds 30`
    """
    result = compare(load_config(), rate=rate, seconds=seconds, warm_up_s=warm_up, on_progress=_say)
    _print(
        as_json,
        {**asdict(result), "ratio": round(result.ratio, 2)},
        {
            "Penstock": str(result.penstock),
            "foreachBatch and driver": str(result.peer),
            "ratio of the medians": f"{result.ratio:.1f}",
        },
    )


@bench.command()
def latency(
    rate: Annotated[int, typer.Option(min=1, help="Rows per second.")] = 500,
    seconds: Annotated[int, typer.Option(min=1, help="How long.")] = 30,
    warm_up: _WarmUp = WARM_UP_S,
    alone: Annotated[
        bool, typer.Option("--alone", help="Stop what the sink does not need (loader, source, jobs) meanwhile.")
    ] = False,
    as_json: _Json = False,
) -> None:
    """Measure how long it takes from handing a record to Kafka until a client of Cassandra reads its row.

    Example: `penstock bench latency --rate 500 --seconds 30 --alone`
    """
    config = load_config()
    with sink_alone(config) if alone else nullcontext():
        result = sink.latency(config, rate=rate, seconds=seconds, warm_up_s=warm_up, on_progress=_say)
    _print(
        as_json,
        asdict(result),
        {
            "rate": f"{result.rate:,} rows/s",
            "rows timed": f"{result.samples:,}",
            "p50": f"{result.p50_ms:.1f} ms",
            "p99": f"{result.p99_ms:.1f} ms",
            "of which one read, p50": f"{result.read_p50_ms:.1f} ms",
        },
    )


@bench.command()
def memory(
    rows: Annotated[int, typer.Option(min=1000, help="Rows to write in all.")] = 10_000_000, as_json: _Json = False
) -> None:
    """Write many rows through the sink and show the Connect worker's heap after each half million.

    Example: `penstock bench memory --rows 2000000`
    """
    result = sink.memory(load_config(), rows=rows, on_progress=_say)
    _print(as_json, asdict(result), {f"{count:,} rows": f"{used:,} MB of heap" for count, used in result.used_mb})


def _say(what: str, done: int, total: int) -> None:
    """Show progress in one line on a terminal, nothing in a pipe."""
    if _err.is_terminal:
        _err.print(f"  {what}: {done:,}{f' of {total:,}' if total else ''}", end="\r")


def _print(as_json: bool, plain: dict[str, object], shown: dict[str, str]) -> None:
    if as_json:
        print(json.dumps(plain, indent=2))
        return
    table = make_table("figure", "value")
    for name, value in shown.items():
        table.add_row(name, value)
    print_table(table)
