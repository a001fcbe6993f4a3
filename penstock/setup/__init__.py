"""Puts the servers of a running stack in order: tables, topics, subjects, keyspace, connectors."""
