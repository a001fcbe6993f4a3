"""The load itself: page after page from the API into Postgres, each its own transaction; what is loaded stays."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass, field, replace
from typing import Any, Protocol

from ingest.store import Rejected, open_database, store_page
from ingest.user import UserInvalid, UserRow, parse_user


@dataclass(frozen=True)
class Plan:
    """What to load: the first `users` users of a seed. Another `page_size` means other users."""

    users: int
    page_size: int
    seed: str

    def pages(self) -> Iterator[tuple[int, int]]:
        """Yield (page, results); the last page may be shorter, and is then the start of the whole one."""
        for page, start in enumerate(range(0, self.users, self.page_size), start=1):
            yield page, min(self.page_size, self.users - start)


@dataclass(frozen=True)
class Totals:
    """How far a load is; `fetched` = `written` + `unchanged` + `rejected`."""

    fetched: int = 0
    written: int = 0
    unchanged: int = 0
    rejected: int = 0

    def as_dict(self) -> dict[str, int]:
        """Return what the DAG hands to Airflow: numbers, never users."""
        return asdict(self)


class PageSource(Protocol):
    """Where pages come from; `UserApi` is the one that runs."""

    def fetch_page(self, *, seed: str, page: int, results: int) -> list[Any]:
        """Return the users of one page."""
        ...


@dataclass
class _Sorted:
    """One page, sorted into rows and users kept aside."""

    rows: list[UserRow] = field(default_factory=list)
    rejected: list[Rejected] = field(default_factory=list)


def load_users(plan: Plan, *, api: PageSource, dsn: str, on_page: Callable[[Totals], None]) -> Totals:
    """Load all pages of a plan.

    :param dsn: the libpq connection string of the database that holds `public.users`.
    :param on_page: called after each committed page.
    :raises IngestError: when the API or Postgres fails for good; the pages before stay.
    """
    totals = Totals()
    seen: set[str] = set()
    with open_database(dsn) as database:
        for page, results in plan.pages():
            users = api.fetch_page(seed=plan.seed, page=page, results=results)
            batch = _sort(users, seed=plan.seed, page=page, seen=seen)
            written = store_page(database, rows=batch.rows, rejected=batch.rejected)
            totals = _add(totals, batch, written=written)
            on_page(totals)
    return totals


def _sort(users: list[Any], *, seed: str, page: int, seen: set[str]) -> _Sorted:
    batch = _Sorted()
    for position, user in enumerate(users):
        try:
            batch.rows.append(_new_row(user, seen=seen))
        except UserInvalid as exc:
            batch.rejected.append(Rejected(seed, page, position, str(exc), user))
    return batch


def _new_row(user: object, *, seen: set[str]) -> UserRow:
    """Parse a user; refuse an id that this load had before: two users on one row would overwrite each other."""
    row = parse_user(user)
    if row.id in seen:
        raise UserInvalid("login.uuid", f"another user of this load has the same: {row.id}")
    seen.add(row.id)
    return row


def _add(totals: Totals, batch: _Sorted, *, written: int) -> Totals:
    return replace(
        totals,
        fetched=totals.fetched + len(batch.rows) + len(batch.rejected),
        written=totals.written + written,
        unchanged=totals.unchanged + len(batch.rows) - written,
        rejected=totals.rejected + len(batch.rejected),
    )
