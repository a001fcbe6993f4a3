"""Kafka Connect: its REST API, the connector files, and making the one follow the other."""
