"""Penstock: the command line, the local stack and the clients of its servers."""
