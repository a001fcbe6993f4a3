"""Load users of the API into Postgres; started by hand or by `penstock load`. Wiring only: the work is in `ingest`."""

from __future__ import annotations

import os
from datetime import timedelta
from typing import Any

from airflow.sdk import Connection, Param, dag, get_current_context, task
from ingest.api import UserApi
from ingest.load import Plan, Totals, load_users


def _users_api(known: Connection, other: str | None) -> UserApi:
    """Return the API of the connection, or another one: the proxy leads there, and it is shown no password of ours."""
    extra = known.extra_dejson
    if other:
        return UserApi(other, proxy=extra.get("proxy"))
    login = (known.login, known.password or "") if known.login else None
    return UserApi(known.host, login=login, ca_file=extra.get("ca_file"))


@dag(
    # Another where two installations share an Airflow (docs/contracts.md, "Names").
    dag_id=os.environ.get("PENSTOCK_DAG", "load_users"),
    schedule=None,
    max_active_runs=1,
    default_args={"retries": 2, "retry_delay": timedelta(seconds=5)},
    params={
        "users": Param(1000, type="integer", minimum=1, maximum=1_000_000, description="how many users"),
        "page_size": Param(500, type="integer", minimum=1, maximum=5000, description="users a request"),
        "seed": Param("penstock", type="string", minLength=1, maxLength=100, description="same seed, same users"),
        "api_url": Param(None, type=["null", "string"], description="another API than the connection's"),
    },
    doc_md=__doc__,
    tags=["penstock"],
)
def _load_users() -> None:
    @task(task_id="load")
    def load(params: dict[str, Any] | None = None) -> dict[str, int]:
        """Load the pages; XCom `progress` says after each page how far it is."""
        run = get_current_context()["ti"]
        wanted = dict(params or {})
        known, other = Connection.get("randomuser_api"), wanted.pop("api_url")
        api = _users_api(known, other)
        dsn = Connection.get("app_db").get_uri()

        def report(totals: Totals) -> None:
            run.xcom_push(key="progress", value=totals.as_dict())

        return load_users(Plan(**wanted), api=api, dsn=dsn, on_page=report).as_dict()

    load()


_load_users()
