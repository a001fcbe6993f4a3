"""`penstock metrics …`: what Prometheus needs to know of this installation."""

from __future__ import annotations

from typing import Any

import typer
import yaml  # type: ignore[import-untyped]  # no stubs in the lock

from penstock.clone import ROOT
from penstock.config import Config, load_config
from penstock.instances import host_of
from penstock.stack.parts.jmx import HOST

group = typer.Typer(
    help="Let Prometheus watch the pipeline.\n\nExample: `penstock metrics config > prometheus.yml`",
    no_args_is_help=True,
)
_EVERY_S = 5


def register(app: typer.Typer) -> None:
    """Add `metrics` to the root application."""
    app.add_typer(group, name="metrics")


@group.callback()
def metrics() -> None:
    """Keep `config` a command of its own."""


@group.command("config")
def print_config() -> None:
    """Print a configuration of Prometheus with the addresses of this installation and the alert rules.

    Example: `penstock metrics config > prometheus.yml`
    """
    print(prometheus_config(load_config()), end="")


def prometheus_config(config: Config, *, every_s: int = _EVERY_S) -> str:
    """Return it.

    :param every_s: seconds from one scrape, and one evaluation of the rules, to the next.
    """
    found = {
        "global": {"scrape_interval": f"{every_s}s", "evaluation_interval": f"{every_s}s"},
        "rule_files": [str(ROOT / "monitoring/rules.yml")],
        "scrape_configs": [_job(config, job, addresses) for job, addresses in targets(config).items()],
    }
    return str(yaml.safe_dump(found, sort_keys=False, allow_unicode=True))


def _job(config: Config, job: str, addresses: list[str]) -> dict[str, Any]:
    own = _of_console(config) if job == "penstock" else {}
    return {"job_name": job, **own, "static_configs": [{"targets": addresses}]}


def _of_console(config: Config) -> dict[str, Any]:
    """Say how the control center is asked, and by whom; a password stays in its file."""
    url = config.console.url
    # A request without the last slash is sent to the address with it.
    found: dict[str, Any] = {"metrics_path": "/metrics/", "scheme": url.partition(":")[0]}
    if url.let_in.ca_file:
        found["tls_config"] = {"ca_file": str(url.let_in.ca_file)}
    if url.let_in.user:
        found["basic_auth"] = {"username": url.let_in.user, "password_file": str(url.let_in.password_file)}
    return found


def targets(config: Config) -> dict[str, list[str]]:
    """Return the addresses of each job that can be scraped."""
    found = {"penstock": [f"{config.console.host}:{config.console.port}"]} if config.console.enabled else {}
    for name, section in (("kafka", config.kafka), ("connect", config.connect)):
        if section.managed and section.metrics_port:
            found[f"penstock-{name}"] = [
                f"{host_of(HOST, number)}:{section.metrics_port}" for number in range(1, section.count + 1)
            ]
    return found
