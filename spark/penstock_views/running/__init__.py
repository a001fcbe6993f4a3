"""Both jobs, which start, watch and restart their queries, and the fill of a view.

Everything that is computed is in the other packages.
"""
