"""One snapshot of Postgres: held open, read in ranges, and what views give for its rows.

Knows no change stream.
"""
