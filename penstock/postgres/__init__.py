"""The client of Postgres: connections, what the catalogue says of tables, publication, slot, and our own record."""
