"""Changes a view: from a table to a file, from the file to everything that it needs, and out again.

The functions in `spark/views` are the source. Contracts, CQL and the connectors' lists are derived from them (`write`).
They are held against them and the live servers (`check`), and made live (`apply`).
"""
