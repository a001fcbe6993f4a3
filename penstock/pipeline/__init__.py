"""What flows: how far the rows have come at each hop between the API and Cassandra."""
