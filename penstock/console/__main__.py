"""Serves the control center: `python -m penstock.console [--config FILE]`."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

import uvicorn

from penstock.config import from_json, load_config
from penstock.console.app import build
from penstock.errors import PenstockError

# Browsers hold their connections open: nobody waits for them at the end.
_GRACE_S = 1


def main() -> None:
    """Serve until SIGTERM."""
    parser = argparse.ArgumentParser(description="The control center of one stack.")
    parser.add_argument("--config", type=Path, help="the configuration as JSON, as `penstock up` writes it")
    path = parser.parse_args().config
    try:
        config = from_json(path.read_text()) if path else load_config()
        web, _ = build(config)
    except PenstockError as exc:
        sys.exit(f"penstock console: {exc}")
    section = config.console
    certificate, key = section.tls_files
    print(f"the control center is at {section.url}", flush=True)
    uvicorn.run(
        web,
        host=section.host,
        port=section.port,
        log_level="warning",
        timeout_graceful_shutdown=_GRACE_S,
        ws="websockets-sansio",
        ssl_certfile=certificate,
        ssl_keyfile=key,
    )


if __name__ == "__main__":
    main()
