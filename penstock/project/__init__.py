"""Declarations of the clone: its folders, views, connector lists, contracts and shapes. Reads and writes files."""
