"""A pipeline's very first start: what has no row yet needs no fill, since change events will tell of every row."""

from __future__ import annotations

from collections.abc import Sequence

from cassandra.cluster import Session
from penstock_views.declaration.views import View
from psycopg2.extensions import connection as Connection

from penstock.cassandra.session import open_session
from penstock.cassandra.table import is_empty
from penstock.config import Config
from penstock.names import quoted
from penstock.pipeline.fills import filled_views, mark_filled
from penstock.pipeline.lives import Lives
from penstock.postgres.connection import connect
from penstock.project.generation import epoch_of


def settle_empty(config: Config, views: Sequence[View], *, lives: Lives) -> list[View]:
    """Count views as filled whose source and table have no row, if none was ever filled; return those that are left.

    Only at the first start: there, the source connector has never run with other tables than it has now, so that none
    of its tasks can pass over a row that comes while this looks.
    """
    if filled_views(config):
        return list(views)
    keyspace = config.names.keyspace
    with open_session(config) as session, connect(config) as connection:
        full = [view for view in views if _has_rows(session, connection, keyspace, view)]
    mark_filled(config, [view for view in views if view not in full], epoch=epoch_of(config), lives=lives)
    return full


def _has_rows(session: Session, connection: Connection, keyspace: str, view: View) -> bool:
    with connection.cursor() as cursor:
        cursor.execute(f"SELECT EXISTS (SELECT FROM {quoted(view.table)})")  # noqa: S608 - quoted
        found = cursor.fetchone()
    return found is None or bool(found[0]) or not is_empty(session, keyspace=keyspace, name=view.name)
