"""The columns of which only a keyed hash leaves Postgres: HMAC-SHA-256 of the text in UTF-8, in hexadecimal.

Here are the settings of the source connector, which hashes what it reads (`HashedColumns.java`), and the SQL by which
every other reading lets Postgres hash. Equal values stay equal, and NULL stays NULL.
"""

from __future__ import annotations

import hashlib
import hmac
from dataclasses import dataclass, field, replace
from typing import Self
from urllib.parse import quote

from penstock.excluded import Columns

SECRET = "PENSTOCK_HASH_SECRET"  # noqa: S105 - the name of a variable
"""Holds the secret in the environment of our own Connect, and of the aggregates' job."""
SETTINGS = "penstock.hash."
"""With which the names of all settings of the source connector begin that are about them."""
SHORTEST = 32
"""So many characters a secret has at least."""

_KNOWN = b"penstock"
_FINGERPRINT_DIGITS = 16
_BLOCK = 64
# Not of the installation's name, which a statement gets that goes by Connection.own().
_INNER, _OUTER = "hashed.inner", "hashed.outer"
_HASH = (
    f"encode(sha256(decode(current_setting('{_OUTER}'), 'hex') || "
    f"sha256(decode(current_setting('{_INNER}'), 'hex') || convert_to(concat({{0}}), 'UTF8'))), 'hex')"
)


@dataclass(frozen=True)
class Hashed(Columns):
    """The columns by table, and the secret of their hashes."""

    secret: str = field(default="", repr=False)

    def with_secret(self, secret: str) -> Self:
        """Return them with a secret, which no command line carries."""
        return replace(self, secret=secret)

    @property
    def fingerprint(self) -> str:
        """What distinguishes one secret from another, and nothing of it."""
        return self.hash(_KNOWN)[:_FINGERPRINT_DIGITS]

    def hash(self, value: bytes) -> str:
        """Return the hash of a value."""
        return hmac.new(self.secret.encode(), value, "sha256").hexdigest()

    @property
    def settings(self) -> dict[str, str]:
        """What the source connector is configured with; nothing where there is none."""
        if not self.columns:
            return {}
        named = [f"{quote(table, safe='.')}/{quote(name, safe='')}" for table, name in self]
        return {
            f"{SETTINGS}columns": ",".join(named),
            f"{SETTINGS}secret": f"${{env:{SECRET}}}",
            f"{SETTINGS}fingerprint": self.fingerprint,
        }

    @property
    def session(self) -> str:
        """What a session is given that reads hashes, as libpq's and the JDBC driver's `options` take it.

        These are settings of the session, and not words of a statement, which logs and `pg_stat_activity` show.
        """
        if not self.columns:
            return ""
        secret = self.secret.encode()
        key = (hashlib.sha256(secret).digest() if len(secret) > _BLOCK else secret).ljust(_BLOCK, b"\0")
        pads = {_INNER: 0x36, _OUTER: 0x5C}
        return "".join(f" -c {name}={bytes(byte ^ pad for byte in key).hex()}" for name, pad in pads.items())


NOT_HASHED = Hashed()


def hash_sql(column: str) -> str:
    """Write the hash of a column in SQL, in a session that is given `session`.

    :param column: an expression of a type of text.
    """
    # concat() keeps the blanks at the end of character(n), which a cast to text takes away.
    return f"CASE WHEN {column} IS NOT NULL THEN {_HASH.format(column)} END"
