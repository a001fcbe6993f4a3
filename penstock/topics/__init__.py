"""Kafka topics: which exist and how they are set, their creation, and reading them decoded."""
