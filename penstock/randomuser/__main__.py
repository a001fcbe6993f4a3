"""`python -m penstock.randomuser --port 8000`: serve the stand-in until terminated."""

from __future__ import annotations

import argparse

import uvicorn

from penstock.randomuser.nationalities import NATIONALITIES
from penstock.randomuser.pool import pool_of
from penstock.randomuser.server import DEFAULT_LIMIT, make_app


def main() -> None:
    """Serve; all pools are filled before the port opens, so the first answer is as quick as any."""
    options = _parser().parse_args()
    for code in NATIONALITIES:
        pool_of(code)
    uvicorn.run(make_app(limit=options.limit), host=options.host, port=options.port, access_log=False)


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m penstock.randomuser", description=__doc__)
    parser.add_argument("--host", default="127.0.0.1")
    parser.add_argument("--port", type=int, default=8000)
    parser.add_argument("--limit", type=int, default=DEFAULT_LIMIT, help="users a minute and client; 0 = no limit")
    return parser


if __name__ == "__main__":
    main()
