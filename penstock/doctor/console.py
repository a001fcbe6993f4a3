"""Control center: the columns that it is to hide must be there, or it hides nothing and says so nowhere."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Sequence
from contextlib import suppress

from penstock.doctor.finding import Finding, ok, warning
from penstock.names import postgres_name
from penstock.postgres.connection import connect
from penstock.project.shapes import ContractMissing, read_shape
from penstock.project.workspace import Workspace

_COLUMNS = """
SELECT attname::text FROM pg_attribute JOIN pg_class c ON c.oid = attrelid JOIN pg_namespace n ON n.oid = relnamespace
WHERE attnum > 0 AND NOT attisdropped AND nspname || '.' || relname = ANY (%s)
"""


def examine(workspace: Workspace) -> Iterator[Finding]:
    """Look whether each name of `masked` is a column of a followed table or of a view.

    :raises PostgresUnreachable: a source database does not answer, or lets us in.
    """
    known = {postgres_name(name) for view in workspace.views for name in _columns_of_view(workspace, view.name)}
    for source in workspace.sources:
        with connect(source.config) as connection, connection.cursor() as cursor:
            cursor.execute(_COLUMNS, (source.tables,))
            known |= {name for (name,) in cursor.fetchall()}
    yield from judge_masked(workspace.config.console.masked, known)


def judge_masked(masked: Sequence[str], known: Collection[str]) -> Iterator[Finding]:
    """Say which masked columns are of no table and no view."""
    unknown = [name for name in masked if name not in known and postgres_name(name) not in known]
    for name in unknown:
        said = f"console.masked has {name}, and no followed table or view has such a column: nothing is hidden by it"
        yield warning(said, f"correct {name} in [console] of penstock.toml: a column's name alone, without its table")
    if masked and not unknown:
        yield ok(f"the control center hides {', '.join(masked)}")


def _columns_of_view(workspace: Workspace, name: str) -> Sequence[str]:
    with suppress(ContractMissing):
        return read_shape(workspace.project, name).columns
    return ()
