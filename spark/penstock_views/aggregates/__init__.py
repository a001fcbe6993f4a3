"""Keeps one aggregate: a baseline, then every change since it, from one run to the next.

How values add up is in `output.grouping`; when a query starts and stops is in `running`.
"""
