"""The Schema Registry: registering the contracts of the view topics, setting compatibility."""
