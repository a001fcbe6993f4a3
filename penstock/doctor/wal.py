"""The log of Postgres: whether changes can be read from it, and how a setting of the server is changed.

Apart, so that `penstock status` loads nothing more.
"""

from __future__ import annotations

import psycopg2.extensions

from penstock.doctor.finding import Finding, ok, stops

RDS, _CLOUD_SQL, _AZURE, _OFF = "rds_superuser", "cloudsqlsuperuser", "azure_pg_admin", "allow_alter_system"
_KEEPER = """
SELECT coalesce((SELECT min(rolname::text) FROM pg_roles WHERE rolname = ANY (%s)),
    CASE current_setting('allow_alter_system', true) WHEN 'off' THEN 'allow_alter_system' ELSE '' END)
"""
_WHERE = {
    RDS: "the parameter group of RDS",
    _CLOUD_SQL: "the flags of Cloud SQL",
    _AZURE: "the server parameters of Azure",
    _OFF: "the configuration that its operator keeps (allow_alter_system is off)",
}
_OWN = {(RDS, "wal_level"): "rds.logical_replication = 1", (_CLOUD_SQL, "wal_level"): "cloudsql.logical_decoding = on"}


def read_keeper(connection: psycopg2.extensions.connection) -> str:
    """Return the role, or the setting, of a managed Postgres that refuses ALTER SYSTEM to everybody; mostly empty."""
    with connection.cursor() as cursor:
        cursor.execute(_KEEPER, ([RDS, _CLOUD_SQL, _AZURE],))
        ((keeper,),) = cursor.fetchall()
    return str(keeper)


def altered(name: str, value: str, keeper: str, *, restart: bool = False) -> str:
    """Return what gives a setting of the server a value.

    :param keeper: as `read_keeper` finds it.
    """
    then = "and restart it" if restart else "SELECT pg_reload_conf();"
    if not keeper:
        return f"ALTER SYSTEM SET {name} = {value}; {then}"
    own = _OWN.get((keeper, name), f"{name} = {value}")
    return f"{own} in {_WHERE[keeper]}{'; and restart it' * restart}"


def judge_wal_level(level: str, keeper: str) -> Finding:
    """Say whether changes can be read from the log."""
    if level == "logical":
        return ok("wal_level is logical")
    return stops(f"its wal_level is {level}, not logical", altered("wal_level", "logical", keeper, restart=True))
