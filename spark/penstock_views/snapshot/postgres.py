"""The source database, for Spark's JDBC source: where it is, and as of which snapshot it is read."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from penstock.errors import TerminalError
from penstock.excluded import NONE, Excluded
from penstock.hashed import NOT_HASHED, Hashed
from penstock.pinned import PINNED
from penstock_views.snapshot.ranges import FETCH_ROWS


class SnapshotInvalid(TerminalError):
    """A snapshot id is not one that Postgres exports."""

    def __init__(self, snapshot: str) -> None:
        super().__init__(
            f"`{snapshot}` is no snapshot id; take one from pg_export_snapshot() and keep its transaction open"
        )


@dataclass(frozen=True)
class Postgres:
    """Where to read, and as of when.

    :param tls: `sslmode` and `sslrootcert`, which libpq and the JDBC driver share.
    :param snapshot: what `pg_export_snapshot()` returned in a transaction that is still open; None reads the present.
    :param fetch_rows: so many rows are in memory at once.
    :param excluded: the columns that are not read.
    :param hashed: the columns that are read as hashes.
    """

    host: str
    port: int
    database: str
    user: str
    password: str = ""
    snapshot: str | None = None
    fetch_rows: int = FETCH_ROWS
    tls: Mapping[str, str] = field(default_factory=dict)
    excluded: Excluded = NONE
    hashed: Hashed = NOT_HASHED

    @property
    def options(self) -> dict[str, str]:
        """The options of Spark's JDBC source."""
        url = f"jdbc:postgresql://{self.host}:{self.port}/{self.database}"
        # Only with a fetch size does Spark open a transaction (and Postgres a cursor instead of all rows at once).
        basic = {"url": url, "user": self.user, "driver": "org.postgresql.Driver", "fetchsize": str(self.fetch_rows)}
        secret = {"password": self.password} if self.password else {}
        return basic | secret | dict(self.tls) | {"options": PINNED + self.hashed.session} | self._snapshot_option()

    def _snapshot_option(self) -> dict[str, str]:
        if self.snapshot is None:
            return {}
        if not self.snapshot.replace("-", "").isalnum():
            raise SnapshotInvalid(self.snapshot)
        set_snapshot = f"SET TRANSACTION ISOLATION LEVEL REPEATABLE READ; SET TRANSACTION SNAPSHOT '{self.snapshot}'"
        return {"sessionInitStatement": set_snapshot}
