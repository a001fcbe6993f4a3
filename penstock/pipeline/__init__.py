"""Flow of the rows: how far the rows have come at each hop between the API and Cassandra."""
