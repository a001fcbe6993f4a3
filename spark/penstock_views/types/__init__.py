"""Types and values: what a column of Postgres is in Spark, how its values get there, and which are refused.

Knows nothing of views, Kafka or sessions.
"""
