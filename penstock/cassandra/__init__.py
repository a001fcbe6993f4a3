"""Cassandra: connecting, applying the schema, reading view tables exactly, and its shell."""
