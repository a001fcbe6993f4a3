"""`python -m penstock.randomuser --port 8000`: serve the stand-in until terminated."""

from __future__ import annotations

import argparse
from pathlib import Path

import uvicorn

from penstock.address import LetIn
from penstock.randomuser.nationalities import NATIONALITIES
from penstock.randomuser.pool import pool_of
from penstock.randomuser.server import DEFAULT_LIMIT, make_app


def main() -> None:
    """Serve; all pools are filled before the port opens, so the first answer is as quick as any."""
    options = _parser().parse_args()
    for code in NATIONALITIES:
        pool_of(code)
    login = (options.user, LetIn(options.user, options.password_file).password) if options.user else None
    uvicorn.run(
        make_app(limit=options.limit, login=login),
        host=options.host,
        port=options.port,
        access_log=False,
        ssl_certfile=options.certificate_file,
        ssl_keyfile=options.key_file,
    )


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m penstock.randomuser", description=__doc__)
    parser.add_argument("--host", default="127.0.0.1")
    parser.add_argument("--port", type=int, default=8000)
    parser.add_argument("--limit", type=int, default=DEFAULT_LIMIT, help="users a minute and client; 0 = no limit")
    parser.add_argument("--user", help="ask for this user and the password")
    parser.add_argument("--password-file", type=Path)
    parser.add_argument("--certificate-file", type=Path, help="speak TLS (PEM)")
    parser.add_argument("--key-file", type=Path)
    return parser


if __name__ == "__main__":
    main()
