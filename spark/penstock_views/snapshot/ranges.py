"""Ranges of a table's pages, in which it can be read piece by piece: of a partitioned table those of its partitions."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from penstock.names import quoted

FETCH_ROWS = 2000
_FETCH_BYTES = 8 * 1024 * 1024

_PARTS = """
    SELECT format('%%I.%%I', n.nspname, c.relname), pg_relation_filenode(c.oid),
           pg_relation_size(c.oid) / current_setting('block_size')::int, pg_table_size(c.oid),
           has_table_privilege(c.oid, 'SELECT')
    FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
    WHERE c.relkind = 'r' AND (c.oid = %(table)s::regclass
        OR c.oid IN (SELECT relid FROM pg_partition_tree(%(table)s::regclass) WHERE isleaf))
    ORDER BY c.oid
"""


@dataclass(frozen=True)
class Part:
    """A table that holds rows itself, not in partitions.

    :param source: what stands behind FROM.
    :param files: the files that hold the rows; a statement that rewrites the table gives it others.
    :param bytes: of the pages and of the large values, which lie elsewhere.
    :param is_divisible: whether it is read by pages; else only as a whole.
    """

    source: str
    files: tuple[int, ...]
    pages: int
    bytes: int
    is_divisible: bool = True


@dataclass(frozen=True)
class Range:
    """Pages of a part, from one on and before another."""

    part: Part
    begin: int
    end: int

    @property
    def pages(self) -> int:
        """How many pages it has."""
        return self.end - self.begin

    @property
    def bytes(self) -> int:
        """How many bytes it has, as the part's are on average."""
        return self.part.bytes * self.pages // self.part.pages

    def condition(self, ranges: Sequence[Range]) -> str:
        """Write the condition that picks its rows in what `select_ranges` makes of these ranges."""
        return f"part = {_parts(ranges).index(self.part)} AND {self._within('place')}"

    @property
    def count(self) -> str:
        """Write the query that counts its rows."""
        return f"SELECT count(*) FROM {self.part.source} WHERE {self._within('ctid')}"  # noqa: S608 - quoted

    def _within(self, place: str) -> str:
        if not self.part.is_divisible:
            return "true"
        return f"{place} >= '({self.begin},0)'::tid AND {place} < '({self.end},0)'::tid"


def read_parts(cursor: object, table: str) -> list[Part]:
    """Ask Postgres where the rows of a table lie now.

    :param cursor: of psycopg2.
    :param table: `schema.table`.
    """
    cursor.execute(_PARTS, {"table": quoted(table)})  # type: ignore[attr-defined]
    found: list[tuple[str, int, int, int, bool]] = cursor.fetchall()  # type: ignore[attr-defined]
    # Rows of tables that inherit from it come under their own names.
    parts = [Part(f"ONLY {name}", (file,), pages, size) for name, file, pages, size, _ in found]
    if all(is_readable for *_, is_readable in found):
        return parts
    # Who may read a partitioned table need not have a right to its partitions.
    files = tuple(file for part in parts for file in part.files)
    pages, size = (sum(numbers) for numbers in zip(*[(part.pages, part.bytes) for part in parts], strict=True))
    return [Part(quoted(table), files, pages, size, is_divisible=False)]


def count_rows(cursor: object, ranges: Sequence[Range]) -> int:
    """Count the rows that are in ranges now, which costs little beside reading them.

    :param cursor: of psycopg2.
    """
    rows = 0
    for each in ranges:
        cursor.execute(each.count)  # type: ignore[attr-defined]
        rows += int(cursor.fetchone()[0])  # type: ignore[attr-defined]
    return rows


def fetch_rows(ranges: Sequence[Range], rows: int) -> int:
    """Say how many rows to hold in memory at once: fewer of a table with large ones."""
    size = max(1, sum(each.bytes for each in ranges))
    return max(1, min(FETCH_ROWS, _FETCH_BYTES * rows // size))


def select_ranges(selected: str, ranges: Sequence[Range]) -> str:
    """Write the query of the parts of these ranges; Postgres reads of it only the pages that a condition names."""
    selects = [
        f"SELECT {number} AS part, ctid AS place, {selected} FROM {part.source}"  # noqa: S608 - quoted
        for number, part in enumerate(_parts(ranges))
    ]
    return " UNION ALL ".join(selects)


class Pages:
    """The pages of a table, handed out from the first to the last.

    :param parts: of the table.
    """

    def __init__(self, parts: Sequence[Part]) -> None:
        self.total = sum(part.pages for part in parts)
        self._left = [Range(part, 0, part.pages) for part in parts if part.pages]

    def take(self, pages: int, pieces: int) -> list[Range]:
        """Hand out the next pages, in so many pieces or somewhat more; none when all are."""
        size, taken, found = max(1, -(-pages // pieces)), 0, []
        while self._left and taken < pages:
            piece = self._cut(min(size, pages - taken))
            found.append(piece)
            taken += piece.pages
        return found

    def _cut(self, pages: int) -> Range:
        first = self._left[0]
        end = min(first.begin + pages, first.end) if first.part.is_divisible else first.end
        if end < first.end:
            self._left[0] = Range(first.part, end, first.end)
        else:
            del self._left[0]
        return Range(first.part, first.begin, end)


def _parts(ranges: Sequence[Range]) -> list[Part]:
    return list(dict.fromkeys(each.part for each in ranges))
