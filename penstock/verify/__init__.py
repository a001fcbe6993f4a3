"""Proof by content: the rows that a view must hold, computed from Postgres, against the rows that Cassandra holds."""
