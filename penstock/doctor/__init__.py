"""Finds what a server lacks for Penstock, and the statement or setting that cures it; nothing here changes a server."""
