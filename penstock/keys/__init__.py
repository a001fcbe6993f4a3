"""The keys of source rows as people write them, and their values in the forms that they have in each store."""
